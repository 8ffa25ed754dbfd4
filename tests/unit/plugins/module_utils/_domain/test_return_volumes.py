# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step for one volume of a node that comes back."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import Move
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.return_volumes import decide
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.unit.plugins.module_utils._domain import build

NODES = tuple(build.node(f"n{number}") for number in (1, 2, 3))
RAISED = {"numberOfReplicas": 1, "node": "n1", "replicas": ["r1"]}
OLD = build.replica("r1", "v", "n1")
EXTRA = build.replica("r2", "v", "n2")
BOTH = build.engine("v", "n3", ["r1", "r2"])


def step(volume: Any, *things: Any) -> Move:
    cluster = build.cluster("1.12.1", *NODES, volume, *things)
    return decide(cluster, cluster.volumes["v"], Scope("n1"))


def test_number_then_delete_then_the_note() -> None:
    lower = step(build.volume("v", 2, before=RAISED), OLD, EXTRA, BOTH)
    assert (lower.step.value, lower.number, lower.forget) == ("lower", 1, False)
    delete = step(build.volume("v", 1, before=RAISED), OLD, EXTRA, BOTH)
    assert delete.step.value == "delete" and [r.name for r in delete.victims] == ["r2"]
    last = step(build.volume("v", 1, before=RAISED), OLD, BOTH)
    assert (last.step.value, last.forget) == ("lower", True)
    assert step(build.volume("v", 1), OLD, BOTH).step.value == "done"


def test_nothing_goes_before_the_nodes_own_replica_serves() -> None:
    volume = build.volume("v", 2, before=RAISED, robustness="degraded")
    waiting = step(volume, OLD, EXTRA, build.engine("v", "n3", [], modes={"r1": "WO", "r2": "RW"}))
    assert waiting.step.value == "wait" and waiting.why == "for r1 on n1 to serve again"
    failed = build.replica("r1", "v", "n1", failed_at="2026-01-05T09:00:00Z", state="stopped")
    assert step(volume, failed, EXTRA, build.engine("v", "n3", ["r2"])).step.value == "wait"


def test_an_extra_replica_that_is_still_built_may_go() -> None:
    fresh = build.replica("r2", "v", "n2", healthy_at="", state="starting")
    volume = build.volume("v", 1, before=RAISED, robustness="degraded")
    move = step(volume, OLD, fresh, build.engine("v", "n3", ["r1"]))
    assert move.step.value == "delete" and [r.name for r in move.victims] == ["r2"]


def test_a_replica_that_replaced_the_nodes_own_stays() -> None:
    """The node was away too long: its replica has failed for good, another was built."""
    failed = build.replica("r1", "v", "n1", failed_at="2026-01-05T09:00:00Z", state="stopped")
    later = build.replica("r3", "v", "n3", meta=Meta("r3", created="2026-01-05T09:10:00Z"))
    engine = build.engine("v", "n3", ["r2", "r3"])
    move = step(build.volume("v", 1, before=RAISED), failed, EXTRA, later, engine)
    assert [r.name for r in move.victims] == ["r3"]


def test_a_note_for_another_node_is_left_alone() -> None:
    other = {"numberOfReplicas": 1, "node": "n2"}
    assert step(build.volume("v", 2, before=other), OLD, EXTRA, BOTH).step.value == "done"


def test_our_ticket_goes_last() -> None:
    ticket = build.attachment("v", build.ticket("nodecare", "n3"))
    assert step(build.volume("v", 1), OLD, BOTH, ticket).step.value == "detach"


def test_a_detached_volume_counts_by_its_data() -> None:
    stopped = build.volume("v", 1, before=RAISED, state="detached", robustness="unknown")
    quiet = [build.replica(r, "v", n, state="stopped") for r, n in (("r1", "n1"), ("r2", "n2"))]
    assert step(stopped, *quiet).step.value == "delete"
    failed = build.replica("r1", "v", "n1", failed_at="2026-01-05T09:00:00Z", state="stopped")
    move = step(stopped, failed, quiet[1], build.attachment("v"))
    assert (move.step.value, move.attach_to) == ("attach", "n2")
