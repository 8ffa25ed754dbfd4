# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets an event loop drive a kernel: timers of simulated time become calls of the loop.

With a virtual clock only what is due now runs; time moves when somebody moves it
(``Kernel.run_for``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.simulator.kernel import Kernel


class Driver:
    """Keeps one call of the loop armed for the kernel's next timer."""

    def __init__(
        self,
        kernel: Kernel,
        loop: asyncio.AbstractEventLoop,
        on_failure: Callable[[Exception], None],
    ) -> None:
        """Prepare to drive ``kernel``; ``on_failure`` gets what a timer raised, and no more run."""
        self._kernel = kernel
        self._loop = loop
        self._on_failure = on_failure
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to run timers; call it in the loop's thread."""
        self._kernel.notify_earlier(self.arm)
        self.arm()

    def stop(self) -> None:
        """Stop running timers."""
        self._kernel.notify_earlier(None)
        if self._handle is not None:
            self._handle.cancel()

    def arm(self) -> None:
        """Set the call for the next timer anew, after the clock's pace or the timers have
        changed.
        """
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        due = self._kernel.next_timer()
        if due is None:
            return
        left = due - self._kernel.now()
        seconds = 0.0 if left <= 0 else self._kernel.clock.real_seconds(left)
        if seconds is not None:
            self._handle = self._loop.call_later(seconds, self._run)

    def _run(self) -> None:
        self._handle = None
        try:
            self._kernel.run_due()
        except Exception as error:
            self._on_failure(error)
            return
        self.arm()
