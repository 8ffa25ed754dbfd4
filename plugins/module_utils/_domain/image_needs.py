# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each image of a node needs elsewhere before the node may go.

reboot: one proven copy off the node. reinstall and remove: as many as the image asks for
(minNumberOfCopies; up to 1.6, which has no such number, the keys of its map as noted before the
work began), as far as disks exist, and never less than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory, proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Disk,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import Placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope

COMING = frozenset({"", "pending", "starting", "in-progress", "ready-for-transfer"})


@dataclass(frozen=True, slots=True)
class Need:
    """One image of the node.

    here: its copies on the node; proven, coming: copies off the node that can be relied on, and
    those being made on reliable disks; wanted: proven copies to reach; targets: disks for the
    copies still missing; sources: complete copies on the node that can
    be sent from.
    """

    image: Image
    here: tuple[Copy, ...]
    proven: tuple[Copy, ...]
    coming: tuple[Copy, ...]
    wanted: int
    targets: tuple[Disk, ...]
    sources: tuple[Copy, ...]

    @property
    def reachable(self) -> int:
        """Copies off the node once everything planned is done."""
        return len(self.proven) + len(self.coming) + len(self.targets)

    @property
    def keep(self) -> int:
        """Proven copies that must be there before a key of the node may go: at least one."""
        return max(1, min(self.wanted, self.reachable))

    @property
    def safe(self) -> bool:
        """Whether the node's copies are no longer needed."""
        return len(self.proven) >= self.keep and not self.targets


def concerned(cluster: Cluster, scope: Scope) -> tuple[Image, ...]:
    """Images whose placement map names a disk of the node, largest file first."""
    uuids = scope.uuids(cluster)
    found = [
        image
        for image in cluster.images.values()
        if any(copy.disk in uuids for copy in image.wanted)
    ]
    return tuple(sorted(found, key=lambda image: (-image.file_bytes, image.name)))


def wanted_copies(cluster: Cluster, image: Image, intent: Intent) -> int:
    """Proven copies that the image should have off the node."""
    if not intent.leaves:
        return 1
    if cluster.schema.replenishes:
        return max(1, image.min_copies)
    noted = memory.before(image.meta).get("map")
    return max(1, len(noted) if isinstance(noted, dict) else len(image.wanted))


def closed_places(
    cluster: Cluster, scope: Scope, next_nodes: tuple[str, ...] = ()
) -> dict[str, str]:
    """Nodes (by name) and disks (by UUID) that may never be targets, with the reason."""
    closed = {name: "node is under maintenance" for name in proven.under_maintenance(cluster)}
    closed |= {name: "node is next in line for maintenance" for name in next_nodes}
    if scope.disk:
        closed[scope.disk] = "it is the disk being emptied"
    else:
        closed[scope.node] = "it is the node being drained"
    return closed


def assess(
    cluster: Cluster, scope: Scope, intent: Intent, next_nodes: tuple[str, ...] = ()
) -> tuple[tuple[Need, ...], Placement]:
    """The needs of every image of the scope, targets chosen; and the placement that chose them."""
    placement = Placement(cluster, closed_places(cluster, scope, next_nodes))
    needs = tuple(
        _need(cluster, image, scope, wanted_copies(cluster, image, intent), placement)
        for image in concerned(cluster, scope)
    )
    return needs, placement


def _need(
    cluster: Cluster,
    image: Image,
    scope: Scope,
    wanted: int,
    placement: Placement,
) -> Need:
    uuids, gone = scope.uuids(cluster), scope.gone(cluster)
    here = tuple(copy for copy in image.wanted if copy.disk in uuids)
    elsewhere = proven.proven(cluster, image, gone)
    coming = tuple(
        copy
        for copy in image.wanted
        if copy.disk not in uuids
        and copy.state in COMING
        and _reliable(cluster, cluster.disks.get(copy.disk), gone)
    )
    sources = tuple(copy for copy in here if proven.readable(cluster, copy))
    source = cluster.data_sources.get(image.name)
    targets: list[Disk] = []
    movable = bool(sources or elsewhere) and source is not None and source.file_transferred
    if movable and not image.meta.deleting:
        held = _disks(cluster.disks, (*elsewhere, *coming, *_with_replicas(cluster, scope, here)))
        while len(elsewhere) + len(coming) + len(targets) < wanted:
            chosen = placement.choose(image, [*held, *targets])
            if chosen is None:
                break
            targets.append(chosen)
    return Need(image, here, elsewhere, coming, wanted, tuple(targets), sources)


def _with_replicas(cluster: Cluster, scope: Scope, here: tuple[Copy, ...]) -> tuple[Copy, ...]:
    """Copies on a disk to empty that replicas use: these replicas go to other nodes, never to
    another disk of theirs, and bring a copy along (rec: */w3-evict-disk-two-disks). A target on
    the same node would be one too many.
    """
    if not scope.disk:
        return ()
    return tuple(copy for copy in here if cluster.replicas_on_disk.get(copy.disk))


def _reliable(cluster: Cluster, disk: Disk | None, gone: frozenset[str]) -> bool:
    return disk is not None and not proven.why_unreliable(cluster, disk, gone)


def _disks(disks: Mapping[str, Disk], copies: tuple[Copy, ...]) -> list[Disk]:
    return [disks[copy.disk] for copy in copies if copy.disk in disks]
