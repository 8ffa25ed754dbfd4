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
from dataclasses import dataclass, replace

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    minimum,
    proven,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.incoming import COMING
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Disk,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import (
    NEXT_IN_LINE,
    Placement,
    Want,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope


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
        return minimum.original(image)
    noted = memory.before(image.meta).get("map")
    return max(1, len(noted) if isinstance(noted, dict) else len(image.wanted))


def noted_only(cluster: Cluster, scope: Scope) -> tuple[Image, ...]:
    """Images that carry a note for this scope though no key of theirs is in it (any more): where
    Longhorn has removed the key itself, or their volume was raised.
    """
    uuids = scope.uuids(cluster)
    return tuple(
        image
        for _name, image in sorted(cluster.images.items())
        if "map" in memory.before(image.meta)
        and scope.marks(memory.before(image.meta))
        and not any(copy.disk in uuids for copy in image.wanted)
    )


def closed_places(
    cluster: Cluster, scope: Scope, next_nodes: tuple[str, ...] = ()
) -> dict[str, str]:
    """Nodes (by name) and disks (by UUID) that may never be targets, with the reason."""
    closed = dict.fromkeys(next_nodes, NEXT_IN_LINE)
    closed |= {name: "node is under maintenance" for name in proven.under_maintenance(cluster)}
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
    uuids, gone = scope.uuids(cluster), scope.gone(cluster)
    needs = [
        _need(cluster, image, uuids, gone, wanted_copies(cluster, image, intent))
        for image in concerned(cluster, scope)
    ]
    short = [
        n
        for n, need in enumerate(needs)
        if need.reachable < need.wanted and _movable(cluster, need)
    ]
    chosen = placement.spread([_want(cluster, scope, needs[n]) for n in short])
    for n, targets in zip(short, chosen, strict=True):
        needs[n] = replace(needs[n], targets=targets)
    return tuple(needs), placement


def _need(
    cluster: Cluster, image: Image, uuids: frozenset[str], gone: frozenset[str], wanted: int
) -> Need:
    """What is there; targets are chosen for all images at once."""
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
    return Need(image, here, elsewhere, coming, wanted, (), sources)


def _movable(cluster: Cluster, need: Need) -> bool:
    """Whether a further copy can be made at all."""
    source = cluster.data_sources.get(need.image.name)
    complete = source is not None and source.file_transferred
    return bool(need.sources or need.proven) and complete and not need.image.meta.deleting


def _want(cluster: Cluster, scope: Scope, need: Need) -> Want:
    """The missing copies, apart from those that count; the first of an image that has none comes
    before all others.
    """
    kept = (*need.proven, *need.coming, *_with_replicas(cluster, scope, need.here))
    missing = need.wanted - need.reachable
    essential = 0 if need.reachable else 1
    return Want(need.image, tuple(_disks(cluster.disks, kept)), missing, essential)


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
