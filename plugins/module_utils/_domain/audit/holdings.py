# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything stands now: which files and replicas can be relied on, and in which zone.

Made once per audit, in one pass over disks, images and replicas, so that ten thousand images on a
thousand nodes cost less than a second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.incoming import COMING
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Disk,
    Image,
    Replica,
)

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """A disk whose reports can be believed, with the names of what fails together with it."""

    disk: Disk
    node: str
    zone: str

    @property
    def label(self) -> str:
        return self.disk.label


@dataclass(frozen=True, slots=True)
class Held:
    """One image: places of its proven copies, and of those that are on their way."""

    image: Image
    proven: tuple[Place, ...]
    coming: tuple[Place, ...]

    @property
    def nodes(self) -> frozenset[str]:
        """Nodes of the proven copies."""
        return frozenset(place.node for place in self.proven)

    @property
    def zones(self) -> frozenset[str]:
        """Zones of the proven copies."""
        return frozenset(place.zone for place in self.proven)


def reliable_places(cluster: Cluster, away: Collection[str] = NOBODY) -> dict[str, Place]:
    """Disks by UUID that can be relied on (see `proven`), those of nodes in *away* left out."""
    closed = proven.under_maintenance(cluster) | frozenset(away)
    return {
        uuid: Place(disk, disk.node, cluster.nodes[disk.node].zone)
        for uuid, disk in cluster.disks.items()
        if not proven.why_unreliable(cluster, disk, closed)
    }


def hold(image: Image, places: Mapping[str, Place], asked: Collection[str] = NOBODY) -> Held:
    """Where one image is. The same rule as `proven.proven`, on disks judged before.

    asked: disks whose copy we asked for: it is on its way also while Longhorn tries again.
    """
    found: list[Place] = []
    coming: list[Place] = []
    for copy in image.copies.values():
        place = places.get(copy.disk)
        if place is None or not copy.in_map:
            continue
        if _is_proven(copy):
            found.append(place)
        elif (copy.state in COMING or copy.disk in asked) and not copy.eviction_requested:
            coming.append(place)
    return Held(image, tuple(found), tuple(coming))


def _is_proven(copy: Copy) -> bool:
    return copy.state == "ready" and not copy.eviction_requested


def hold_all(images: Iterable[Image], places: Mapping[str, Place]) -> tuple[Held, ...]:
    """Every image that is not being deleted, by name."""
    found = (hold(image, places) for image in images if not image.meta.deleting)
    return tuple(sorted(found, key=lambda held: held.image.name))


def serving(replicas: Iterable[Replica], places: Mapping[str, Place]) -> tuple[Place, ...]:
    """Places of the replicas that have complete data and can be relied on."""
    return tuple(
        places[replica.disk] for replica in replicas if replica.healthy and replica.disk in places
    )
