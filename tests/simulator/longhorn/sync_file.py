# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file that a backing image manager or a data source server looks after (F§4.3, F§4.4).

Follows backing-image-manager pkg/sync/sync_file.go@v1.9.2: what becomes of the state, message and
progress when a file is taken up, received, finished or found changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulator.longhorn.disk_folder import MISSING, DiskFolder
from tests.simulator.longhorn.names import (
    FAILED,
    IN_PROGRESS,
    PENDING,
    READY,
    STARTING,
    UNKNOWN,
    data_path,
)
from tests.simulator.longhorn.sources import Content

PREFIX = "failed to process sync file: "


@dataclass(slots=True)
class SyncFile:
    """A record of one file: what the service would answer about it.

    ``moving_since`` and ``moving_for`` (seconds) let the progress be read off the clock.
    """

    name: str
    uuid: str
    state: str = PENDING
    progress: int = 0
    size: int = 0
    virtual_size: int = 0
    real_size: int = 0
    checksum: str = ""
    message: str = ""
    mtime: str = MISSING
    sending: int = 0
    sender: str = ""
    moving_since: float = 0.0
    moving_for: float = 0.0
    broken_rename: bool = False
    gone: bool = False

    def look(self, now: float) -> None:
        """Bring the progress of a moving file up to date."""
        if self.state == IN_PROGRESS and self.moving_for > 0:
            share = (now - self.moving_since) / self.moving_for
            self.progress = max(self.progress, min(100, int(share * 100)))

    def fail(self, cause: str) -> None:
        """Mark the file as failed by its processing; a ready file stays ready."""
        if self.state == READY:
            return
        self.state = FAILED
        self.message = PREFIX + cause if cause else ""

    def report(self, with_real_size: bool) -> dict[str, Any]:
        """The record as it appears in BackingImageManager.status.backingImageFileMap."""
        shown = {
            "name": self.name,
            "uuid": self.uuid,
            "size": self.size,
            "virtualSize": self.virtual_size,
            "state": self.state,
            "currentChecksum": self.checksum,
            "message": self.message,
            "progress": self.progress,
            "sendingReference": self.sending,
            "senderManagerAddress": self.sender,
        }
        if with_real_size:
            shown["realSize"] = self.real_size
        return shown


class CopyFiles:
    """The files of one copy on one disk."""

    def __init__(self, disk: DiskFolder, name: str, uuid: str) -> None:
        self.disk = disk
        self.directory = disk.image_dir(name, uuid)
        self.backing = self.directory / "backing"
        self.tmp = self.directory / "backing.tmp"
        self.config = self.directory / "backing.cfg"
        self.seen_as = data_path(name, uuid)

    def take_up(self, file: SyncFile, size: int, checksum: str) -> None:
        """Use the file that is there if it fits, else clear the place for a new one."""
        try:
            if self._reuse(file, size, checksum):
                return
        except OSError:
            file.progress = 0
        try:
            self.disk.unlink(self.config)
            self.disk.make_dir(self.directory)
            self.disk.unlink(self.tmp)
            self.disk.unlink(self.backing)
        except OSError:
            file.fail("")
            return
        file.state = STARTING

    def _reuse(self, file: SyncFile, size: int, checksum: str) -> bool:
        found = self.disk.size(self.backing)
        if size and found != size:
            return False
        saved = self._saved_config()
        if saved is not None and saved["modificationTime"] == self.disk.mtime(self.backing):
            digest, virtual = str(saved["currentChecksum"]), int(saved["virtualSize"])
        else:
            digest = self.disk.checksum(self.backing)
            content = self.disk.content(self.backing)
            virtual = content.virtual_size if content is not None else found
        if checksum and digest != checksum:
            return False
        file.size, file.virtual_size, file.checksum = found, virtual, digest
        self._settle(file)
        return True

    def _saved_config(self) -> dict[str, Any] | None:
        try:
            saved: dict[str, Any] = json.loads(self.config.read_text())
        except (OSError, ValueError):
            return None
        return saved if "modificationTime" in saved and "currentChecksum" in saved else None

    def _settle(self, file: SyncFile) -> None:
        file.state, file.progress, file.message = READY, 100, ""
        file.real_size = self.disk.real_size(self.backing)
        file.mtime = self.disk.mtime(self.backing)
        try:
            self.write_config(file)
        except OSError:
            file.broken_rename = True

    def write_config(self, file: SyncFile) -> None:
        """Write the side file that makes the checksum trusted later; OSError if it cannot."""
        body = {
            "name": self.seen_as,
            "uuid": file.uuid,
            "size": file.size,
            "virtualSize": file.virtual_size,
            "realSize": file.real_size,
            "expectedChecksum": "",
            "currentChecksum": file.checksum,
            "modificationTime": file.mtime,
        }
        self.disk.write_text(self.config, json.dumps(body))

    def begin(self, content: Content) -> None:
        """Let the bytes arrive under their temporary name; OSError where they cannot."""
        self.disk.write(self.tmp, content)

    def take_work_file(self, work: Path) -> None:
        """Move a data source's file here, under its temporary name; OSError if it cannot be."""
        self.disk.rename(work, self.tmp)
        self.disk.unlink(work.with_name(work.name + ".cfg"))

    def no_tmp_text(self) -> str:
        """What is said when nothing arrived in a directory that cannot be written."""
        path = self.seen_as + ".tmp"
        return (
            f"failed to stat tmp file {path} after getting the file from source: "
            f"stat {path}: no such file or directory"
        )

    def finish(self, file: SyncFile, content: Content, expected: str) -> None:
        """Check what arrived and put it in place.

        The state turns ready before the rename, so a failed rename leaves a ready record without
        a file, which the next check finds (F§4.3).
        """
        if self.disk.mtime(self.tmp) == MISSING:
            file.fail(self.no_tmp_text())
            return
        actual = self.disk.checksum(self.tmp)
        if expected and actual != expected:
            file.fail(
                f"the expected checksum {expected} doesn't match the file actual checksum {actual}"
            )
            file.checksum = actual
            self._drop(self.tmp)
            return
        file.size, file.virtual_size = content.size, content.virtual_size
        file.checksum, file.state, file.progress, file.message = actual, READY, 100, ""
        file.mtime = self.disk.mtime(self.tmp)
        file.real_size = self.disk.real_size(self.tmp)
        try:
            self.write_config(file)
            self.disk.rename(self.tmp, self.backing)
        except OSError:
            file.broken_rename = True

    def suspect(self, file: SyncFile) -> bool:
        """Mark a ready file that was changed as unknown, and tell whether it was."""
        if file.state != READY:
            return False
        mtime = self.disk.mtime(self.backing)
        if mtime == file.mtime:
            return False
        file.state = UNKNOWN
        file.message = f"ready file is suddenly modified at {mtime}, need to re-check the checksum"
        return True

    def recheck(self, file: SyncFile) -> None:
        """Decide about a suspected file by its bytes."""
        if file.state != UNKNOWN:
            return
        try:
            mtime = self.disk.mtime(self.backing)
            actual = self.disk.checksum(self.backing)
        except OSError:
            file.state = FAILED
            file.message = (
                "failed to re-calculate checksum after ready file being modified, will mark the "
                f"file as failed: open {self.seen_as}: no such file or directory"
            )
            return
        if actual == file.checksum:
            file.state, file.message, file.mtime = READY, "", mtime
            return
        file.state = FAILED
        file.message = (
            f"ready file is modified at {mtime} with a different checksum {actual}, "
            f"previous checksum {file.checksum}"
        )

    def delete(self) -> None:
        """Remove what can be removed; failures are only logged in real life."""
        for path in (self.backing, self.tmp, self.config):
            self._drop(path)
        try:
            self.disk.remove_dir(self.directory)
        except OSError:
            return

    def _drop(self, path: Path) -> None:
        try:
            self.disk.unlink(path)
        except OSError:
            return
