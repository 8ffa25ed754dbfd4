# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows in which something is not tried again (client-go util/flowcontrol/backoff.go).

F§3.1, F§3.2, F§4.1: the same arithmetic with other numbers for first files, copies and pods.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Window:
    seconds: float
    opened: float


class Backoff:
    """Windows by name: ``first`` seconds, doubling up to ``most``."""

    def __init__(self, first: float, most: float) -> None:
        self.first = first
        self.most = most
        self._windows: dict[str, _Window] = {}

    def open(self, name: str, now: float) -> None:
        """Open the next window; it starts anew after a rest of twice the longest one."""
        window = self._windows.get(name)
        if window is None or now - window.opened > 2 * self.most:
            self._windows[name] = _Window(self.first, now)
            return
        window.seconds = min(window.seconds * 2, self.most)
        window.opened = now

    def closed_at(self, name: str, now: float) -> float | None:
        """When the open window ends, None where none is open."""
        window = self._windows.get(name)
        if window is None or now - window.opened > 2 * self.most:
            return None
        end = window.opened + window.seconds
        return end if now < end else None

    def remember(self, name: str, seconds: float, opened: float) -> None:
        """Let a window of that length have been opened before now."""
        self._windows[name] = _Window(seconds, opened)

    def forget(self, name: str) -> None:
        """Let the next window be the first one again."""
        self._windows.pop(name, None)
