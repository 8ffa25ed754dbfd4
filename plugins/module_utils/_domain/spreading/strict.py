# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second bound, dearer than bound.Bound: copies of one image stand apart here, too.

Images that miss as many copies, with the same disks to choose from and their other copies in the
same places, form a group. Its files flow to zones, from there to nodes (while these are few), from
there to disks; a zone or node takes no more copies of one image than the distance allows. An end
at which not everything gets through, by any of the measures, cannot be reached.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import Board
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.measures import (
    Measure,
    measures,
    whole,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.network import (
    Network,
)

NODES_MAX = 12
ZONES_MAX = 12
GROUPS_MAX = 64
WORK = 150_000
MEASURES_MAX = 120


@dataclass(frozen=True, slots=True)
class Group:
    """Images that no rule tells apart. missing: copies of each; zones_least, nodes_least: how many
    new zones and nodes these copies cover at least; zones, nodes: where its others are.
    """

    kind: int
    missing: int
    zones_least: int
    nodes_least: int
    zones: frozenset[str]
    nodes: frozenset[str]

    def in_zone(self, zone: str) -> int:
        return self.missing - self.zones_least + (zone not in self.zones)

    def in_node(self, node: str) -> int:
        return self.missing - self.nodes_least + (node not in self.nodes)


class Strict:
    """What copies that cover no fewer nodes and zones than on this board need at least."""

    def __init__(self, board: Board) -> None:
        self._board = board
        places = board.task.places
        self._by_node = len({place.node for place in places}) <= NODES_MAX
        self._by_zone = len({place.zone for place in places}) <= ZONES_MAX
        self._groups = self._grouped()
        if len(self._groups) > GROUPS_MAX:
            self._by_node = False
            self._groups = self._grouped()
        sizes = {size for files in self._groups.values() for size in files}
        self._sizes = sorted(sizes)
        self._part = math.gcd(*sizes) or 1
        self._spots: dict[tuple[str, str, tuple[int, ...]], list[int]] = {}
        for number, place in enumerate(places):
            zone = place.zone if self._by_zone else ""
            node = place.node if self._by_node else ""
            key = (zone, node, tuple(board.kinds_of[number]))
            self._spots.setdefault(key, []).append(number)
        edges = max(1, len(self._groups) * len(self._spots))
        files = sum(len(files) for files in self._groups.values())
        self._looks = min(MEASURES_MAX, WORK // (2 * edges + files + len(places)))

    def _grouped(self) -> dict[Group, list[int]]:
        board, found = self._board, dict[Group, list[int]]()
        places = board.task.places
        for wish, chosen in zip(board.task.wishes, board.chosen, strict=True):
            if not chosen:
                continue
            zones = {places[place].zone for place in chosen} - wish.zones
            nodes = {places[place].node for place in chosen} - wish.nodes
            group = Group(
                wish.kind,
                len(chosen),
                len(zones) if self._by_zone else 0,
                len(nodes) if self._by_node else 0,
                wish.zones if self._by_zone and zones else frozenset(),
                wish.nodes if self._by_node and nodes else frozenset(),
            )
            found.setdefault(group, []).append(wish.bytes)
        return found

    def least(self, low: int, known: int, close: int) -> int:
        """An end that cannot be beaten, at least *low*, at most *known*; exact to *close* bytes."""
        if not self._groups or len(self._groups) > GROUPS_MAX or self._looks < 1:
            return low
        while low < known and self._looks > 0:
            refuted = self._refuted(low, 0)
            if refuted is None:
                break
            high, low, number = known, low + 1, refuted
            while high - low > close:
                middle = (low + high) // 2
                if self._out_of_reach(middle, self._measure(middle, number)):
                    low = middle + 1
                else:
                    high = middle
        return self._rounded(min(low, known), known)

    def _rounded(self, low: int, known: int) -> int:
        """No disk takes a part of a file: every end is a sum of files on top of what is busy."""
        part = math.gcd(self._part, *(place.busy for place in self._board.task.places))
        return min(known, -(-low // part) * part)

    def _measures(self, end: int) -> Iterator[Measure]:
        yield whole(self._part)
        yield from measures(self._sizes, end, MEASURES_MAX)

    def _measure(self, end: int, number: int) -> Measure:
        for index, measure in enumerate(self._measures(end)):
            if index == number:
                return measure
        return whole(self._part)

    def _refuted(self, end: int, start: int) -> int | None:
        """The first measure by which not everything is done by that end."""
        for number, measure in enumerate(self._measures(end)):
            if self._looks <= 0:
                return None
            if number >= start and self._out_of_reach(end, measure):
                return number
        return None

    def _out_of_reach(self, end: int, measure: Measure) -> bool:
        self._looks -= 1
        net, places = Network(), self._board.task.places
        spots: list[tuple[str, str, tuple[int, ...], int]] = []
        for (zone, node, users), members in self._spots.items():
            caps = (max(0, min(end - places[p].busy, places[p].free)) for p in members)
            point = net.point()
            net.edge(point, 1, sum(map(measure, caps)))
            spots.append((zone, node, users, point))
        total = 0
        for group, files in self._groups.items():
            amount = sum(map(measure, files))
            if not amount:
                continue
            total += amount * group.missing
            self._join(net, group, amount, spots)
        return net.flow() < total

    @staticmethod
    def _join(
        net: Network, group: Group, amount: int, spots: list[tuple[str, str, tuple[int, ...], int]]
    ) -> None:
        """The paths of one group to its disks."""
        source = net.point()
        net.edge(0, source, amount * group.missing)
        zones: dict[str, int] = {}
        nodes: dict[str, int] = {}
        for zone, node, users, point in spots:
            if group.kind not in users:
                continue
            if zone not in zones:
                zones[zone] = net.point()
                net.edge(source, zones[zone], amount * group.in_zone(zone))
            if not node:
                net.edge(zones[zone], point, amount * group.missing)
                continue
            if node not in nodes:
                nodes[node] = net.point()
                net.edge(zones[zone], nodes[node], amount * group.in_node(node))
            net.edge(nodes[node], point, amount * group.missing)
