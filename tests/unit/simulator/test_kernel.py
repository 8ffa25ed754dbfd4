# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and order."""

from __future__ import annotations

import pytest

from tests.simulator.clock import RunningClock, VirtualClock, make_clock
from tests.simulator.kernel import Kernel, parse_rfc3339, rfc3339, rfc3339_micro


def test_timers_run_in_order_of_time_then_of_making() -> None:
    kernel = Kernel(VirtualClock(1000.0))
    seen: list[tuple[str, float]] = []
    for name, delay in (("b", 2.0), ("a", 1.0), ("c", 2.0)):
        kernel.call_later(delay, lambda name=name: seen.append((name, kernel.now())))
    assert kernel.run_for(5.0) == 3
    assert seen == [("a", 1001.0), ("b", 1002.0), ("c", 1002.0)]
    assert kernel.now() == 1005.0


def test_a_timer_may_make_timers_that_run_in_the_same_stretch() -> None:
    kernel = Kernel(VirtualClock(0.0))
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(kernel.now())
        kernel.call_later(1.0, tick)

    tick()
    kernel.run_until(3.5)
    assert ticks == [0.0, 1.0, 2.0, 3.0]


def test_a_cancelled_timer_does_not_run_and_is_not_the_next() -> None:
    kernel = Kernel(VirtualClock(0.0))
    first = kernel.call_at(1.0, lambda: pytest.fail("was cancelled"))
    kernel.call_at(2.0, lambda: None)
    first.cancel()
    assert kernel.next_timer() == 2.0
    assert kernel.run_for(10) == 1


def test_run_until_true_stops_at_the_moment_it_holds() -> None:
    kernel = Kernel(VirtualClock(0.0))
    done: list[int] = []
    kernel.call_at(7.0, lambda: done.append(1))
    kernel.call_at(9.0, lambda: done.append(2))
    assert kernel.run_until_true(lambda: bool(done))
    assert (kernel.now(), done) == (7.0, [1])
    assert not kernel.run_until_true(lambda: len(done) > 5, limit=30)
    assert kernel.now() == 37.0


def test_same_seed_same_draws_and_names_do_not_shift_them() -> None:
    a, b = Kernel(seed=7), Kernel(seed=7)
    a.new_uid()
    assert a.rng.random() == b.rng.random()
    assert a.new_uid() != b.new_uid()
    assert Kernel(seed=7).random_suffix() == Kernel(seed=7).random_suffix()


def test_an_earlier_timer_is_announced() -> None:
    kernel = Kernel(VirtualClock(0.0))
    calls: list[float | None] = []
    kernel.notify_earlier(lambda: calls.append(kernel.next_timer()))
    kernel.call_at(5.0, lambda: None)
    kernel.call_at(9.0, lambda: None)
    kernel.call_at(1.0, lambda: None)
    assert calls == [5.0, 1.0]


def test_clocks() -> None:
    assert make_clock("virtual", 5.0).now() == 5.0
    fast = make_clock(50.0, 100.0)
    assert isinstance(fast, RunningClock)
    assert fast.real_seconds(100.0) == 2.0
    before = fast.now()
    fast.set_scale(1.0)
    assert 0 <= fast.now() - before < 5
    with pytest.raises(ValueError, match="positive"):
        make_clock(0.0)
    with pytest.raises(ValueError, match="'virtual', 'real' or a number"):
        make_clock("fast")


def test_times_go_back_and_forth() -> None:
    text = rfc3339(1767600000.9)
    assert text == "2026-01-05T08:00:00Z"
    assert parse_rfc3339(text) == 1767600000.0
    assert rfc3339_micro(1767600000.25) == "2026-01-05T08:00:00.250000Z"
