# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ladder for images that cannot be downloaded again, and that what it says is true."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import ladder
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.ladder import (
    Rung,
    State,
)
from tests.integration.recovery.in_process import InProcess
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster

VERSIONS = ["1.6", "1.7", "1.12"]
LOST_SECONDS = 150


@pytest.fixture(params=VERSIONS)
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """Three nodes with an uploaded image of two copies."""
    made = Cluster(request.param, nodes=3, root=tmp_path, time="virtual")
    first = [made.disk_uuids(node)[0] for node in ("node-1", "node-2")]
    made.create_image("tool", source_type="upload", on=first)
    yield made
    made.close()


def climb(cluster: Cluster) -> dict[str, Rung]:
    """The rungs of the image, by rule."""
    window = InProcess(cluster).watch(["tool"]).window("tool")
    return {rung.rule: rung for rung in ladder.climb(window[-1])}


def ready(cluster: Cluster) -> bool:
    """Whether a copy reads ready and its file is there."""
    return any(
        (cluster.copy_dir("tool", uuid) / "backing").is_file()
        for uuid in cluster.ready_copies("tool")
    )


def on_host(cluster: Cluster, path: str, node: str) -> Path:
    """Where a path of the ladder lies in the folders of the simulator."""
    disk = cluster.folder_of(cluster.disk_uuids(node)[0])
    return disk.path / "backing-images" / path.partition("/backing-images/")[2]


def test_a_file_with_the_right_bytes_is_put_back_as_the_commands_say(cluster: Cluster) -> None:
    uuid = cluster.ready_copies("tool")[0]
    kept = (cluster.copy_dir("tool", uuid) / "backing").read_bytes()
    cluster.remove_files("tool")
    cluster.kernel.run_for(LOST_SECONDS)
    rungs = climb(cluster)
    assert rungs["salvage"].state is State.CHECK
    assert len(rungs["salvage"].commands) >= 2
    rung = rungs["put_back"]
    assert rung.state is State.OPEN
    make = next(command for command in rung.commands if command.startswith("install"))
    *_words, folder = shlex.split(make.partition("#")[0])
    node = make.partition("# on ")[2].partition(",")[0]
    target = on_host(cluster, folder, node)
    target.mkdir(parents=True, exist_ok=True)
    (target / "backing.cfg").unlink(missing_ok=True)
    (target / "backing").write_bytes(kept)
    perform(cluster, rung)
    assert cluster.run_until_true(lambda: ready(cluster), 180)


def perform(cluster: Cluster, rung: Rung) -> None:
    """The one command of the ladder that is for the API."""
    for command in rung.commands:
        words = shlex.split(command.partition("   #")[0])
        if "patch" in words:
            store = cluster.store
            patch = json.loads(words[words.index("-p") + 1])
            store.patch(names.IMAGES, names.NAMESPACE, "tool", patch, "application/json-patch+json")
        elif "delete" in words:
            cluster.kill_pod(words[words.index("pod") + 1])


def test_with_no_disk_left_the_manager_looks_again(cluster: Cluster) -> None:
    free = cluster.disk_uuids("node-3")[0]

    def close(node: dict[str, dict[str, bool]]) -> None:
        node["spec"]["allowScheduling"] = False

    cluster.store.mutate("nodes.longhorn.io", names.NAMESPACE, "node-3", close)
    test_a_file_with_the_right_bytes_is_put_back_as_the_commands_say(cluster)
    assert free not in cluster.ready_copies("tool")


def test_other_bytes_are_never_taken(cluster: Cluster) -> None:
    cluster.remove_files("tool")
    cluster.kernel.run_for(LOST_SECONDS)
    rung = climb(cluster)["put_back"]
    make = next(command for command in rung.commands if command.startswith("install"))
    folder = shlex.split(make.partition("#")[0])[-1]
    target = on_host(cluster, folder, make.partition("# on ")[2].partition(",")[0])
    target.mkdir(parents=True, exist_ok=True)
    (target / "backing").write_bytes(b"x" * 512)
    perform(cluster, rung)
    cluster.kernel.run_for(60)
    assert not cluster.ready_copies("tool")


def test_a_node_that_is_off_comes_first(cluster: Cluster) -> None:
    cluster.remove_files("tool", "node-1")
    cluster.power_off("node-2")
    cluster.kernel.run_for(LOST_SECONDS)
    rungs = climb(cluster)
    assert next(iter(rungs)) == "bring_back"
    assert "node-2/" in rungs["bring_back"].text


def test_a_healthy_image_needs_none(cluster: Cluster) -> None:
    assert climb(cluster) == {}
