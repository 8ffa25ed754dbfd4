# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which missing copies can be placed at all, and how far apart from the others each can stand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Slot,
    Task,
    Wish,
)


class Reach:
    """The disks of one kind, ready for the question: which zones and nodes have n bytes free?"""

    def __init__(self, task: Task, members: tuple[int, ...]) -> None:
        self._task = task
        self._members = members
        nodes: dict[str, int] = {}
        zones: dict[str, int] = {}
        for place in members:
            found = task.places[place]
            nodes[found.node] = max(nodes.get(found.node, 0), found.free)
            zones[found.zone] = max(zones.get(found.zone, 0), found.free)
        self._free = sorted(task.places[place].free for place in members)
        self._nodes = sorted(nodes.values())
        self._zones = sorted(zones.values())

    def distances(self, wish: Wish) -> list[Apart]:
        """New zones first, then new nodes, then other disks: as many as there are, no more."""
        spare = wish.number + len(wish.barred)
        if _at_least(self._zones, wish.bytes) >= spare + len(wish.zones):
            return [Apart.ZONE] * wish.number
        enough = _at_least(self._nodes, wish.bytes) >= spare + len(wish.nodes)
        if enough and len(self._zones) > 1:
            zones = self._zones_left(wish)
            nodes = wish.number
        elif enough:
            zones, nodes = (1 if not wish.zones else 0), wish.number
        else:
            return self._counted(wish)
        return [Apart.ZONE if n < zones else Apart.NODE for n in range(min(wish.number, nodes))]

    def _zones_left(self, wish: Wish) -> int:
        """Zones without a copy that have a disk for it; stops when there are enough."""
        found: set[str] = set()
        for place in self._members:
            seen = self._task.places[place]
            if seen.free < wish.bytes or seen.zone in wish.zones or seen.zone in found:
                continue
            if place not in wish.barred:
                found.add(seen.zone)
                if len(found) >= wish.number:
                    break
        return len(found)

    def _counted(self, wish: Wish) -> list[Apart]:
        free = [
            self._task.places[place]
            for place in self._members
            if self._task.places[place].free >= wish.bytes and place not in wish.barred
        ]
        zones = len({place.zone for place in free} - wish.zones)
        nodes = len({place.node for place in free} - wish.nodes)
        return [
            Apart.ZONE if n < zones else Apart.NODE if n < nodes else Apart.DISK
            for n in range(min(wish.number, len(free)))
        ]


def _at_least(ascending: list[int], least: int) -> int:
    return len(ascending) - bisect_left(ascending, least)


def slots_of(task: Task) -> list[Slot]:
    """One slot per missing copy that some disk could take by itself."""
    reach: Mapping[int, Reach] = {
        kind: Reach(task, members) for kind, members in enumerate(task.kinds)
    }
    found: list[Slot] = []
    for number, wish in enumerate(task.wishes):
        for index, apart in enumerate(reach[wish.kind].distances(wish)):
            found.append(Slot(number, apart, index < wish.essential))
    return found
