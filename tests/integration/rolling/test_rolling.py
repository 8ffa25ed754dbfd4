# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rolling maintenance: whole, killed and gone on with, stopped at its gate, refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import told
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rolling
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.await_gate import (
    GateClosed,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.scene import SPACE, Scene, drain, served
from tests.integration.drain.test_drain import Killed
from tests.integration.restore.scene import (
    cordon,
    furnish,
    power_cycle,
    restore,
    state,
)
from tests.integration.rolling.scene import (
    allow_writes,
    locked,
    marked,
    plan,
    request,
    roll,
    unsaved,
)

BOTH = ("node-3", "node-2")


def cordoned(scene: Scene) -> list[str]:
    nodes = scene.all("nodes")
    return [n["metadata"]["name"] for n in nodes if n["spec"].get("unschedulable")]


def same(scene: Scene, before: dict[str, Any]) -> None:
    after = state(scene)
    for what, value in before.items():
        assert after[what] == value, what
    assert marked(scene) == []


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_killed_again_and_again_it_goes_on_with_the_node_in_the_middle(
    version: str, tmp_path: Path
) -> None:
    """Each run sends a few writes and is killed at the next, one in the operator's tasks."""
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        maintained: list[str] = []
        killed_in_tasks = [False]

        def maintain(node: str) -> None:
            # Never another node away at the same time, and never one that is not drained.
            assert cordoned(scene) == [node]
            power_cycle(scene, node)
            if not killed_in_tasks[0]:
                killed_in_tasks[0] = True
                raise Killed
            maintained.append(node)

        begun: list[str] = []
        for _run in range(30):
            made = plan(scene, request(BOTH))
            # At most one node is neither as before nor done, and it comes first.
            assert made.middle == tuple(turn.node for turn in made.turns[: len(made.middle)])
            assert len(made.middle) <= 1
            begun += [turn.node for turn in made.turns[:1]]
            try:
                result = roll(scene, request(BOTH), maintain, allow_writes(7))
            except Killed:
                continue
            break
        else:
            raise AssertionError("never finished")
        assert len(begun) > 4
        # A node's tasks run again only where the run was killed right after them.
        assert list(dict.fromkeys(maintained)) == ["node-2", "node-3"]
        assert [row["stage"] for row in result["rows"]] == ["done", "done"]
        assert "is done" in result["report"][0]
        same(scene, before)


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    with served("1.12.1", tmp_path, furnish) as made:
        yield made


def test_it_stops_at_a_gate_that_stays_closed(scene: Scene) -> None:
    before = state(scene)

    def replicas(wanted: int) -> None:
        def edit(obj: dict[str, Any]) -> None:
            obj["spec"]["numberOfReplicas"] = wanted

        scene.server.call(scene.cluster.store.mutate, "volumes.longhorn.io", SPACE, "pair", edit)

    with pytest.raises(GateClosed) as closed:
        # One more replica than there are nodes: degraded for good.
        roll(scene, request(BOTH), lambda node: replicas(4), gate_seconds=2.0)
    assert "volume pair: is degraded" in str(closed.value)
    assert cordoned(scene) == []
    saved: list[Mapping[str, Any]] = []
    stopped = rolling.stop(scene.work(), "first", str(closed.value), saved.append)
    assert [(report["done"], len(report["nodes"])) for report in saved] == [(False, 2)]
    text = "\n".join(stopped["report"])
    assert "  done        node-2\n" in text and "  not begun   node-3\n" in text
    assert plan(scene, request(BOTH)).done == ("node-2",)

    replicas(2)
    again: list[str] = []
    extra = {"volumes", "replicas", "images"}
    roll(scene, request(BOTH), again.append)
    assert again == ["node-3"]
    after = state(scene)
    assert {k: v for k, v in after.items() if k not in extra} == {
        k: v for k, v in before.items() if k not in extra
    }


def test_unfinished_runs_and_other_maintenances_are_refused(scene: Scene) -> None:
    step = scene.work()
    rolling.begin(step, Mark("old", BOTH, "reboot"), False, lambda: locked(step))
    writes = scene.writes()

    # The same nodes in another order, and not begun: it goes on.
    assert plan(scene, request(("node-2", "node-3"))).run is not None
    for asked in (request(("node-2",)), request(BOTH, "reinstall")):
        refused = plan(scene, asked).refused
        assert len(refused) == 1 and "Run old is not finished" in refused[0]
        assert "-e nodes=node-3,node-2 -e intent=reboot" in refused[0]
    assert plan(scene, request(("node-2",), fresh=True)).refused == ()
    with pytest.raises(Stopped, match="Run old has begun since"):
        rolling.begin(scene.work(), Mark("new", ("node-2",), "reboot"), False, lambda: locked(step))
    assert scene.writes() == writes

    step = scene.work()
    rolling.begin(step, Mark("new", ("node-2",), "reboot"), True, lambda: locked(step))
    assert marked(scene) == ["node-2"]
    with pytest.raises(Stopped, match="does not carry the mark of run old"):
        rolling.reach(step, "old", "node-2", Stage.DRAINING, {}, lambda: locked(step))

    drain(scene, "node-3", "reboot")
    foreign = plan(scene, request(("node-2",))).refused
    assert len(foreign) == 1 and "node-3 is drained for 'reboot'" in foreign[0]
    with pytest.raises(Stopped, match="not all of its nodes are done"):
        rolling.finish(step, "new", unsaved, lambda: locked(step))


def test_a_plan_that_another_run_has_carried_out_meanwhile_is_not_gone_by(scene: Scene) -> None:
    """Two starts of the same command: the second waited for the lock with a plan from before."""
    step = scene.work()
    mark = Mark("it", BOTH, "reboot")

    def begin(stages: Mapping[str, str]) -> dict[str, Any]:
        return rolling.begin(step, mark, False, lambda: locked(step), stages)

    assert begin({"node-3": "waiting", "node-2": "waiting"})["changed"]
    drain(scene, "node-3", "reboot")
    rolling.reach(step, "it", "node-3", Stage.MAINTENANCE, {}, lambda: locked(step))
    planned = told.plan_data(plan(scene, request(BOTH)))["stages"]
    assert planned == {"node-3": "maintenance", "node-2": "waiting"}
    assert not begin(planned)["changed"]

    restore(scene, "node-3")
    rolling.reach(step, "it", "node-3", Stage.RETURNING, {}, lambda: locked(step))
    rolling.reach(step, "it", "node-3", Stage.DONE, {}, lambda: locked(step))
    writes = scene.writes()
    with pytest.raises(Stopped, match="node-3 is not where it was when the plan was made"):
        begin(planned)
    assert scene.writes() == writes

    # And the other one has ended: no node carries its marks any more.
    rolling.reach(step, "it", "node-2", Stage.DONE, {}, lambda: locked(step))
    rolling.finish(step, "it", unsaved, lambda: locked(step))
    with pytest.raises(Stopped, match="node-3 is not where it was"):
        begin(planned)
    assert marked(scene) == []


def test_a_node_drained_by_hand_comes_first_and_one_given_back_by_hand_is_begun_again(
    scene: Scene,
) -> None:
    drain(scene, "node-3", "reboot")
    made = plan(scene, request(("node-2", "node-3")))
    assert [(turn.node, turn.stage) for turn in made.turns] == [
        ("node-3", Stage.DRAINING),
        ("node-2", Stage.WAITING),
    ]
    step = scene.work()
    rolling.begin(step, Mark("it", BOTH, "reboot"), False, lambda: locked(step))
    rolling.reach(step, "it", "node-3", Stage.MAINTENANCE, {}, lambda: locked(step))
    with pytest.raises(Stopped, match="given back only in part"):
        rolling.reach(step, "it", "node-3", Stage.DONE, {}, lambda: locked(step))
    assert plan(scene, request(BOTH)).turns[0].stage is Stage.MAINTENANCE
    restore(scene, "node-3")
    assert {t.stage for t in plan(scene, request(BOTH)).turns} == {Stage.WAITING}


def test_a_node_that_its_operator_keeps_cordoned_is_not_called_done(scene: Scene) -> None:
    """No instance manager starts there, so its sole volume keeps its extra replica."""
    before = state(scene)
    cordon(scene, "node-3")
    tasks: list[str] = []
    with pytest.raises(Stopped, match="uncordon it, then run the same command again"):
        roll(scene, request(BOTH), tasks.append)
    assert tasks == ["node-3"]
    turns = plan(scene, request(BOTH)).turns
    assert [turn.stage for turn in turns] == [Stage.RETURNING, Stage.WAITING]

    def uncordon(obj: dict[str, Any]) -> None:
        obj["spec"].pop("unschedulable")

    scene.server.call(scene.cluster.store.mutate, "nodes", "", "node-3", uncordon)
    roll(scene, request(BOTH), tasks.append)
    assert tasks == ["node-3", "node-2"]
    same(scene, before)
