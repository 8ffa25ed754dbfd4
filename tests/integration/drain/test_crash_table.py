# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at any write, and run again: a sample of what ``make crash-table`` does at every write."""

from __future__ import annotations

import pytest

from tests.crash.jobs import BY_NAME
from tests.crash.table import build
from tests.stepped.transport import Write

# A sample of one in so many writes; a recovery has few.
EACH = {"recover": 3, "delete node": 2}
USUALLY = 11
GENERATIONS = ("1.6.4", "1.12.1")
JOBS = [name for name, job in BY_NAME.items() if job.modes]


@pytest.mark.parametrize("longhorn", GENERATIONS)
@pytest.mark.parametrize("name", JOBS)
def test_what_was_killed_is_finished_by_the_next_run(name: str, longhorn: str) -> None:
    """The same end as of a run that was left alone, nothing made twice, no flag forgotten; and for
    a cancelled drain: what was there before, except what the report says has moved.
    """
    first = 2 + 4 * GENERATIONS.index(longhorn) + JOBS.index(name)
    ways = ("after", "before", "lost")

    def chosen(write: Write, mode: str) -> bool:
        turn, left = divmod(write.number + first, EACH.get(name, USUALLY))
        return not left and mode == ways[turn % 3]

    table = build(BY_NAME[name], longhorn, chosen)
    assert table.alone == ()
    assert table.rows
    assert [(row.write, row.path, row.mode, row.problems) for row in table.bad] == []


@pytest.mark.parametrize("longhorn", GENERATIONS)
def test_a_flag_of_longhorns_eviction_is_not_forgotten(longhorn: str) -> None:
    """The eviction ends while nobody looks: the next run has no replica to move, but a flag."""

    def chosen(write: Write, mode: str) -> bool:
        flags = "/longhorn.io/" in write.path and "/nodes/" in write.path
        return mode == "after" and flags and 3 < write.number < 30

    table = build(BY_NAME["drain remove by flags"], longhorn, chosen)
    assert len(table.rows) >= 2, "at least once set, once taken back"
    assert [row.problems for row in table.bad] == []
