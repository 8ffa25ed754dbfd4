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

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.choice import Choice
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
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names


@dataclass(frozen=True, slots=True)
class Wish:
    """How far copies are to be raised: for these images, at least *copies* of each on distinct
    nodes, none of them counted that is on a node of *away* (those next in line for maintenance).
    """

    images: tuple[str, ...]
    copies: int = 2
    away: tuple[str, ...] = ()


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


def minimum_wanted(cluster: Cluster, image: Image) -> int:
    """How many copies Longhorn itself would keep up: none up to 1.6."""
    return image.min_copies if cluster.schema.replenishes else 0


def minimum_to_write(cluster: Cluster, image: Image, copies: int, live: int, new: int) -> int:
    """The minNumberOfCopies that keeps what there will be, 0 to leave it.

    live: copies that there are or that are coming, wherever; keys of lost ones never count, or
    each run would raise it further.
    """
    if not cluster.schema.replenishes:
        return 0
    needed = live + new if new else min(copies, live)
    return needed if needed > image.min_copies else 0


def assess(
    cluster: Cluster, wish: Wish, asked: Mapping[str, Collection[str]] | None = None
) -> tuple[Raise, ...]:
    """The needs of the wished images, largest file first, targets chosen together. *asked*: disks
    by image whose copies were asked for before: no other disk is chosen while one of them fails.
    """
    waited = asked or {}
    places = reliable_places(cluster, wish.away)
    everywhere = reliable_places(cluster) if wish.away else places
    choice = Choice(cluster, wish.away)
    images = [cluster.images[name] for name in wish.images if name in cluster.images]
    images = [image for image in images if not image.meta.deleting]
    images.sort(key=lambda image: (-image.file_bytes, image.name))
    return tuple(
        _raise(
            cluster,
            wish,
            hold(image, places, waited.get(image.name, ())),
            hold(image, everywhere, waited.get(image.name, ())),
            choice,
        )
        for image in images
    )


def _raise(cluster: Cluster, wish: Wish, held: Held, anywhere: Held, choice: Choice) -> Raise:
    """*anywhere*: the same with the copies on nodes that are left out: they can be copied from,
    and count for the minimum, but cannot be counted on.
    """
    image = held.image
    against = objection(cluster, image, bool(anywhere.proven))
    if against:
        return Raise(image, held, (), 0, against)
    have = [*held.proven, *held.coming]
    live = len(anywhere.proven) + len(anywhere.coming)
    left_out = live - len(have)
    least = minimum_wanted(cluster, image) - left_out
    targets, short = _targets(image, have, wish.copies, least, choice)
    minimum = minimum_to_write(cluster, image, wish.copies + left_out, live, len(targets))
    repair = any(not copy.complete for copy in image.wanted)
    return Raise(image, held, tuple(targets), minimum, short, repair)


def objection(cluster: Cluster, image: Image, has_source: bool) -> str:
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
    image: Image, have: Collection[Place], nodes_wanted: int, least: int, choice: Choice
) -> tuple[list[Disk], str]:
    """Disks for the copies that are missing, and why they cannot be on as many nodes as wanted.

    A second copy on a node is made only up to *least*, as Longhorn itself would do.
    """
    held = [place.disk for place in have]
    targets: list[Disk] = []
    while True:
        nodes = {disk.node for disk in held}
        few_nodes, few_copies = len(nodes) < nodes_wanted, len(held) < least
        if not few_nodes and not few_copies and not choice.another_zone(image, held):
            return targets, ""
        chosen = choice.placement.choose(image, held)
        helps = chosen is not None and (
            few_copies
            or (few_nodes and chosen.node not in nodes)
            or (not few_nodes and choice.spreads(held, chosen))
        )
        if chosen is None or not helps:
            return targets, _why_short(image, choice.placement, nodes) if few_nodes else ""
        targets.append(chosen)
        held.append(chosen)


def _why_short(image: Image, chosen: Placement, nodes: Collection[str]) -> str:
    """Which disks were refused, by reason; those of nodes that have a copy do not matter."""
    reasons: dict[str, list[str]] = {}
    for disk, why in chosen.refusals(image).items():
        if disk.partition("/")[0] not in nodes:
            reasons.setdefault(why, []).append(disk)
    told = "; ".join(f"{names(disks, 2)}: {why}" for why, disks in sorted(reasons.items()))
    where = f"its copies are on {count(len(nodes), 'node')} and no other can take one"
    return f"{where} ({told})" if told else where
