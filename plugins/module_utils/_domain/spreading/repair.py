# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that found no room: make some by giving other copies other disks (augmenting paths).

Largest-first takes the disk that is done first, so a file that any disk could have held may sit on
the only one with a tag or with room that a later one needs. Here the later one asks such disks in
the order of how much they lack, and their copies look for another place, which may ask in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.bins import Bins
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Board,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.greedy import (
    in_order,
)

DEPTH = 5
ASKED = 12
LOOKED_AT = 40
STEPS = 4000
STEPS_PER_COPY = 1500


class Repair:
    """Finds room by moving copies on; every move is taken back where it did not help."""

    def __init__(self, board: Board, steps: int = STEPS) -> None:
        self._board = board
        self._bins = Bins(board)
        self._total = steps
        self._steps = 0
        self._log: list[tuple[int, int | None]] = []
        self._dead: dict[int, tuple[int, int]] = {}

    def place(self, slot: int, least: Apart = Apart.DISK) -> bool:
        """Place this copy as far apart as it can stand, then less far, down to *least*."""
        best = self._board.slots[slot].apart
        for apart in sorted(Apart, reverse=True):
            if not least <= apart <= best:
                continue
            for depth in range(1, DEPTH + 1):
                self._steps = min(self._total, STEPS_PER_COPY)
                before = self._steps
                done = self._try(slot, apart, frozenset(), depth)
                self._total -= before - self._steps
                self._log.clear()
                self._dead.clear()
                if done:
                    return True
        return False

    def _put(self, slot: int, place: int) -> None:
        self._bins.put(slot, place)
        self._log.append((slot, None))

    def _undo(self, mark: int) -> None:
        while len(self._log) > mark:
            slot, place = self._log.pop()
            if place is None:
                self._bins.take(slot)
            else:
                self._bins.put(slot, place)

    def _try(self, slot: int, apart: Apart, banned: frozenset[int], depth: int) -> bool:
        """Give the copy the tightest room, else make room somewhere."""
        self._steps -= 1
        place = self._bins.tightest(slot, apart, banned)
        if place is not None:
            self._put(slot, place)
            return True
        if depth == 0:
            return False
        asked = islice(self._bins.lacking(slot, apart, banned), LOOKED_AT)
        alive = (item for item in asked if not self._failed(item[1], item[0], depth))
        for lack, other in list(islice(alive, ASKED)):
            if self._steps <= 0 or self._failed(other, lack, depth):
                continue
            mark = len(self._log)
            if self._clear(other, lack, banned | {other}, depth - 1):
                # What moved may have come closer to this image's other copies: look again.
                stands = self._board.apart(slot, other)
                if stands is not None and stands >= apart:
                    self._put(slot, other)
                    return True
            self._undo(mark)
            self._dead[other] = (depth, lack)
        return False

    def _failed(self, place: int, lack: int, depth: int) -> bool:
        """Whether it has been asked for no more than this, with no fewer steps to go, in vain."""
        asked = self._dead.get(place)
        return asked is not None and asked[0] >= depth and asked[1] <= lack

    def _clear(self, place: int, lack: int, banned: frozenset[int], depth: int) -> bool:
        """Free so many bytes there: by one copy if one is enough, else by several."""
        board = self._board
        here = sorted(board.held[place], key=lambda slot: (board.size(slot), slot))
        enough = [slot for slot in here if board.size(slot) >= lack]
        for slot in enough[:ASKED]:
            if self._steps <= 0:
                return False
            if self._onward(slot, banned, depth):
                return True
        small = [slot for slot in here if board.size(slot) < lack]
        if sum(board.size(slot) for slot in small) < lack:
            return False
        for slot in reversed(small):
            if self._steps <= 0:
                return False
            if self._onward(slot, banned, depth):
                lack -= board.size(slot)
                if lack <= 0:
                    return True
        return False

    def _onward(self, slot: int, banned: frozenset[int], depth: int) -> bool:
        """Move a copy on, never closer to its image's other copies than it stood."""
        mark = len(self._log)
        old = self._bins.take(slot)
        self._log.append((slot, old))
        stood = self._board.apart(slot, old)
        if stood is not None and self._try(slot, stood, banned, depth):
            return True
        self._undo(mark)
        return False


def repair(
    board: Board,
    slots: Iterable[int],
    steps: int = STEPS,
    least: Sequence[Apart] | None = None,
) -> list[int]:
    """Place these copies by moving others; returns those that stay without a place.

    least: the distance below which a copy is rather left out (None: any distance will do).
    """
    waiting = in_order(board, slots)
    if not waiting:
        return []
    fixing = Repair(board, steps)
    left: list[int] = []
    for slot in waiting:
        if not fixing.place(slot, Apart.DISK if least is None else least[slot]):
            left.append(slot)
            if least is not None:
                return waiting
    return left
