# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where time comes from: a clock that stands still until it is moved, and one that runs.

Virtual, real and scaled time share one interface, so nothing else in the simulator knows which is
in use.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

DEFAULT_START = datetime(2026, 1, 5, 8, 0, 0, tzinfo=UTC).timestamp()


class Clock(Protocol):
    """The source of simulated time, in epoch seconds."""

    def now(self) -> float:
        """Return the simulated time in epoch seconds."""

    def advance_to(self, t: float) -> None:
        """Move to ``t`` where the clock can be moved; a clock that runs by itself ignores it."""

    def real_seconds(self, seconds: float) -> float | None:
        """Return how many real seconds pass while ``seconds`` do here; None: it never passes by
        itself.
        """


class VirtualClock:
    """Time that moves only when told to."""

    def __init__(self, start: float | None = None) -> None:
        self._now = DEFAULT_START if start is None else start

    def now(self) -> float:
        """Return the simulated time in epoch seconds."""
        return self._now

    def advance_to(self, t: float) -> None:
        """Jump to ``t``; time never goes back."""
        self._now = max(self._now, t)

    def real_seconds(self, seconds: float) -> float | None:
        """Virtual time does not pass by itself."""
        return None


class RunningClock:
    """Time that passes ``scale`` times as fast as it does outside; 1.0 is real time."""

    def __init__(self, scale: float = 1.0, start: float | None = None) -> None:
        if scale <= 0:
            raise ValueError(f"the time scale must be positive, not {scale}")
        self._scale = scale
        self._base = time.time() if start is None else start
        self._origin = time.monotonic()

    @property
    def scale(self) -> float:
        """Simulated seconds per real second."""
        return self._scale

    def set_scale(self, scale: float) -> None:
        """Change the pace from this moment on."""
        if scale <= 0:
            raise ValueError(f"the time scale must be positive, not {scale}")
        now = self.now()
        self._base, self._origin, self._scale = now, time.monotonic(), scale

    def now(self) -> float:
        """Return the simulated time in epoch seconds."""
        return self._base + (time.monotonic() - self._origin) * self._scale

    def advance_to(self, t: float) -> None:
        """A running clock cannot be moved."""

    def real_seconds(self, seconds: float) -> float | None:
        """Return how many real seconds pass while ``seconds`` do here."""
        return seconds / self._scale


def make_clock(mode: str | float = "virtual", start: float | None = None) -> Clock:
    """Return the clock for ``virtual``, ``real`` or a scale.

    Raises ValueError for any other word.
    """
    if mode == "virtual":
        return VirtualClock(start)
    if mode == "real":
        return RunningClock(1.0, start)
    if isinstance(mode, str):
        raise ValueError(f"time must be 'virtual', 'real' or a number, not {mode!r}")
    return RunningClock(float(mode), start)
