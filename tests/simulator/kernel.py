# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that decides order: a heap of timers and a seeded source of randomness.

The same seed and the same calls give the same history. In virtual time the kernel jumps from timer
to timer; in running time the event loop of the HTTP server calls ``run_due`` when the next timer is
due (see ``drive.py``).
"""

from __future__ import annotations

import heapq
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from tests.simulator.clock import Clock, VirtualClock

Callback = Callable[[], object]
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Timer:
    """A call that is to happen at a time, unless it is cancelled first."""

    __slots__ = ("at", "callback", "cancelled")

    def __init__(self, at: float, callback: Callback) -> None:
        self.at = at
        self.callback: Callback | None = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Make sure that the call does not happen; harmless after it did."""
        self.cancelled = True
        self.callback = None


class Kernel:
    """Time, timers and randomness of one simulated cluster."""

    def __init__(self, clock: Clock | None = None, seed: int = 0) -> None:
        self.clock: Clock = clock if clock is not None else VirtualClock()
        self.seed = seed
        self.rng = random.Random(seed)
        # Names are drawn apart, so that one more object does not shift every later delay.
        self._names = random.Random(f"names-{seed}")
        self._heap: list[tuple[float, int, Timer]] = []
        self._sequence = 0
        self._on_earlier: Callable[[], None] | None = None

    def now(self) -> float:
        """Return the simulated time in epoch seconds."""
        return self.clock.now()

    def timestamp(self, t: float | None = None) -> str:
        """Return a time (default: now) in RFC 3339, UTC, with a resolution of one second."""
        return rfc3339(self.now() if t is None else t)

    def new_uid(self) -> str:
        """Return a fresh object uid."""
        return str(uuid.UUID(int=self._names.getrandbits(128), version=4))

    def random_suffix(self, length: int = 5) -> str:
        """Return random letters as the API server appends to ``generateName``."""
        return "".join(self._names.choice(_SUFFIX_LETTERS) for _unused in range(length))

    def call_at(self, t: float, fn: Callback) -> Timer:
        """Call ``fn`` at the simulated time ``t`` (at once, in turn, if that has passed)."""
        timer = Timer(t, fn)
        self._sequence += 1
        heapq.heappush(self._heap, (t, self._sequence, timer))
        if self._on_earlier is not None and self._heap[0][2] is timer:
            self._on_earlier()
        return timer

    def call_later(self, seconds: float, fn: Callback) -> Timer:
        """Call ``fn`` after ``seconds`` of simulated time."""
        return self.call_at(self.now() + seconds, fn)

    def next_timer(self) -> float | None:
        """Return the time of the earliest timer, None if there is none."""
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def notify_earlier(self, fn: Callable[[], None] | None) -> None:
        """Call ``fn`` whenever a new timer becomes the earliest one (used by what drives running
        time).
        """
        self._on_earlier = fn

    def run_due(self) -> int:
        """Run every timer that is due by now and return how many ran."""
        return self._run(self.now())

    def run_until(self, t: float) -> int:
        """Run every timer up to and including ``t`` in order, moving virtual time along, and return
        how many ran.
        """
        ran = self._run(t)
        self.clock.advance_to(t)
        return ran

    def run_for(self, seconds: float) -> int:
        """Run ``seconds`` of virtual time."""
        return self.run_until(self.now() + seconds)

    def run_until_true(self, condition: Callable[[], bool], limit: float = 600.0) -> bool:
        """Run virtual time timer by timer until ``condition`` holds; False after ``limit`` seconds
        without it.
        """
        end = self.now() + limit
        while not condition():
            due = self.next_timer()
            if due is None or due > end:
                self.clock.advance_to(end)
                return condition()
            self.run_until(due)
        return True

    def _run(self, t: float) -> int:
        heap, ran = self._heap, 0
        while heap and heap[0][0] <= t:
            at, _unused, timer = heapq.heappop(heap)
            callback = timer.callback
            if callback is None:
                continue
            self.clock.advance_to(at)
            timer.callback = None
            callback()
            ran += 1
        return ran


def rfc3339(t: float) -> str:
    """Return epoch seconds in RFC 3339, UTC, with a resolution of one second."""
    return datetime.fromtimestamp(int(t), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(t: float) -> str:
    """Return epoch seconds in RFC 3339, UTC, with microseconds, as Leases and Events carry them."""
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> float:
    """Return the epoch seconds of an RFC 3339 time. Raises ValueError if it is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
