# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disks a test image goes to, and in which of its copies the fault is made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import placement, proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
)

STEP_BYTES = 100 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """The copy to make a fault in; ``others`` are disks with other proven copies."""

    disk: Disk
    others: tuple[str, ...]


def disks_for(cluster: Cluster, copies: int) -> list[Disk]:
    """So many usable disks, each on a node of its own; fewer where there are not as many."""
    maintenance = proven.under_maintenance(cluster)
    closed = dict.fromkeys(maintenance, "node is under maintenance")
    found: list[Disk] = []
    for name in sorted(cluster.nodes):
        node = cluster.nodes[name]
        if placement.node_refused(cluster, node, closed):
            continue
        usable = [disk for disk in node.disks if not placement.disk_refused(disk) and not disk.tags]
        if usable:
            found.append(max(usable, key=lambda disk: (disk.storage_available, disk.uuid)))
    return found[:copies]


def target_of(
    cluster: Cluster, image: Image, volume: str, nodes: Collection[str] = ()
) -> Target | str:
    """The copy to make a fault in, or why there is none.

    Never one whose loss leaves no proven copy. Where there is a volume, a disk with one of its
    running replicas, not on the node of its engine where there is a choice. *nodes* limits it to
    workers that can be reached.
    """
    copies = proven.proven(cluster, image, proven.under_maintenance(cluster))
    if len(copies) < 2:
        return f"{image.name} has {len(copies)} proven copies, and a fault needs another one left"
    replicas = cluster.replicas_of_volume.get(volume, ())
    used = {replica.disk for replica in replicas if replica.running}
    engine = cluster.engine(volume)
    candidates = [cluster.disks[copy.disk] for copy in copies]
    if volume:
        candidates = [disk for disk in candidates if disk.uuid in used]
    if nodes:
        candidates = [disk for disk in candidates if disk.node in nodes]
    if not candidates:
        return f"no proven copy of {image.name} is on a disk that can be used for the fault"
    away = engine.node if engine is not None else ""
    chosen = min(candidates, key=lambda disk: (disk.node == away, disk.node, disk.uuid))
    return Target(chosen, tuple(sorted(c.disk for c in copies if c.disk != chosen.uuid)))


def all_bytes(disk: Disk) -> int:
    """Bytes that a file has to have at least to leave nothing of a disk."""
    return disk.storage_available + STEP_BYTES


def pressure_bytes(disk: Disk, least_percentage: int) -> int:
    """Bytes that a file has to have for Longhorn to see pressure on a disk.

    A disk is schedulable with more available than that share of it (longhorn-manager
    controller/node_controller.go); what is available is told in steps of 100 MiB.
    """
    spare = disk.storage_available - disk.storage_maximum * least_percentage // 100
    return max(0, spare) + STEP_BYTES
