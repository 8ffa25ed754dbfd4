# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which peers of a replica protect its data, in Longhorn's eyes, and what is wrong with the others.

A protecting peer is complete (healthyAt set, failedAt empty), on a core node that is open, with a
running instance manager whose budget exists. Cordoning two nodes at once therefore protects
neither (longhorn-manager datastore/longhorn.go ListVolumePDBProtectedHealthyReplicasRO,
v1.6.4 and v1.12.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    InstanceManager,
    Replica,
)


class Lack(str, Enum):
    """What a peer lacks to protect; NOTHING for one that does."""

    NOTHING = ""
    DATA = "data"
    OPEN_NODE = "open node"
    MANAGER = "running instance manager"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another replica of the same volume on another node, and what it lacks."""

    replica: Replica
    lack: Lack


def peers(cluster: Cluster, replica: Replica) -> tuple[Peer, ...]:
    """All replicas of its volume on other nodes."""
    return tuple(
        Peer(other, lack(cluster, other))
        for other in cluster.replicas_of_volume.get(replica.volume, ())
        if other.name != replica.name and other.node != replica.node
    )


def protected(cluster: Cluster, replica: Replica) -> bool:
    """Whether another node holds a protecting peer."""
    return any(peer.lack is Lack.NOTHING for peer in peers(cluster, replica))


def lack(cluster: Cluster, replica: Replica) -> Lack:
    """What keeps this replica from protecting its peers; the first reason in Longhorn's order."""
    if not replica.healthy_at or replica.failed_at:
        return Lack.DATA
    node = cluster.kube_nodes.get(replica.node)
    if node is None or node.unschedulable:
        return Lack.OPEN_NODE
    manager = manager_of(cluster, replica)
    if manager is None or manager.state != "running":
        return Lack.MANAGER
    return Lack.NOTHING if has_budget(cluster, manager) else Lack.BUDGET


def manager_of(cluster: Cluster, replica: Replica) -> InstanceManager | None:
    """The instance manager that runs it; for a stopped one, one of its node."""
    if replica.instance_manager:
        return cluster.instance_managers.get(replica.instance_manager)
    here = [m for m in cluster.instance_managers.values() if m.node == replica.node]
    here = [m for m in here if m.type != "engine"]
    return next((m for m in here if m.state == "running"), here[0] if here else None)


def has_budget(cluster: Cluster, manager: InstanceManager) -> bool:
    """Whether the budget of that name is there."""
    return (cluster.namespace, manager.name) in cluster.budget_names
