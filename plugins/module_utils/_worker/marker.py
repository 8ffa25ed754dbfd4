# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markers in one fixed folder of the worker: which fault is armed or made, and until when."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    NO_FOLLOW,
    Data,
    Refused,
    opened,
)

#: Where markers and their programs lie on a worker, and nowhere else.
FOLDER = "var/lib/nodecare-longhorn"
BROKEN = "broken"


def program_of(name: str) -> str:
    """File name of the program that undoes a fault; each fault keeps its own."""
    return f"{name}.py"


@contextlib.contextmanager
def folder_of(root: str, create: bool = False) -> Iterator[int]:
    """The folder of markers. Raises FileNotFoundError where nothing was ever armed."""
    path = os.path.join(root, FOLDER)
    if create:
        os.makedirs(path, mode=0o700, exist_ok=True)
    with opened(path) as folder:
        yield folder


def write_marker(request: Data) -> None:
    """Write the marker of a fault, at once and whole."""
    with folder_of(request["root"], create=True) as folder:
        name = f"{request['id']}.json"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_FOLLOW
        handle = os.open(f".{name}", flags, 0o600, dir_fd=folder)
        with os.fdopen(handle, "w") as file:
            json.dump(request, file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f".{name}", name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def read_marker(root: str, name: str) -> Data | None:
    """The marker of a fault, None where there is none (any more)."""
    try:
        with (
            folder_of(root) as folder,
            opened(f"{name}.json", os.O_RDONLY | NO_FOLLOW, folder) as handle,
        ):
            found = json.loads(os.read(handle, 1 << 20))
    except (OSError, ValueError, Refused):
        return None
    return {**found, "root": root} if isinstance(found, dict) else None


def markers(root: str) -> list[Data]:
    """All markers of a worker, by id; one that cannot be read has the state ``broken``."""
    try:
        with folder_of(root) as folder:
            listed = sorted(os.listdir(folder))
    except (OSError, Refused):
        return []
    named = [n[: -len(".json")] for n in listed if n.endswith(".json") and not n.startswith(".")]
    found = [read_marker(root, name) or _unreadable(root, name) for name in named]
    return [one for one in found if one is not None]


def _unreadable(root: str, name: str) -> Data | None:
    """What stands for a marker that cannot be read, None where it has just been dropped."""
    there = os.path.lexists(os.path.join(root, FOLDER, f"{name}.json"))
    return {"id": name, "root": root, "state": BROKEN} if there else None


def drop_marker(root: str, name: str) -> None:
    """Remove a marker, which also lets its watchdog end, and its program."""
    for file in (f"{name}.json", program_of(name)):
        with contextlib.suppress(OSError), folder_of(root) as folder:
            os.unlink(file, dir_fd=folder)
