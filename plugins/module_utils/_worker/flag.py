# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The immutable flag of a directory, set and cleared through an open descriptor of it.

By ioctl (Linux ``FS_IOC_GETFLAGS`` and ``FS_IOC_SETFLAGS``), else by chattr(1).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import Refused

_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10


def is_immutable(directory: int) -> bool:
    """Whether the directory has the flag; False where the file system knows none."""
    return bool(_flag_by_ioctl(directory)) or _lists_immutable(directory)


def set_immutable(directory: int, on: bool) -> str:
    """Set or clear the flag; tells by what: ``ioctl``, ``chattr`` or, where it was so, ``none``.

    Raises Refused where this worker cannot.
    """
    before = _flag_by_ioctl(directory)
    if on and before:
        return "none"
    if before is not None and before != on:
        _change_by_ioctl(directory, on)
        if _flag_by_ioctl(directory) == on:
            return "ioctl"
    # Where the system call is not allowed, the command may be, or may be another one. To set the
    # flag is urgent, because Longhorn looks at the files meanwhile.
    if not on and not _lists_immutable(directory):
        return "none"
    tool = shutil.which("chattr")
    if tool is not None:
        done = _run_in(directory, [tool, "+i" if on else "-i", "."])
        if done is not None and is_immutable(directory) == on:
            return "chattr"
    raise Refused("the immutable flag cannot be changed on this worker, which needs root")


def _flag_by_ioctl(directory: int) -> bool | None:
    """The flag, None where the file system knows none."""
    try:
        raw = fcntl.ioctl(directory, _GET_FLAGS, bytes(8))
    except OSError:
        return None
    return bool(struct.unpack("l", raw)[0] & _IMMUTABLE)


def _change_by_ioctl(directory: int, on: bool) -> None:
    flags = struct.unpack("l", fcntl.ioctl(directory, _GET_FLAGS, bytes(8)))[0]
    wanted = flags | _IMMUTABLE if on else flags & ~_IMMUTABLE
    with contextlib.suppress(OSError):
        fcntl.ioctl(directory, _SET_FLAGS, struct.pack("l", wanted))


def _lists_immutable(directory: int) -> bool:
    tool = shutil.which("lsattr")
    listed = _run_in(directory, [tool, "-d", "."]) if tool is not None else None
    return listed is not None and "i" in listed.split(" ", 1)[0]


def _run_in(directory: int, command: list[str]) -> str | None:
    """Output of a command in this very directory, None where it fails."""
    try:
        done = subprocess.run(
            command,
            preexec_fn=lambda: os.fchdir(directory),
            pass_fds=(directory,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
