# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a fault may be made: exactly the directory of one copy on a disk of Longhorn.

Nothing follows a symbolic link below the disk, and no name comes out of a pattern.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from typing import Any

KINDS = (
    "immutable",
    "immutable_during_transfer",
    "files_removed",
    "wrong_bytes",
    "disk_full",
    "no_space",
)
FILLING = ("disk_full", "no_space")
BACKING, CONFIG, TMP = "backing", "backing.cfg", "backing.tmp"
EXPECTED = frozenset((BACKING, CONFIG, TMP))
IMAGES = "backing-images"
DISK_CONFIG = "longhorn-disk.cfg"
#: Faults are made in the images of fault plays only, whose names all begin so.
TEST_IMAGES = "fault-"
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NO_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_UUID = re.compile(r"[A-Za-z0-9-]{1,64}")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
Data = dict[str, Any]


class Refused(Exception):
    """The path, the options or the moment is not one to make a fault in; nothing was changed."""


def checked(request: Data) -> Data:
    """The request, if every name in it is one that can be meant. Raises Refused."""
    for key, pattern in (("id", _ID), ("image", _NAME), ("uuid", _UUID), ("disk_uuid", _UUID)):
        if not pattern.fullmatch(str(request.get(key, ""))):
            raise Refused(f"{key} is {request.get(key)!r}, which is none")
    if ".." in request["image"] or not request["image"].startswith(TEST_IMAGES):
        raise Refused(f"image is {request['image']!r}, which is no test image")
    if request.get("kind") not in KINDS:
        raise Refused(f"kind is {request.get('kind')!r}, not one of {', '.join(KINDS)}")
    for key in ("data_path", "root"):
        path = str(request.get(key, ""))
        if not path.startswith("/") or ".." in path.split("/"):
            raise Refused(f"{key} is {path!r}, not an absolute path")
    return request


def usable(disks: list[Data]) -> list[Data]:
    """The disks with files among those that an inventory tells, as requests name a disk."""
    return [
        {"disk_uuid": str(disk["uuid"]), "data_path": str(disk["path"])}
        for disk in disks
        if disk.get("uuid") and disk.get("path") and disk.get("type", "filesystem") == "filesystem"
    ]


@contextlib.contextmanager
def opened(name: str, flags: int = DIRECTORY, parent: int | None = None) -> Iterator[int]:
    """A descriptor, closed at the end; a symbolic link as *name* is Refused."""
    try:
        handle = os.open(name, flags, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Refused(f"{name} is a symbolic link or not a directory") from error
        raise
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def disk_of(request: Data) -> Iterator[int]:
    """The disk's folder, if it is Longhorn's disk of that UUID. Raises Refused.

    The data path itself may be a link, as many set it up; the identity file proves what it is.
    """
    path = os.path.join(request["root"], request["data_path"].strip("/"))
    try:
        disk = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        # Unlike a copy that is gone, a disk may come back as it was.
        raise Refused(f"there is no disk at {request['data_path']} now") from error
    try:
        _check_identity(request, disk)
        yield disk
    finally:
        os.close(disk)


def _check_identity(request: Data, disk: int) -> None:
    try:
        with opened(DISK_CONFIG, os.O_RDONLY | NO_FOLLOW, disk) as handle:
            found = json.loads(os.read(handle, 65536))
    except (OSError, ValueError) as error:
        raise Refused(f"{request['data_path']} is no disk of Longhorn: {error}") from error
    if not isinstance(found, dict) or found.get("diskUUID") != request["disk_uuid"]:
        raise Refused(f"{request['data_path']} is not the disk {request['disk_uuid']}")


@contextlib.contextmanager
def copy_of(request: Data, must_hold_file: bool = False) -> Iterator[int]:
    """The directory of exactly this copy, with the content that is expected. Raises Refused."""
    name = f"{request['image']}-{request['uuid']}"
    with disk_of(request) as disk, opened(IMAGES, parent=disk) as images:
        try:
            with opened(name, parent=images) as directory:
                _check_content(directory, name, must_hold_file)
                yield directory
        except FileNotFoundError as error:
            if error.filename == name:
                raise Refused(f"there is no directory {IMAGES}/{name}") from error
            raise


def _check_content(directory: int, name: str, must_hold_file: bool) -> None:
    found = set(os.listdir(directory))
    if not found <= EXPECTED:
        other = ", ".join(sorted(found - EXPECTED)[:3])
        raise Refused(f"{IMAGES}/{name} holds {other}, which Longhorn does not put there")
    for entry in found:
        facts = os.lstat(entry, dir_fd=directory)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise Refused(f"{IMAGES}/{name}/{entry} is not a file of its own")
    if must_hold_file and BACKING not in found:
        raise Refused(f"{IMAGES}/{name} holds no complete copy")


@contextlib.contextmanager
def copy_of_any_content(request: Data) -> Iterator[int]:
    """The directory of a copy, whatever is in it by now. Raises FileNotFoundError, Refused."""
    name = f"{request['image']}-{request['uuid']}"
    with (
        disk_of(request) as disk,
        opened(IMAGES, parent=disk) as images,
        opened(name, parent=images) as directory,
    ):
        yield directory


def fill_name(request: Data) -> str:
    """Name of the file that fills a disk."""
    return f"nodecare-fault-{request['id']}.fill"
