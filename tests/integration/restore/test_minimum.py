# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""minNumberOfCopies lowered while a node reboots: no substitute is made, and it always comes back.

rec: v1.12.1/w1-min-lowered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from tests.integration.drain.scene import SPACE, Scene, add_volume, drain, served
from tests.integration.drain.test_drain import Killed, killed_after
from tests.integration.restore.scene import (
    notes,
    patient,
    ready,
    restore,
    state,
    wait,
)
from tests.simulator.longhorn.cluster import Cluster


def furnish(cluster: Cluster) -> None:
    """Two copies of each: both of `used` are under replicas, nothing uses those of `idle`."""
    one, three = cluster.disk_uuids("node-1"), cluster.disk_uuids("node-3")
    patient(cluster)
    cluster.create_image("used", on=[three[0], one[0]])
    cluster.create_image("idle", on=[three[0], one[0]])
    only_disks(cluster, {one[0], three[0]})
    add_volume(cluster, "pair", "used", 2, attach_to="node-1")
    only_disks(cluster, set())


def only_disks(cluster: Cluster, kept: set[str]) -> None:
    """New replicas go to these disks only (none named: to any)."""
    for name in ("node-1", "node-2", "node-3"):
        known = cluster.store.get("nodes.longhorn.io", SPACE, name)["status"]["diskStatus"]

        def edit(obj: dict[str, Any], known: dict[str, Any] = known) -> None:
            for disk, entry in obj["spec"]["disks"].items():
                entry["allowScheduling"] = not kept or known[disk]["diskUUID"] in kept

        cluster.store.mutate("nodes.longhorn.io", SPACE, name, edit)
    cluster.kernel.run_for(40)


def minimum(scene: Scene, image: str) -> int:
    return int(scene.get("backingimages.longhorn.io", image)["spec"]["minNumberOfCopies"])


def test_no_substitute_is_made_of_an_image_in_use(tmp_path: Path) -> None:
    """The other image keeps its number, gets a copy for the time, and that is taken back."""
    with served("1.12.1", tmp_path, furnish) as scene:
        before = state(scene)
        told = drain(scene, "node-3", "reboot", lower_minimum=True)
        assert told["images"]["minimums_lowered"] == [{"image": "used", "from": 2, "to": 1}]
        assert (minimum(scene, "used"), minimum(scene, "idle")) == (1, 2)
        writes = scene.writes()
        again = drain(scene, "node-3", "reboot", lower_minimum=True)
        assert list(again) == ["proof"] and scene.writes() == writes

        scene.server.call(scene.cluster.power_off, "node-3")
        wait(scene, lambda: len(scene.keys("idle")) == 3)
        assert scene.keys("used") == set(before["images"]["used"]), "no third copy"
        scene.server.call(scene.cluster.power_on, "node-3")
        results = restore(scene, "node-3")
        assert results["images"]["minimums_restored"] == ["used"]
        after = state(scene)
        for what, value in before.items():
            assert after[what] == value, what


@pytest.mark.parametrize("way", ["restore", "cancel", "remove"])
def test_a_number_is_not_left_lowered_by_killed_runs(way: str, tmp_path: Path) -> None:
    """Killed again and again until it is lowered; then whatever comes next sets it again."""
    with served("1.12.1", tmp_path, furnish) as scene:
        before = state(scene)
        for budget in range(6, 30):
            prepare, _sent = killed_after(budget)
            try:
                drain(scene, "node-3", "reboot", lower_minimum=True, prepare=prepare)
            except Killed:
                if minimum(scene, "used") == 1:
                    break
        assert minimum(scene, "used") == 1
        for budget in range(2, 30, 3):
            prepare, _sent = killed_after(budget)
            try:
                if way == "remove":
                    drain(scene, "node-3", "remove", prepare=prepare)
                else:
                    restore(scene, "node-3", cancel=way == "cancel", prepare=prepare)
                break
            except Killed:
                continue
        assert (minimum(scene, "used"), minimum(scene, "idle")) == (2, 2)
        if way == "remove":
            assert len(scene.ready("used")) >= 2 and notes(scene) == [
                "nodes.longhorn.io/node-3",
                "nodes/node-3",
            ]
        else:
            assert state(scene) == before


def test_a_node_that_does_not_come_back_leaves_no_number_lowered(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        drain(scene, "node-3", "reboot", lower_minimum=True)
        assert minimum(scene, "used") == 1
        scene.server.call(scene.cluster.power_off, "node-3")
        wait(scene, lambda: not ready(scene, "node-3"))
        with pytest.raises(TimedOut, match="minNumberOfCopies of 1 image was set back"):
            restore(scene, "node-3", seconds=3.0)
        assert minimum(scene, "used") == 2
        wait(scene, lambda: len(scene.keys("used")) == 3)


def test_it_is_not_lowered_unless_asked_nor_before_1_7(tmp_path: Path) -> None:
    with served("1.6.4", tmp_path / "old", furnish) as scene:
        told = drain(scene, "node-3", "reboot", lower_minimum=True)
        assert told["images"]["minimums_lowered"] == []
    with served("1.12.1", tmp_path / "new", furnish) as scene:
        assert drain(scene, "node-3", "reboot")["images"]["minimums_lowered"] == []
        assert minimum(scene, "used") == 2
