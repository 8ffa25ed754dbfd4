# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which copies of an image can be relied on.

A copy is proven when its key is in the placement map, its entry reads `ready`, its disk is known
and Ready, its node is Ready for Longhorn and Kubernetes, nothing evicts it, and its node is not
under maintenance. `ready` alone proves nothing: the entry outlives a deleted file by up to 30 s
and a node that is off by as long as nobody looks.
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Disk,
    Image,
)

OTHER_DISK = "doesn't match"
NOWHERE: frozenset[str] = frozenset()


def under_maintenance(cluster: Cluster) -> frozenset[str]:
    """Nodes that carry our note: a drain began there and nothing has given them back yet."""
    return frozenset(name for name, node in cluster.nodes.items() if memory.before(node.meta))


def is_another(disk: Disk) -> bool:
    """Whether Longhorn sees another disk, or a wiped one, where this one was (longhorn-manager
    monitor/disk_monitor.go, v1.6.4 to v1.12.1).
    """
    ready = condition(disk.conditions, "Ready")
    return ready is not None and not ready.true and OTHER_DISK in ready.message


def why_unproven(cluster: Cluster, copy: Copy, maintenance: Collection[str] = NOWHERE) -> str:
    """Empty for a proven copy, else the first reason against it in words."""
    if not copy.in_map:
        return "not in the placement map"
    if copy.state != "ready":
        return f"state {copy.state or 'not reported'}"
    disk = cluster.disks.get(copy.disk)
    if disk is None:
        return f"no node has a disk {copy.disk}"
    if copy.eviction_requested:
        return "its eviction is requested"
    return why_unreliable(cluster, disk, maintenance)


def why_unreliable(cluster: Cluster, disk: Disk, maintenance: Collection[str] = NOWHERE) -> str:
    """Empty when what the disk's node reports can be believed and stays, else why not.

    maintenance: names of nodes and UUIDs of disks.
    """
    if disk.node in maintenance:
        return f"node {disk.node} is under maintenance"
    if disk.uuid in maintenance:
        return f"disk {disk.label} is being emptied"
    unreadable = why_unreadable(cluster, disk)
    if unreadable:
        return unreadable
    if cluster.nodes[disk.node].eviction_requested or disk.eviction_requested:
        return f"disk {disk.label} is being evicted"
    return ""


def why_unreadable(cluster: Cluster, disk: Disk) -> str:
    """Empty when the disk can be read from now, whatever is to become of it, else why not."""
    if not cluster.nodes[disk.node].ready:
        return f"node {disk.node} is not Ready in Longhorn"
    kube_node = cluster.kube_nodes.get(disk.node)
    if kube_node is None or not kube_node.ready:
        return f"node {disk.node} is not Ready in Kubernetes"
    return "" if disk.ready else f"disk {disk.label} is not Ready"


def readable(cluster: Cluster, copy: Copy) -> bool:
    """Whether a new copy can be made from this one: complete, and on a disk that answers."""
    disk = cluster.disks.get(copy.disk)
    ready = copy.in_map and copy.state == "ready" and disk is not None
    return ready and disk is not None and not why_unreadable(cluster, disk)


def proven(
    cluster: Cluster, image: Image, maintenance: Collection[str] = NOWHERE
) -> tuple[Copy, ...]:
    """Copies that can be relied on, nodes in `maintenance` left out."""
    return tuple(copy for copy in image.wanted if not why_unproven(cluster, copy, maintenance))
