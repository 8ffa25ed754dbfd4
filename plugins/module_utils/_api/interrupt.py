# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One flag for "stop at the next safe point": Ctrl-C, a signal, or a reader that is gone sets it.

Nothing is stopped in the middle: whoever works asks the flag between two steps. Clean-up after it
is short and never needed for correctness.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

_REASONS = {
    signal.SIGINT: "interrupted by Ctrl-C",
    signal.SIGTERM: "asked to stop (SIGTERM)",
    signal.SIGHUP: "the terminal was closed (SIGHUP)",
}


class Interrupted(Failure):
    """The work stopped at a safe point because it was asked to. The text says where."""


class Interrupt:
    """The flag. Setting it twice keeps the first reason."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason = ""

    @property
    def requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def request(self, reason: str) -> None:
        """Ask to stop at the next safe point."""
        if not self._event.is_set():
            self.reason = reason
            self._event.set()

    def check(self, where: str) -> None:
        """A safe point: raise Interrupted here if somebody asked to stop."""
        if self.requested:
            raise Interrupted(
                f"Stopped: {self.reason}. {where} "
                "Nothing is left half done; run the same command again to go on."
            )

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.request(_REASONS.get(signal.Signals(number), f"signal {number}"))

    @contextmanager
    def installed(self) -> Iterator[Interrupt]:
        """Listen to SIGINT, SIGTERM and SIGHUP inside the block (main thread only)."""
        previous = {number: signal.signal(number, self._handle) for number in _REASONS}
        try:
            yield self
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
