# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process in a data source pod: it prepares the first file of an image (F§2.2 to F§2.4).

Times measured (recordings, pods.jsonl and progress of v1.12.1/a-create-good-url): bytes begin to
come 2.4 s after the container's start. A download error does not end the process (F§5.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulator.kernel import Kernel
from tests.simulator.longhorn.disk_folder import DiskFolder
from tests.simulator.longhorn.file_service import HASH_RATE
from tests.simulator.longhorn.names import (
    FAILED,
    FOR_TRANSFER,
    IN_PROGRESS,
    PENDING,
    READY,
    STARTING,
)
from tests.simulator.longhorn.sources import Answer, Content
from tests.simulator.longhorn.sync_file import PREFIX

BEGINS_AFTER = 2.4
#: A download that takes longer by its rate goes by that.
QUICK = 2.0
UPLOAD_LIMIT = 60.0
SECTOR = 512
NO_UPLOAD = "timeout waiting for the datasource file processing begin"


@dataclass(frozen=True, slots=True)
class Order:
    """What a data source is to prepare."""

    name: str
    uuid: str
    checksum: str
    upload: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """When a download begins after the start of its process, and how long it takes (seconds)."""

    begins_after: float
    takes: float


class DataSourceServer:
    """One such process, from the start of its container to its end."""

    def __init__(
        self,
        kernel: Kernel,
        disk: DiskFolder,
        order: Order,
        ask: Callable[[], Answer],
        course: Course | None = None,
    ) -> None:
        self.kernel = kernel
        self.disk = disk
        self.order = order
        self.alive = True
        self.state = PENDING
        self.progress = 0
        self.size = 0
        self.checksum = ""
        self.message = ""
        self._ask = ask
        self._course = course
        self._answer: Answer | None = None
        self._since = 0.0
        self._work = disk.work_file(order.name, order.uuid)
        self._tmp = self._work.with_name(self._work.name + ".tmp")
        if order.upload:
            kernel.call_later(UPLOAD_LIMIT, self._no_upload)
        else:
            kernel.call_later(course.begins_after if course else BEGINS_AFTER, self._begin)

    def stop(self) -> None:
        """End the process; what it wrote stays."""
        self.alive = False

    def look(self) -> None:
        """Bring the progress up to date, as an answer to a manager's question."""
        if self.state == IN_PROGRESS and self._answer is not None and self.size:
            moved = (self.kernel.now() - self._since) * self._answer.rate
            limit = self.size if self._answer.cut_after is None else self._answer.cut_after
            self.progress = max(self.progress, int(min(moved, limit) * 100 / self.size))

    def upload(self, answer: Answer) -> None:
        """Let somebody send the bytes."""
        if self.alive and self.order.upload and self.state == PENDING:
            self._move(answer)

    def hand_over(self) -> Content | None:
        """Give the finished file to the manager of the same disk; None if there is none."""
        if not self.alive or self.state != FOR_TRANSFER or self._answer is None:
            return None
        self.state = READY
        return self._answer.content

    def _no_upload(self) -> None:
        if self.alive and self.state == PENDING:
            self._fail(NO_UPLOAD, prefixed=False)

    def _begin(self) -> None:
        if not self.alive:
            return
        self.state = STARTING
        self._move(self._ask())

    def _move(self, answer: Answer) -> None:
        if answer.error or answer.content is None:
            self._fail(answer.error)
            return
        if answer.content.size % SECTOR:
            text = f"the file size {answer.content.size} should be a multiple of {SECTOR} bytes"
            self._fail(f"{text} since Longhorn uses directIO by default")
            return
        self._answer = answer
        self.state, self.size = IN_PROGRESS, answer.content.size
        self._since = self.kernel.now()
        try:
            self.disk.write(self._tmp, answer.content)
        except OSError as error:
            self._fail(str(error))
            return
        if answer.cut_after is not None:
            self.kernel.call_later(answer.cut_after / answer.rate, self._cut)
            return
        seconds = answer.content.size / answer.rate + answer.content.size / HASH_RATE
        if self._course is not None and seconds < QUICK:
            seconds = self._course.takes
        self.kernel.call_later(seconds, lambda: self._arrived(answer.content))

    def _cut(self) -> None:
        if self.alive:
            self.look()
            self._fail("unexpected EOF")

    def _arrived(self, content: Content | None) -> None:
        if not self.alive or content is None:
            return
        self.checksum = content.checksum
        if self.order.checksum and self.order.checksum != content.checksum:
            self._fail(
                f"the expected checksum {self.order.checksum} doesn't match the file actual "
                f"checksum {content.checksum}"
            )
            return
        try:
            self.disk.rename(self._tmp, self._work)
            self.disk.write_text(self._work.with_name(self._work.name + ".cfg"), "{}")
        except OSError as error:
            self._fail(str(error))
            return
        self.state, self.progress = FOR_TRANSFER, 100

    def _fail(self, cause: str, prefixed: bool = True) -> None:
        self.state = FAILED
        self.message = PREFIX + cause if prefixed else cause
        for path in (self._tmp, self._work):
            try:
                self.disk.unlink(path)
            except OSError:
                continue
