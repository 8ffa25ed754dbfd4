# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that are away together leave every image a proven copy and every volume a replica."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import drain_plan
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import (
    batches,
    marks,
    plan,
    told,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from tests.unit.plugins.module_utils._domain import build

ZONES = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c", "c2": "c"}
NODES = tuple(ZONES)
DRAIN = Drain("", Intent.REBOOT)


def cluster(*things: Any, **fields: Any) -> Cluster:
    made = [build.node(name, zone=zone) for name, zone in ZONES.items()]
    return build.cluster("1.12.1", *made, *things, **fields)


def image(name: str, *nodes: str, least: int = 1, **states: str) -> Any:
    copies = [build.copy(f"{node}.0", states.get(node, "ready")) for node in nodes]
    return build.image(name, copies, min_copies=least)


def volume(name: str, engine_on: str, *nodes: str, **replicas: dict[str, Any]) -> list[Any]:
    made = [build.replica(f"{name}-{node}", name, node, **replicas.get(node, {})) for node in nodes]
    rw = [replica.name for replica in made if not replica.failed_at]
    return [build.volume(name, len(nodes)), build.engine(name, engine_on, rw), *made]


def made(held: Cluster, limit: int, *nodes: str, intent: str = "reboot") -> plan.Plan:
    drain = Drain("", Intent(intent))
    return plan.make(held, plan.Request(nodes or NODES, drain, max_unavailable=limit))


def together(found: plan.Plan) -> list[tuple[str, ...]]:
    assert [node for b in found.batches for node in b.nodes] == [t.node for t in found.turns]
    return [batch.nodes for batch in found.batches]


def test_nodes_of_one_zone_go_together_when_their_data_is_outside_it_too() -> None:
    things = [image("i", "a1", "b1"), image("j", "a2", "c1"), *volume("v", "c2", "a1", "b2")]
    found = made(cluster(*things), 2)
    assert together(found) == [("a1", "a2"), ("b1", "b2"), ("c1", "c2")]
    assert "away together: a1 + a2" in told.plan_text(found)
    assert "order: a1 + a2, b1 + b2, c1 + c2" in told.summary(found)[1]
    assert together(made(cluster(*things), 1)) == [(node,) for node in NODES]


def test_nodes_that_hold_nothing_go_together_across_zones() -> None:
    assert together(made(cluster(), 3)) == [("a1", "a2", "b1"), ("b2", "c1", "c2")]
    assert together(made(cluster(), 2, "a1", "b1", "c1", intent="reinstall")) == [
        ("a1", "b1"),
        ("c1",),
    ]


@pytest.mark.parametrize(
    ("things", "fields", "said"),
    [
        ([image("i", "a1", "a2")], {}, "image i would have no proven copy left"),
        (
            [image("i", "a1", "a2", "b1", b1="failed")],
            {},
            "image i would have no proven copy left",
        ),
        (
            [image("i", "a1", "a2", "b1", least=3)],
            {},
            "image i would have 1 of 3 copies left, and Longhorn would make more",
        ),
        (volume("v", "c1", "a1", "a2"), {}, "volume v would have no replica left that"),
        (
            volume("v", "c1", "a1", "a2", "b1"),
            {"cordoned": ["b1"]},
            "volume v would have no replica left that Longhorn's budgets accept",
        ),
        (
            volume("v", "c1", "a1", "a2", "b1", b1={"failed_at": "2026-01-05T09:00:00Z"}),
            {},
            "volume v would have no replica left that",
        ),
        (
            [*volume("v", "c1", "a1", "a2", "b1"), build.instance_manager("b1", state="error")],
            {},
            "volume v would have no replica left that",
        ),
        (volume("v", "c1", "a1"), {}, "volume v needs another replica first"),
        ([image("i", "a2")], {}, "image i needs another copy first"),
        ([], {"cordoned": ["a2"]}, "it is cordoned already"),
        (
            volume("v", "c1", "a1", "b1"),
            {"settings": {"node-drain-policy": "block-for-eviction"}},
            "Longhorn itself moves replicas off it",
        ),
    ],
)
def test_otherwise_the_batch_is_cut_and_the_plan_says_why(
    things: list[Any], fields: dict[str, Any], said: str
) -> None:
    found = made(cluster(*things, **fields), 2, "a1", "a2")
    assert [len(batch) for batch in together(found)] == [1, 1]
    assert said in told.plan_text(found), told.plan_text(found)
    assert any(said in why for batch in found.batches for why in batch.cut)


def test_while_map_entries_are_to_be_repaired_every_node_goes_alone() -> None:
    asked = plan.Request(("a1", "a2"), dataclasses.replace(DRAIN, repair_entries=True))
    asked = dataclasses.replace(asked, max_unavailable=2)
    whole = cluster(image("i", "a1", "b1"))
    assert together(plan.make(whole, asked)) == [("a1", "a2")]
    entries = [build.copy("a1.0", complete=False), build.copy("b1.0")]
    found = plan.make(cluster(build.image("i", entries, min_copies=1)), asked)
    assert [len(batch) for batch in together(found)] == [1, 1]
    assert "map entries of image i are repaired first" in told.plan_text(found)


def test_a_reinstall_takes_nodes_with_data_alone() -> None:
    things = [image("i", "a1", "b1"), *volume("v", "c2", "a1", "b2")]
    found = made(cluster(*things), 3, "a1", "a2", "b2", "c1", intent="reinstall")
    assert sorted(len(batch) for batch in together(found)) == [1, 1, 2]
    assert ("a2", "c1") in together(found)


# Every safe pair that is generated here would be too rare to hit with one state per thing.
STATES = st.sampled_from(["ready", "ready", "ready", "failed", "in-progress", "unknown"])
PLACES = st.lists(st.sampled_from(NODES), min_size=1, max_size=4, unique=True)


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    things: list[Any] = []
    for number in range(draw(st.integers(0, 3))):
        nodes = draw(PLACES)
        states = {node: draw(STATES) for node in nodes}
        least = draw(st.integers(1, len(nodes)))
        things.append(image(f"i{number}", *nodes, least=least, **states))
    for number in range(draw(st.integers(0, 3))):
        nodes = draw(PLACES)
        failed = {n: {"failed_at": "2026-01-05T09:00:00Z"} for n in nodes if draw(ODD)}
        things += volume(f"v{number}", draw(st.sampled_from(NODES)), *nodes, **failed)
    for node in NODES:
        if draw(ODD):
            things.append(build.instance_manager(node, state="error"))
    cordoned = [node for node in NODES if draw(ODD)]
    return cluster(*things, cordoned=cordoned)


ODD = st.integers(0, 9).map(lambda number: number == 0)


@settings(max_examples=120, deadline=None)
@given(clusters(), st.integers(2, 4), st.sampled_from(["reboot", "reinstall"]))
def test_no_batch_ever_leaves_an_image_or_a_volume_unprotected(
    held: Cluster, limit: int, intent: str
) -> None:
    found = made(held, limit, intent=intent)
    assert sorted(node for batch in together(found) for node in batch) == sorted(NODES)
    for batch in together(found):
        assert 1 <= len(batch) <= limit
        if len(batch) > 1:
            assert_safe(held, set(batch), intent)


def assert_safe(held: Cluster, away: set[str], intent: str) -> None:
    """Said once more, from the objects alone."""
    for found in held.images.values():
        on = {copy.disk.partition(".")[0]: copy for copy in found.copies.values()}
        off = [copy for node, copy in on.items() if node not in away]
        if away & set(on):
            assert intent == "reboot"
            assert any(copy.state == "ready" for copy in off), (found.name, away)
    for name in held.volumes:
        replicas = held.replicas_of_volume[name]
        if any(replica.node in away for replica in replicas):
            assert intent == "reboot"
            assert any(
                replica.node not in away
                and not replica.failed_at
                and not held.kube_nodes[replica.node].unschedulable
                and held.instance_managers[f"im-{replica.node}"].state == "running"
                for replica in replicas
            ), (name, away)


def marked(name: str, stage: Stage, batch: tuple[str, ...], **other: Any) -> Any:
    node = build.node(name, zone="a", before=other.pop("before", {"intent": "reboot"}))
    mark = dataclasses.replace(Mark("r", ("a1", "a2", "b1"), "reboot", stage), batch=batch)
    text = json.dumps(dataclasses.replace(mark, **other).as_data())
    annotations = {**node.meta.annotations, marks.ROLLING: text}
    return dataclasses.replace(node, meta=dataclasses.replace(node.meta, annotations=annotations))


BOTH = ("a1", "a2")
HERE = marked("a2", Stage.DRAINING, BOTH)


@pytest.mark.parametrize(
    ("peer", "node", "run", "holder", "accepted"),
    [
        (marked("a1", Stage.MAINTENANCE, BOTH), HERE, "r", "we", True),
        (marked("a1", Stage.RETURNING, BOTH), HERE, "r", "we", True),
        (marked("a1", Stage.MAINTENANCE, BOTH), HERE, "r", "others", False),
        (marked("a1", Stage.MAINTENANCE, BOTH), HERE, "r", "", False),
        (marked("a1", Stage.MAINTENANCE, BOTH), HERE, "", "we", False),
        (marked("a1", Stage.MAINTENANCE, BOTH), HERE, "s", "we", False),
        (marked("a1", Stage.MAINTENANCE, BOTH, run="s"), HERE, "r", "we", False),
        (marked("a1", Stage.MAINTENANCE, ("a1", "b1")), HERE, "r", "we", False),
        (marked("a1", Stage.MAINTENANCE, ()), HERE, "r", "we", False),
        (marked("a1", Stage.DONE, BOTH), HERE, "r", "we", False),
        (marked("a1", Stage.WAITING, BOTH), HERE, "r", "we", False),
        (
            marked("a1", Stage.MAINTENANCE, BOTH, before={"intent": "remove"}),
            HERE,
            "r",
            "we",
            False,
        ),
        (build.node("a1", before={"intent": "reboot"}), HERE, "r", "we", False),
        (marked("a1", Stage.MAINTENANCE, BOTH), build.node("a2"), "r", "we", False),
        (
            marked("a1", Stage.MAINTENANCE, BOTH),
            marked("a2", Stage.WAITING, BOTH),
            "r",
            "we",
            False,
        ),
    ],
)
def test_only_a_peer_of_the_same_batch_run_and_lock_does_not_stop_the_drain(
    peer: Any, node: Any, run: str, holder: str, accepted: bool
) -> None:
    things = [image("i", "a1", "b1"), *volume("v", "c2", "a1", "b2")]
    held = cluster(peer, node, *things, cordoned=["a1"], lock_holder="we")
    peers = batches.peers(held, "a2", run, holder)
    assert peers == (("a1",) if accepted else ())
    drain = drain_plan.make(held, dataclasses.replace(DRAIN, node="a2", peers=peers))
    found = [b for b in drain.blockers if b.rule == "other_maintenance"]
    noted = peer.meta.annotations.get("longhorn.nodecare.dev/before")
    assert [b.name for b in found] == (["a1"] if noted else [])
    assert [b for b in drain.stopping if b.name == "a1"] == ([] if accepted else found)


def test_a_run_goes_on_with_the_nodes_that_are_away_together() -> None:
    held = cluster(
        marked("a1", Stage.MAINTENANCE, BOTH),
        marked("a2", Stage.DRAINING, BOTH),
        marked("b1", Stage.WAITING, (), before=None),
        cordoned=["a1"],
    )
    for limit in (1, 2):
        assert together(made(held, limit, "a1", "a2", "b1")) == [("a1", "a2"), ("b1",)]
    begun = cluster(
        marked("a1", Stage.MAINTENANCE, BOTH),
        marked("a2", Stage.DRAINING, BOTH, before=None),
        marked("b1", Stage.WAITING, (), before=None),
        cordoned=["a1"],
    )
    # Its drain had not begun: it waits for the gate again.
    assert together(made(begun, 1, "a1", "a2", "b1")) == [("a1",), ("a2",), ("b1",)]


def test_at_a_stop_the_nodes_that_are_away_together_are_named() -> None:
    held = cluster(
        marked("a1", Stage.MAINTENANCE, BOTH),
        marked("a2", Stage.DRAINING, BOTH),
        marked("b1", Stage.WAITING, (), before=None),
        cordoned=["a1", "a2"],
    )
    text = told.stop_text(plan.all_runs(held)[0], "no answer")
    assert "it begins with a1, a2, which are away together" in text[5]
    assert [line[:11] for line in text].count("  give back") == 2
