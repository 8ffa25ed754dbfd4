# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of copies in words: what is there, how fast, how long, what moves, what stands."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pace import Pace, about
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.transfers import Transfers
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    spell_bytes_up,
    spell_part,
)
from tests.unit.plugins.module_utils._domain import build

MIB = 2**20
GIB = build.GIB


def test_no_rate_before_it_is_known() -> None:
    pace = Pace()
    assert (pace.rate, pace.seconds_for(1)) == (0, None)
    pace.look(0, 0)
    pace.look(2, 200)
    assert pace.rate == 0, "two seconds tell nothing"
    pace.look(4, 400)
    assert (pace.rate, pace.seconds_for(1000)) == (100, 10)


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    pace = Pace()
    for second in range(101):
        pace.look(second, 1000 * min(second, 50))
    assert pace.rate == 0, "nothing has moved for 50 s"
    assert pace.seconds_for(5) is None
    for second in range(101, 132):
        pace.look(second, 50_000 + 10 * (second - 100))
    assert 9 <= pace.rate <= 11


def test_a_copy_that_begins_anew_is_a_new_start() -> None:
    pace = Pace()
    pace.look(0, 0)
    pace.look(10, 1000)
    pace.look(11, 200)
    assert pace.rate == 0
    pace.look(15, 600)
    assert pace.rate == 100


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "about 5 s"), (41, "about 45 s"), (55, "about 1 min"), (200, "about 4 min")],
)
def test_an_estimate_as_a_person_says_it(seconds: int, text: str) -> None:
    assert about(seconds) == text
    assert about(3600 * 3) == "about 3 h 0 min"


def scene(first: int, second: str, message: str = "", third: str = "") -> Cluster:
    return build.cluster(
        "1.12.1",
        *[build.node(f"n{n}") for n in range(4)],
        build.image("a", [build.copy("n1.0", "in-progress", progress=first)], size=2 * GIB),
        build.image("b", [build.copy("n2.0", second, message=message)], size=GIB),
        build.image("c", [build.copy("n3.0", third)], size=GIB),
    )


def test_the_line() -> None:
    transfers = Transfers()
    assert transfers.line(scene(0, ""), 0.0) == ""
    for name, disk, size in (("a", "n1.0", 2 * GIB), ("b", "n2.0", GIB), ("c", "n3.0", GIB)):
        transfers.follow(name, disk, size)
        transfers.follow(name, disk, size)
    assert transfers.line(scene(0, "pending"), 0.0) == (
        "copies 0/3   0 B of 4.0 GiB   now: a -> n1 (0 %) and 2 more"
    )
    assert transfers.line(scene(50, "ready"), 10.0) == (
        "copies 1/3   2.0 of 4.0 GiB   204.8 MiB/s   about 10 s   now: a -> n1 (50 %) and 1 more"
    )
    broken = scene(75, "failed", "no space left")
    assert transfers.line(broken, 11.0) == (
        "copies 0/3   1.5 of 4.0 GiB   now: a -> n1 (75 %) and 1 more   "
        "held up: b -> n2 (failed: no space left)"
    )
    done = build.cluster(
        "1.12.1",
        *[build.node(f"n{n}") for n in range(4)],
        *[
            build.image(i, [build.copy(d)])
            for i, d in zip("abc", ("n1.0", "n2.0", "n3.0"), strict=True)
        ],
    )
    assert transfers.line(done, 20.0) == "copies 3/3   4.0 of 4.0 GiB"


def test_numbers_that_are_enough() -> None:
    assert spell_bytes_up(GIB) == "1.0 GiB"
    assert spell_bytes_up(GIB + 1) == "1.1 GiB"
    assert spell_bytes_up(1023 * MIB + 1) == "1023.1 MiB"
    assert spell_bytes_up(1) == "0.1 KiB"
    assert spell_part(300 * MIB, 2 * GIB) == "300.0 MiB of 2.0 GiB"
