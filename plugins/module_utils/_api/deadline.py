# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much time is left: the only clock that operations know, and it never goes backwards."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

Clock = Callable[[], float]


class TimedOut(Failure):
    """A wait ran out. The text says what was waited for and what was last seen."""


def spell_seconds(seconds: float) -> str:
    """A duration as a person writes it: ``45 s``, ``6 min 41 s``, ``2 h 5 min``."""
    whole = int(round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Deadline:
    """A point in time, *seconds* from now by a monotonic clock. None means: no limit."""

    def __init__(self, seconds: float | None, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.seconds = seconds
        self.started = clock()

    def now(self) -> float:
        """The monotonic clock itself, for intervals."""
        return self._clock()

    def elapsed(self) -> float:
        """Seconds since the deadline was set."""
        return self._clock() - self.started

    def remaining(self) -> float:
        """Seconds left, never negative; infinite without a limit."""
        if self.seconds is None:
            return float("inf")
        return max(0.0, self.seconds - self.elapsed())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining() <= 0.0

    def within(self, seconds: float) -> Deadline:
        """A deadline after *seconds*, but never later than this one."""
        return Deadline(min(seconds, self.remaining()), self._clock)
