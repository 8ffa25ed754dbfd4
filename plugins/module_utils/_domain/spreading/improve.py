# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take from the slowest disk for as long as that makes the end earlier.

A copy moves to a disk that stays below the slowest, or changes places with one or two smaller ones.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import Board

LOOKED_AT = 60
LOOKS = 30000
PAIRS_UP_TO = 24


class Improve:
    """Local search on a complete board; rules and room are kept by every step."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._looks = LOOKS
        loads = board.load
        self._by_load = [
            sorted((loads[place], place) for place in members) for members in board.task.kinds
        ]
        self._all = sorted((load, place) for place, load in enumerate(loads))

    def run(self, good_enough: int) -> None:
        """Until the end is good enough, nothing helps any more, or enough was looked at."""
        while self._looks > 0 and self._all and self._all[-1][0] > good_enough:
            load, place = self._all[-1]
            if not self._relieve(place, load):
                return

    def _relieve(self, place: int, load: int) -> bool:
        """Make the slowest disk faster without making another one as slow."""
        board = self._board
        here = sorted(board.held[place], key=lambda slot: (-board.size(slot), slot))
        for look in (self._give, self._swap, self._swap_two):
            for slot in here:
                if look(slot, place, load):
                    return True
        return False

    def _below(self, slot: int, place: int, load: int) -> Iterator[int]:
        """Less busy disks that this copy may change to as far as the rules go."""
        board = self._board
        members = self._by_load[board.task.wishes[board.slots[slot].wish].kind]
        had = board.apart(slot, place, without=place)
        for other_load, other in members[:LOOKED_AT]:
            if other_load >= load or self._looks <= 0:
                return
            self._looks -= 1
            stands = board.apart(slot, other, without=place)
            if other != place and had is not None and stands is not None and stands >= had:
                yield other

    def _give(self, slot: int, place: int, load: int) -> bool:
        board = self._board
        size = board.size(slot)
        for other in self._below(slot, place, load):
            if board.load[other] + size >= load:
                return False
            if board.room[other] >= size:
                self._shift([(slot, other)])
                return True
        return False

    def _swap(self, slot: int, place: int, load: int) -> bool:
        """With one smaller copy: the pair that leaves the busier of both disks the least busy."""
        board = self._board
        size = board.size(slot)
        best: tuple[int, int, int] | None = None
        for other in self._below(slot, place, load):
            for back in board.held[other]:
                more = size - board.size(back)
                if more <= 0 or board.load[other] + more >= load or board.room[other] < more:
                    continue
                end = max(board.load[other] + more, load - more)
                if (best is None or (end, other, back) < best) and self._may(back, place):
                    best = (end, other, back)
            if best is not None and best[0] <= (load + board.load[other]) // 2 + 1:
                break
        if best is None:
            return False
        self._shift([(slot, best[1]), (best[2], place)])
        return True

    def _swap_two(self, slot: int, place: int, load: int) -> bool:
        """With two smaller copies of one disk."""
        board = self._board
        size = board.size(slot)
        for other in self._below(slot, place, load):
            held = sorted(back for back in board.held[other] if board.size(back) < size)
            if len(held) > PAIRS_UP_TO:
                continue
            for index, one in enumerate(held):
                for two in held[index + 1 :]:
                    more = size - board.size(one) - board.size(two)
                    fits = 0 < more <= board.room[other] and board.load[other] + more < load
                    if fits and self._may(one, place) and self._may(two, place):
                        self._shift([(slot, other), (one, place), (two, place)])
                        return True
        return False

    def _may(self, slot: int, place: int) -> bool:
        board = self._board
        kind = board.task.wishes[board.slots[slot].wish].kind
        return kind in board.kinds_of[place] and board.allows(slot, place)

    def _shift(self, moves: list[tuple[int, int]]) -> None:
        board = self._board
        touched = {place for slot, place in moves} | {board.at[slot] for slot, _place in moves}
        for place in touched:
            self._forget(place)
        for slot, place in moves:
            board.move(slot, place)
        for place in touched:
            self._note(place)

    def _forget(self, place: int) -> None:
        item = (self._board.load[place], place)
        for members in (self._all, *(self._by_load[k] for k in self._board.kinds_of[place])):
            del members[bisect_left(members, item)]

    def _note(self, place: int) -> None:
        item = (self._board.load[place], place)
        for members in (self._all, *(self._by_load[k] for k in self._board.kinds_of[place])):
            insort(members, item)
