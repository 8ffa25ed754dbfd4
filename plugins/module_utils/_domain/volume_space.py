# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes could take one more replica of a volume, by Longhorn's own scheduling rules.

Source: longhorn-manager scheduler/replica_scheduler.go (hard node anti-affinity unless allowed
softly, zones where that is switched off, tags, from 1.7 those of its image too, space after
reservation and over-provisioning). A replica that leaves still counts for its node and its zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import placement, setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Node,
    Replica,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes


def soft_anti_affinity(cluster: Cluster, volume: Volume) -> bool:
    """Whether two replicas of this volume may share a node."""
    if volume.soft_anti_affinity in ("enabled", "disabled"):
        return volume.soft_anti_affinity == "enabled"
    return setting.flag(cluster.settings, "replica-soft-anti-affinity", False)


def zones_shared(cluster: Cluster, volume: Volume) -> bool:
    """Whether two replicas of this volume may be in one zone."""
    if volume.zone_soft_anti_affinity in ("enabled", "disabled"):
        return volume.zone_soft_anti_affinity == "enabled"
    return setting.flag(cluster.settings, "replica-zone-soft-anti-affinity", True)


def refusals(cluster: Cluster, volume: Volume, closed: Mapping[str, str]) -> dict[str, str]:
    """Node name to reason; a node that could take a replica is not listed.

    closed: nodes, and disks by UUID, that are out of the question, with the reason.
    """
    told = ((name, refused(cluster, volume, name, closed)) for name in sorted(cluster.nodes))
    return {name: reason for name, reason in told if reason}


def somewhere(cluster: Cluster, volume: Volume, closed: Mapping[str, str]) -> bool:
    """Whether any node could take one more replica; does not look further than the first."""
    return any(not refused(cluster, volume, name, closed) for name in cluster.nodes)


def refused(cluster: Cluster, volume: Volume, name: str, closed: Mapping[str, str]) -> str:
    """Why this node cannot take a replica, "" where it can."""
    node = cluster.nodes[name]
    reason = placement.node_refused(cluster, node, closed)
    if reason:
        return reason
    held = [r for r in cluster.replicas_of_volume.get(volume.name, ()) if r.node == name]
    if held and not soft_anti_affinity(cluster, volume):
        return "" if _taken_up_again(node, held, closed) else "already has a replica of it"
    if not zones_shared(cluster, volume) and node.zone in _zones(cluster, volume):
        return f"its zone {node.zone or '(none)'} already has a replica of it"
    reason = placement.tags_refused(cluster.settings, volume.node_selector, node.tags, "node")
    image = cluster.images.get(volume.image)
    if image is not None and not reason:
        reason = _of_image(
            placement.tags_refused(cluster.settings, image.node_selector, node.tags, "node")
        )
    return reason or _disks_refused(cluster, volume, node, closed)


def _taken_up_again(node: Node, held: Sequence[Replica], closed: Mapping[str, str]) -> bool:
    """Whether all that the node has of the volume are failed replicas, of which one is on a disk
    that can be used: Longhorn rebuilds that one before it makes another (longhorn-manager
    scheduler/replica_scheduler.go CheckAndReuseFailedReplica; played on 1.6.4).
    """
    if any(not replica.failed_at for replica in held):
        return False
    usable = {
        disk.uuid
        for disk in node.disks
        if disk.uuid not in closed and not placement.disk_refused(disk)
    }
    return any(replica.disk in usable and not replica.meta.deleting for replica in held)


def _of_image(reason: str) -> str:
    """A replica starts only where its image may be, too; from 1.7, where images have selectors."""
    return f"its image may not be there: {reason}" if reason else ""


def _zones(cluster: Cluster, volume: Volume) -> set[str]:
    """Zones of the replicas that have not failed."""
    found = cluster.replicas_of_volume.get(volume.name, ())
    nodes = (cluster.nodes.get(replica.node) for replica in found if not replica.failed_at)
    return {node.zone for node in nodes if node is not None}


def candidates(cluster: Cluster, volume: Volume, closed: Mapping[str, str]) -> list[str]:
    """Nodes that could take one more replica of the volume."""
    refused = refusals(cluster, volume, closed)
    return [name for name in sorted(cluster.nodes) if name not in refused]


def _disks_refused(cluster: Cluster, volume: Volume, node: Node, closed: Mapping[str, str]) -> str:
    room = placement.Room.of(cluster.settings)
    reasons = [
        closed.get(disk.uuid, "") or _disk_refused(cluster, volume, disk, room)
        for disk in node.disks
    ]
    if not reasons:
        return "has no disk"
    return "" if "" in reasons else reasons[0]


def _disk_refused(cluster: Cluster, volume: Volume, disk: Disk, room: placement.Room) -> str:
    against = placement.disk_refused(disk) or placement.tags_refused(
        cluster.settings, volume.disk_selector, disk.tags, "disk"
    )
    image = cluster.images.get(volume.image)
    if image is not None and not against:
        against = _of_image(
            placement.tags_refused(cluster.settings, image.disk_selector, disk.tags, "disk")
        )
    if against:
        return against
    if room.schedulable(disk) < volume.size:
        free = max(0, room.schedulable(disk))
        return f"needs {spell_bytes(volume.size)}, {disk.label} may take {spell_bytes(free)}"
    return "" if room.real(disk) > 0 else f"disk {disk.label} is under pressure"
