# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the nodes, which of them are closed as targets, what stops a run, and the gate."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import (
    gate,
    marks,
    plan,
    told,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.plan import (
    Plan,
    Request,
)
from tests.unit.plugins.module_utils._domain import build

NODES = ("n1", "n2", "n3", "n4")
GIB = build.GIB


def request(*nodes: str, intent: str = "reboot", fresh: bool = False) -> Request:
    return Request(nodes, Drain("", Intent(intent)), fresh)


def image(name: str, size: int, *disks: str, **fields: Any) -> Any:
    copies = [build.copy(disk) for disk in disks]
    return build.image(name, copies, size=size, min_copies=len(disks), **fields)


def cluster(*things: Any, nodes: tuple[str, ...] = NODES, **fields: Any) -> Cluster:
    found = {thing.meta.name: thing for thing in things if isinstance(thing, type(build.node("n")))}
    made = [found.get(name) or build.node(name) for name in nodes]
    others = [thing for thing in things if thing not in found.values()]
    return build.cluster("1.12.1", *made, *others, **fields)


def marked(name: str, stage: Stage, nodes: tuple[str, ...], noted: bool = False) -> Any:
    node = build.node(name, before={"intent": "reboot"} if noted else None)
    mark = json.dumps(Mark("r", nodes, "reboot", stage).as_data())
    annotations = {**node.meta.annotations, marks.ROLLING: mark}
    return dataclasses.replace(node, meta=dataclasses.replace(node.meta, annotations=annotations))


def order(made: Plan) -> list[str]:
    return [turn.node for turn in made.turns]


HELD = (
    image("big", 5 * GIB, "n1.0"),
    image("small", GIB, "n2.0"),
    image("twice", 9 * GIB, "n1.0", "n3.0"),
)


def test_the_node_that_copies_least_comes_first() -> None:
    made = plan.make(cluster(*HELD), request("n1", "n2", "n3"))
    assert order(made) == ["n3", "n2", "n1"]
    assert told.plan_text(made).splitlines()[1:4] == [
        " 1. n3          0 B to copy (0 images, 0 volumes),   0 pods to evict   "
        "fewest bytes to copy",
        " 2. n2      1.0 GiB to copy (1 image, 0 volumes),    0 pods to evict   "
        "fewest bytes to copy",
        " 3. n1      5.0 GiB to copy (1 image, 0 volumes),    0 pods to evict   "
        "fewest bytes to copy",
    ]
    assert [turn.bytes for turn in made.turns] == [0, GIB, 5 * GIB]
    assert made.bytes == 6 * GIB and not made.refused and not made.stopping


def test_a_volume_that_gets_a_replica_more_counts_with_its_size() -> None:
    volume = build.volume("v", 1, size=3 * GIB)
    engine = build.engine("v", "n4", ["r"])
    made = plan.make(
        cluster(*HELD, volume, build.replica("r", "v", "n3"), engine), request("n1", "n2", "n3")
    )
    assert [(turn.node, turn.bytes) for turn in made.turns] == [
        ("n2", GIB),
        ("n3", 3 * GIB),
        ("n1", 5 * GIB),
    ]


def test_a_cordoned_node_comes_before_the_others() -> None:
    made = plan.make(cluster(*HELD, cordoned=["n1"]), request("n1", "n2", "n3"))
    assert order(made) == ["n1", "n3", "n2"]
    assert made.turns[0].why == "cordoned already"


def test_nodes_to_come_are_closed_as_targets_as_long_as_there_are_others() -> None:
    made = plan.make(cluster(*HELD), request("n1", "n2"))
    first, last = made.turns
    assert (first.node, first.next_nodes) == ("n2", ("n1",))
    assert first.drain is not None and first.drain.copies[0].target.node in ("n3", "n4")
    assert last.next_nodes == ()


def test_where_every_other_node_is_to_come_those_that_come_last_are_opened() -> None:
    made = plan.make(cluster(*HELD, nodes=("n1", "n2", "n3")), request("n1", "n2", "n3"))
    assert order(made) == ["n3", "n2", "n1"]
    assert made.turns[0].next_nodes == ("n2", "n1")  # n3 moves nothing
    assert made.turns[1].next_nodes == ("n1",)  # n3 is done by then
    each = [image(f"on-{name}", GIB, f"{name}.0") for name in ("n1", "n2", "n3")]
    made = plan.make(cluster(*each, nodes=("n1", "n2", "n3")), request("n1", "n2", "n3"))
    first = made.turns[0]
    assert first.node == "n1" and first.next_nodes == ("n2",) and not made.stopping
    assert first.drain is not None and [c.target.node for c in first.drain.copies] == ["n3"]


def test_no_more_copies_are_left_out_than_without_closed_nodes() -> None:
    things = [image("three", GIB, "n1.0", "n2.0", "n3.0")]
    for turn in plan.make(cluster(*things), request(*NODES, intent="reinstall")).turns:
        bare = plan.make(cluster(*things), request(turn.node, intent="reinstall")).turns[0]
        assert turn.drain is not None and bare.drain is not None
        assert len(turn.drain.copies) == len(bare.drain.copies)


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (Stage.DRAINING, "its drain has begun"),
        (Stage.MAINTENANCE, "it is drained; its maintenance tasks are not done"),
        (Stage.RETURNING, "its maintenance tasks are done; it is being given back"),
    ],
)
def test_the_node_in_the_middle_comes_first_and_does_not_block_the_others(
    stage: Stage, why: str
) -> None:
    nodes = ("n1", "n2", "n3")
    held = cluster(
        *HELD,
        marked("n1", stage, nodes, noted=True),
        marked("n2", Stage.WAITING, nodes),
        marked("n3", Stage.DONE, nodes),
        cordoned=["n1"],
    )
    made = plan.make(held, request("n3", "n2", "n1"))
    assert order(made) == ["n1", "n2"] and made.done == ("n3",)
    assert made.turns[0].why == why and made.middle == ("n1",)
    assert "other_maintenance" not in {blocker.rule for _node, blocker in made.blockers}
    assert not made.refused and not made.stopping and not made.closed
    text = told.plan_text(made)
    assert "run r goes on, 2 nodes to do, 1 done" in text
    assert "looked at again when n1 is back" in text


def test_another_set_of_nodes_or_intent_is_another_run() -> None:
    held = cluster(
        marked("n1", Stage.DONE, ("n1", "n2")), marked("n2", Stage.WAITING, ("n1", "n2"))
    )
    for asked in (
        request("n1"),
        request("n1", "n2", "n3"),
        request("n1", "n2", intent="reinstall"),
    ):
        made = plan.make(held, asked)
        assert made.run is None and not made.turns
        assert made.refused[0].startswith("Run r is not finished (n1 done; n2 not begun).")
        assert "was not begun; nothing was changed" in told.refusal(made)
        fresh = plan.make(held, dataclasses.replace(asked, fresh=True))
        assert not fresh.refused and len(fresh.turns) == len(asked.nodes)


def test_a_drain_for_another_intent_or_of_another_node_is_refused() -> None:
    away = build.node("n1", before={"intent": "remove"})
    for nodes in (("n1", "n2"), ("n2", "n3")):
        made = plan.make(cluster(away), request(*nodes))
        assert "Node n1 is drained for 'remove' by another maintenance" in made.refused[0]


def test_blockers_of_every_node_are_told_at_once_worst_first() -> None:
    bare = build.pod("lonely", "n2", owner_kind="", owner_name="")
    manual = build.volume("v", 2)
    things = (
        bare,
        manual,
        build.engine("v", "n3", ["a", "b"]),
        build.replica("a", "v", "n3"),
        build.replica("b", "v", "n4"),
        build.attachment("v", build.ticket("longhorn-ui", "n3")),
    )
    made = plan.make(cluster(*things), request("n2", "n3"))
    assert {node for node, _blocker in made.stopping} == {"n2", "n3"}
    text = told.refusal(made)
    assert "n2 could not be drained for 'reboot':" in text and "lonely" in text
    assert "n3 could not be drained for 'reboot':" in text and "longhorn-ui" in text
    data = told.plan_data(made)["blockers"]
    assert {row["for_node"] for row in data if row["stops"]} == {"n2", "n3"}


@pytest.mark.parametrize(
    ("things", "said"),
    [
        ((), ""),
        ((image("i", GIB, "n1.0"),), ""),
        ((build.image("i", [build.copy("n1.0", "failed")]),), "image i: its copy on n1/disk-0"),
        ((build.image("i", [build.copy("n1.0")], min_copies=2),), "image i: it has 1 of 2 copies"),
        ((build.image("i", []),), "image i: it has 0 of 1 copies"),
        (
            (build.image("i", [build.copy("n1.0")]), build.source("i", False, progress=40)),
            "image i: its first file is being made (in-progress, 40 %)",
        ),
        ((build.volume("v", 2, robustness="degraded"),), "volume v: is degraded"),
        (
            (build.volume("v", 2, state="attaching", robustness="unknown"),),
            "volume v: is attaching",
        ),
        ((build.volume("v", 2, state="detached", robustness="unknown"),), ""),
        ((build.volume("v", 2, state="detached", robustness="faulted"),), "volume v: is faulted"),
        (
            (build.volume("v", 2, before={"numberOfReplicas": 1, "node": "n9"}),),
            "volume v: has a replica more for a maintenance of n9",
        ),
        ((build.kube_node("n2", ready=False),), "node n2: is not Ready in Kubernetes"),
        ((build.node("n2", conditions=()),), "node n2: is not Ready in Longhorn"),
        (
            (build.node("n2", before={"intent": "reboot"}),),
            "node n2: is under another maintenance (drained for 'reboot')",
        ),
    ],
)
def test_the_gate_is_open_only_while_everything_is_whole(
    things: tuple[Any, ...], said: str
) -> None:
    found = gate.problems(cluster(*things))
    assert [problem.words()[: len(said)] for problem in found] == ([said] if said else [])


def test_a_maintenance_of_ours_does_not_close_the_gate() -> None:
    away = build.node("n2", before={"intent": "reboot"})
    assert gate.problems(cluster(away), ("n2",)) == ()
    raised = build.volume("v", 2, before={"numberOfReplicas": 1, "node": "n2"})
    assert gate.problems(cluster(away, raised), ("n2",)) == ()


def test_the_table_at_the_end_and_the_state_at_a_stop() -> None:
    nodes = ("n1", "n2", "n3")
    done = Mark("r", nodes, "reboot").reached(Stage.DRAINING, 100, {})
    done = done.reached(
        Stage.MAINTENANCE,
        140,
        {"copies": 2, "bytes": 3 * GIB, "degraded": 1, "degraded_longest_seconds": 24.0},
    )
    done = done.reached(Stage.RETURNING, 260, {}).reached(Stage.DONE, 290, {})
    node = build.node("n1")
    meta = dataclasses.replace(node.meta, annotations={marks.ROLLING: json.dumps(done.as_data())})
    held = cluster(
        dataclasses.replace(node, meta=meta),
        marked("n2", Stage.MAINTENANCE, nodes, noted=True),
        marked("n3", Stage.WAITING, nodes),
        cordoned=["n2"],
    )
    (run,) = plan.all_runs(held)
    assert told.table(told.rows(run)) == [
        "node   drained in   maintenance   restored in   copies made   volumes"
        "                    result",
        "n1     40 s         2 min 0 s     30 s          2 (3.0 GiB)   1 degraded, 24 s at most"
        "   done",
        "n2     -            -             -             -             -"
        "                          drained; maintenance not done",
        "n3     -            -             -             -             -"
        "                          not begun",
    ]
    assert told.stop_text(run, "Reboot it: no answer") == [
        "Rolling maintenance r (reboot) has stopped: Reboot it: no answer",
        "  done        n1",
        "  in between  n2: drained and cordoned; its maintenance tasks are not done",
        "  not begun   n3",
        "  go on       run the same command again; it begins with n2 and runs its maintenance "
        "tasks again from their start",
        "  give back   ansible-playbook nodecare.longhorn.restore_node -e node=n2",
        "  begin anew  the same command with -e run=new",
    ]
