# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process in a backing image manager's pod: it keeps, receives, sends and checks files.

Follows backing-image-manager pkg/manager/service.go and pkg/sync/service.go (alike in 1.6 to 1.12):
a request is begun one second after it was taken (the service waits in steps of a second for a
record to leave pending). Two clocks of three seconds start together: one looks at all records and
checks the ready files, the other tells the listeners whether something is news. Which of them comes
first is the same for the whole life of a process. Mostly it is the telling, so that what a look
finds is told three seconds later (a removal showed after 3.6 to 6.8 s in 80 of 99 recorded cases,
after 0.7 to 2.3 s in the others). What a request changed is news at once. Deleting takes one
second, with the bytes gone at its start (F§4.2); a record that hears nothing from its sender fails
after 60 s (F§3.3).
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulator.kernel import Kernel, Timer
from tests.simulator.longhorn.disk_folder import DiskFolder
from tests.simulator.longhorn.names import FAILED, IN_PROGRESS, READY, STARTING
from tests.simulator.longhorn.sources import MIB, Content
from tests.simulator.longhorn.sync_file import CopyFiles, SyncFile

LOOK_EVERY = 3.0
STEP = 1.0
DELETE_TAKES = 1.004
BEGIN_LIMIT = 60.0
IDLE_LIMIT = 30.0
MAX_SENDS = 3
PROMPT_SHARE = 0.2
HASH_RATE = 160.0 * MIB
COPY_RATE = 160.0 * MIB
SHARE_STEP = 0.1
ALREADY_EXISTS = "already exists"
NOT_REUSED = "syncing file should be directly reused but failed"


class AlreadyExists(Exception):
    """A record of this name is there, whatever its state."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks of a process, where something is known of them.

    ``phase``: at which second of each three a listener hears news, up to a second after it was told
    (default: by the start), and ``heard``: between which times after (seconds). ``prompt``: whether
    a look comes before the telling.
    """

    phase: float | None = None
    prompt: bool | None = None
    heard: tuple[float, float] = (0.02, 0.98)


class FileService:
    """One such process, from the start of its container to its end."""

    def __init__(
        self,
        kernel: Kernel,
        disk: DiskFolder,
        address: str,
        rate: Callable[[], float],
        clocks: Clocks = Clocks(),
    ) -> None:
        self.kernel = kernel
        self.disk = disk
        self.address = address
        self.alive = True
        self.files: dict[str, SyncFile] = {}
        self.listener: Callable[[], None] | None = None
        self._rate = rate
        self._known: dict[str, dict[str, Any]] = {}
        self._news = False
        drawn = kernel.rng.random() < PROMPT_SHARE
        self._prompt = drawn if clocks.prompt is None else clocks.prompt
        self.phase = phase = clocks.phase
        first = STEP + kernel.rng.uniform(0.15, 0.85)
        if phase is not None:
            told = phase - kernel.rng.uniform(*clocks.heard)
            first = STEP + (told - kernel.now() - STEP) % LOOK_EVERY
        self._look: Timer = kernel.call_later(first, self._on_look)

    def stop(self) -> None:
        """End the process; its records are forgotten, the files stay."""
        self.alive = False
        self._look.cancel()
        for file in self.files.values():
            file.gone = True
        self.files = {}

    # What a manager asks for

    def list(self, with_real_size: bool) -> dict[str, dict[str, Any]]:
        """All records; each ready file is looked at first."""
        self._look_at_all()
        return {name: file.report(with_real_size) for name, file in sorted(self.files.items())}

    def fetch(self, name: str, uuid: str, hand_over: Callable[[], Content | None]) -> None:
        """Take the file a data source prepared on the same disk. Raises AlreadyExists.

        The data source hands over before the record is looked for: that is how an image hangs
        whose failed record is still there (F§2.9). Nothing happens if it has nothing to hand over.
        """
        content = hand_over()
        if content is None:
            return
        file = self._new(name, uuid)
        files = CopyFiles(self.disk, name, uuid)
        files.take_up(file, 0, "")
        self.kernel.call_later(STEP, lambda: self._take_work_file(file, files, content))

    def reuse(self, name: str, uuid: str, size: int, checksum: str) -> None:
        """Use what is on the disk, or fail. Raises AlreadyExists."""
        file = self._new(name, uuid)
        files = CopyFiles(self.disk, name, uuid)
        files.take_up(file, size, checksum)

        def settle() -> None:
            if not file.gone and file.state == STARTING:
                file.fail(NOT_REUSED)

        self.kernel.call_later(STEP, settle)

    def sync(self, name: str, uuid: str, sender: FileService, size: int, checksum: str) -> None:
        """Get the file from another manager. Raises AlreadyExists."""
        file = self._new(name, uuid)
        file.sender = sender.address
        files = CopyFiles(self.disk, name, uuid)
        files.take_up(file, size, checksum)
        self.kernel.call_later(STEP, lambda: self._await_end(file))
        self.kernel.call_later(STEP, lambda: self._receive(file, files, sender, checksum))

    def delete(self, name: str, uuid: str) -> float:
        """Forget a record and remove its files; seconds until the request returns.

        At its very end it also removes what a data source may be writing for this image on this
        disk, whether it is of the old data source or of a new one: that one then fails
        (v1.6.4/w5-recover-five-ticket-removed-first, image 3).
        """
        file = self.files.pop(name, None)
        if file is not None:
            file.gone = True
        CopyFiles(self.disk, name, uuid).delete()
        self.kernel.call_later(STEP, lambda: self._end_deletion(name, uuid))
        return DELETE_TAKES

    def _end_deletion(self, name: str, uuid: str) -> None:
        if not self.alive:
            return
        self._look_at(name)
        work = self.disk.work_file(name, uuid)
        try:
            self.disk.unlink(work.with_name(work.name + ".tmp"))
        except OSError:
            return

    def send(self, name: str, uuid: str) -> Content | None:
        """Begin to send a file: its content, or None if this process has none to send."""
        file = self.files.get(name)
        if not self.alive or file is None or file.uuid != uuid:
            return None
        files = CopyFiles(self.disk, name, uuid)
        if files.suspect(file):
            files.recheck(file)
        if file.state != READY or file.sending >= MAX_SENDS:
            return None
        file.sending += 1
        known = self.disk.content(files.backing)
        return known or Content(name, file.size, file.virtual_size)

    def sent(self, name: str, uuid: str) -> None:
        """End of a transfer begun by ``send``."""
        file = self.files.get(name)
        if file is not None and file.uuid == uuid and file.sending:
            file.sending -= 1

    # The course of a transfer

    def _new(self, name: str, uuid: str) -> SyncFile:
        if name in self.files:
            raise AlreadyExists(name)
        file = self.files[name] = SyncFile(name, uuid)
        self._look_at(name)  # the answer still reads pending
        return file

    def _take_work_file(self, file: SyncFile, files: CopyFiles, content: Content) -> None:
        if file.gone or file.state != STARTING:
            return
        try:
            files.take_work_file(self.disk.work_file(file.name, file.uuid))
        except OSError as error:
            file.fail(str(error))
            return
        files.finish(file, content, "")

    def _receive(
        self, file: SyncFile, files: CopyFiles, sender: FileService, checksum: str
    ) -> None:
        if file.gone or file.state != STARTING:
            return
        content = sender.send(file.name, file.uuid)
        if content is None:
            self.kernel.call_later(BEGIN_LIMIT, lambda: _never_began(file))
            return
        arriving = content.size
        try:
            files.begin(content)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                sender.sent(file.name, file.uuid)
                file.fail(files.no_tmp_text())
                return
            # The sender gives up and closes the receiver, which takes that for the end of a
            # transfer: only the checksum tells (pkg/sync/sync_file.go Receive, v1.6.4 to v1.12.1).
            arriving = self.disk.free()
        file.state, file.size = IN_PROGRESS, content.size
        file.moving_since = self.kernel.now()
        file.moving_for = content.size / sender.rate_of_one(self._rate())
        self._move(
            file,
            arriving,
            sender,
            lambda: self._received(file, files, sender, content, checksum),
        )

    def rate_of_one(self, limit: float) -> float:
        """Bytes per second for each transfer this process sends now: they share the limit."""
        return min(limit / max(self._sends(), 1), COPY_RATE)

    def _sends(self) -> int:
        return sum(file.sending for file in self.files.values())

    def _at_work(self) -> int:
        """How many files come in now; they share the disk and the processor, as those sent do."""
        return max(sum(file.state == IN_PROGRESS for file in self.files.values()), 1)

    def _move(
        self, file: SyncFile, left: float, sender: FileService, done: Callable[[], None]
    ) -> None:
        """Let the bytes come, and look now and then who shares the network and the disks.

        Five files of 32 MiB at once took 0.7 to 1.6 s each, one alone 0.2 to 0.3 s
        (v1.6.4/w5-recover-five-.., log-bim.txt).
        """
        busy = max(sender._sends(), self._at_work())
        network = sender.rate_of_one(self._rate())
        rate = min(network, COPY_RATE / busy)
        step = SHARE_STEP if rate < network or network >= COPY_RATE else STEP
        seconds = left / rate
        if seconds <= step:
            hashing = file.size * self._at_work() / HASH_RATE
            self.kernel.call_later(seconds + hashing, done)
            return
        self.kernel.call_later(step, lambda: self._move(file, left - rate * step, sender, done))

    def _received(
        self,
        file: SyncFile,
        files: CopyFiles,
        sender: FileService,
        content: Content,
        checksum: str,
    ) -> None:
        sender.sent(file.name, file.uuid)
        if file.gone or file.state != IN_PROGRESS:
            return
        if not sender.alive:
            self.kernel.call_later(IDLE_LIMIT, lambda: file.fail("context canceled"))
            return
        files.finish(file, content, checksum)

    # Looking at the files

    def _check_files(self) -> None:
        now = self.kernel.now()
        for file in self.files.values():
            file.look(now)
            if file.state != READY:
                continue
            files = CopyFiles(self.disk, file.name, file.uuid)
            if files.suspect(file):
                self._recheck_soon(file, files)

    def _recheck_soon(self, file: SyncFile, files: CopyFiles) -> None:
        # A file whose rename failed was seen as unknown for a whole look, three seconds (F§5.4).
        delay = STEP + 0.5 if file.broken_rename else 0.01

        def recheck() -> None:
            if not file.gone:
                files.recheck(file)

        self.kernel.call_later(delay, recheck)

    def _look_at_all(self) -> None:
        self._check_files()
        found = {name: file.report(True) for name, file in self.files.items()}
        if found != self._known:
            self._known, self._news = found, True

    def _look_at(self, name: str) -> None:
        """Take note of one record, or that there is none; every request ends with that."""
        file = self.files.get(name)
        found = file.report(True) if file is not None else None
        if found == self._known.get(name):
            return
        self._news = True
        if found is None:
            del self._known[name]
        else:
            self._known[name] = found

    def _await_end(self, file: SyncFile) -> None:
        """A sync is looked after until it has ended, on a clock of its own."""
        if self.files.get(file.name) is not file:
            return
        file.look(self.kernel.now())
        self._look_at(file.name)
        if file.state not in (READY, FAILED):
            self.kernel.call_later(LOOK_EVERY, lambda: self._await_end(file))

    def _on_look(self) -> None:
        if self._prompt:
            self._look_at_all()
        if self._news:
            self._news = False
            if self.listener is not None:
                self.listener()
        if not self._prompt:
            self._look_at_all()
        self._look = self.kernel.call_later(LOOK_EVERY, self._on_look)


def _never_began(file: SyncFile) -> None:
    if not file.gone and file.state == STARTING:
        text = "failed to wait for processing begin in 60 seconds, current state starting"
        file.fail(text)
