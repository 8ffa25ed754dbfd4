# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way from missing copies to a plan: fill, repair, improve, and look at all if few.

Nothing here depends on chance or on a clock: the same task gives the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Board,
    Task,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.bound import Bound
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.exact import (
    COPIES_MAX,
    STEPS,
    Search,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.greedy import (
    fill,
    fill_by_shares,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.improve import (
    Improve,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.pack import (
    pack,
    repack,
    squeeze,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.repair import (
    repair,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.slots import (
    slots_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.strict import (
    Strict,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.tabu import Tabu

# Good enough is one per cent above what no plan can beat; within four nothing large is tried.
PRECISION = 100
TRIES = 5
STEPS_IN_ALL = 1_000_000
FAIR = 25
TABU_MAX = 1500


@dataclass(frozen=True, slots=True)
class Spread:
    """The plan: for each wish the places of its new copies, in the order of the task's places.

    end: bytes that the slowest disk has to take in; bound: no plan can be below it. complete: every
    copy that some disk could take by itself has a place.
    """

    places: tuple[tuple[int, ...], ...]
    end: int
    bound: int
    complete: bool


def solve(task: Task) -> Spread:
    """The plan for everything that is missing."""
    board = Board(task)
    board.slots = slots_of(task)
    _place_all(board)
    least = _proven(board, _hasten(board))
    if board.end > least + least // PRECISION and len(board.at) <= TABU_MAX:
        Tabu(board).run(least + least // PRECISION)
    return Spread(
        tuple(tuple(sorted(places)) for places in board.chosen),
        board.end,
        least,
        len(board.at) == len(board.slots),
    )


def _proven(board: Board, least: int) -> int:
    """What cannot be beaten, told more closely where the plan is not near it already."""
    if board.end <= least + least // PRECISION:
        return least
    return Strict(board).least(least, board.end, max(1, board.end // 1000))


def _place_all(board: Board) -> None:
    """As many as can be; where not all can, those first that are an image's only hope."""
    everything = list(range(len(board.slots)))
    if _place(board, everything):
        return
    partly = board.snapshot()
    essential = [slot for slot in everything if board.slots[slot].essential]
    if all(slot in board.at for slot in essential):
        return
    board.restore({})
    _place(board, essential)
    others = [slot for slot in everything if not board.slots[slot].essential]
    repair(board, fill(board, others))
    if _worth(board, partly) > _worth(board, board.at):
        board.restore(partly)


def _worth(board: Board, at: dict[int, int]) -> tuple[int, int]:
    return (sum(1 for slot in at if board.slots[slot].essential), len(at))


def _place(board: Board, slots: list[int]) -> bool:
    """These copies on an empty board; False when some stay without a place."""
    left = repair(board, fill(board, slots))
    if not left and all(_stands(board, slot) >= board.slots[slot].apart for slot in slots):
        return True
    best = board.snapshot()
    wanted = [slot.apart for slot in board.slots]
    board.restore({})
    if not pack(board, slots, wanted):
        return True
    board.restore({})
    if len(slots) <= COPIES_MAX:
        search = Search(board, wanted, STEPS)
        found = search.run(slots, board.end + sum(board.size(slot) for slot in slots), None)
        if found is None and left:
            search = Search(board, [Apart.DISK] * len(board.slots), STEPS)
            found = search.run(slots, board.end + sum(board.size(slot) for slot in slots), None)
        if found is not None:
            board.restore(found)
            return True
    board.restore(best)
    if left:
        _smallest_first(board, slots, best)
    return not left


def _smallest_first(board: Board, slots: list[int], best: dict[int, int]) -> None:
    """Where not all have room, more files may have it when the large ones come last."""
    if len(slots) > COPIES_MAX:
        return
    board.restore({})
    for slot in sorted(slots, key=lambda slot: (board.size(slot), slot)):
        repair(board, fill(board, [slot]))
    if len(board.at) <= len(best):
        board.restore(best)


def _stands(board: Board, slot: int) -> Apart:
    place = board.at[slot]
    return board.apart(slot, place, without=place) or Apart.DISK


def _distances(board: Board) -> dict[int, Apart]:
    return {slot: _stands(board, slot) for slot in board.at}


def _hasten(board: Board) -> int:
    """Make the slowest disk's end as early as can be; returns what cannot be beaten."""
    distances = _distances(board)
    bound = Bound(board, board.at, distances)
    close = max(1, board.end // 1000)
    if not bound.reachable(board.end - 1 - board.end // PRECISION):
        return bound.least(board.end, close)
    least = bound.least(board.end, close)
    enough = least + least // PRECISION
    _share_out(board, bound, enough)
    Improve(board).run(enough)
    if board.end <= enough or not board.at:
        return least
    fair = least + least // FAIR
    wanted = [distances.get(slot, Apart.DISK) for slot in range(len(board.slots))]
    if len(board.at) <= COPIES_MAX:
        best, now = board.snapshot(), board.end
        board.restore({})
        found = Search(board, wanted, STEPS).run(list(best), least, now)
        board.restore(best if found is None else found)
        return least
    _close_in(board, wanted, least, fair)
    return least


def _close_in(board: Board, distances: list[Apart], least: int, fair: int) -> None:
    """Try earlier ends between what cannot be beaten and now."""
    low = least
    steps = min(20000, STEPS_IN_ALL // max(1, len(board.at)))
    for number in range(TRIES):
        target = fair if number == 0 else (low + board.end) // 2
        if board.end <= fair or not low < target < board.end:
            return
        if not (
            squeeze(board, distances, target, steps) or repack(board, distances, target, steps)
        ):
            low = target


def _share_out(board: Board, bound: Bound, enough: int) -> None:
    """Fill once more with the disks shared out among the groups; kept where it ends earlier."""
    best, now = board.snapshot(), board.end
    board.restore({})
    left = fill_by_shares(board, best, bound, enough)
    if repair(board, left) or board.end >= now or _closer(board, best):
        board.restore(best)


def _closer(board: Board, before: dict[int, int]) -> bool:
    """Whether an image's copies stand on fewer nodes or in fewer zones than before."""
    earlier: list[list[int]] = [[] for _each in board.chosen]
    for slot, place in before.items():
        earlier[board.slots[slot].wish].append(place)
    return any(
        _reach(board, number, now) < _reach(board, number, then)
        for number, (now, then) in enumerate(zip(board.chosen, earlier, strict=True))
    )


def _reach(board: Board, number: int, places: list[int]) -> tuple[int, int]:
    wish, found = board.task.wishes[number], [board.task.places[place] for place in places]
    return (
        len({place.node for place in found} | wish.nodes),
        len({place.zone for place in found} | wish.zones),
    )
