# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finishing time that no plan can beat, and the share of each group of disks in it.

Copies with the same disks to choose from form a group, disks that the same groups may use form a
class. A finishing time is out of reach when the bytes of the groups, poured like water, do not fit
into the classes up to that time and each disk's room, or when for some size the number of files at
least that large exceeds what the disks can hold of them (each disk whole files only). Both are
maximum flows; the bound is the largest time that was found out of reach. How the copies of one
image stand to each other is left out, which can only make the bound smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Board,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.flow import pour

EDGES_MAX = 4000
GROUPS_MAX = 64
SIZES_LOOKED_AT = 6
PARTS = (2, 3, 4, 6)

Groups = dict[frozenset[int], list[int]]


class Bound:
    """What these copies at these distances need at least."""

    def __init__(self, board: Board, slots: Iterable[int], distances: Mapping[int, Apart]) -> None:
        self._places = board.task.places
        groups = _grouped(board, list(slots), distances)
        self._keys = list(groups)
        self._classes = self._sort_out()
        self.group_of = {slot: n for n, key in enumerate(self._keys) for slot in groups[key]}
        self._sizes = [
            sorted((board.size(slot) for slot in groups[key]), reverse=True) for key in self._keys
        ]
        # No disk takes in a part of a file: its bytes are a multiple of what all files are made of.
        self._parts = [math.gcd(*sizes) for sizes in self._sizes]
        everything = sorted((s for sizes in self._sizes for s in sizes), reverse=True)
        self._thresholds = self._critical(everything)

    def _sort_out(self) -> dict[tuple[int, ...], list[int]]:
        found: dict[tuple[int, ...], list[int]] = {}
        member: dict[int, list[int]] = {}
        for index, key in enumerate(self._keys):
            for place in key:
                member.setdefault(place, []).append(index)
        for place in sorted(member):
            found.setdefault(tuple(member[place]), []).append(place)
        return found

    def _critical(self, falling: list[int]) -> list[int]:
        """Sizes where one more file means one more on some disk: the 1st, the (m+1)th, …"""
        width = max(1, len({place for key in self._keys for place in key}))
        at = {falling[n * width] for n in range(SIZES_LOOKED_AT) if n * width < len(falling)}
        at |= {sizes[0] for sizes in self._sizes if sizes}
        for key, sizes in zip(self._keys, self._sizes, strict=True):
            if len(sizes) > len(key):
                at.add(sizes[len(key)])
        return sorted(at, reverse=True)[: 2 * SIZES_LOOKED_AT]

    def _room(self, members: list[int], end: int, whole: int) -> int:
        """Bytes that these disks can take in until then, each in whole parts of that size."""
        places = self._places
        return sum(
            max(0, min(end - places[p].busy, places[p].free)) // whole * whole for p in members
        )

    def shares(self, end: int) -> list[dict[int, int]] | None:
        """Bytes of each group for each class within that end, None where they do not fit."""
        rooms = [
            self._room(members, end, math.gcd(*(self._parts[g] for g in users)) or 1)
            for users, members in self._classes.items()
        ]
        return pour([sum(sizes) for sizes in self._sizes], rooms, self.allowed())

    def allowed(self) -> list[list[int]]:
        """For each group the numbers of the classes it may use."""
        return [
            [number for number, users in enumerate(self._classes) if index in users]
            for index in range(len(self._keys))
        ]

    @property
    def classes(self) -> list[list[int]]:
        """The places of each class."""
        return list(self._classes.values())

    def reachable(self, end: int) -> bool:
        """Whether nothing speaks against ending by then."""
        if self.shares(end) is None:
            return False
        allowed = self.allowed()
        for size in [*self._thresholds, *(end // parts + 1 for parts in PARTS)]:
            if size <= 0:
                continue
            numbers = [sum(1 for other in sizes if other >= size) for sizes in self._sizes]
            rooms = [self._room(m, end, size) // size for m in self._classes.values()]
            if pour(numbers, rooms, allowed) is None:
                return False
        return all(self._fits_around_large(end, end // parts, allowed) for parts in PARTS)

    def _fits_around_large(self, end: int, small: int, allowed: list[list[int]]) -> bool:
        """Files that leave less than *small* beside them take a disk's whole time; what is smaller
        than that is left out (the bound L2 of Martello and Toth, for disks of unlike room).
        """
        supplies = [
            sum(end if size > end - small else size for size in sizes if size >= small)
            for sizes in self._sizes
        ]
        rooms = []
        for members in self._classes.values():
            caps = (min(end - self._places[p].busy, self._places[p].free) for p in members)
            rooms.append(sum(end if cap > end - small else max(0, cap) for cap in caps))
        return pour(supplies, rooms, allowed) is not None

    def least(self, known: int, close: int) -> int:
        """A time that cannot be beaten, known to be at most *known*; exact to *close* bytes."""
        busy = max((place.busy for place in self._places), default=0)
        low, high = min(busy, known), known
        if not self._keys or low >= high:
            return high
        while high - low > close:
            middle = (low + high) // 2
            if self.reachable(middle):
                high = middle
            else:
                low = middle + 1
        return low


def _grouped(board: Board, slots: list[int], distances: Mapping[int, Apart]) -> Groups:
    """Copies by the disks they may go to; coarser where there would be too many groups."""
    for fine in (True, False):
        groups = _by_disks(board, slots, distances, fine)
        if len(groups) > GROUPS_MAX:
            continue
        places = {place for key in groups for place in key}
        classes = {tuple(place in key for key in groups) for place in places}
        if len(groups) * len(classes) <= EDGES_MAX:
            return groups
    everywhere = frozenset(place for members in board.task.kinds for place in members)
    return {everywhere: slots}


def _by_disks(board: Board, slots: list[int], distances: Mapping[int, Apart], fine: bool) -> Groups:
    found: Groups = {}
    cache: dict[tuple[int, frozenset[str]], frozenset[int]] = {}
    places = board.task.places
    for slot in slots:
        wish = board.task.wishes[board.slots[slot].wish]
        apart = fine and wish.number == 1 and distances[slot] is Apart.ZONE
        zones: frozenset[str] = wish.zones if apart else frozenset()
        key = (wish.kind, zones)
        if key not in cache:
            members = board.task.kinds[wish.kind]
            cache[key] = frozenset(p for p in members if places[p].zone not in zones)
        found.setdefault(cache[key], []).append(slot)
    return found
