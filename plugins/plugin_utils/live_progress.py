# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows, while a module still runs, the progress lines it writes.

Ansible has no event for a running module. So the action plug-in makes a FIFO, tells the module its
path through the task's environment, and a thread of this worker shows each line as it comes, on
standard error because Display does not flush standard output when that is a pipe. The FIFO also
works the other way round: when Ansible is gone it is closed, and so the module learns to stop.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import (
    ENVIRONMENT_VARIABLE,
)

POLL_SECONDS = 0.5
LINE_BYTES_MAX = 4096
SUMMARY_LINES_MAX = 3
# Options of our modules that name a file to be written.
FILE_OPTIONS = ("report_file", "junit_file", "svg_file")


def printable(text: str) -> str:
    """The text with every character that could steer a terminal replaced."""
    return "".join(c if c.isprintable() else "?" for c in text)


def from_here(args: Mapping[str, Any], here: str) -> dict[str, Any]:
    """The arguments with every file to be written named from *here*.

    Ansible runs a local module in the folder of its playbook, which is one of the collection's own
    where the playbook is. This process stays where ansible-playbook was started.
    """
    found = dict(args)
    for name in FILE_OPTIONS:
        path = found.get(name)
        if isinstance(path, str) and path:
            plain = os.path.expanduser(os.path.expandvars(path))
            # The module expands what begins with ~ or a variable, maybe as another user.
            found[name] = path if os.path.isabs(plain) else os.path.join(here, plain)
    return found


class LineReader(threading.Thread):
    """Reads lines from a FIFO and shows them until told to stop, or until the parent is gone."""

    def __init__(self, path: str, show: Callable[[str], None]) -> None:
        super().__init__(daemon=True, name="longhorn progress")
        # Read and write: with a writer of our own the FIFO never reports its end between modules.
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._show = show
        self._done = threading.Event()
        self._parent = os.getppid()
        self._rest = b""

    def run(self) -> None:
        """Loop until :meth:`finish` or until the process that started this worker is gone."""
        # A Ctrl-C must reach the main thread; from ansible-core 2.19 it can be lost here.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            while not self._done.is_set() and os.getppid() == self._parent:
                self._read(POLL_SECONDS)
            while self._read(0.0):
                pass
        finally:
            os.close(self._fd)

    def _read(self, seconds: float) -> bool:
        ready, _w, _x = select.select([self._fd], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._fd, 65536)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._rest = self._rest[-LINE_BYTES_MAX:]
        for line in lines:
            self._show(printable(line.decode("utf-8", "replace")))
        return True

    def finish(self) -> None:
        """Show what is still in the FIFO and end."""
        self._done.set()
        self.join(timeout=5 * POLL_SECONDS)


@contextlib.contextmanager
def shown_lines(show: Callable[[str], None]) -> Iterator[str]:
    """A FIFO whose lines are shown while the block runs; its path is the value."""
    folder = tempfile.mkdtemp(prefix="longhorn-", dir=C.DEFAULT_LOCAL_TMP)
    reader: LineReader | None = None
    try:
        path = os.path.join(folder, "progress")
        os.mkfifo(path, 0o600)
        reader = LineReader(path, show)
        reader.start()
        yield path
    finally:
        if reader is not None:
            reader.finish()
        shutil.rmtree(folder, ignore_errors=True)


def lines_at_the_end(
    result: Mapping[str, Any], name: str, plain_check: bool, also_failed: bool
) -> list[str]:
    """The lines of the result that a person is shown.

    A check without a diff shows a short summary in place of the diff; otherwise it is the list of
    that *name* in the result, of a failed task only where *also_failed* says so.
    """
    if plain_check and result.get("summary"):
        return list(map(str, result["summary"]))[:SUMMARY_LINES_MAX]
    if result.get("failed") and not also_failed:
        return []
    return list(map(str, result.get(name) or ()))


class LiveProgressAction(ActionBase):  # type: ignore[misc]
    """Runs the module of the same name, shows what it reports on the way, and what came of it."""

    SHOWN = ""
    """The list of lines in the module's result that is for people; none by default."""
    SHOWN_WHEN_FAILED = False

    _supports_check_mode = True
    _supports_async = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module as any other, with a FIFO in its environment where lines can be shown."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        host = printable(str(task_vars.get("inventory_hostname", "")))
        in_background = bool(self._task.async_val) and not self._connection.has_native_async
        if self._can_show():
            result = merge_hash(result, self._run_shown(task_vars, host))
        else:
            result = merge_hash(
                result,
                self._execute_module(
                    module_args=self._module_args(), task_vars=task_vars, wrap_async=in_background
                ),
            )
        if not self._task.no_log:
            self._show_the_end(result, host)
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _show_the_end(self, result: dict[str, Any], host: str) -> None:
        plain_check = self._task.check_mode and not self._task.diff
        lines = lines_at_the_end(result, self.SHOWN, plain_check, self.SHOWN_WHEN_FAILED)
        # A JSON document stands without the host's name, for a program to read.
        begin = "" if self._task.args.get("format") == "json" else f"  [{host}] "
        for line in lines:
            Display().display(f"{begin}{printable(line)}".rstrip())
        if result.get("failed") and self.SHOWN_WHEN_FAILED:
            # Ansible prints all of a failed result.
            result.pop(self.SHOWN, None)

    def _module_args(self) -> dict[str, Any]:
        args: Mapping[str, Any] = self._task.args
        return from_here(args, os.getcwd()) if self._connection.transport == "local" else dict(args)

    def _can_show(self) -> bool:
        return (
            self._connection.transport == "local"
            and not self._task.async_val
            and not self._task.no_log
        )

    def _run_shown(self, task_vars: dict[str, Any], host: str) -> dict[str, Any]:
        def show(line: str) -> None:
            Display().display(f"  [{host}] {line}", stderr=True)

        with shown_lines(show) as path, self._environment({ENVIRONMENT_VARIABLE: path}):
            answer: dict[str, Any] = self._execute_module(
                module_args=self._module_args(), task_vars=task_vars
            )
            return answer

    @contextlib.contextmanager
    def _environment(self, more: dict[str, str]) -> Iterator[None]:
        """The task's environment with these variables while the block runs."""
        before = self._task.environment
        self._task.environment = [*(before or []), more]
        try:
            yield
        finally:
            self._task.environment = before
