# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One disk of two, on recordings of real Longhorn: the same rules, with the disk as their scope."""

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

TWO_DISKS = ["v1.6.4/w3-evict-disk-two-disks", "v1.12.1/w3-evict-disk-two-disks"]


def disks_of(cluster: Cluster) -> list[Scope]:
    return [Scope(disk.node, disk.uuid, disk.name) for disk in cluster.disks.values()]


def node_with_two(seen: list[Cluster]) -> tuple[str, Scope, Scope]:
    """The node that gets a second disk, its first disk, and the second one."""
    for cluster in seen:
        for name, node in cluster.nodes.items():
            if len([d for d in node.disks if d.uuid]) == 2:
                found = {d.name: Scope(name, d.uuid, d.name) for d in node.disks}
                second = found.pop("disk-b")
                return name, next(iter(found.values())), second
    raise AssertionError("no node with two disks")


@pytest.mark.parametrize("name", TWO_DISKS)
def test_decisions_for_every_disk_are_safe_in_every_state(name: str) -> None:
    allowed = 0
    for _time, cluster in states(scenario(name), step=4):
        for scope in disks_of(cluster):
            gone = scope.gone(cluster)
            needs, _placement = image_needs.assess(cluster, scope, Intent.REMOVE)
            for need in needs:
                assert all(disk.uuid != scope.disk for disk in need.targets)
                for copy in need.here:
                    if guards.against_removal(
                        cluster, need.image, copy.disk, maintenance=gone, keep=need.keep
                    ):
                        continue
                    allowed += 1
                    others = proven.proven(cluster, need.image, gone)
                    assert [found for found in others if found.disk != copy.disk]
                    users = cluster.replicas_of_image.get(need.image.name, ())
                    assert all(replica.disk != copy.disk for replica in users)
            for volume in replica_moves.concerned(cluster, scope):
                move = replica_moves.decide(cluster, volume, scope, Intent.REMOVE)
                if move.step is replica_moves.Step.DELETE:
                    assert replica_moves.good_elsewhere(cluster, volume, scope)
                    assert all(victim.disk == scope.disk for victim in move.victims)
    assert allowed, "the recording reaches states in which a key may go"


@pytest.mark.parametrize("name", TWO_DISKS)
def test_the_proof_of_a_disk_follows_its_eviction(name: str) -> None:
    """The first disk is emptied while its sister fills, then the sister is."""
    seen = [cluster for _time, cluster in states(scenario(name))]
    node, first, second = node_with_two(seen)
    told = [
        (left_on(cluster, first).words(), left_on(cluster, second).words())
        for cluster in seen
        if node in cluster.nodes
    ]
    assert any("1 replica" in one and two == "nothing" for one, two in told)
    assert any(one == "nothing" and "2 copies" in two for one, two in told)
    assert told[-1][1] == "nothing"


@pytest.mark.parametrize("name", TWO_DISKS)
def test_a_replica_is_not_planned_onto_the_other_disk_of_its_node(name: str) -> None:
    """As Longhorn did it: the image's own target is another node where a replica is to move."""
    seen = [cluster for _time, cluster in states(scenario(name), step=10)]
    node, first, _second = node_with_two(seen)
    judged = 0
    for cluster in seen:
        if not cluster.replicas_on_disk.get(first.disk):
            continue
        request = Request(node, Intent.REMOVE, disk=first.disk, disk_name=first.name)
        plan = drain_plan.make(cluster, request)
        used = {replica.image for replica in cluster.replicas_on_disk[first.disk]}
        assert all(copy.target.node != node for copy in plan.copies if copy.image in used)
        assert drain_text.summary(plan)[0].startswith(f"{first.label}, Longhorn ")
        assert not plan.pods and not plan.cordon
        judged += 1
    assert judged > 3
