# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step for one volume, from what is there."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.proven import OTHER_DISK
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import (
    Move,
    closes_node,
    concerned,
    decide,
    opens_node,
    original_number,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.unit.plugins.module_utils._domain import build

NODES = tuple(build.node(f"n{number}") for number in (1, 2, 3))
RAISED = {"numberOfReplicas": 1, "node": "n1"}


def step(volume: Any, *things: Any, intent: Intent = Intent.REMOVE, **fields: Any) -> Move:
    cluster = build.cluster("1.12.1", *NODES, volume, *things, **fields)
    return decide(cluster, cluster.volumes["v"], Scope("n1"), intent)


def words(move: Move) -> tuple[str, int]:
    return move.step.value, move.number


HERE = build.replica("r1", "v", "n1")
THERE = build.replica("r2", "v", "n2")
FRESH = build.replica("r2", "v", "n2", healthy_at="", state="starting")


def test_the_steps_of_a_move_in_their_order() -> None:
    sole, more = build.volume("v", 1), build.volume("v", 2, before=RAISED)
    assert words(step(sole, HERE, build.engine("v", "n3", ["r1"]))) == ("raise", 2)
    waiting = step(more, HERE, FRESH, build.engine("v", "n3", ["r1"]))
    assert words(waiting) == ("wait", 0)
    assert waiting.why == "0 of 1 replicas complete elsewhere (r2 starting)"
    both = build.engine("v", "n3", ["r1", "r2"])
    assert words(step(more, HERE, THERE, both)) == ("lower", 1)
    delete = step(sole, HERE, THERE, both)
    assert delete.step.value == "delete" and [r.name for r in delete.victims] == ["r1"]
    assert words(step(sole, THERE, build.engine("v", "n3", ["r2"]))) == ("done", 0)


def test_a_rebuilding_replica_does_not_count() -> None:
    writing = build.engine("v", "n3", ["r1"], modes={"r1": "RW", "r2": "WO"})
    assert step(build.volume("v", 2, before=RAISED), HERE, THERE, writing).step.value == "wait"


def test_a_number_left_raised_by_a_killed_run_goes_back() -> None:
    left = build.volume("v", 2, before=RAISED)
    assert words(step(left, THERE, build.engine("v", "n3", ["r2"]))) == ("lower", 1)


def test_a_detached_volume_is_attached_on_a_node_with_a_replica() -> None:
    quiet = build.volume("v", 2, state="detached", robustness="unknown")
    stopped = build.replica("r2", "v", "n2", state="stopped")
    move = step(quiet, HERE, stopped, build.engine("v", "", []), build.attachment("v"))
    assert (move.step.value, move.attach_to) == ("attach", "n2")
    other = build.attachment("v", build.ticket("csi", "n3", "csi-attacher"))
    assert step(quiet, HERE, stopped, build.engine("v", ""), other).step.value == "wait"


def test_our_own_ticket_goes_when_it_is_no_longer_needed() -> None:
    ours = build.attachment("v", build.ticket("nodecare", "n2"))
    move = step(build.volume("v", 1), THERE, build.engine("v", "n2", ["r2"]), ours)
    assert move.step.value == "detach"


def test_a_failed_replica_goes_when_another_one_serves() -> None:
    failed = build.replica("r1", "v", "n1", failed_at="2026-01-05T08:00:00Z", state="stopped")
    serving = build.engine("v", "n2", ["r2"])
    assert step(build.volume("v", 3), failed, THERE, serving).step.value == "delete"
    raised = build.volume("v", 4, before={"numberOfReplicas": 3, "node": "n1"})
    assert words(step(raised, failed, THERE, serving)) == ("lower", 3), "the number goes back first"
    nobody = step(build.volume("v", 3), failed, build.engine("v", "n2"))
    assert nobody.step.value == "raise"


def test_a_replica_on_a_broken_node_does_not_count() -> None:
    off = build.kube_node("n2", ready=False)
    both = build.engine("v", "n3", ["r1", "r2"])
    assert step(build.volume("v", 1), HERE, THERE, both, off).step.value == "raise"


def test_a_replica_that_is_going_is_waited_for() -> None:
    meta = build.Meta("r1", deleting=True)
    going = build.replica("r1", "v", "n1", meta=meta)
    move = step(build.volume("v", 1), going, THERE, build.engine("v", "n3", ["r2"]))
    assert (move.step.value, move.why) == ("wait", "for replica r1 to be gone")


def test_a_reboot_asks_only_for_the_last_replica() -> None:
    both = build.engine("v", "n3", ["r1", "r2"])
    assert step(build.volume("v", 2), HERE, THERE, both, intent=Intent.REBOOT).step.value == "done"
    sole = build.engine("v", "n3", ["r1"])
    assert words(step(build.volume("v", 1), HERE, sole, intent=Intent.REBOOT)) == ("raise", 2)
    raised = build.volume("v", 2, before=RAISED)
    assert step(raised, HERE, THERE, both, intent=Intent.REBOOT).step.value == "done", (
        "the number stays raised until the return"
    )


def test_a_peer_on_a_cordoned_node_does_not_protect_at_a_reboot() -> None:
    both = build.engine("v", "n3", ["r1", "r2"])
    move = step(build.volume("v", 2), HERE, THERE, both, intent=Intent.REBOOT, cordoned=["n2"])
    assert words(move) == ("raise", 3)


def test_a_live_migration_is_waited_for() -> None:
    """Meanwhile each replica is there twice, and Longhorn makes and moves none."""
    moving = build.volume("v", 1, migrates_to="n3")
    twin = build.replica("r1-twin", "v", "n1")
    both = build.engine("v", "n2", ["r1"])
    move = step(moving, HERE, twin, both)
    assert (move.step.value, move.why) == ("wait", "for its live migration to n3 to end")
    assert step(moving, HERE, twin, both, intent=Intent.REBOOT).step.value == "wait"
    two = build.volume("v", 2, migrates_to="n3")
    safe = build.engine("v", "n2", ["r1", "r2"])
    assert step(two, HERE, THERE, safe, intent=Intent.REBOOT).step.value == "done"
    assert step(two, HERE, twin, THERE, safe).step.value == "wait", "its twin is no copy more"


def test_a_reboot_closes_the_node_only_where_replicas_may_share_it() -> None:
    sole = build.engine("v", "n3", ["r1"])

    def closes(volume: Any, *more: Any, intent: Intent = Intent.REBOOT) -> bool:
        return closes_node(
            build.cluster("1.12.1", *NODES, volume, HERE, *more), Scope("n1"), intent
        )

    assert not closes(build.volume("v", 1), sole)
    assert closes(build.volume("v", 1, soft_anti_affinity="enabled"), sole)
    assert closes(build.volume("v", 1), sole, intent=Intent.REMOVE)
    both = build.engine("v", "n3", ["r1", "r2"])
    assert not closes(build.volume("v", 2, soft_anti_affinity="enabled"), THERE, both)


def test_a_node_that_was_open_is_opened_again_before_its_reboot() -> None:
    def opens(before: Any, allow: bool, intent: Intent = Intent.REBOOT) -> bool:
        node = build.node("n1", before=before, allow_scheduling=allow)
        return opens_node(build.cluster("1.12.1", node, *NODES[1:]), Scope("n1"), intent)

    assert opens({"allowScheduling": True}, False)
    assert not opens({"allowScheduling": False}, False), "the operator had closed it"
    assert not opens({"allowScheduling": True}, True)
    assert not opens({"allowScheduling": True}, False, Intent.REMOVE)


def test_a_reboot_waits_for_a_rebuild_elsewhere_instead_of_asking_for_one_more() -> None:
    two = build.volume("v", 2, robustness="degraded")
    writing = build.engine("v", "n3", modes={"r1": "RW", "r2": "WO"}, rebuilding={"tcp": 63})

    def move(*things: Any, **fields: Any) -> Move:
        return step(two, HERE, *things, intent=Intent.REBOOT, **fields)

    waiting = move(FRESH, writing)
    assert (waiting.step.value, waiting.rebuild) == ("wait", "rebuild on n2 63 %")
    assert waiting.why == "0 of 1 replicas complete elsewhere (r2 WO), rebuild 63 %"
    starting = move(FRESH, build.engine("v", "n3", ["r1"]))
    assert (starting.step.value, starting.rebuild) == ("wait", "a new one is to start on n2")
    assert words(move(FRESH, writing, cordoned=["n2"])) == ("raise", 3), "it would not protect"
    full = build.node("n2", [build.disk("n2", eviction_requested=True)])
    assert words(move(FRESH, writing, full)) == ("raise", 3), "it is to go from there"
    resting = build.replica("r2", "v", "n2", failed_at="2026-01-05T08:00:00Z", state="stopped")
    assert words(move(resting, build.engine("v", "n3", ["r1"]))) == ("raise", 3)
    cluster = build.cluster("1.12.1", *NODES, two, HERE, FRESH, writing)
    tired = decide(cluster, two, Scope("n1"), Intent.REBOOT, tired=True)
    assert words(tired) == ("raise", 3), "it stood still for too long"


@pytest.mark.parametrize(
    ("copies", "told"),
    [
        ([], ", r2 on n2 waits for image base"),
        (
            [build.copy("n2.0", "failed", message="no space left on device")],
            ", r2 on n2 waits for image base (its copy there: failed, no space left on device)",
        ),
        ([build.copy("n2.0", "")], ", r2 on n2 waits for image base (its copy there: not begun)"),
    ],
)
@pytest.mark.parametrize("state", ["attached", "attaching"])
def test_a_replica_that_waits_for_its_image_is_named(
    state: str, copies: list[Any], told: str
) -> None:
    waits = (Condition("WaitForBackingImage", "True", "Waiting"),)
    fields = {"image": "base", "state": "stopped", "healthy_at": "", "conditions": waits}
    new = build.replica("r2", "v", "n2", **fields)
    volume = build.volume("v", 2, before=RAISED, state=state, image="base")
    known = [build.image("base", copies)] if copies else []
    held = build.attachment("v", build.ticket("csi-1", "n3", "csi-attacher"))
    move = step(volume, HERE, new, build.engine("v", "n3", ["r1"]), held, *known)
    assert move.step.value == "wait" and move.why.endswith(told)
    resting = build.replica("r2", "v", "n2", **fields, desire="stopped")
    move = step(volume, HERE, resting, build.engine("v", "n3", ["r1"]), held, *known)
    assert "waits for image" not in move.why


@pytest.mark.parametrize(
    ("number", "original"), [(1, 1), (2, 1), (3, 3)], ids=["back already", "raised by us", "his"]
)
def test_a_number_that_the_operator_changes_meanwhile_is_his(number: int, original: int) -> None:
    volume = build.volume("v", number, before={**RAISED, "raised": 2})
    assert original_number(volume) == original
    old = build.volume("v", number, before=RAISED)
    assert original_number(old) == 1, "noted by an earlier release"


def test_no_replica_goes_before_as_many_serve_elsewhere() -> None:
    """Not even where some serve; all of ours must have failed for that."""
    third = build.replica("r3", "v", "n3", healthy_at="", state="starting")
    raised = build.volume("v", 3, before={"numberOfReplicas": 2, "node": "n1"})
    engine = build.engine("v", "n3", ["r1", "r2"])
    assert step(raised, HERE, THERE, third, engine).step.value == "wait"
    stopped = build.replica("r2", "v", "n2", state="stopped")
    both = build.engine("v", "n3", ["r1", "r2"])
    assert step(build.volume("v", 1), HERE, stopped, both).step.value == "raise", "it does not run"


@pytest.mark.parametrize(("peer", "then"), [(THERE, "delete"), (FRESH, "raise"), (None, "raise")])
def test_what_a_replaced_disk_had_goes_once_another_is_whole(peer: Any, then: str) -> None:
    other = dataclasses.replace(build.conditions(ready=False)[0], message=OTHER_DISK)
    wiped = build.node("n1", [build.disk("n1", conditions=(other,))])
    peers = [peer] if peer is not None else []
    cluster = build.cluster(
        "1.12.1", wiped, *NODES[1:], build.volume("v", 1), HERE, *peers, build.engine("v", "n3")
    )
    move = decide(cluster, cluster.volumes["v"], Scope("n1"), Intent.REMOVE)
    assert move.step.value == then


def test_a_ticket_of_somebody_else_is_left_alone() -> None:
    his = build.attachment("v", build.ticket("csi", "n2", "csi-attacher"))
    done = step(build.volume("v", 1), THERE, build.engine("v", "n2", ["r2"]), his)
    assert done.step.value == "done"
    cluster = build.cluster("1.12.1", *NODES, build.volume("v", 1), THERE, his)
    assert not concerned(cluster, Scope("n1"))
    ours = build.attachment("v", build.ticket("nodecare", "n2"))
    cluster = build.cluster("1.12.1", *NODES, build.volume("v", 1), THERE, ours)
    assert [volume.name for volume in concerned(cluster, Scope("n1"))] == ["v"]


def test_a_replica_without_a_place_is_told() -> None:
    raised = build.volume("v", 2, before=RAISED)
    unplaced = build.replica("r2", "v", "", disk="", healthy_at="", state="stopped")
    engine = build.engine("v", "n3", ["r1"])
    full = [build.node(n, [build.disk(n, storage_available=0)]) for n in ("n2", "n3")]
    text = ", one more has no node to go to"
    assert text in step(raised, HERE, unplaced, engine, *full).why
    assert text not in step(raised, HERE, unplaced, engine).why, "there is room"
    placed = build.replica("r2", "v", "n2", healthy_at="", state="starting")
    assert text not in step(raised, HERE, placed, engine, *full).why, "it has its place"
