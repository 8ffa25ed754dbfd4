# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why Longhorn keeps a budget: the answer against what real controllers did, on five policies."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import budget_reasons
from tests.unit.plugins.module_utils._domain import build
from tests.unit.recorded import scenario, states

POLICIES = (
    "always-allow",
    "allow-if-replica-is-stopped",
    "block-for-eviction-if-contains-last-replica",
    "block-for-eviction",
    "block-if-contains-last-replica",
)
RECORDED = [
    "v1.6.4/v6-drain-always-allow",
    "v1.6.4/v6-drain-allow-if-replica-is-stopped",
    "v1.6.4/v6-drain-block-for-eviction",
    "v1.6.4/v10-drain-node-of-engine-manually-attached",
    "v1.7.3/v6-drain-block-for-eviction-if-contains-last-replica",
    "v1.7.3/v6-drain-block-if-contains-last-replica",
    "v1.12.1/v6-drain-block-for-eviction",
    "v1.12.1/v6-drain-block-if-contains-last-replica",
    "v1.12.1/v10-drain-node-of-engine-manually-attached",
]


@pytest.mark.parametrize("name", RECORDED)
def test_a_reason_stands_exactly_while_the_budget_does(name: str) -> None:
    """A budget without a reason is one that goes within a moment; a reason without one is wrong."""
    found = [p for p in POLICIES if name.endswith(p)]
    policy = found[0] if found else budget_reasons.DEFAULT_POLICY
    held = told = 0
    for time, seen in states(scenario(name)):
        cluster = dataclasses.replace(seen, settings={budget_reasons.POLICY: policy})
        for node in [n for n, k in cluster.kube_nodes.items() if k.unschedulable]:
            managers = [
                m.name
                for m in cluster.instance_managers.values()
                if m.node == node and m.state == "running"
            ]
            if not managers:
                continue
            budgets = {budget.name for budget in cluster.budgets}
            reasons = budget_reasons.why_held(cluster, node)
            if managers[0] in budgets:
                held += 1
                told += bool(reasons)
            else:
                assert not reasons, f"{time}: {reasons}"
    if policy != "always-allow":
        assert held > 10
        assert told >= held * 0.55


def test_each_policy_has_its_own_reasons() -> None:
    stopped = build.replica("r", "v", "n1", state="stopped")
    things = (build.node("n1"), build.node("n2"), stopped, build.volume("v", 1))

    def why(policy: str) -> tuple[str, ...]:
        cluster = build.cluster("1.12.1", *things, settings={budget_reasons.POLICY: policy})
        return budget_reasons.why_held(cluster, "n1")

    assert why("always-allow") == ()
    assert why("allow-if-replica-is-stopped") == ()
    assert "no healthy peer" in why("block-if-contains-last-replica")[0]
    assert "still there" in why("block-for-eviction")[0]


def test_a_peer_on_a_cordoned_node_protects_nobody() -> None:
    things = [build.node(f"n{n}") for n in (1, 2)]
    things += [build.replica("r1", "v", "n1"), build.replica("r2", "v", "n2"), build.volume("v", 2)]
    assert budget_reasons.why_held(build.cluster("1.12.1", *things), "n1") == ()
    both = build.cluster("1.12.1", *things, cordoned=["n1", "n2"])
    assert "r1" in budget_reasons.why_held(both, "n1")[0]
