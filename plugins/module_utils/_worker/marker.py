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
    opened,
)

#: Where markers and the program lie on a worker, and nowhere else.
FOLDER = "var/lib/nodecare-longhorn"
PROGRAM = "fault_tool.py"


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
    except (OSError, ValueError):
        return None
    return {**found, "root": root} if isinstance(found, dict) else None


def markers(root: str) -> list[Data]:
    """All markers of a worker, by id."""
    try:
        with folder_of(root) as folder:
            listed = sorted(os.listdir(folder))
    except OSError:
        return []
    named = [n[: -len(".json")] for n in listed if n.endswith(".json") and not n.startswith(".")]
    return [found for found in (read_marker(root, name) for name in named) if found]


def drop_marker(root: str, name: str) -> None:
    """Remove a marker, which also lets its watchdog end; the program goes with the last one."""
    with contextlib.suppress(OSError), folder_of(root) as folder:
        os.unlink(f"{name}.json", dir_fd=folder)
    if not markers(root):
        with contextlib.suppress(OSError), folder_of(root) as folder:
            os.unlink(PROGRAM, dir_fd=folder)
