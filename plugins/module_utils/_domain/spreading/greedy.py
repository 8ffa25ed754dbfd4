# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Largest copy first, each to the disk that would be done first (LPT).

One shelf per kind of disk: a heap of zones by their least busy disk, in each zone a heap of disks,
and the disks that are too full for now asleep. Sizes only fall, so a disk is woken once per fall
asleep, and a copy costs a few heap operations however many disks there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush, heapreplace

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Board,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.bound import Bound


class Shelf:
    """The disks of one kind, least busy first. Feed it copies by falling size."""

    def __init__(self, board: Board, members: Iterable[int]) -> None:
        self._board = board
        self._zones: dict[str, list[tuple[int, int]]] = {}
        self._asleep: list[tuple[int, int]] = []
        self._keys: dict[str, tuple[int, int]] = {}
        self._order: list[tuple[int, int, str]] = []
        for place in members:
            zone = board.task.places[place].zone
            self._zones.setdefault(zone, []).append((board.load[place], place))
        for zone, heap in self._zones.items():
            heapify(heap)
            self._list(zone)

    def choose(self, slot: int, apart: Apart) -> int | None:
        """The least busy disk with room at that distance from the image's other copies."""
        board = self._board
        size = board.size(slot)
        self._wake(size)
        best: tuple[int, int] | None = None
        seen: list[str] = []
        while self._order:
            load, place, zone = self._order[0]
            if self._keys.get(zone) != (load, place):
                heappop(self._order)
                continue
            if best is not None and best <= (load, place):
                break
            if not self._settle(zone, size):
                continue
            heappop(self._order)
            self._keys.pop(zone)
            seen.append(zone)
            found = self._first(slot, zone, apart, size)
            if found is not None and (best is None or found < best):
                best = found
        for zone in seen:
            self._list(zone)
        return best[1] if best else None

    def _list(self, zone: str) -> None:
        heap = self._zones[zone]
        if heap:
            self._keys[zone] = heap[0]
            heappush(self._order, (*heap[0], zone))
        else:
            self._keys.pop(zone, None)

    def _settle(self, zone: str, size: int) -> bool:
        """Bring the zone's first disk up to date; False when that changed the zone's rank."""
        heap = self._zones[zone]
        while heap and not self._current(heap, size):
            pass
        if heap and self._keys[zone] == heap[0]:
            return True
        self._list(zone)
        return False

    def _current(self, heap: list[tuple[int, int]], size: int) -> bool:
        """Whether the first disk has room and stands where its load belongs; else it is put there,
        or to sleep.
        """
        board = self._board
        load, place = heap[0]
        if board.room[place] < size:
            heappop(heap)
            heappush(self._asleep, (-board.room[place], place))
            return False
        if board.load[place] != load:
            heapreplace(heap, (board.load[place], place))
            return False
        return True

    def _first(self, slot: int, zone: str, apart: Apart, size: int) -> tuple[int, int] | None:
        """The zone's least busy disk that fits the image; disks that do not are put back."""
        board, heap = self._board, self._zones[zone]
        aside: list[tuple[int, int]] = []
        found: tuple[int, int] | None = None
        while heap and found is None:
            if self._current(heap, size):
                load, place = heap[0]
                stands = board.apart(slot, place)
                if stands is not None and stands >= apart:
                    found = (load, place)
                else:
                    aside.append(heappop(heap))
                    if apart is Apart.ZONE and stands is not None:
                        # The whole zone has a copy already: its other disks will not do either.
                        break
        for item in aside:
            heappush(heap, item)
        return found

    def _wake(self, size: int) -> None:
        board = self._board
        while self._asleep and -self._asleep[0][0] >= size:
            place = heappop(self._asleep)[1]
            if board.room[place] < size:
                heappush(self._asleep, (-board.room[place], place))
                continue
            zone = board.task.places[place].zone
            heappush(self._zones[zone], (board.load[place], place))
            self._list(zone)


def fill(board: Board, slots: Iterable[int]) -> list[int]:
    """Place these copies, largest first, each as far apart as it can; returns what had no room."""
    shelves = {
        kind: Shelf(board, members) for kind, members in enumerate(board.task.kinds) if members
    }
    left: list[int] = []
    for slot in in_order(board, slots):
        shelf = shelves.get(board.task.wishes[board.slots[slot].wish].kind)
        place = shelf.choose(slot, board.slots[slot].apart) if shelf else None
        if place is None:
            left.append(slot)
        else:
            board.put(slot, place)
    return left


def fill_by_shares(board: Board, slots: Iterable[int], bound: Bound, end: int) -> list[int]:
    """As fill, but the disks that several groups want are shared out first, as *end* needs it.

    Each copy goes to the class of disks that owes its group most; what fits nowhere there is tried
    anywhere. Returns those without room.
    """
    shares = bound.shares(end)
    if shares is None:
        return fill(board, slots)
    shelves = [Shelf(board, members) for members in bound.classes]
    allowed = bound.allowed()
    owed = [
        {number: share.get(number, 0) for number in allowed[g]} for g, share in enumerate(shares)
    ]
    left: list[int] = []
    for slot in in_order(board, slots):
        mine = owed[bound.group_of[slot]]
        apart, size = board.slots[slot].apart, board.size(slot)
        for number in sorted(mine, key=lambda n: (-mine[n], n)):
            place = shelves[number].choose(slot, apart)
            if place is not None:
                mine[number] -= size
                board.put(slot, place)
                break
        else:
            left.append(slot)
    return fill(board, left) if left else []


def in_order(board: Board, slots: Iterable[int]) -> list[int]:
    """Largest first; among equals those with the fewest disks to choose from."""
    kinds = board.task.kinds
    wishes = board.task.wishes

    def rank(slot: int) -> tuple[int, int, int]:
        wish = wishes[board.slots[slot].wish]
        return (-wish.bytes, len(kinds[wish.kind]), slot)

    return sorted(slots, key=rank)
