# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults, each made only after its undo was armed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import ARMED, detach
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.flag import set_immutable
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import (
    read_marker,
    write_marker,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    BACKING,
    CONFIG,
    NO_FOLLOW,
    TMP,
    Data,
    Refused,
    copy_of,
    disk_of,
    fill_name,
    opened,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.undo import take_back

# A transfer that lasts so long can be caught by looking every LOOK_SECONDS.
CATCHABLE_SECONDS = 5.0
LOOK_SECONDS = 0.01
BLOCK = 4096
LONGEST_WAIT = 120.0
# Nothing is begun so shortly before the deadline, lest the undo come in the middle.
BEFORE_DEADLINE = 1.0
# What the machine itself has to keep on the file system of its root.
ROOT_KEEPS = 2 << 30


def make(request: Data) -> Data:
    """Make the fault that was armed. Raises Refused; the marker says how far it came."""
    root, name = request["root"], request["id"]
    marker = read_marker(root, name)
    if marker is None or marker.get("state") != ARMED:
        raise Refused(f"no undo is armed for {name}; arm it first")
    left = float(marker["until"]) - time.time()
    if left <= BEFORE_DEADLINE:
        raise Refused(f"the deadline of {name} is over, or comes in a moment")
    makers: dict[str, Callable[[Data], Data]] = {
        "immutable": _make_immutable,
        "immutable_during_transfer": _make_during_transfer,
        "files_removed": _make_removed,
        "wrong_bytes": _make_wrong_bytes,
        "disk_full": _make_disk_full,
        "no_space": _make_no_space,
    }
    # Before the first change, so that an undo knows that there may be one.
    making = {**marker, "state": "making"}
    write_marker(making)
    wait = min(float(marker.get("wait") or LONGEST_WAIT), left - BEFORE_DEADLINE)
    result = makers[marker["kind"]]({**making, "moment": request.get("moment"), "wait": wait})
    kept = read_marker(root, name)
    if kept is None:
        take_back(making)
        raise Refused(f"{name} was undone while it was made, and what came after that too")
    if result.get("caught", True):
        write_marker({**kept, "state": "made"})
    return result


def _remove(directory: int) -> list[str]:
    removed = []
    for name in (BACKING, CONFIG, TMP):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
            removed.append(name)
    return removed


def _make_immutable(request: Data) -> Data:
    """Remove the files and set the flag, again where Longhorn took the directory away in between:
    it notices the loss within seconds and makes the copy anew.
    """
    end = time.monotonic() + request["wait"]
    _try_flag(request)
    while True:
        with copy_of(request, must_hold_file=True) as directory:
            removed = _remove(directory)
            try:
                by = set_immutable(directory, True)
            except Refused:
                if os.fstat(directory).st_nlink > 0:
                    raise
            if os.fstat(directory).st_nlink > 0:
                return {"removed": removed, "flag_by": by}
        if time.monotonic() >= end:
            raise Refused("Longhorn took the directory away each time before it had the flag")
        _await_file(request, end)


def _try_flag(request: Data) -> None:
    """Whether the flag can be set here at all, before a file is removed. Raises Refused."""
    with copy_of(request, must_hold_file=True) as directory:
        set_immutable(directory, True)
        set_immutable(directory, False)


def _await_file(request: Data, end: float) -> None:
    """Wait until the copy is complete again. Raises Refused when it is not in time."""
    while True:
        try:
            with copy_of(request, must_hold_file=True):
                return
        except (Refused, FileNotFoundError):
            if time.monotonic() >= end:
                raise
        time.sleep(LOOK_SECONDS)


def _make_removed(request: Data) -> Data:
    """Remove the files, at once or at a moment, at which others lose theirs too: Longhorn would
    send a single one again while the next is still to go.
    """
    moment = float(request.get("moment") or 0)
    if moment:
        with copy_of(request, must_hold_file=True):
            pass
        wait = moment - time.time()
        if not 0 < wait <= LONGEST_WAIT:
            raise Refused(f"the moment is {wait:.0f} s from now, not 0 to {LONGEST_WAIT:.0f}")
        detach(lambda: _remove_at(request, moment))
        return {"removed": [], "at": moment}
    with copy_of(request, must_hold_file=True) as directory:
        return {"removed": _remove(directory)}


def _remove_at(request: Data, moment: float) -> None:
    """Remove the files then, if the fault was not taken back meanwhile."""
    time.sleep(max(0.0, moment - time.time()))
    if read_marker(request["root"], request["id"]) is not None:
        with copy_of(request) as directory:
            _remove(directory)


def _make_during_transfer(request: Data) -> Data:
    """Remove the files, wait until Longhorn sends them again, and set the flag in the middle."""
    _try_flag(request)
    with copy_of(request, must_hold_file=True) as directory:
        size = os.stat(BACKING, dir_fd=directory).st_size
        removed = _remove(directory)
    end = time.monotonic() + request["wait"]
    began: float | None = None
    while time.monotonic() < end:
        try:
            with copy_of(request) as directory:
                present = set(os.listdir(directory))
                if TMP in present and BACKING not in present:
                    began = began or time.monotonic()
                    by = set_immutable(directory, True)
                    # The rename may have come between the look and the flag.
                    if TMP in os.listdir(directory):
                        return {"removed": removed, "flag_by": by, "caught": True, "size": size}
                    set_immutable(directory, False)
                if BACKING in present or (began and TMP not in present):
                    return _too_small(removed, size, began)
        except (Refused, FileNotFoundError):
            # Longhorn takes the whole directory away before it makes it anew.
            pass
        time.sleep(LOOK_SECONDS)
    return {"removed": removed, "caught": False, "size": size, "why": "no transfer began in time"}


def _too_small(removed: list[str], size: int, began: float | None) -> Data:
    seconds = max(time.monotonic() - began, LOOK_SECONDS) if began else LOOK_SECONDS
    wanted = int(size * max(CATCHABLE_SECONDS / seconds, 2))
    wanted -= wanted % -(1 << 20)
    why = f"{size} bytes were sent in about {seconds:.2f} s, before the flag could be set"
    return {"removed": removed, "caught": False, "size": size, "size_that_would_do": wanted} | {
        "why": f"{why}; an image of {wanted} bytes or more would do"
    }


def _make_wrong_bytes(request: Data) -> Data:
    with (
        copy_of(request, must_hold_file=True) as directory,
        opened(BACKING, os.O_RDWR | NO_FOLLOW, directory) as file,
    ):
        facts = os.fstat(file)
        offset = max(0, facts.st_size // 2 - facts.st_size // 2 % BLOCK)
        before = os.pread(file, BLOCK, offset)
        kept = {"inode": facts.st_ino, "offset": offset, "bytes": before.hex()}
        write_marker({**request, "kept": kept})
        os.pwrite(file, bytes(byte ^ 0xFF for byte in before), offset)
        os.fsync(file)
    return {"offset": offset, "bytes": len(before)}


def _make_disk_full(request: Data) -> Data:
    """Fill the disk, with a file of a size or up to what is to be left; never beyond either, and
    never with a larger file than the limit.
    """
    with disk_of(request) as disk:
        facts = os.fstatvfs(disk)
        free = facts.f_bavail * facts.f_frsize
        leave = int(request.get("leave") or 0)
        wanted = int(request.get("size") or 0) or free - leave
        _check_fill(request, wanted, free, leave)
        with _fill_file(request, disk) as file:
            os.posix_fallocate(file, 0, wanted)
    return {"filled": wanted}


def _make_no_space(request: Data) -> Data:
    """Remove the files, and leave less space than they need to come back.

    The manager that receives them runs as root, so what a file system keeps for root goes too.
    """
    with copy_of(request, must_hold_file=True) as directory, disk_of(request) as disk:
        freed = os.stat(BACKING, dir_fd=directory).st_blocks * 512
        free, leave = _free_for_root(disk), freed // 2
        wanted = min(int(request.get("size") or 0) or free, free - leave)
        _check_fill(request, wanted + freed, free + freed, leave)
        _check_root(disk, free - wanted)
        with _fill_file(request, disk) as file:
            os.posix_fallocate(file, 0, wanted)
            removed = _remove(directory)
            again = min(freed, _free_for_root(disk) - leave)
            if again > 0:
                os.posix_fallocate(file, wanted, again)
    return {"filled": wanted + max(0, again), "removed": removed}


def _free_for_root(disk: int) -> int:
    facts = os.fstatvfs(disk)
    return facts.f_bfree * facts.f_frsize


def _check_fill(request: Data, wanted: int, free: int, leave: int) -> None:
    """Raises Refused unless a file of *wanted* bytes keeps to the limit and to what is left."""
    limit = int(request.get("limit") or 0)
    if not 0 < wanted <= min(limit, free - leave):
        raise Refused(
            f"the disk has {free} bytes free, so the file would have {max(0, wanted)} bytes; "
            f"the limit is {limit}, and {leave} have to be left"
        )


def _check_root(disk: int, left: int) -> None:
    """Raises Refused where the machine itself would be left without space."""
    if os.fstat(disk).st_dev == _root().st_dev and left < ROOT_KEEPS:
        raise Refused(
            f"the disk is on the file system of /, of which {max(0, left)} bytes would be left; "
            f"the machine needs {ROOT_KEEPS}, so use a disk of its own"
        )


def _root() -> os.stat_result:
    return os.stat("/")


def _fill_file(request: Data, disk: int) -> contextlib.AbstractContextManager[int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW
    return opened(fill_name(request), flags, disk)
