# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of a backing image manager: when it tells what it sees, and who shares its disk.

The recordings depend on both: which of several images flaps for ever is decided by seconds.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator.clock import VirtualClock
from tests.simulator.kernel import Kernel
from tests.simulator.longhorn.disk_folder import DiskFolder
from tests.simulator.longhorn.file_service import Clocks, FileService
from tests.simulator.longhorn.sources import MIB, Content
from tests.simulator.longhorn.sync_file import CopyFiles

UUID = "12345678"
FAST = 10_000.0 * MIB


def service(kernel: Kernel, path: Path, prompt: bool = False) -> FileService:
    """A process whose clocks strike within the second before each third one."""
    clocks = Clocks(kernel.now() % 3, prompt)
    return FileService(kernel, DiskFolder(path), "10.0.0.1:8000", lambda: FAST, clocks)


def hold(made: FileService, name: str) -> Path:
    """Put a ready file of 32 MiB under a process's care; its path."""
    content = Content(name, 32 * MIB, 32 * MIB)
    files = CopyFiles(made.disk, name, UUID)
    made.disk.make_dir(files.directory)
    made.disk.write(files.backing, content)
    made.reuse(name, UUID, content.size, content.checksum)
    return files.backing


@pytest.mark.parametrize(("prompt", "sooner", "later"), [(True, 0.0, 3.0), (False, 3.0, 6.0)])
def test_a_lost_file_is_told_by_the_look_or_one_beat_later(
    tmp_path: Path, prompt: bool, sooner: float, later: float
) -> None:
    kernel = Kernel(VirtualClock(1000.0))
    made = service(kernel, tmp_path / "disk", prompt)
    backing = hold(made, "a")
    kernel.run_for(20.0)
    told: list[float] = []
    made.listener = lambda: told.append(kernel.now() - 1020.0)
    backing.unlink()
    kernel.run_for(10.0)
    assert sooner <= told[0] <= later


def test_what_a_request_changed_is_news_at_the_next_stroke(tmp_path: Path) -> None:
    kernel = Kernel(VirtualClock(1000.0))
    made = service(kernel, tmp_path / "disk")
    kernel.run_for(20.0)
    told: list[float] = []
    made.listener = lambda: told.append(kernel.now() - 1020.0)
    made.reuse("a", UUID, 1, "")
    kernel.run_for(3.1)
    assert len(told) == 1
    kernel.run_for(20.0)
    made.delete("a", UUID)
    kernel.run_for(0.9)
    before = len(told)
    kernel.run_for(3.2)
    assert len(told) == before + 1


def test_nothing_new_is_not_told(tmp_path: Path) -> None:
    kernel = Kernel(VirtualClock(1000.0))
    made = service(kernel, tmp_path / "disk")
    hold(made, "a")
    kernel.run_for(20.0)
    told: list[float] = []
    made.listener = lambda: told.append(kernel.now())
    kernel.run_for(60.0)
    assert told == []


def test_transfers_at_once_share_the_disks(tmp_path: Path) -> None:
    def seconds(images: list[str], where: str) -> float:
        kernel = Kernel(VirtualClock(1000.0))
        sender = service(kernel, tmp_path / where / "from")
        receiver = service(kernel, tmp_path / where / "to")
        for name in images:
            hold(sender, name)
        kernel.run_for(5.0)
        began = kernel.now()
        for name in images:
            receiver.sync(name, UUID, sender, 32 * MIB, "")
        while any(f.state != "ready" for f in receiver.files.values()):
            kernel.run_for(0.05)
        return kernel.now() - began

    alone, five = seconds(["a"], "one"), seconds(list("abcde"), "five")
    assert 1.2 <= alone <= 1.6
    assert alone + 0.6 <= five <= alone + 2.5
