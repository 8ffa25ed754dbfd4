# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copies of every image as a table: one line per image, one column per disk.

Disks are named by the last part of their path, which is shorter than Longhorn's own names."""

from __future__ import annotations

from tests.observer.view import Copy, Disk, View

MIB = 1 << 20
LEGEND = "+ ready and its file is whole   * on its way   ! failed or its file is not whole   - none"


def table(view: View) -> list[str]:
    """Lines to print; a copy that no map asks for any more stands in brackets."""
    disks = sorted(view.disks.values(), key=lambda disk: (disk.node, disk.name))
    rows = [
        ["", "", "", "", *(disk.node for disk in disks)],
        ["image", "source", "MiB", "min", *(_label(disk) for disk in disks)],
    ]
    for image in view.images.values():
        held = {copy.disk.uuid: copy for copy in image.copies}
        marks = [_mark(held.get(disk.uuid)) for disk in disks]
        size = f"{image.size / MIB:.0f}" if image.size else "?"
        rows.append([image.name, image.source, size, str(image.minimum), *marks])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [*lines, LEGEND]


def _label(disk: Disk) -> str:
    return disk.folder.name if disk.folder else disk.name


def _mark(copy: Copy | None) -> str:
    if copy is None:
        return "-"
    if copy.proven or (copy.state == "ready" and copy.whole):
        mark = "+"
    elif copy.state.startswith("failed") or copy.state in ("ready", "unknown"):
        mark = "!"
    else:
        mark = "*"
    return mark if copy.wanted else f"({mark})"
