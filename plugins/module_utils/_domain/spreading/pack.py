# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All copies within a given finishing time: largest first into the tightest gap (BFD, MULTIFIT).

With an end given, a disk is a bin of min(end - busy, free) bytes and the task is bin packing, where
the tightest fit does better than the least busy disk where there are few copies per disk.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.bins import Bins
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Board,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.greedy import (
    in_order,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.repair import (
    repair,
)


def pack(board: Board, slots: Sequence[int], distances: Sequence[Apart]) -> list[int]:
    """Place these within the board's limit, each at its distance; returns what did not fit."""
    bins = Bins(board)
    left: list[int] = []
    for slot in in_order(board, slots):
        place = bins.tightest(slot, distances[slot])
        if place is None:
            left.append(slot)
        else:
            bins.put(slot, place)
    return left


def squeeze(board: Board, distances: Sequence[Apart], end: int, steps: int) -> bool:
    """Bring everything within that end: what is too much anywhere looks for another place.

    False, and the board as it was, where that did not work out.
    """
    before = board.snapshot()
    board.limit(end)
    over: list[int] = []
    for place, room in enumerate(board.room):
        # The smallest that is enough, else the largest.
        here = sorted(board.held[place], key=lambda slot: (board.size(slot), slot))
        while room < 0 and here:
            chosen = next((slot for slot in here if board.size(slot) >= -room), here[-1])
            here.remove(chosen)
            board.take(chosen)
            over.append(chosen)
            room = board.room[place]
    done = board.end <= end and not repair(board, over, steps, distances)
    board.limit(None)
    if not done:
        board.restore(before)
    return done


def repack(board: Board, distances: Sequence[Apart], end: int, steps: int) -> bool:
    """Pack everything anew within that end; False, and the board as it was, where it fails."""
    before = board.snapshot()
    board.restore({})
    board.limit(end)
    left = pack(board, list(before), distances)
    done = len(left) * 8 <= len(before) and not repair(board, left, steps, distances)
    board.limit(None)
    if not done:
        board.restore(before)
    return done
