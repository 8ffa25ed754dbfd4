# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of the simulated cluster: power, and disks with real files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.simulator.longhorn import immutable
from tests.simulator.longhorn.disk_folder import CAPACITY, DiskFolder
from tests.simulator.longhorn.names import HOST_PATH


def normal(path: str) -> str:
    """A disk path without doubled or trailing slashes."""
    return "/" + "/".join(part for part in path.split("/") if part)


class Worker:
    """One machine."""

    def __init__(self, name: str, folder: Path, capacity: int = CAPACITY) -> None:
        self.name = name
        self.capacity = capacity
        self.folder = folder
        self.powered = True
        self.disks: dict[str, DiskFolder] = {}

    def add_disk(self, path: str = HOST_PATH, capacity: int = 0) -> DiskFolder:
        """Make a host path exist; the same folder again where it does already."""
        key = normal(path)
        if key not in self.disks:
            place = self.folder / key.rpartition("/")[2]
            self.disks[key] = DiskFolder(place, capacity or self.capacity)
        return self.disks[key]

    def disk(self, path: str) -> DiskFolder | None:
        """The folder behind a host path, or None."""
        return self.disks.get(normal(path))

    def lose_disk(self, path: str) -> DiskFolder:
        """Take a disk away as a lost mount does; KeyError where there is none."""
        return self.disks.pop(normal(path))

    def give_disk(self, path: str, folder: DiskFolder) -> None:
        """Put a disk back at a host path."""
        self.disks[normal(path)] = folder


class Workers:
    """All machines, under one folder."""

    def __init__(
        self, root: Path | None = None, host_chattr: bool = False, capacity: int = CAPACITY
    ) -> None:
        self._own = root is None
        self.capacity = capacity
        self.root = Path(tempfile.mkdtemp(prefix="longhorn-")) if root is None else root
        self.host_chattr = host_chattr
        self._workers: dict[str, Worker] = {}

    def add(self, name: str) -> Worker:
        """Add a machine."""
        worker = Worker(name, self.root / name, self.capacity)
        worker.folder.mkdir(parents=True, exist_ok=True)
        self._workers[name] = worker
        return worker

    def __getitem__(self, name: str) -> Worker:
        return self._workers[name]

    def __contains__(self, name: str) -> bool:
        return name in self._workers

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

    def get(self, name: str) -> Worker | None:
        """A machine, or None."""
        return self._workers.get(name)

    def folder(self, node: str, path: str) -> Path | None:
        """What stands for a path on a disk of a machine; None where it is on none."""
        worker, wanted = self._workers.get(node), normal(path)
        for key, disk in worker.disks.items() if worker is not None else ():
            if wanted == key or wanted.startswith(f"{key}/"):
                return disk.path / wanted[len(key) + 1 :]
        return None

    def disk(self, node: str, path: str) -> DiskFolder | None:
        """The folder behind a host path of a machine, or None."""
        worker = self._workers.get(node)
        return worker.disk(path) if worker is not None else None

    def chattr(self, node: str, path: str, directory: Path, immutable: bool) -> bool:
        """Set or clear the immutable flag of a directory; True if the host has it too.

        KeyError where the machine has no disk at that path.
        """
        disk = self[node].disks[normal(path)]
        return disk.freeze(directory, immutable, self.host_chattr)

    def close(self) -> None:
        """Clear all flags, those of others too, and remove the folder if it was made here."""
        for worker in self:
            for disk in worker.disks.values():
                disk.thaw_all()
                for directory in disk.path.glob("backing-images/*"):
                    immutable.set_flag(directory, False)
        if self._own:
            shutil.rmtree(self.root, ignore_errors=True)
