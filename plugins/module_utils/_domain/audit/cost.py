# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drain of each node would copy, for each intent, without planning each of them.

The rule is that of `image_needs`: a reboot needs one proven copy off the node, the other intents
as many as the image asks for, as far as disks exist. Targets are not chosen here: whether they have
the room is what the plan of the drain itself says (drain_node with --check --diff).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    image_needs,
    placement,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.holdings import Held
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.proven import (
    under_maintenance,
)

INTENTS = (Intent.REBOOT, Intent.REMOVE)  # reinstall costs what remove costs


@dataclass
class Cost:
    """One node and intent: copies to make and their bytes, replicas to rebuild elsewhere.

    `replica_bytes` is the nominal size of those replicas, so an upper bound.
    """

    copies: int = 0
    bytes: int = 0
    replicas: int = 0
    replica_bytes: int = 0
    short: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        return {
            "copies": self.copies,
            "bytes": self.bytes,
            "replicas": self.replicas,
            "replica_bytes": self.replica_bytes,
            "images_without_enough_disks": sorted(self.short),
        }


def costs(cluster: Cluster, held: Iterable[Held]) -> dict[str, dict[Intent, Cost]]:
    """By node and intent."""
    found = {name: {intent: Cost() for intent in INTENTS} for name in cluster.nodes}
    usable = _Usable(cluster)
    for one in held:
        source = cluster.data_sources.get(one.image.name)
        if source is None or not source.file_transferred or not one.proven:
            continue
        for node in _holders(cluster, one):
            for intent in INTENTS:
                _add_copies(cluster, one, node, intent, usable, found[node][intent])
    _add_replicas(cluster, found)
    return found


class _Usable:
    """Disks that may take a copy at all, room and tags left aside."""

    def __init__(self, cluster: Cluster) -> None:
        closed = {name: "under maintenance" for name in under_maintenance(cluster)}
        self.node_of = {
            disk.uuid: name
            for name, node in cluster.nodes.items()
            if not placement.node_refused(cluster, node, closed)
            for disk in node.disks
            if not placement.disk_refused(disk)
        }
        self.on_node: dict[str, int] = {}
        for name in self.node_of.values():
            self.on_node[name] = self.on_node.get(name, 0) + 1

    def free_off(self, image: Image, node: str) -> int:
        """How many disks off the node could take a copy that the image does not have yet."""
        taken = sum(
            1
            for copy in image.copies.values()
            if copy.in_map and self.node_of.get(copy.disk, node) != node
        )
        return len(self.node_of) - self.on_node.get(node, 0) - taken


def _holders(cluster: Cluster, one: Held) -> set[str]:
    """Nodes that the image's map names, whatever their copies are worth."""
    copies = (copy for copy in one.image.copies.values() if copy.in_map)
    return {cluster.disks[copy.disk].node for copy in copies if copy.disk in cluster.disks}


def _add_copies(
    cluster: Cluster, one: Held, node: str, intent: Intent, usable: _Usable, cost: Cost
) -> None:
    off = sum(1 for place in (*one.proven, *one.coming) if place.node != node)
    missing = image_needs.wanted_copies(cluster, one.image, intent) - off
    if missing <= 0:
        return
    makes = max(0, min(missing, usable.free_off(one.image, node)))
    cost.copies += makes
    cost.bytes += makes * one.image.file_bytes
    if makes < missing:
        cost.short.append(one.image.name)


def _add_replicas(cluster: Cluster, found: Mapping[str, Mapping[Intent, Cost]]) -> None:
    """Replicas that must be built elsewhere first. reboot: only where no other lets Longhorn
    release its budget (the rule of replica_moves.protected_elsewhere).
    """
    serving = {
        manager.node for manager in cluster.instance_managers.values() if manager.state == "running"
    }
    ready = {
        name for name, node in cluster.kube_nodes.items() if node.ready and not node.unschedulable
    }
    for volume in cluster.volumes.values():
        replicas = [
            replica
            for replica in cluster.replicas_of_volume.get(volume.name, ())
            if not replica.meta.deleting
        ]
        protected = {
            replica.node
            for replica in replicas
            if replica.node in serving
            and replica.node in ready
            and replica_moves.reliable(cluster, replica)
        }
        for replica in replicas:
            if replica.node not in found:
                continue
            for intent in INTENTS:
                if intent.leaves or not protected - {replica.node}:
                    found[replica.node][intent].replicas += 1
                    found[replica.node][intent].replica_bytes += volume.size
