# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way out where no single step helps: the slowest disk exchanges files, for the worse if need be.

What has left a disk may not come back for some steps, so that the search does not undo itself.
The best plan seen is kept. Looks are counted, so that the answer never depends on a clock.
"""

from __future__ import annotations

from itertools import chain, combinations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import Board

LOOKS = 400_000
STEPS = 3000
STAY = 12
PARTNERS = 24
SUBSETS_OF = 8

Move = tuple[tuple[int, ...], tuple[int, ...], int]


class Tabu:
    """Search on a complete board; an image never covers fewer nodes or zones than before."""

    def __init__(self, board: Board, looks: int = LOOKS) -> None:
        self._board = board
        self._looks = looks
        self._barred: dict[tuple[int, int], int] = {}
        self._least = [self._reach(number) for number in range(len(board.chosen))]

    def run(self, good_enough: int) -> None:
        """Until the end is good enough or enough was looked at; never later than it was."""
        board = self._board
        best, end = board.snapshot(), board.end
        for step in range(STEPS):
            if end <= good_enough or self._looks <= 0:
                break
            worst = max(range(len(board.load)), key=lambda place: (board.load[place], -place))
            move = self._best_move(worst, step, end)
            if move is None:
                break
            self._do(worst, move, step)
            if board.end < end:
                best, end = board.snapshot(), board.end
        board.restore(best)

    def _best_move(self, worst: int, step: int, end: int) -> Move | None:
        board = self._board
        load, best, found = board.load[worst], (0, 0), None
        gives = [sub for sub in _subsets(board, worst) if sub]
        kinds = {self._kind(slot) for slot in board.held[worst]}
        partners = {place for kind in kinds for place in board.task.kinds[kind]} - {worst}
        ordered = sorted(partners, key=lambda place: (board.load[place], place))[:PARTNERS]
        for other in ordered:
            takes = [(self._sum(sub), sub) for sub in _subsets(board, other)]
            for give in gives:
                given = self._sum(give)
                self._looks -= len(takes)
                for taken, take in takes:
                    more = given - taken
                    if more <= 0 or more > board.room[other]:
                        continue
                    key = (max(load - more, board.load[other] + more), abs(more))
                    if found is not None and key >= best:
                        continue
                    fresh = key[0] < end or not self._stale(give, other, take, worst, step)
                    if fresh and self._may(give, other, take, worst):
                        best, found = key, (give, take, other)
        return found

    def _sum(self, slots: tuple[int, ...]) -> int:
        return sum(self._board.size(slot) for slot in slots)

    def _kind(self, slot: int) -> int:
        return self._board.task.wishes[self._board.slots[slot].wish].kind

    def _stale(
        self, give: tuple[int, ...], other: int, take: tuple[int, ...], worst: int, step: int
    ) -> bool:
        moves = [(slot, other) for slot in give] + [(slot, worst) for slot in take]
        return any(self._barred.get(move, -1) > step for move in moves)

    def _may(self, give: tuple[int, ...], other: int, take: tuple[int, ...], worst: int) -> bool:
        return all(self._goes(slot, other) for slot in give) and all(
            self._goes(slot, worst) for slot in take
        )

    def _goes(self, slot: int, place: int) -> bool:
        """Whether the copy may be there, and its image covers no less with it."""
        board = self._board
        number = board.slots[slot].wish
        wish, chosen = board.task.wishes[number], board.chosen[number]
        if wish.kind not in board.kinds_of[place] or place in wish.barred or place in chosen:
            return False
        here = board.at[slot]
        now = [place if other == here else other for other in chosen]
        nodes, zones = self._reach_of(number, now)
        return nodes >= self._least[number][0] and zones >= self._least[number][1]

    def _reach(self, number: int) -> tuple[int, int]:
        return self._reach_of(number, self._board.chosen[number])

    def _reach_of(self, number: int, places: list[int]) -> tuple[int, int]:
        task = self._board.task
        wish = task.wishes[number]
        return (
            len({task.places[place].node for place in places} - wish.nodes),
            len({task.places[place].zone for place in places} - wish.zones),
        )

    def _do(self, worst: int, move: Move, step: int) -> None:
        give, take, other = move
        for slot in give:
            self._barred[slot, worst] = step + STAY
            self._board.move(slot, other)
        for slot in take:
            self._barred[slot, other] = step + STAY
            self._board.move(slot, worst)


def _subsets(board: Board, place: int) -> list[tuple[int, ...]]:
    """Nothing, one file, or two; three where there are few."""
    held = sorted(board.held[place], key=lambda slot: (-board.size(slot), slot))
    most = 3 if len(held) <= 4 else 2 if len(held) <= SUBSETS_OF else 1
    return list(chain.from_iterable(combinations(held, n) for n in range(most + 1)))
