# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that are away together: a whole run in three zones, killed again and again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rolling
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.scene import SPACE, Scene, add_volume, drain, served
from tests.integration.drain.test_drain import Killed
from tests.integration.restore.scene import cordon, patient, power_cycle, state
from tests.integration.rolling.scene import (
    allow_writes,
    assert_not_stopped,
    locked,
    marked,
    plan,
    request,
    roll,
)
from tests.integration.rolling.test_rolling import cordoned, same
from tests.simulator.longhorn.cluster import Cluster

ZONES = {"node-1": "a", "node-2": "b", "node-3": "b", "node-4": "c", "node-5": "c"}
BEGUN, DRAINED = ("maintenance", "draining"), ("maintenance", "maintenance")
RETURNED = ("returning", "returning")
ALL = ("node-2", "node-3", "node-4")


def furnish(cluster: Cluster) -> None:
    """Two nodes of zone b hold data that is outside it too; node-4 has the only copy of an image
    and the only replica of a volume.
    """
    patient(cluster)
    for name, zone in ZONES.items():

        def label(obj: dict[str, Any], zone: str = zone) -> None:
            obj["metadata"].setdefault("labels", {})["topology.kubernetes.io/zone"] = zone

        cluster.store.mutate("nodes", "", name, label)
    disks = {name: cluster.disk_uuids(name)[0] for name in ZONES}
    cluster.create_image("two", on=[disks["node-1"], disks["node-2"]])
    cluster.create_image("three", on=[disks["node-1"], disks["node-3"], disks["node-5"]])
    cluster.create_image("only", on=[disks["node-4"]])
    cluster.create_image("grown", on=[disks["node-1"]])
    for volume, image, nodes in (
        ("left", "two", {"node-1", "node-2"}),
        ("right", "three", {"node-3", "node-5"}),
        ("wide", "grown", {"node-1", "node-2", "node-3"}),
        ("sole", "only", {"node-4"}),
    ):
        only_on(cluster, nodes)
        add_volume(cluster, volume, image, len(nodes), attach_to="node-1")
    only_on(cluster, set(ZONES))
    cluster.run_until_true(lambda: False, 35)  # every zone is in the status of its node


def only_on(cluster: Cluster, nodes: Collection[str]) -> None:
    for name in ZONES:

        def set_it(obj: dict[str, Any], wanted: bool = name in nodes) -> None:
            obj["spec"]["allowScheduling"] = wanted

        cluster.store.mutate("nodes.longhorn.io", SPACE, name, set_it)


@pytest.mark.parametrize(("version", "writes"), [("1.6.4", (1000,)), ("1.12.1", (15, 40, 3, 1000))])
def test_a_run_with_a_batch_that_is_killed_again_and_again(
    version: str, writes: tuple[int, ...], tmp_path: Path
) -> None:
    """Both nodes of zone b are away at the same time; every volume keeps working.

    Each run is killed after so many writes, but for the last; one is killed in
    the operator's tasks of the first node.
    """
    with served(version, tmp_path, furnish, nodes=5, disks=1) as scene:
        before = state(scene)
        maintained: list[str] = []
        away: list[tuple[str, ...]] = []
        killed_by_writes = len(writes) > 1
        killed = [not killed_by_writes]
        # The node with something to move is a batch of its own; once is enough.
        asked = request(ALL if killed_by_writes else ALL[:2], limit=2)
        first = plan(scene, asked)
        expected = [{"node-2", "node-3"}, {"node-4"}][: len(asked.nodes) - 1]
        assert [set(batch.nodes) for batch in first.batches] == expected

        def maintain(node: str) -> None:
            gone = tuple(cordoned(scene))
            away.append(gone)
            assert node in gone and set(gone) in ({"node-2", "node-3"}, {"node-4"}, {node})
            power_cycle(scene, node)
            volumes = {v["metadata"]["name"]: v["status"] for v in scene.all("volumes.longhorn.io")}
            assert "faulted" not in {status["robustness"] for status in volumes.values()}
            if not killed[0]:
                killed[0] = True
                raise Killed
            maintained.append(node)

        middles: set[tuple[str, ...]] = set()
        for run in range(30):
            try:
                allowed = writes[min(run, len(writes) - 1)]
                result = roll(scene, asked, maintain, allow_writes(allowed))
            except Killed:
                found = plan(scene, asked)
                assert not found.middle or found.batches[0].nodes == found.middle
                middles.add(tuple(turn.stage.value for turn in found.turns if turn.stage.middle))
                continue
            break
        else:
            raise AssertionError("never finished")
        assert ("node-2", "node-3") in away
        if killed_by_writes:
            assert {BEGUN, DRAINED, RETURNED} <= middles
        assert sorted(set(maintained)) == list(asked.nodes)
        assert [row["stage"] for row in result["rows"]] == ["done"] * len(asked.nodes)
        same(scene, before)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with served("1.12.1", tmp_path, furnish, nodes=5, disks=1) as made:
        yield made


def test_a_batch_that_is_not_safe_any_more_is_not_begun(scene: Scene) -> None:
    step = scene.work()
    rolling.begin(step, Mark("it", ALL, "reboot"), False, lambda: locked(step))
    asked = request(ALL, limit=2)
    nodes = plan(scene, asked).batches[0].nodes

    cordon(scene, "node-1")
    writes = scene.writes()
    with pytest.raises(Stopped, match="volume left would have no replica left"):
        rolling.gather(scene.work(), "it", nodes, asked.drain, lambda: locked(step))
    assert scene.writes() == writes
    with pytest.raises(Stopped, match="does not carry the mark of run other"):
        rolling.gather(scene.work(), "other", nodes, asked.drain, lambda: locked(step))
    assert [len(batch.nodes) for batch in plan(scene, asked).batches] == [1, 1, 1]


def test_a_node_of_no_batch_stops_the_drain_of_another(scene: Scene) -> None:
    step = scene.work()
    rolling.begin(step, Mark("it", ALL, "reboot"), False, lambda: locked(step))
    drain(scene, "node-2", "reboot")
    with pytest.raises(AssertionError, match="is under maintenance too"):
        assert_not_stopped(scene, "it", "node-3", request(ALL))
    assert marked(scene) == sorted(ALL)
