# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wiped disks: expected after a reinstallation, a reason to stop after a reboot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.scene import Scene, drain, served
from tests.integration.restore.scene import (
    furnish,
    notes,
    plan,
    power_cycle,
    restore,
    robustness,
    state,
    wait,
    wipe,
)
from tests.simulator.longhorn.cluster import Cluster

KEPT = ("path", "diskType", "allowScheduling", "evictionRequested", "storageReserved", "tags")


def tagged(cluster: Cluster) -> None:
    """As furnished; one disk of node-3 has a tag and a reserve of its own."""
    furnish(cluster)

    def edit(obj: dict[str, Any]) -> None:
        disk = next(iter(obj["spec"]["disks"].values()))
        disk.update(tags=["fast"], storageReserved=123456789)

    cluster.store.mutate("nodes.longhorn.io", "longhorn-system", "node-3", edit)
    cluster.kernel.run_for(40)


def entries(before: dict[str, Any]) -> list[dict[str, Any]]:
    """Disk entries of node-3 without their names, as far as an operator sets them."""
    disks = before["nodes"]["node-3"]["disks"].values()
    rows = [{key: disk[key] for key in KEPT} for disk in disks]
    return sorted(rows, key=lambda disk: str(disk["path"]))


def names(scene: Scene) -> set[str]:
    return set(state(scene)["nodes"]["node-3"]["disks"])


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_reinstalled_node_gets_its_disks_as_new_ones(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, tagged) as scene:
        before, old_names, old = state(scene), names(scene), scene.disks("node-3")
        drain(scene, "node-3", "reinstall")
        assert names(scene) == set()
        power_cycle(scene, "node-3", lambda: wipe(scene, "node-3"))
        results = restore(scene, "node-3")
        after = state(scene)
        assert entries(after) == entries(before)
        assert not names(scene) & old_names and len(names(scene)) == 2
        assert not scene.disks("node-3") & old, "the disks are new ones"
        assert not after["cordoned"]["node-3"]
        assert after["nodes"]["node-3"]["allowScheduling"]
        assert after["volumes"] == before["volumes"] and after["tickets"] == before["tickets"]
        assert notes(scene) == []
        assert "Nothing returns to them by itself" in "\n".join(results["finish"]["report"])
        assert robustness(scene, "pair") == "healthy"
        for node in ("node-1", "node-2"):
            assert after["nodes"][node] == before["nodes"][node]
        writes = scene.writes()
        restore(scene, "node-3")
        assert scene.writes() == writes


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_other_disks_than_before_stop_the_return(version: str, tmp_path: Path) -> None:
    """And what the message says is the way on: out with the old disk, in with the new one."""
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        drain(scene, "node-3", "reboot")
        power_cycle(scene, "node-3", lambda: wipe(scene, "node-3"))
        with pytest.raises(Stopped) as stopped:
            restore(scene, "node-3")
        said = str(stopped.value)
        assert "node-3 cannot be given back as it was: it has other disks than before" in said
        assert "is another one or was wiped" in said
        assert "drain_node -e node=node-3 -e intent=reinstall" in said
        after = state(scene)
        assert set(after["replicas"]) >= set(before["replicas"])
        assert all(set(before["images"][i]) <= set(after["images"][i]) for i in before["images"])
        assert "nodes.longhorn.io/node-3" in after["notes"]

        wait(scene, lambda: bool(plan_drift(scene)))
        drain(scene, "node-3", "reinstall")
        restore(scene, "node-3")
        end = state(scene)
        assert end["volumes"] == before["volumes"] and end["notes"] == []
        assert robustness(scene, "sole") == robustness(scene, "pair") == "healthy"
        assert entries(end) == entries(before)


def plan_drift(scene: Scene) -> tuple[str, ...]:
    try:
        return plan(scene, "node-3").drift
    except Stopped as stopped:
        return (str(stopped),)


def test_a_mount_that_is_missing_is_named(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        before = state(scene)
        drain(scene, "node-3", "reboot")
        worker = scene.cluster.workers["node-3"]
        path = max(worker.disks)
        lost = {}

        def lose() -> None:
            lost["disk"] = worker.lose_disk(path)

        power_cycle(scene, "node-3", lose)
        with pytest.raises(TimedOut) as late:
            restore(scene, "node-3", seconds=6.0)
        assert "is not Ready" in str(late.value) and "Mount what belongs at" in str(late.value)
        scene.server.call(worker.give_disk, path, lost["disk"])
        restore(scene, "node-3")
        after = state(scene)
        for what, value in before.items():
            assert after[what] == value, what


def test_a_node_that_stays_off_is_waited_for_and_stays_cordoned(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        drain(scene, "node-3", "reboot")
        scene.server.call(scene.cluster.power_off, "node-3")
        wait(scene, lambda: not ready_in_kubernetes(scene))
        with pytest.raises(TimedOut, match="node-3 is not Ready.*Switch the machine on"):
            restore(scene, "node-3", seconds=3.0)
        assert state(scene)["cordoned"]["node-3"]


def ready_in_kubernetes(scene: Scene) -> bool:
    conditions = scene.get("nodes", "node-3", "")["status"]["conditions"]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def test_after_a_drain_for_removal_there_is_nothing_to_restore(tmp_path: Path) -> None:
    with served("1.6.4", tmp_path, furnish) as scene:
        drain(scene, "node-3", "remove")
        writes = scene.writes()
        made = plan(scene, "node-3")
        assert not made.work
        assert "drained to be removed: there is nothing to restore" in made.nothing
        assert "cancel=true" in made.nothing
        restore(scene, "node-3")
        assert scene.writes() == writes and state(scene)["cordoned"]["node-3"]
