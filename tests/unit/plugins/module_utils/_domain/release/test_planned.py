# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan names what would hold the budget of a node that is not cordoned yet."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_plan,
    drain_text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import Request
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from tests.unit.plugins.module_utils._domain import build

EVICT_ALL = {"node-drain-policy": "block-for-eviction"}


def found(*things: Any, intent: Intent = Intent.REBOOT, **fields: Any) -> list[Blocker]:
    nodes = [build.node(f"n{n}") for n in (1, 2, 3)]
    cluster = build.cluster("1.12.1", *nodes, *things, **fields)
    return list(drain_plan.make(cluster, Request("n1", intent)).blockers)


def volume(*on: str) -> list[Any]:
    names = [f"r{node}" for node in on]
    replicas = [build.replica(f"r{node}", "v", node) for node in on]
    return [build.volume("v", len(on)), *replicas, build.engine("v", on[-1], names)]


def test_a_policy_that_evicts_delays_a_reboot_and_says_so() -> None:
    assert found(*volume("n1", "n2")) == []
    (blocker,) = found(*volume("n1", "n2"), settings=EVICT_ALL)
    assert (blocker.rule, blocker.clears.value) == ("policy_evicts", "clears_by_itself")
    assert "moves 1 replica off it first" in blocker.reason
    assert found(*volume("n1", "n2"), intent=Intent.REMOVE, settings=EVICT_ALL) == []


def test_a_policy_that_evicts_with_nowhere_to_go_stops_the_plan() -> None:
    (blocker,) = found(*volume("n1", "n2", "n3"), settings=EVICT_ALL)
    assert (blocker.rule, blocker.clears.value) == ("eviction_nowhere", "needs_action")
    assert blocker.detail[1] == "n2: already has a replica of it"


def test_a_node_whose_instance_manager_is_gone_holds_nothing() -> None:
    down = build.instance_manager("n1", state="error")
    assert found(*volume("n1", "n2"), down, settings=EVICT_ALL) == []


def test_a_share_manager_that_will_be_evicted_is_no_blocker() -> None:
    pod = build.pod("share-manager-v", "n1", "longhorn-system", owner_kind="ShareManager")
    held = build.attachment("v", build.ticket("t", "n1", "share-manager-controller"))
    assert found(*volume("n2", "n3"), held, pod) == []
    (blocker,) = found(*volume("n2", "n3"), held)
    assert (blocker.rule, blocker.stops) == ("share_manager", False)


def test_the_plan_tells_how_long_it_takes_where_that_is_known() -> None:
    held = build.attachment("v", build.ticket("rig", "n1"))
    detaching = {"detach-manually-attached-volumes-when-cordoned": "true"}
    (line,) = drain_text.blocker_lines(found(*volume("n2", "n3"), held, settings=detaching))
    assert line.startswith("~ volume v   is attached to n1 by hand (ticket rig)   ")
    assert "clears by itself in about 30 s: Longhorn detaches it after the cordon" in line
