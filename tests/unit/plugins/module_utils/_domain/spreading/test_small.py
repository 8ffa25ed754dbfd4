# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small tasks against all plans there are: rules, completeness, the end, and the bound."""

from __future__ import annotations

from hypothesis import given, settings

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Place,
    Task,
    Wish,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.solve import solve
from tests.unit.plugins.module_utils._domain.spreading.tasks import faults, plans, small


@settings(max_examples=250, deadline=None, derandomize=True)
@given(small())
def test_against_all_plans(task: Task) -> None:
    found = solve(task)
    assert faults(task, found.places) == []
    assert found == solve(task), "the same task gives the same plan"
    best = min((end for end, _bytes in plans(task, apart=True)), default=None)
    if best is not None:
        assert found.complete
        assert found.bound <= best, "the bound must be one"
        assert found.end <= best + best // 100
    elif any(True for _plan in plans(task, apart=False)):
        assert found.complete, "closer to other copies is better than not at all"


def place(name: str, free: int, busy: int = 0) -> Place:
    return Place(name, name, "", free, busy)


def test_a_small_file_gives_way_to_the_tagged_one_that_fits_nowhere_else() -> None:
    """Largest first would put the 9 on the roomy disk, where the 8 with the tag must go."""
    places = (place("tagged", 16), place("plain", 9))
    wishes = (Wish("any", 9, 0), Wish("tag", 8, 1), Wish("tag-too", 8, 1))
    found = solve(Task(places, ((0, 1), (0,)), wishes))
    assert found.complete
    assert found.places == ((1,), (0,), (0,))


def test_the_only_copy_of_an_image_comes_before_a_second_one() -> None:
    wishes = (Wish("second", 9, 0, 1, 0), Wish("only", 8, 0, 1, 1))
    found = solve(Task((place("a", 10),), ((0,),), wishes))
    assert not found.complete
    assert found.places == ((), (0,))


def test_what_is_on_its_way_counts_as_work() -> None:
    places = (place("a", 100, busy=10), place("b", 100))
    found = solve(Task(places, ((0, 1),), tuple(Wish(f"i{n}", 5, 0) for n in range(4))))
    assert (found.end, found.bound) == (15, 15)
    assert sum(at == (1,) for at in found.places) == 3


def test_nothing_to_do() -> None:
    assert solve(Task((), (), ())).end == 0
    assert solve(Task((), ((),), (Wish("a", 1, 0),))).places == ((),)
