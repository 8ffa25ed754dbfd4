# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one failure costs: for every node, disk and zone, the images and volumes that go with it.

An image is lost when every file that can be relied on now is in what fails. A volume is down when
no complete replica is left, or when one is left but no copy of its image to start it from.
What is lost already is not counted against anything: it is among the weak points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.holdings import (
    Held,
    Place,
    serving,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster

NODE = "node"
DISK = "disk"
ZONE = "zone"
KINDS = (NODE, DISK, ZONE)


@dataclass
class Impact:
    """What would be gone if this failed now. The lists hold names, sorted at the end.

    images: no copy left; again: those of them that Longhorn could download once more; volumes: no
    complete replica left (their data is lost unless what failed returns); stopped: a complete
    replica is left, but no copy of the image it needs to start.
    """

    kind: str
    name: str
    images: list[str]
    again: list[str]
    volumes: list[str]
    stopped: list[str]

    @property
    def down(self) -> int:
        """Volumes that could not run."""
        return len(self.volumes) + len(self.stopped)

    @property
    def harmless(self) -> bool:
        return not self.images and not self.down

    def as_data(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "images_lost": self.images,
            "images_downloadable": self.again,
            "volumes_lost": self.volumes,
            "volumes_not_startable": self.stopped,
        }


Key = Callable[[Place], str]
KEYS: dict[str, Key] = {
    NODE: lambda place: place.node,
    DISK: lambda place: place.label,
    ZONE: lambda place: place.zone,
}


def impacts(
    cluster: Cluster, held: Iterable[Held], places: Mapping[str, Place]
) -> dict[str, tuple[Impact, ...]]:
    """By kind: every node and disk of the cluster, and the zones where there are several."""
    found = {kind: _all(names, kind) for kind, names in _names(cluster).items()}
    images = tuple(held)
    for one in images:
        _count_image(one, found)
    last = {one.image.name: one for one in images}
    for volume in cluster.volumes.values():
        if volume.meta.deleting:
            continue
        here = serving(cluster.replicas_of_volume.get(volume.name, ()), places)
        image = last.get(volume.image)
        for kind, units in found.items():
            _count_volume(volume.name, here, image, kind, units)
    return {kind: _sorted(units.values()) for kind, units in found.items()}


def _names(cluster: Cluster) -> dict[str, list[str]]:
    zones = {node.zone for node in cluster.nodes.values()}
    return {
        NODE: sorted(cluster.nodes),
        DISK: sorted(disk.label for node in cluster.nodes.values() for disk in node.disks),
        # One zone is the whole cluster; a node without one is no zone of its own.
        ZONE: sorted(zone for zone in zones if zone) if len(zones) > 1 else [],
    }


def _all(names: Iterable[str], kind: str) -> dict[str, Impact]:
    return {name: Impact(kind, name, [], [], [], []) for name in names}


def _sole(places: Iterable[Place], key: Key) -> str:
    """The one unit that holds them all, "" when there is more than one or none."""
    names = {key(place) for place in places}
    return names.pop() if len(names) == 1 else ""


def _count_image(held: Held, found: Mapping[str, Mapping[str, Impact]]) -> None:
    for kind, units in found.items():
        unit = units.get(_sole(held.proven, KEYS[kind]))
        if unit is not None:
            unit.images.append(held.image.name)
            if held.image.source_type == "download":
                unit.again.append(held.image.name)


def _count_volume(
    name: str,
    here: tuple[Place, ...],
    image: Held | None,
    kind: str,
    units: Mapping[str, Impact],
) -> None:
    alone = units.get(_sole(here, KEYS[kind]))
    if alone is not None:
        alone.volumes.append(name)
    # A volume that has no complete replica at all is down already, or was never started.
    image_at = units.get(_sole(image.proven, KEYS[kind])) if image is not None and here else None
    if image_at is not None and image_at is not alone:
        image_at.stopped.append(name)


def _sorted(units: Iterable[Impact]) -> tuple[Impact, ...]:
    rows = list(units)
    for row in rows:
        for names in (row.images, row.again, row.volumes, row.stopped):
            names.sort()
    return tuple(rows)
