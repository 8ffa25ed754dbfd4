# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on real files: exactly one directory, the undo first, and nothing left behind."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker import (
    bundle,
    faults,
    flag,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import arm
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.faults import make
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.flag import (
    is_immutable,
    set_immutable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import (
    FOLDER,
    markers,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    DIRECTORY,
    KINDS,
    Refused,
    usable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.undo import clean, undo
from tests.material import need_flags
from tests.simulator.longhorn.disk_folder import DiskFolder
from tests.simulator.workers import make_tools

DISK = "3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11"
BYTES = bytes(range(256)) * 64


def frozen(directory: Path) -> bool:
    """Whether the directory has the flag."""
    handle = os.open(directory, DIRECTORY)
    try:
        return is_immutable(handle)
    finally:
        os.close(handle)


def thaw(directory: Path) -> None:
    """Clear the flag."""
    handle = os.open(directory, DIRECTORY)
    try:
        set_immutable(handle, False)
    finally:
        os.close(handle)


class Worker:
    """A machine's file system with one disk and one copy."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.disk = root / "var/lib/longhorn"
        self.copy = self.disk / "backing-images/fault-img-abc12345"
        self.copy.mkdir(parents=True)
        (self.disk / "longhorn-disk.cfg").write_text(json.dumps({"diskUUID": DISK}))
        self.fill()

    def fill(self) -> None:
        """Put the files of a complete copy there."""
        (self.copy / "backing").write_bytes(BYTES)
        (self.copy / "backing.cfg").write_text("{}")

    def request(self, kind: str = "immutable", **more: Any) -> dict[str, Any]:
        """A request for this copy; the undo is left to the test."""
        return {
            "root": str(self.root),
            "id": "t-1",
            "kind": kind,
            "image": "fault-img",
            "uuid": "abc12345",
            "disk_uuid": DISK,
            "data_path": "/var/lib/longhorn/",
            "deadline": 60,
            "undo": "elsewhere",
            **more,
        }

    def ask(self) -> dict[str, Any]:
        """What later steps name the fault by."""
        return {"root": str(self.root), "id": "t-1"}

    def listed(self) -> list[str]:
        """Names in the copy's directory."""
        return sorted(path.name for path in self.copy.iterdir())


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path)
    try:
        yield made
        left = [path for path in made.disk.glob("backing-images/*") if frozen(path)]
    finally:
        for path in made.disk.glob("backing-images/*"):
            if path.is_dir() and not path.is_symlink():
                thaw(path)
    assert left == []


HOST, SIMULATED = "the host's flag", "a flag of the simulated machine"


@pytest.fixture(params=[HOST, SIMULATED])
def flags(
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Worker]:
    """A worker with immutable flags: the host's, or, as where that has none to give, those of the
    commands that a simulated machine has.
    """
    if request.param == HOST:
        need_flags(tmp_path)
        yield worker
        return
    monkeypatch.setenv("PATH", f"{make_tools(tmp_path)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(flag, "_SET_FLAGS", 0)
    monkeypatch.setattr(bundle, "source", functools.partial(_without_ioctl, bundle.source()))
    yield worker
    DiskFolder(worker.disk).thaw_all()


def _without_ioctl(source: str) -> str:
    return source.replace(f"{0x40086602:#x}", "0")


def test_both_flags_are_tried_by_their_own_means(flags: Worker) -> None:
    arm(flags.request(), "")
    by = make(flags.ask())["flag_by"]
    undo(str(flags.root), "t-1")
    simulated = flag._SET_FLAGS == 0
    assert by == ("chattr" if simulated else "ioctl")


def test_the_directory_is_emptied_frozen_and_given_back(flags: Worker) -> None:
    arm(flags.request(), "")
    done = make(flags.ask())
    assert done["removed"] == ["backing", "backing.cfg"]
    assert frozen(flags.copy) and flags.listed() == []
    with pytest.raises(PermissionError):
        # The simulated Longhorn writes by this, and refuses where the host does not.
        DiskFolder(flags.disk).write_text(flags.copy / "backing.tmp", "x")
    assert undo(str(flags.root), "t-1")["undone"] == ["immutable flag of fault-img-abc12345"]
    assert not frozen(flags.copy)
    assert list((flags.root / FOLDER).iterdir()) == []
    assert undo(str(flags.root), "t-1") == {"undone": [], "found": False}


def test_a_watchdog_undoes_it_when_nobody_else_does(flags: Worker) -> None:
    # A process of its own arms, makes the fault and is gone, as a play that was killed.
    program = bundle.source()
    request = {**flags.request(deadline=6), "undo": "", "source": program}
    # Not by the systemd of a host that has one; that is tested on a machine of its own.
    program = program.replace('"systemd-run"', '"no-systemd-run"')
    for action, body in (("arm", request), ("make", flags.ask())):
        done = subprocess.run(
            [sys.executable, "-c", program, action, json.dumps(body)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert frozen(flags.copy)
    assert markers(str(flags.root))[0]["undo_by"] == "watchdog"
    end = time.monotonic() + 20
    while frozen(flags.copy) and time.monotonic() < end:
        time.sleep(0.05)
    assert not frozen(flags.copy)
    while markers(str(flags.root)) and time.monotonic() < end:
        time.sleep(0.05)
    assert markers(str(flags.root)) == []


def send(worker: Worker, seconds: float) -> None:
    """What Longhorn does: notice, take the directory away, make it anew, send, rename."""
    while (worker.copy / "backing").exists():
        time.sleep(0.002)
    for path in worker.copy.iterdir():
        path.unlink()
    worker.copy.rmdir()
    time.sleep(0.05)
    worker.copy.mkdir()
    (worker.copy / "backing.tmp").write_bytes(BYTES)
    time.sleep(seconds)
    with contextlib.suppress(PermissionError):
        DiskFolder(worker.disk).rename(worker.copy / "backing.tmp", worker.copy / "backing")


def test_a_transfer_is_caught_in_the_middle(flags: Worker) -> None:
    arm(flags.request("immutable_during_transfer", wait=10), "")
    sender = threading.Thread(target=send, args=(flags, 0.4))
    sender.start()
    done = make(flags.ask())
    sender.join()
    assert done["caught"] and frozen(flags.copy)
    assert flags.listed() == ["backing.tmp"]
    undo(str(flags.root), "t-1")


def test_a_file_that_is_too_small_is_told_with_what_would_do(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm(worker.request("immutable_during_transfer", wait=10), "")
    monkeypatch.setattr(faults, "_try_flag", lambda request: None)
    sender = threading.Thread(target=send, args=(worker, 0.0))
    sender.start()
    done = make(worker.ask())
    sender.join()
    if done["caught"]:  # a very busy machine: the look came in between
        undo(str(worker.root), "t-1")
        return
    assert done["size_that_would_do"] > done["size"]
    assert "would do" in done["why"]
    undo(str(worker.root), "t-1")


def test_wrong_bytes_come_back_unless_the_file_is_another(worker: Worker) -> None:
    arm(worker.request("wrong_bytes"), "")
    make(worker.ask())
    assert (worker.copy / "backing").read_bytes() != BYTES
    undo(str(worker.root), "t-1")
    assert (worker.copy / "backing").read_bytes() == BYTES
    arm(worker.request("wrong_bytes"), "")
    make(worker.ask())
    new = worker.copy / "backing.tmp"
    new.write_bytes(b"new" * 6000)
    new.rename(worker.copy / "backing")
    assert undo(str(worker.root), "t-1")["undone"] == []
    assert (worker.copy / "backing").read_bytes() == b"new" * 6000


def test_a_disk_is_filled_only_within_the_limit(worker: Worker) -> None:
    free = os.statvfs(worker.disk)
    available = free.f_bavail * free.f_frsize
    arm(worker.request("disk_full", limit=8 << 20), "")
    with pytest.raises(Refused, match="the limit is 8388608"):
        make(worker.ask())
    undo(str(worker.root), "t-1")
    arm(worker.request("disk_full", limit=64 << 20, leave=available - (8 << 20)), "")
    filled = make(worker.ask())["filled"]
    assert 0 < filled <= 64 << 20
    assert (worker.disk / "nodecare-fault-t-1.fill").stat().st_size == filled
    undo(str(worker.root), "t-1")
    assert not (worker.disk / "nodecare-fault-t-1.fill").exists()


def test_removed_files_are_longhorns_to_bring_back(worker: Worker) -> None:
    arm(worker.request("files_removed"), "")
    make(worker.ask())
    assert worker.listed() == []
    assert undo(str(worker.root), "t-1")["undone"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_made_without_its_undo(worker: Worker, kind: str) -> None:
    with pytest.raises(Refused, match="no undo is armed"):
        make({**worker.request(kind), **worker.ask()})
    assert worker.listed() == ["backing", "backing.cfg"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image": "debian-13"}, "which is no test image"),
        ({"image": "fault-im*"}, "image is"),
        ({"image": "../img"}, "image is"),
        ({"image": "img;rm"}, "image is"),
        ({"uuid": "*"}, "uuid is"),
        ({"id": "../x"}, "id is"),
        ({"data_path": "var/lib"}, "not an absolute path"),
        ({"data_path": "/var/lib/../lib/longhorn"}, "not an absolute path"),
        ({"disk_uuid": "another"}, "is not the disk another"),
        ({"data_path": "/var/lib"}, "no disk of Longhorn"),
        ({"uuid": "00000000"}, "there is no directory"),
        ({"kind": "burn"}, "kind is"),
    ],
)
def test_what_is_not_exactly_this_copy_is_refused(
    worker: Worker, change: dict[str, str], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        arm({**worker.request(), **change}, "")
    assert worker.listed() == ["backing", "backing.cfg"]
    assert markers(str(worker.root)) == []


def test_other_content_and_links_are_refused(worker: Worker, tmp_path: Path) -> None:
    (worker.copy / "notes.txt").write_text("mine")
    with pytest.raises(Refused, match=r"holds notes\.txt"):
        arm(worker.request(), "")
    (worker.copy / "notes.txt").unlink()
    (worker.copy / "backing").rename(tmp_path / "elsewhere")
    (worker.copy / "backing").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="backing is not a file of its own"):
        arm(worker.request(), "")
    (worker.copy / "backing").unlink()
    with pytest.raises(Refused, match="no complete copy"):
        arm(worker.request(), "")
    moved = tmp_path / "moved"
    (worker.copy / "backing.cfg").unlink()
    worker.copy.rename(moved)
    worker.copy.symlink_to(moved)
    with pytest.raises(Refused, match="symbolic link"):
        arm(worker.request(), "")
    worker.copy.unlink()


def test_cleaning_finds_what_has_no_marker(flags: Worker) -> None:
    handle = os.open(flags.copy, DIRECTORY)
    set_immutable(handle, True)
    os.close(handle)
    disks = usable([{"uuid": DISK, "path": "/var/lib/longhorn/"}])
    seen = clean(str(flags.root), disks, True)
    assert [one["directory"] for one in seen["immutable"]] == ["fault-img-abc12345"]
    assert frozen(flags.copy)
    done = clean(str(flags.root), disks, False)
    assert done["undone"] == ["immutable flag of fault-img-abc12345"]
    assert clean(str(flags.root), disks, False)["undone"] == []


def test_twice_is_refused_and_late_too(worker: Worker) -> None:
    arm(worker.request("files_removed"), "")
    with pytest.raises(Refused, match="armed on this worker already"):
        arm(worker.request("files_removed"), "")
    make(worker.ask())
    with pytest.raises(Refused, match="no undo is armed"):
        make(worker.ask())
    undo(str(worker.root), "t-1")


def test_a_file_of_a_size_keeps_to_the_limit_and_leaves_space(worker: Worker) -> None:
    arm(worker.request("disk_full", size=1 << 16, limit=1 << 15), "")
    with pytest.raises(Refused, match="the limit is 32768"):
        make(worker.ask())
    undo(str(worker.root), "t-1")
    arm(worker.request("disk_full", size=1 << 16, limit=1 << 17), "")
    assert make(worker.ask()) == {"filled": 1 << 16}
    assert (worker.disk / "nodecare-fault-t-1.fill").stat().st_size == 1 << 16
    undo(str(worker.root), "t-1")
    assert not list(worker.disk.glob("nodecare-fault-*"))


def test_files_go_at_their_moment_and_not_when_that_was_taken_back(worker: Worker) -> None:
    for taken_back in (True, False):
        arm(worker.request("files_removed"), "")
        moment = time.time() + 0.5
        assert make({**worker.ask(), "moment": moment}) == {"removed": [], "at": moment}
        assert worker.listed() == ["backing", "backing.cfg"]
        if taken_back:
            undo(str(worker.root), "t-1")
        time.sleep(0.9)
        assert worker.listed() == (["backing", "backing.cfg"] if taken_back else [])
    undo(str(worker.root), "t-1")
    worker.fill()
    arm(worker.request("files_removed"), "")
    with pytest.raises(Refused, match="the moment is"):
        make({**worker.ask(), "moment": time.time() - 5})


def test_a_flag_that_is_always_late_is_refused_in_time(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longhorn takes the directory away, and makes the copy anew, before each try."""

    def late(directory: int, on: bool) -> str:
        if worker.listed():  # whether the flag can be set at all
            return "ioctl"
        worker.copy.rmdir()
        worker.copy.mkdir()
        worker.fill()
        raise Refused("the immutable flag cannot be changed")

    monkeypatch.setattr(faults, "set_immutable", late)
    arm(worker.request(wait=0.2), "")
    began = time.monotonic()
    with pytest.raises(Refused, match="took the directory away each time"):
        make(worker.ask())
    assert time.monotonic() - began < 5
