# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every state of real drains: what would we decide there, and is it safe?"""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_plan,
    drain_text,
    guards,
    image_needs,
    proven,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import left_on
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.unit.recorded import scenario, states

RECORDED = [
    "v1.6.4/w1-drain-reboot",
    "v1.6.4/w2-leave-own",
    "v1.7.3/w2-leave-own",
    "v1.7.3/w2-leave-own-detached",
    "v1.12.1/w2-leave-own",
    "v1.12.1/w2-drain-remove",
    "v1.12.1/v9-node-off-with-replica-and-image",
    "v1.12.1/v6-drain-block-if-contains-last-replica",
    "v1.12.1/w4-remove-key",
    "v1.12.1/w7-drain-during-first-file",
]


def other_copies(cluster: Cluster, image: str, disk: str, gone: frozenset[str]) -> int:
    found = proven.proven(cluster, cluster.images[image], gone)
    return len([copy for copy in found if copy.disk != disk])


@pytest.mark.parametrize("name", RECORDED)
def test_in_every_recorded_state_our_decisions_are_safe(name: str) -> None:
    allowed = 0
    for _time, cluster in states(scenario(name), step=4):
        for node in cluster.nodes:
            if node not in cluster.kube_nodes:
                continue
            gone = proven.under_maintenance(cluster) | {node}
            needs, _placement = image_needs.assess(cluster, Scope(node), Intent.REMOVE)
            for need in needs:
                for copy in need.here:
                    if guards.against_removal(
                        cluster, need.image, copy.disk, maintenance=gone, keep=need.keep
                    ):
                        continue
                    allowed += 1
                    assert other_copies(cluster, need.image.name, copy.disk, gone) >= 1
                    users = cluster.replicas_of_image.get(need.image.name, ())
                    assert all(replica.disk != copy.disk for replica in users)
            for volume in replica_moves.concerned(cluster, Scope(node)):
                move = replica_moves.decide(cluster, volume, Scope(node), Intent.REMOVE)
                if move.step is replica_moves.Step.DELETE:
                    assert replica_moves.good_elsewhere(cluster, volume, Scope(node))
    if name.endswith("w2-leave-own"):
        assert allowed, "the recorded drain reached states in which the keys may go"


@pytest.mark.parametrize(
    "name", ["v1.6.4/w2-leave-own", "v1.7.3/w2-leave-own", "v1.12.1/w2-leave-own"]
)
def test_the_proof_follows_a_recorded_drain(name: str) -> None:
    """The drained node is the one that was closed; it holds things first, and in the end
    nothing.
    """
    seen = list(states(scenario(name)))
    closed = [
        n for n, node in seen[len(seen) * 3 // 4][1].nodes.items() if not node.allow_scheduling
    ]
    assert len(closed) == 1
    words = [left_on(cluster, Scope(closed[0])).words() for _time, cluster in seen]
    assert any("2 replicas" in told and "2 copies" in told for told in words)
    assert "nothing" in words[words.index(max(words, key=len)) :]


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("intent", list(Intent))
def test_a_plan_can_be_told_in_every_recorded_state(name: str, intent: Intent) -> None:
    told = 0
    for _time, cluster in states(scenario(name), step=40):
        for node in cluster.nodes:
            if node not in cluster.kube_nodes:
                continue
            plan = drain_plan.make(cluster, Request(node, intent))
            lines = drain_text.summary(plan)
            assert lines[0].startswith(f"{node}, intent {intent.value}, Longhorn {plan.version}: ")
            shown = drain_text.diff(plan, cluster)
            assert shown[0]["before"].startswith(f"node {node} ")
            data = drain_text.as_data(plan)
            assert len(data["blockers"]) == len(plan.blockers)
            assert bool(plan.stopping) == any(
                b["stops"] and b["clears"] != "clears_by_itself" for b in data["blockers"]
            )
            told += 1
    assert told > 5
