# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The room of all disks of a kind in order, kept while copies come and go."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Board,
)


class Bins:
    """Puts and takes copies on a board, and knows the tightest fit at once."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._sorted = [
            sorted((board.room[place], place) for place in members) for members in board.task.kinds
        ]

    def _of(self, slot: int) -> list[tuple[int, int]]:
        return self._sorted[self.board.task.wishes[self.board.slots[slot].wish].kind]

    def tightest(self, slot: int, apart: Apart, banned: frozenset[int] = frozenset()) -> int | None:
        """The disk whose room this copy fills best, at that distance from its image's others."""
        board = self.board
        rooms = self._of(slot)
        for index in range(bisect_left(rooms, (board.size(slot), -1)), len(rooms)):
            place = rooms[index][1]
            stands = board.apart(slot, place)
            if stands is not None and stands >= apart and place not in banned:
                return place
        return None

    def lacking(self, slot: int, apart: Apart, banned: frozenset[int]) -> Iterator[tuple[int, int]]:
        """(bytes, disk) of disks that would do if they had so much more room, least lack first."""
        board = self.board
        size = board.size(slot)
        rooms = self._of(slot)
        for index in range(bisect_left(rooms, (size, -1)) - 1, -1, -1):
            room, place = rooms[index]
            if place in banned or board.cap[place] < size or not board.held[place]:
                continue
            stands = board.apart(slot, place)
            if stands is not None and stands >= apart:
                yield size - room, place

    def put(self, slot: int, place: int) -> None:
        """Place it."""
        self._change(place, lambda: self.board.put(slot, place))

    def take(self, slot: int) -> int:
        """Take it back; returns where it was."""
        place = self.board.at[slot]
        self._change(place, lambda: self.board.take(slot))
        return place

    def _change(self, place: int, change: Callable[[], object]) -> None:
        board = self.board
        old = (board.room[place], place)
        change()
        new = (board.room[place], place)
        for kind in board.kinds_of[place]:
            rooms = self._sorted[kind]
            del rooms[bisect_left(rooms, old)]
            insort(rooms, new)
