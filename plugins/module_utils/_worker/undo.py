# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes faults back: one that was armed, at its deadline, or whatever was left on a worker."""

from __future__ import annotations

import contextlib
import os
import time

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import stop_timer
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.flag import (
    is_immutable,
    set_immutable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import (
    drop_marker,
    markers,
    read_marker,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    BACKING,
    IMAGES,
    NO_FOLLOW,
    Data,
    Refused,
    checked,
    copy_of_any_content,
    disk_of,
    fill_name,
    opened,
)

POLL_SECONDS = 0.25


def undo(root: str, name: str) -> Data:
    """Take a fault back and disarm it; harmless where that was done already."""
    marker = read_marker(root, name)
    if marker is None:
        return {"undone": [], "found": False}
    done: list[str] = []
    try:
        checked(marker)
        if marker["kind"].startswith("immutable"):
            with copy_of_any_content(marker) as directory:
                if set_immutable(directory, False) != "none":
                    done.append(f"immutable flag of {marker['image']}-{marker['uuid']}")
        elif marker["kind"] == "wrong_bytes" and _bytes_put_back(marker):
            done.append(f"bytes of {marker['image']}-{marker['uuid']}")
        elif marker["kind"] == "disk_full":
            with disk_of(marker) as disk, contextlib.suppress(FileNotFoundError):
                os.unlink(fill_name(marker), dir_fd=disk)
                done.append(fill_name(marker))
    except FileNotFoundError:
        # Neither flag nor file can be there without the directory.
        pass
    drop_marker(root, name)
    if marker.get("undo_by") == "systemd":
        stop_timer(name)
    return {"undone": done, "found": True, "marker": marker}


def _bytes_put_back(marker: Data) -> bool:
    kept = marker.get("kept")
    if not kept:
        return False
    with (
        copy_of_any_content(marker) as directory,
        opened(BACKING, os.O_RDWR | NO_FOLLOW, directory) as file,
    ):
        if os.fstat(file).st_ino != kept["inode"]:
            return False  # Longhorn has made the copy anew
        os.pwrite(file, bytes.fromhex(kept["bytes"]), int(kept["offset"]))
        os.fsync(file)
    return True


def watch(root: str, name: str, after: float) -> None:
    """Undo at the deadline; end before it as soon as the marker is gone."""
    end = time.monotonic() + after
    while time.monotonic() < end:
        if read_marker(root, name) is None:
            return
        time.sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
    for _unused in range(20):
        try:
            undo(root, name)
            return
        except (OSError, Refused):
            time.sleep(3.0)


def look(root: str, disks: list[Data]) -> Data:
    """Markers of this worker, and immutable directories below the images of these disks."""
    frozen = []
    for disk in disks:
        try:
            with disk_of({**disk, "root": root}) as handle, opened(IMAGES, parent=handle) as images:
                for name in sorted(os.listdir(images)):
                    with contextlib.suppress(OSError, Refused), opened(name, parent=images) as one:
                        if is_immutable(one):
                            frozen.append({**disk, "directory": name})
        except (OSError, Refused):
            continue
    return {"markers": markers(root), "immutable": frozen}


def thaw(root: str, found: Data) -> bool:
    """Clear the flag of one directory that ``look`` found."""
    if "/" in found["directory"]:
        raise Refused(f"{found['directory']!r} is not a name")
    with (
        disk_of({**found, "root": root}) as disk,
        opened(IMAGES, parent=disk) as images,
        opened(found["directory"], parent=images) as directory,
    ):
        return set_immutable(directory, False) != "none"


def clean(root: str, disks: list[Data], only_look: bool) -> Data:
    """What was left behind on this worker, by marker and by looking; undone unless *only_look*."""
    found = look(root, disks)
    result: Data = {**found, "undone": [], "found_text": told(found)}
    if only_look:
        return result
    for marker in found["markers"]:
        result["undone"] += undo(root, marker["id"])["undone"] or [f"marker {marker['id']}"]
    for one in look(root, disks)["immutable"]:
        if thaw(root, one):
            result["undone"].append(f"immutable flag of {one['directory']}")
    return result


def told(found: Data) -> list[str]:
    """What ``look`` found, for a person."""
    lines = [
        f"fault {one.get('id')} ({one.get('kind')}) in {one.get('image')}, "
        f"{one.get('state')} by {one.get('who') or 'somebody'}"
        for one in found["markers"]
    ]
    lines += [f"{one['data_path']}: {one['directory']} is immutable" for one in found["immutable"]]
    return lines or ["nothing was left here"]
