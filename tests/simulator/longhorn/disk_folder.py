# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One disk of a worker: a folder with real files, laid out as Longhorn lays out a disk (F§4.2).

Files are as large as Longhorn says, but sparse behind a short payload, so that hundreds of copies
cost neither space nor time. Their checksums are those of the real bytes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from tests.simulator.longhorn import immutable
from tests.simulator.longhorn.sources import MIB, Content, checksum_of, payload_of

CONFIG = "longhorn-disk.cfg"
CAPACITY = 20957446144
MISSING = ""


@dataclass(frozen=True, slots=True)
class DiskConfig:
    """What longhorn-disk.cfg says about a disk."""

    name: str
    uuid: str


def frozen_mark(directory: Path) -> Path:
    """The file that stands for the immutable flag of a directory where the host has none to give;
    the chattr of a simulated machine makes it.
    """
    return directory.parent / ".frozen" / directory.name


def _no_space(path: Path) -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", str(path))


class DiskFolder:
    """A disk's folder on the host that runs the simulator."""

    def __init__(self, path: Path, capacity: int = CAPACITY) -> None:
        self.path = path
        self.capacity = capacity
        self.filesystem = path.name
        self._frozen: set[Path] = set()
        self._known: dict[str, tuple[Content, str]] = {}
        self._written: dict[Content, None] = {}
        path.mkdir(parents=True, exist_ok=True)

    # Identity

    def config(self) -> DiskConfig | None:
        """The disk's identity, or None where the file is missing or unreadable."""
        try:
            found = json.loads((self.path / CONFIG).read_text())
            return DiskConfig(str(found.get("diskName", "")), str(found["diskUUID"]))
        except (OSError, ValueError, KeyError):
            return None

    def write_config(self, config: DiskConfig, driver: str = "") -> None:
        """Give the disk its identity."""
        body = {"diskName": config.name, "diskUUID": config.uuid, "diskDriver": driver}
        (self.path / CONFIG).write_text(json.dumps(body))

    def used(self) -> int:
        """Bytes that the files really occupy."""
        total = 0
        for folder, _unused, names in os.walk(self.path):
            for name in names:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except FileNotFoundError:
                    continue
        return total

    def free(self) -> int:
        """Bytes that are left for copies, which take none here: what others put on the disk's top
        is what fills it.
        """
        filled = sum(
            entry.stat(follow_symlinks=False).st_blocks * 512
            for entry in os.scandir(self.path)
            if entry.is_file(follow_symlinks=False)
        )
        return max(0, self.capacity - filled)

    def wipe(self) -> None:
        """Make the file system anew: everything is gone."""
        self.thaw_all()
        shutil.rmtree(self.path)
        self.path.mkdir(parents=True)

    # Places

    def image_dir(self, image: str, uuid: str) -> Path:
        """The directory of one copy."""
        return self.path / "backing-images" / f"{image}-{uuid}"

    def work_file(self, image: str, uuid: str) -> Path:
        """The file in which a data source prepares an image."""
        return self.path / "tmp" / f"{image}-{uuid}"

    # The immutable flag (chattr +i)

    def freeze(self, directory: Path, on: bool = True, on_host: bool = False) -> bool:
        """Set or clear the flag; True if the host's file system has it too.

        Without ``on_host`` only the workers of the simulator honour it.
        """
        (self._frozen.add if on else self._frozen.discard)(directory)
        return immutable.set_flag(directory, on) if on_host or not on else False

    def thaw_all(self) -> None:
        """Clear every flag, so that the folder can be removed."""
        for directory in list(self._frozen):
            self.freeze(directory, on=False)
        for mark in self.path.glob("backing-images/.frozen/*"):
            mark.unlink()

    def _writable(self, directory: Path) -> None:
        if directory in self._frozen or frozen_mark(directory).exists():
            raise PermissionError(1, "Operation not permitted", str(directory))

    # Files

    def make_dir(self, directory: Path) -> None:
        """Create a directory and its parents; OSError where that is not possible."""
        if not directory.is_dir() and not self.free():
            raise _no_space(directory)
        directory.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, content: Content) -> None:
        """Write a file of the content's size; OSError where that is not possible.

        Without the space for it the file has its size, but not its bytes.
        """
        self._writable(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        fits = content.size <= self.free()
        if not fits:
            content = replace(content, name=f"{content.name}, broken off")
        with path.open("wb") as file:
            file.write(payload_of(content.name, content.size))
            file.truncate(content.size)
        self._known[str(path)] = (content, self.mtime(path))
        self._written[content] = None
        if not fits:
            raise _no_space(path)

    def write_text(self, path: Path, text: str) -> None:
        """Write a small file; OSError where that is not possible."""
        self._writable(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file; OSError where that is not possible."""
        self._writable(old.parent)
        self._writable(new.parent)
        os.replace(old, new)
        known = self._known.pop(str(old), None)
        if known is not None:
            self._known[str(new)] = known

    def unlink(self, path: Path) -> None:
        """Remove a file if it is there; OSError where that is not possible."""
        if os.path.lexists(path):
            self._writable(path.parent)
            os.unlink(path)
        self._known.pop(str(path), None)

    def remove_dir(self, directory: Path) -> None:
        """Remove a directory with all it holds; OSError where that is not possible."""
        if directory.exists():
            self._writable(directory)
            shutil.rmtree(directory)

    def mtime(self, path: Path) -> str:
        """When a file was last changed, as text; empty where it is missing."""
        try:
            return str(os.stat(path).st_mtime_ns)
        except OSError:
            return MISSING

    def size(self, path: Path) -> int:
        """Size of a file in bytes; OSError where it is missing."""
        return os.stat(path).st_size

    def real_size(self, path: Path) -> int:
        """Bytes a file would occupy with real content (ours is sparse); 0 where it is missing."""
        try:
            return os.stat(path).st_size
        except OSError:
            return 0

    def checksum(self, path: Path) -> str:
        """SHA-512 of a file's bytes; OSError where it cannot be read.

        A file that was written here and not touched since is not read again.
        """
        mtime = self.mtime(path)
        known = self._known.get(str(path))
        if known is not None and mtime and known[1] == mtime:
            return checksum_of(known[0].name, known[0].size)
        digest = hashlib.sha512()
        with path.open("rb") as file:
            while block := file.read(MIB):
                digest.update(block)
        return digest.hexdigest()

    def content(self, path: Path) -> Content | None:
        """The content a file was written with; also one with the same bytes that was put there from
        outside, where they were written on this disk once. None for other bytes.
        """
        known = self._known.get(str(path))
        if known is not None and known[1] == self.mtime(path):
            return known[0]
        try:
            found = self.checksum(path)
        except OSError:
            return None
        same = (each for each in self._written if checksum_of(each.name, each.size) == found)
        return next(same, None)
