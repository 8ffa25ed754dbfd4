# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The best plan of a small task by looking at all of them, cut short where nothing can be gained.

Few copies on few disks is where a good rule of thumb may be far from the best, and where looking
at everything costs nothing. Steps are counted, so that the answer never depends on a clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Board,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.greedy import (
    in_order,
)

STEPS = 20000
COPIES_MAX = 40


class Search:
    """Depth first, largest copy first, least busy disk first."""

    def __init__(self, board: Board, distances: Sequence[Apart], steps: int) -> None:
        self._board = board
        self._distances = distances
        self._steps = steps
        self._order: list[int] = []
        self._best: dict[int, int] | None = None
        self._end: int | None = None
        self._least = 0

    def run(self, slots: Sequence[int], least: int, end: int | None) -> dict[int, int] | None:
        """The earliest end below *end* (None: any end) with all of these copies placed.

        The board is left as it was. None: there is no such plan, or the steps ran out.
        """
        self._order = in_order(self._board, slots)
        self._least, self._end, self._best = least, end, None
        self._down(0)
        return self._best

    def _down(self, depth: int) -> bool:
        """True when the search may end: nothing better is possible, or no step is left."""
        board = self._board
        if depth == len(self._order):
            self._best, self._end = board.snapshot(), board.end
            return self._end <= self._least
        slot = self._order[depth]
        size = board.size(slot)
        seen: set[tuple[int, int, tuple[int, ...]]] = set()
        members = board.task.kinds[board.task.wishes[board.slots[slot].wish].kind]
        for place in sorted(members, key=lambda p: (board.load[p], p)):
            if self._end is not None and board.load[place] + size >= self._end:
                break
            if board.room[place] < size:
                continue
            stands = board.apart(slot, place)
            if stands is None or stands < self._distances[slot]:
                continue
            alike = (board.load[place], board.room[place], self._alike(place))
            if alike in seen:
                continue
            seen.add(alike)
            self._steps -= 1
            if self._steps <= 0:
                return True
            board.put(slot, place)
            over = self._down(depth + 1)
            board.take(slot)
            if over:
                return True
        return False

    def _alike(self, place: int) -> tuple[int, ...]:
        """Equal for places that no rule tells apart: asked only where images miss one copy each."""
        if not self._twins:
            self._twins = self._find_twins()
        return self._twins[place]

    _twins: tuple[tuple[int, ...], ...] = ()

    def _find_twins(self) -> tuple[tuple[int, ...], ...]:
        board = self._board
        alone = all(wish.number == 1 for wish in board.task.wishes)
        if not alone:
            return tuple((place,) for place in range(len(board.task.places)))
        return tuple(
            tuple(
                slot
                for slot in self._order
                if board.task.wishes[board.slots[slot].wish].kind in board.kinds_of[place]
                and (board.apart(slot, place) or Apart.DISK) >= self._distances[slot]
                and place not in board.task.wishes[board.slots[slot].wish].barred
            )
            for place in range(len(board.task.places))
        )
