# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast it goes and how long it will take, from what was seen in the last half minute.

Longhorn reports per cents, in steps of one and not at every moment, so a rate over less than a few
seconds is noise; before that, and while nothing moves, there is no rate and no estimate.
"""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 30.0
LEAST_SECONDS = 3.0


class Pace:
    """Feed it the bytes moved so far; times are seconds of any clock that only goes on."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def look(self, now: float, moved: int) -> None:
        """Remember how much has been moved by now; less than before counts as a new start."""
        if self._seen and moved < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, moved))
        # The last one before the window stays: the window then covers its whole length.
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> int:
        """Bytes per second over the window; 0 while it is not known."""
        if len(self._seen) < 2:
            return 0
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        return int((last - first) / (now - began)) if now - began >= LEAST_SECONDS else 0

    def seconds_for(self, left: int) -> int | None:
        """About how long so many bytes will take; None while nobody can tell."""
        rate = self.rate
        return max(1, round(left / rate)) if rate else None


def about(seconds: int) -> str:
    """An estimate as a person says it: `about 40 s`, `about 4 min`, `about 2 h 10 min`."""
    if seconds < 55:
        return f"about {max(5, -(-seconds // 5) * 5)} s"
    minutes = -(-seconds // 60)
    if minutes < 100:
        return f"about {minutes} min"
    return f"about {minutes // 60} h {minutes % 60 // 10 * 10} min"
