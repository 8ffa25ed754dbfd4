# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit over HTTPS: few requests, nothing written, sources asked, the step to 1.7 as served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import audit
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.integration.drain.scene import Scene, served
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.sources import Answer


def furnish(cluster: Cluster) -> None:
    """One image with one copy, one with two."""
    cluster.create_image("sole", copies=1, on=cluster.disk_uuids("node-1")[:1])
    on = [cluster.disk_uuids(node)[0] for node in ("node-2", "node-3")]
    cluster.create_image("pair", url="http://images.local/f/raw16.img", on=on)


def ask(scene: Scene, **options: Any) -> tuple[dict[str, Any], str]:
    """The audit as its module runs it."""
    interrupt, deadline = Interrupt(), Deadline(30)
    client = connect({"kubeconfig": str(scene.server.kubeconfig)}, deadline)
    task = Task(client, deadline, interrupt, Progress(None, interrupt))
    wish: dict[str, Any] = {"copies": 2, "upgrade": False, "form": "text", "fail_on": "never"}
    return audit.show(task, **{**wish, **options})


@pytest.mark.parametrize("version", ["1.5", "1.6.4", "1.7.3", "1.12.1"])
def test_it_reads_little_and_writes_nothing(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        found, failure = ask(scene, fail_on="at_risk")
        assert "image sole (only_copy)" in failure
        assert found["requests"] <= 12 and scene.writes() == 0
        nodes = {unit["name"]: unit["images_lost"] for unit in found["failures"]["nodes"]}
        assert nodes == {"node-1": ["sole"], "node-2": [], "node-3": []}
        assert found["fix"]["images"] == ["sole"]
        assert bool(found["upgrade_to_1_7"]) == version.startswith(("1.5", "1.6"))
        document, _failure = ask(scene, form="json")
        assert json.loads("\n".join(document["lines"]))["worst"] == "at_risk"


def test_definitions_that_are_ahead_are_what_an_upgrade_needs(tmp_path: Path) -> None:
    with served("1.6.4", tmp_path, furnish) as scene:
        store, name = scene.cluster.store, "backingimages.longhorn.io"

        def serve(crd: dict[str, Any]) -> None:
            for version in crd["spec"]["versions"]:
                spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
                spec["diskFileSpecMap"] = {"type": "object"}

        def checks() -> dict[str, bool]:
            return {c["rule"]: c["ok"] for c in ask(scene)[0]["upgrade_to_1_7"]}

        assert checks()["definition_serves_map"] is False
        scene.server.call(
            store.mutate, "customresourcedefinitions.apiextensions.k8s.io", None, name, serve
        )
        assert checks() == {
            "definition_serves_map": True, "no_eviction_flag": True, "two_copies_each": False,
        }  # fmt: skip


def test_sources_that_no_longer_deliver(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        gone = Answer(
            error="expected status code 200 from http://images.local/f/raw16.img, got 404"
        )
        scene.server.call(scene.cluster.sources.serve, "http://images.local/f/raw16.img", gone)
        found, _failure = ask(scene, probe=Way(scene.cluster.source_proxy))
        failing = [item for item in found["findings"] if item["rule"] == "source_fails"]
        assert [item["name"] for item in failing] == ["pair"]
