# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What disks have been promised but do not show yet: copies on their way, sums that lag.

storageScheduled counts the copies of a disk from 1.8, and from the same node sync as
scheduledBackingImage (every 30 s); storageAvailable shows only what is written. A copy whose key
was added a moment ago is in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Disk,
    Image,
)

COMING = frozenset({"", "pending", "starting", "in-progress", "ready-for-transfer"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """Of one disk. unwritten: bytes still to be written; uncounted: bytes that Longhorn's
    storageScheduled does not hold yet.
    """

    unwritten: int = 0
    uncounted: int = 0


NOTHING = Incoming()


def of(cluster: Cluster, disks: Iterable[Disk]) -> Mapping[str, Incoming]:
    """By disk UUID; disks to which nothing is coming are left out."""
    listed = {disk.uuid: frozenset(disk.scheduled_images) for disk in disks}
    unwritten: dict[str, int] = {}
    uncounted: dict[str, int] = {}
    for image in cluster.images.values():
        for copy in image.copies.values():
            if not copy.in_map or copy.disk not in listed or copy.state not in COMING:
                continue
            left = remaining(image, copy)
            unwritten[copy.disk] = unwritten.get(copy.disk, 0) + left
            if image.name not in listed[copy.disk]:
                more = image.file_bytes
                uncounted[copy.disk] = uncounted.get(copy.disk, 0) + more
    return {
        uuid: Incoming(unwritten.get(uuid, 0), uncounted.get(uuid, 0))
        for uuid in unwritten.keys() | uncounted.keys()
    }


def remaining(image: Image, copy: Copy) -> int:
    """Bytes of this copy that are still to be written."""
    return image.file_bytes * (100 - min(100, max(0, copy.progress))) // 100
