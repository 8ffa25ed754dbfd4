# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live progress: whole lines into the FIFO that the action plug-in made for this task.

The path comes with the task's environment. Without it, or when it cannot be opened, everything here
is silent. Lines are dropped when the reader is slow and the work never waits for it; a reader that
is gone (EPIPE) means that Ansible itself is gone, so the work is asked to stop.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt

ENVIRONMENT_VARIABLE = "NODECARE_LONGHORN_PROGRESS"
SECONDS_BETWEEN_CHANGES = 5.0
SECONDS_BETWEEN_REPEATS = 30.0
LINE_LENGTH_MAX = 500


def clock_text(seconds: float) -> str:
    """Elapsed time as screens show it: `` 0:05``, ``12:40``, ``1:02:03``."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60:2d}:{whole % 60:02d}"


class Progress:
    """Writes a line on change at most every 5 s, else every 30 s, prefixed by the elapsed time."""

    def __init__(
        self,
        path: str | None,
        interrupt: Interrupt,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._interrupt = interrupt
        self._started = clock()
        self._last_text = ""
        self._last_time = float("-inf")
        self._fd = _open_fifo(path) if path else None

    @classmethod
    def from_environment(cls, interrupt: Interrupt) -> Progress:
        """The progress of this task, as its environment says."""
        return cls(os.environ.get(ENVIRONMENT_VARIABLE), interrupt)

    def update(self, text: str, *, at_once: bool = False) -> None:
        """Show *text* if it is time for it; *at_once* for a milestone that must not be skipped."""
        if self._fd is None:
            return
        since = self._clock() - self._last_time
        due = SECONDS_BETWEEN_REPEATS if text == self._last_text else SECONDS_BETWEEN_CHANGES
        if since < due and not (at_once and text != self._last_text):
            return
        self._last_text = text
        self._last_time = self._clock()
        self._write(f"{clock_text(self._clock() - self._started)}   {text}")

    def _write(self, line: str) -> None:
        clean = "".join(c if c.isprintable() else "?" for c in line)[:LINE_LENGTH_MAX]
        if self._fd is None:
            return
        try:
            # Below PIPE_BUF a write is whole or not at all, so lines never mix or break.
            os.write(self._fd, clean.encode()[:4000] + b"\n")
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno == errno.EPIPE:
                self._interrupt.request("Ansible is gone")
            self.close()

    def close(self) -> None:
        """Give the FIFO back; later updates are silent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _open_fifo(path: str) -> int | None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    # Only ever a FIFO: the variable must not make us write into a file.
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return fd
