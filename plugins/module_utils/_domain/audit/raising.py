# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many copies each image should have, on which nodes, and which disks would get them.

Every image is to have at least so many proven copies on distinct nodes, and in more than one zone
where there is a choice: Longhorn itself guarantees neither (longhorn-manager
datastore/longhorn.go GetReadyNodeDiskForBackingImage, v1.7.4 to v1.12.1). From 1.7 on its
minNumberOfCopies goes up with them, because Longhorn takes unused copies above it away after an
hour; up to 1.6 it keeps but one of them that long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.holdings import (
    Held,
    Place,
    hold,
    reliable_places,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blockers_of_images import (
    refused_url,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import Placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.proven import (
    under_maintenance,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """How far copies are to be raised: for these images, at least *copies* of each on distinct
    nodes, none of them counted that is on a node of *away* (those next in line for maintenance).
    """

    images: tuple[str, ...]
    copies: int = 2
    away: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What an image lacks, counted without choosing disks: how many copies, whether its minimum or
    its entries are to be written.
    """

    image: Image
    copies: int
    minimum: bool
    repair: bool

    @property
    def bytes(self) -> int:
        """Bytes of the copies."""
        return self.copies * self.image.file_bytes


@dataclass(frozen=True, slots=True)
class Raise:
    """What one image needs.

    held: what it has off the nodes left out; targets: disks for new copies; minimum: the
    minNumberOfCopies to write (0: leave it); short: why it cannot get all it should have, "" when
    it can; repair: its map has entries that Longhorn 1.8 and later cannot write back.
    """

    image: Image
    held: Held
    targets: tuple[Disk, ...]
    minimum: int
    short: str = ""
    repair: bool = False

    @property
    def writes(self) -> bool:
        """Whether its map or its minimum is to be changed."""
        return bool(self.targets) or self.minimum > 0 or self.repair

    @property
    def settled(self) -> bool:
        """Whether nothing is to be written or waited for any more."""
        return not self.writes and not self.held.coming


def shortfalls(cluster: Cluster, images: Iterable[Held], copies: int) -> tuple[Shortfall, ...]:
    """What `assess` would make where there is room, for any number of images in little time."""
    closed = {name: "node is under maintenance" for name in under_maintenance(cluster)}
    choice = _Choice(cluster, closed)
    found = (_shortfall(cluster, held, copies, choice) for held in images)
    return tuple(one for one in found if one.copies or one.minimum or one.repair)


def _shortfall(cluster: Cluster, held: Held, copies: int, choice: _Choice) -> Shortfall:
    image = held.image
    repair = any(not copy.complete for copy in image.wanted)
    if _objection(cluster, image, bool(held.proven)):
        return Shortfall(image, 0, False, False)
    disks = [place.disk for place in (*held.proven, *held.coming)]
    wanted, nodes = _copies_wanted(cluster, image, copies), {disk.node for disk in disks}
    number = max(copies - len(nodes), wanted - len(disks), int(choice.another_zone(disks)), 0)
    number = min(number, choice.free_disks(image))
    minimum = _minimum(cluster, image, copies, number)
    return Shortfall(image, number, minimum > 0, repair)


def _copies_wanted(cluster: Cluster, image: Image, copies: int) -> int:
    return max(copies, image.min_copies if cluster.schema.replenishes else 1)


def _minimum(cluster: Cluster, image: Image, copies: int, new: int) -> int:
    """The minNumberOfCopies to write, 0 to leave it. Copies on nodes that are left out stay in the
    map: they count for Longhorn's cleanup.
    """
    if not cluster.schema.replenishes:
        return 0
    needed = max(copies, len(image.wanted) + new if new else 0)
    return needed if needed > image.min_copies else 0


def assess(
    cluster: Cluster, wish: Wish, asked: Mapping[str, Collection[str]] | None = None
) -> tuple[Raise, ...]:
    """The needs of the wished images, largest file first, targets chosen together. *asked*: disks
    by image whose copies were asked for before: no other disk is chosen while one of them fails.
    """
    waited = asked or {}
    places = reliable_places(cluster, wish.away)
    closed = {name: "node is under maintenance" for name in under_maintenance(cluster)}
    closed |= {name: "node is next in line for maintenance" for name in wish.away}
    choice = _Choice(cluster, closed)
    readable = reliable_places(cluster) if wish.away else places
    images = [cluster.images[name] for name in wish.images if name in cluster.images]
    images = [image for image in images if not image.meta.deleting]
    images.sort(key=lambda image: (-image.file_bytes, image.name))
    return tuple(
        _raise(
            cluster,
            wish,
            hold(image, places, waited.get(image.name, ())),
            bool(hold(image, readable).proven),
            choice,
        )
        for image in images
    )


def _raise(cluster: Cluster, wish: Wish, held: Held, source: bool, choice: _Choice) -> Raise:
    image = held.image
    repair = any(not copy.complete for copy in image.wanted)
    objection = _objection(cluster, image, source)
    if objection:
        return Raise(image, held, (), 0, objection)
    wanted = _copies_wanted(cluster, image, wish.copies)
    have = [*held.proven, *held.coming]
    targets, short = _targets(image, have, wish.copies, wanted, choice)
    minimum = _minimum(cluster, image, wish.copies, len(targets))
    return Raise(image, held, tuple(targets), minimum, short, repair)


def _objection(cluster: Cluster, image: Image, has_source: bool) -> str:
    """Why nothing can be done for this image now ("" when something can). *has_source*: it has a
    proven copy somewhere, if only on a node that is left out: that can still be copied from.
    """
    frozen = refused_url(cluster, image)
    if frozen:
        return f"{frozen}, so Longhorn {cluster.schema.version} refuses every change of it"
    source = cluster.data_sources.get(image.name)
    if source is None or not source.file_transferred:
        return "its first file is not finished"
    return "" if has_source else "it has no proven copy to make others from: see diagnose"


def _targets(
    image: Image, have: Collection[Place], nodes_wanted: int, copies_wanted: int, choice: _Choice
) -> tuple[list[Disk], str]:
    """Disks for the copies that are missing, and why there are not enough of them."""
    held = [place.disk for place in have]
    targets: list[Disk] = []
    while True:
        nodes = {disk.node for disk in held}
        enough = len(nodes) >= nodes_wanted and len(held) >= copies_wanted
        if enough and not choice.another_zone(held):
            return targets, ""
        chosen = choice.placement.choose(image, held)
        if chosen is None and enough:
            return targets, ""
        if chosen is None:
            return targets, _why_short(image, choice.placement, len(nodes), nodes_wanted)
        if enough and not choice.spreads(held, chosen):
            return targets, ""
        if chosen.node in nodes and len(held) >= copies_wanted:
            return targets, f"no further node can take a copy: {_nodes_text(len(nodes))}"
        targets.append(chosen)
        held.append(chosen)


class _Choice:
    """The placement, made when it is needed, and which disks and zones there are at all."""

    def __init__(self, cluster: Cluster, closed: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._closed = closed
        self._disks = {
            disk.uuid: node.zone
            for node in cluster.nodes.values()
            if not placement.node_refused(cluster, node, closed)
            for disk in node.disks
            if not placement.disk_refused(disk)
        }
        self._zones = {zone for zone in self._disks.values() if zone}

    @cached_property
    def placement(self) -> Placement:
        return Placement(self._cluster, self._closed)

    def free_disks(self, image: Image) -> int:
        """How many usable disks have no copy of it."""
        taken = sum(1 for c in image.copies.values() if c.in_map and c.disk in self._disks)
        return len(self._disks) - taken

    def _zones_of(self, disks: Iterable[Disk]) -> set[str]:
        return {self._cluster.nodes[disk.node].zone for disk in disks}

    def another_zone(self, held: Collection[Disk]) -> bool:
        """Whether several copies share one zone although another has a disk."""
        zones = self._zones_of(held)
        return len(held) > 1 and len(zones) == 1 and bool(self._zones - zones)

    def spreads(self, held: Iterable[Disk], chosen: Disk) -> bool:
        """Whether this disk is in a zone that none of the others is in."""
        return not self._zones_of([chosen]) & self._zones_of(held)


def _nodes_text(number: int) -> str:
    return f"its copies are on {number} node{'' if number == 1 else 's'}"


def _why_short(image: Image, chosen: Placement, nodes: int, wanted: int) -> str:
    reasons = [f"{disk}: {why}" for disk, why in chosen.refusals(image).items()]
    shown = "; ".join(reasons[:6]) + (f"; and {len(reasons) - 6} more" if len(reasons) > 6 else "")
    return f"no disk can take another copy ({_nodes_text(nodes)} of {wanted} wanted): {shown}"
