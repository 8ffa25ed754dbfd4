# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disks, nodes and zones can take copies, and the placement that chooses among them."""

from __future__ import annotations

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
        self._nodes = frozenset(self._disks.values())
        zones = {cluster.nodes[name].zone for name in self._nodes}
        self._zones = frozenset(zone for zone in zones if zone)

    @cached_property
    def placement(self) -> Placement:
        return Placement(self._cluster, self._closed)

    def free_disks(self, image: Image) -> int:
        """How many usable disks have no copy of it."""
        taken = sum(1 for c in image.copies.values() if c.in_map and c.disk in self._disks)
        return len(self._disks) - taken

    def further_nodes(self, nodes: Collection[str]) -> int:
        """How many other nodes have a usable disk."""
        return sum(1 for name in self._nodes if name not in nodes)

    def _zones_of(self, disks: Iterable[Disk]) -> set[str]:
        return {self._cluster.nodes[disk.node].zone for disk in disks}

    def another_zone(self, held: Collection[Disk]) -> bool:
        """Whether several copies share one zone although another has a disk."""
        zones = self._zones_of(held)
        return len(held) > 1 and len(zones) == 1 and bool(self._zones - zones)

    def spreads(self, held: Iterable[Disk], chosen: Disk) -> bool:
        """Whether this disk is in a zone that none of the others is in."""
        return not self._zones_of([chosen]) & self._zones_of(held)
