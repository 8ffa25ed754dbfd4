# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drained for a reboot, off, on, given back: everything is as it was, on both generations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.drain.scene import SPACE, Scene, drain, served
from tests.integration.restore.scene import (
    cordon,
    furnish,
    notes,
    patch_node,
    patient,
    plan,
    power_cycle,
    restore,
    robustness,
    state,
)
from tests.simulator.longhorn.cluster import Cluster


def unchanged(before: dict[str, Any], after: dict[str, Any]) -> None:
    for what, value in before.items():
        assert after[what] == value, what


@pytest.mark.parametrize("version", ["1.6.4", "1.7.3", "1.12.1"])
def test_everything_is_as_before_after_a_reboot(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        drain(scene, "node-3", "reboot")
        raised = state(scene)["volumes"]
        assert raised["sole"] == 2 and raised["quiet"] == 2 and raised["pair"] == 2
        power_cycle(scene, "node-3")
        results = restore(scene, "node-3")
        assert results["finish"]["complete"]
        assert results["volumes"]["numbers_restored"] == ["quiet", "sole"]
        assert len(results["volumes"]["replicas_deleted"]) == 2
        unchanged(before, state(scene))
        assert robustness(scene, "sole") == robustness(scene, "pair") == "healthy"
        writes = scene.writes()
        assert list(restore(scene, "node-3")) == ["finish"]
        assert scene.writes() == writes, "a second run on a finished job wrote something"


def test_a_node_that_never_went_off_is_given_back_too(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        before = state(scene)
        drain(scene, "node-3", "reboot")
        assert restore(scene, "node-3")["finish"]["complete"]
        unchanged(before, state(scene))


def calm(cluster: Cluster) -> None:
    """Nothing on node-3 is the last of its kind."""
    one, _two, three = (cluster.disk_uuids(f"node-{n}") for n in (1, 2, 3))
    patient(cluster)
    cluster.create_image("two", on=[three[1], one[0]])


def test_the_operators_own_cordon_stays(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, calm) as scene:
        cordon(scene, "node-3")
        before = state(scene)
        drain(scene, "node-3", "reboot")
        power_cycle(scene, "node-3")
        assert restore(scene, "node-3")["finish"]["complete"]
        assert before["cordoned"]["node-3"]
        unchanged(before, state(scene))


def test_what_an_own_cordon_holds_back_is_told_and_finished_later(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        before = state(scene)
        cordon(scene, "node-3")
        drain(scene, "node-3", "reboot")
        power_cycle(scene, "node-3")
        finish = restore(scene, "node-3")["finish"]
        assert not finish["complete"]
        assert "Uncordon node-3 when you want it back" in "\n".join(finish["report"])
        assert state(scene)["cordoned"]["node-3"]
        assert state(scene)["volumes"]["sole"] == 2, "its only serving replica is the extra one"
        writes = scene.writes()
        restore(scene, "node-3")
        assert scene.writes() == writes

        def uncordon(obj: dict[str, Any]) -> None:
            del obj["spec"]["unschedulable"]

        scene.server.call(scene.cluster.store.mutate, "nodes", "", "node-3", uncordon)
        assert restore(scene, "node-3")["finish"]["complete"]
        unchanged(before, state(scene))


def test_values_that_were_changed_in_between_go_back(tmp_path: Path) -> None:
    """Flags and tags of node and disks, and the copies' flags that Longhorn never clears."""
    with served("1.12.1", tmp_path, calm) as scene:
        before = state(scene)
        drain(scene, "node-3", "reboot")

        def edit(obj: dict[str, Any]) -> None:
            obj["spec"].update(allowScheduling=False, tags=["changed"])
            for disk in obj["spec"]["disks"].values():
                disk.update(allowScheduling=False, evictionRequested=True, tags=["slow"])

        patch_node(scene, "node-3", edit)

        def flag(obj: dict[str, Any]) -> None:
            uuid = next(iter(scene.disks("node-3") & set(obj["spec"]["diskFileSpecMap"])))
            obj["spec"]["diskFileSpecMap"][uuid]["evictionRequested"] = True

        mutate = scene.cluster.store.mutate
        scene.server.call(mutate, "backingimages.longhorn.io", SPACE, "two", flag)
        made = plan(scene, "node-3")
        assert {change.what for change in made.opening} >= {"schedulable", "tags"}
        restore(scene, "node-3")
        unchanged(before | {"images": {}}, state(scene) | {"images": {}})
        entries = state(scene)["images"]["two"].values()
        assert not any(entry["evictionRequested"] for entry in entries)


def test_extra_copies_stay_when_asked(tmp_path: Path) -> None:
    with served("1.6.4", tmp_path, furnish) as scene:
        before = state(scene)
        drain(scene, "node-3", "reboot")
        more = state(scene)["images"]
        assert len(more["only-here"]) > len(before["images"]["only-here"])
        results = restore(scene, "node-3", keep_extra=True)
        assert results["images"]["keys_removed"] == []
        assert state(scene)["images"] == more and notes(scene) == []


def test_an_extra_copy_that_somebody_uses_stays(tmp_path: Path) -> None:
    """A new volume came to the copy that was made for the maintenance."""

    def alone(cluster: Cluster) -> None:
        patient(cluster)
        cluster.create_image("only-here", on=[cluster.disk_uuids("node-3")[0]])

    with served("1.12.1", tmp_path, alone) as scene:
        drain(scene, "node-3", "reboot")
        (target,) = scene.keys("only-here") - scene.disks("node-3")
        use(scene, target)
        results = restore(scene, "node-3")
        (kept,) = results["images"]["kept"]
        assert kept["image"] == "only-here" and "uses this copy" in kept["why"]
        assert target in scene.keys("only-here")


def use(scene: Scene, disk: str) -> None:
    """A replica that names this copy, as Longhorn makes it for a new volume."""
    node = next(n for n in ("node-1", "node-2") if disk in scene.disks(n))
    spec = {
        "volumeName": "later",
        "nodeID": node,
        "diskID": disk,
        "backingImage": "only-here",
        "volumeSize": "1",
    }
    body = {"metadata": {"name": "later-r-1", "namespace": SPACE}, "spec": spec}
    scene.server.call(scene.cluster.store.create, "replicas.longhorn.io", body)
