# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes faults back: one that was armed, at its deadline, or whatever was left on a worker."""

from __future__ import annotations

import contextlib
import os
import time

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import (
    POD,
    WATCHDOG,
    stop_timer,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.flag import (
    is_immutable,
    set_immutable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import (
    BROKEN,
    drop_marker,
    markers,
    read_marker,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    BACKING,
    FILLING,
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
# A disk may be away for minutes when the deadline comes.
PAUSE_SECONDS, TRIES = 3.0, 200


def undo(root: str, name: str) -> Data:
    """Take a fault back and disarm it; harmless where that was done already.

    Raises Refused or OSError where it cannot be taken back now; then the marker stays.
    """
    marker = read_marker(root, name)
    if marker is None:
        return {"undone": [], "found": False}
    done = take_back(marker)
    drop_marker(root, name)
    if marker.get("undo_by") not in (POD, WATCHDOG):
        stop_timer(name)
    return {"undone": done, "found": True, "marker": marker}


def take_back(marker: Data) -> list[str]:
    """Take back what the fault of a marker has changed; names what there was. Raises as undo."""
    checked(marker)
    copy = f"{marker['image']}-{marker['uuid']}"
    try:
        if marker["kind"].startswith("immutable"):
            with copy_of_any_content(marker) as directory:
                if set_immutable(directory, False) != "none":
                    return [f"immutable flag of {copy}"]
        elif marker["kind"] == "wrong_bytes" and _bytes_put_back(marker):
            return [f"bytes of {copy}"]
        elif marker["kind"] in FILLING:
            with disk_of(marker) as disk:
                os.unlink(fill_name(marker), dir_fd=disk)
                return [fill_name(marker)]
    except FileNotFoundError:
        # Neither flag, bytes nor file can be there without the directory or the file.
        pass
    return []


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
    """Undo after so many seconds; end before it as soon as the marker is gone."""
    end = time.monotonic() + after
    while time.monotonic() < end:
        if read_marker(root, name) is None:
            return
        time.sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
    for _unused in range(TRIES):
        try:
            undo(root, name)
            return
        except (OSError, Refused):
            time.sleep(PAUSE_SECONDS)


def look(root: str, disks: list[Data]) -> Data:
    """Markers of this worker, immutable directories below the images of these disks, and what
    could not be looked at.
    """
    frozen: list[Data] = []
    problems: list[str] = []
    for disk in disks:
        try:
            frozen += _immutable_on(root, disk)
        except (OSError, Refused) as error:
            problems.append(f"{disk['data_path']} could not be looked at: {error}")
    return {"markers": markers(root), "immutable": frozen, "problems": problems}


def _immutable_on(root: str, disk: Data) -> list[Data]:
    """Immutable directories of images on one disk. Raises Refused, OSError."""
    found = []
    with disk_of({**disk, "root": root}) as handle:
        if IMAGES not in os.listdir(handle):
            return []
        with opened(IMAGES, parent=handle) as images:
            for name in sorted(os.listdir(images)):
                # What is no directory, or has just gone, cannot have been left frozen by us.
                with (
                    contextlib.suppress(FileNotFoundError, Refused),
                    opened(name, parent=images) as one,
                ):
                    if is_immutable(one):
                        found.append({**disk, "directory": name})
    return found


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
    """What was left behind on this worker, by marker and by looking; undone unless *only_look*.

    One thing that cannot be undone or looked at does not keep it from the next; ``problems``
    names it.
    """
    found = look(root, disks)
    undone: list[str] = []
    problems: list[str] = found["problems"]
    if not only_look:
        for marker in found["markers"]:
            try:
                undone += _undo_left(root, marker)
            except (OSError, Refused) as error:
                problems.append(f"fault {marker['id']} could not be undone: {error}")
        for one in look(root, disks)["immutable"]:
            try:
                if thaw(root, one):
                    undone.append(f"immutable flag of {one['directory']}")
            except (OSError, Refused) as error:
                problems.append(f"{one['directory']} stays immutable: {error}")
    return {**found, "undone": undone, "found_text": told(found)}


def _undo_left(root: str, marker: Data) -> list[str]:
    """Undo by a marker. What an unreadable one stood for is found by looking; it only goes."""
    name = str(marker["id"])
    if marker["state"] == BROKEN:
        drop_marker(root, name)
        stop_timer(name)
        return [f"marker {name}, which could not be read"]
    return undo(root, name)["undone"] or [f"marker {name}"]


def told(found: Data) -> list[str]:
    """What was found, for a person."""
    lines = [
        f"marker {one['id']}, which cannot be read"
        if one["state"] == BROKEN
        else f"fault {one['id']} ({one['kind']}) in {one['image']}, "
        f"{one['state']} by {one.get('who') or 'somebody'}"
        for one in found["markers"]
    ]
    lines += [f"{one['data_path']}: {one['directory']} is immutable" for one in found["immutable"]]
    return [*lines, *found["problems"]] or ["nothing was left here"]
