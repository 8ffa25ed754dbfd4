# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fault play must not leave behind: flags, markers, and objects of its run."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

from tests.observer.api import LONGHORN, NAMESPACE, Api

LABEL = "longhorn.nodecare.dev/test-run"
TICKET = "nodecare"
GET_FLAGS = 0x80086601
IMMUTABLE = 0x10


def immutable(path: Path) -> bool:
    """Whether the host's file system has the flag on a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return bool(struct.unpack("l", fcntl.ioctl(handle, GET_FLAGS, bytes(8)))[0] & IMMUTABLE)
    except OSError:
        return False
    finally:
        os.close(handle)


def on_disks(disks: Path) -> list[str]:
    """Directories that cannot be written to any more, and files that fill a disk."""
    found = [
        f"{path} is immutable"
        for path in sorted(disks.glob("*/*/backing-images/*"))
        if path.is_dir() and immutable(path)
    ]
    found += [f"{p} stands for a flag" for p in disks.glob("*/*/backing-images/.frozen/*")]
    return found + [f"{path} is there" for path in sorted(disks.glob("*/*/nodecare-fault-*"))]


def on_workers(roots: Path) -> list[str]:
    """Markers of faults."""
    found = sorted(roots.glob("*/var/lib/nodecare-longhorn/*.json"))
    return [f"marker {path}" for path in found]


def in_cluster(api: Api) -> list[str]:
    """Objects of a run, and our ticket on any volume."""
    found = []
    for path in (
        f"{LONGHORN}/backingimages",
        f"{LONGHORN}/volumes",
        f"/api/v1/namespaces/{NAMESPACE}/pods",
    ):
        for item in api.items(path):
            if LABEL in (item["metadata"].get("labels") or {}):
                kind = path.rpartition("/")[2]
                found.append(f"{kind}: {item['metadata']['name']}")
    for item in api.longhorn("volumeattachments"):
        if TICKET in (item["spec"].get("attachmentTickets") or {}):
            found.append(f"ticket on {item['metadata']['name']}")
    return found


def leftovers(api: Api, disks: Path) -> list[str]:
    """All of it; *disks* is the folder of the nodes' folders in the simulator's state."""
    return on_disks(disks) + on_workers(disks.parent / "workers") + in_cluster(api)
