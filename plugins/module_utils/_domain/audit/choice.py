# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disks, nodes and zones can take copies, and the placement that chooses among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import Placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.proven import (
    under_maintenance,
)


class Choice:
    """The placement, made when it is needed, and which disks and zones there are at all."""

    def __init__(self, cluster: Cluster, away: Collection[str] = ()) -> None:
        """away: nodes that are next in line for maintenance, beside those that are under it."""
        self._cluster = cluster
        closed = {name: "node is under maintenance" for name in under_maintenance(cluster)}
        closed |= {name: "node is next in line for maintenance" for name in away}
        self._closed: Mapping[str, str] = closed
        self._disks = {
            disk.uuid: disk.node
            for node in cluster.nodes.values()
            if not placement.node_refused(cluster, node, closed)
            for disk in node.disks
            if not placement.disk_refused(disk)
        }
        self._on_node = Counter(self._disks.values())
        zones = (cluster.nodes[name].zone for name in self._on_node)
        self._nodes_in_zone = Counter(zone for zone in zones if zone)

    @cached_property
    def placement(self) -> Placement:
        return Placement(self._cluster, self._closed)

    def free_disks(self, image: Image) -> int:
        """How many usable disks have no copy of it."""
        taken = sum(1 for c in image.copies.values() if c.in_map and c.disk in self._disks)
        return len(self._disks) - taken

    def _full(self, image: Image) -> set[str]:
        """Nodes whose usable disks are all in the image's map already, whatever their copies."""
        taken = Counter(
            self._disks[c.disk] for c in image.copies.values() if c.in_map and c.disk in self._disks
        )
        return {name for name, number in taken.items() if number == self._on_node[name]}

    def further_nodes(self, image: Image, nodes: Collection[str]) -> int:
        """How many other nodes have a usable disk that is not in the image's map."""
        return len(self._on_node.keys() - set(nodes) - self._full(image))

    def _zones_of(self, disks: Iterable[Disk]) -> set[str]:
        return {self._cluster.nodes[disk.node].zone for disk in disks}

    def another_zone(self, image: Image, held: Collection[Disk]) -> bool:
        """Whether several copies share one zone although another has a disk for the image."""
        zones = self._zones_of(held)
        if len(held) < 2 or len(zones) != 1:
            return False
        full = Counter(self._cluster.nodes[name].zone for name in self._full(image))
        free = {zone for zone, number in self._nodes_in_zone.items() if number > full[zone]}
        return bool(free - zones)

    def spreads(self, held: Iterable[Disk], chosen: Disk) -> bool:
        """Whether this disk is in a zone that none of the others is in."""
        return not self._zones_of([chosen]) & self._zones_of(held)
