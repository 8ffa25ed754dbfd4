# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes and disks that remain when a node is gone, and what each could still take.

Thousands of volumes and images ask with the same few selectors, so answers are kept per selector.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    placement,
    volume_space,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
    Volume,
)

_Selectors = tuple[tuple[str, ...], tuple[str, ...]]
REFUSALS_TOLD = 20
OPENINGS = {
    "node is cordoned": "uncordon node {}",
    "node is not Ready": "bring node {} back",
    "scheduling is disabled on the node": "open scheduling on node {}",
    "node is being evicted": "stop the eviction of node {}",
}


class Places:
    """What remains without a node. gone: it, and others that are being removed too."""

    def __init__(self, cluster: Cluster, node: str) -> None:
        self.node = node
        removed = (
            name
            for name, known in cluster.nodes.items()
            if memory.before(known.meta).get("intent") == Intent.REMOVE.value
        )
        self.gone = frozenset({node, *removed})
        self.room = placement.Room.of(cluster.settings)
        self._cluster = cluster
        self._against: dict[str, str] = {
            name: placement.node_refused(cluster, known, {})
            for name, known in cluster.nodes.items()
            if name not in self.gone
        }
        self._disks: dict[_Selectors, tuple[Disk, ...]] = {}
        self._copies: dict[_Selectors, list[int]] = {}

    def disks(self, selectors: _Selectors) -> tuple[Disk, ...]:
        """Disks that are open to these selectors, whatever their space."""
        if selectors not in self._disks:
            self._disks[selectors] = tuple(
                disk
                for name, against in self._against.items()
                if not (against or self._node_barred(name, selectors[0]))
                for disk in self._cluster.nodes[name].disks
                if not (placement.disk_refused(disk) or self._disk_barred(disk, selectors[1]))
            )
        return self._disks[selectors]

    def _node_barred(self, name: str, selector: tuple[str, ...]) -> str:
        tags = self._cluster.nodes[name].tags
        return placement.tags_refused(self._cluster.settings, selector, tags, "node")

    def _disk_barred(self, disk: Disk, selector: tuple[str, ...]) -> str:
        return placement.tags_refused(self._cluster.settings, selector, disk.tags, "disk")

    def open_to(self, volume: Volume) -> list[Disk]:
        """Disks that are open to the selectors of a volume, and of its image."""
        disks = self.disks((volume.node_selector, volume.disk_selector))
        image = self._cluster.images.get(volume.image)
        if image is None or not (image.node_selector or image.disk_selector):
            return list(disks)
        allowed = {disk.uuid for disk in self.disks((image.node_selector, image.disk_selector))}
        return [disk for disk in disks if disk.uuid in allowed]

    def takes(self, disk: Disk, volume: Volume) -> bool:
        """Whether Longhorn would schedule a replica there by its space rules."""
        return self.room.schedulable(disk) >= volume.size and self.room.real(disk) > 0

    def nodes_for(self, volume: Volume) -> list[str]:
        """Nodes that could take a replica of the volume, those that hold one included."""
        disks = self.open_to(volume)
        return list(dict.fromkeys(disk.node for disk in disks if self.takes(disk, volume)))

    def cramped(self, volume: Volume) -> list[tuple[int, str]]:
        """Disks that lack only space, and could have it: (bytes they lack, label), the least first;
        only on nodes without a replica of it.
        """
        holders = {r.node for r in self._cluster.replicas_of_volume.get(volume.name, ())}
        fitting = set(self.nodes_for(volume))
        found = [
            (volume.size - self.room.schedulable(disk), disk.label)
            for disk in self.open_to(volume)
            if disk.node not in holders
            and disk.node not in fitting
            and volume.size - self.room.schedulable(disk) <= disk.storage_scheduled
        ]
        return sorted(row for row in found if row[0] > 0)

    def refused(self, volume: Volume) -> tuple[str, ...]:
        """Why each node that remains and has none cannot take a replica; the first few."""
        return tuple(f"{name}: {why}" for name, why in self._refusals(volume))[:REFUSALS_TOLD]

    def openings(self, volume: Volume) -> Iterator[str]:
        """What would open a node that is closed as a whole."""
        for name, why in self._refusals(volume):
            if why in OPENINGS and not self._node_barred(name, volume.node_selector):
                yield OPENINGS[why].format(name)

    def _refusals(self, volume: Volume) -> Iterator[tuple[str, str]]:
        holders = {
            r.node for r in self._cluster.replicas_of_volume.get(volume.name, ()) if not r.failed_at
        }
        fitting = set(self.nodes_for(volume))
        for name, against in sorted(self._against.items()):
            if name in holders or name in fitting:
                continue
            yield name, against or volume_space.refused(self._cluster, volume, name, {})

    def disks_for(self, image: Image, taken: set[str]) -> int:
        """How many disks could take a copy of the image, apart from those that have one."""
        selectors = (image.node_selector, image.disk_selector)
        if selectors not in self._copies:
            self._copies[selectors] = sorted(map(self.room.free, self.disks(selectors)))
        free = self._copies[selectors]
        number = len(free) - bisect_left(free, image.file_bytes)
        held = sum(
            1
            for uuid in taken
            if (disk := self._cluster.disks[uuid]) in self.disks(selectors)
            and self.room.free(disk) >= image.file_bytes
        )
        return number - held
