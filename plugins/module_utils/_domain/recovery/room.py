# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the new first file of a lost image may go: its map is empty then, so every disk counts."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import (
    Room,
    disk_refused,
    node_refused,
    tags_refused,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_bytes,
)


def open_disks(cluster: Cluster, image: Image) -> tuple[Disk, ...]:
    """Disks that Longhorn may choose: ready and schedulable on such a node, tags fitting. Size does
    not matter to it (longhorn-manager datastore GetReadyNodeDiskForBackingImage, 1.7 and later).
    """
    found = []
    for node in cluster.nodes.values():
        if node_refused(cluster, node, {}):
            continue
        if tags_refused(cluster.settings, image.node_selector, node.tags, "node"):
            continue
        found += [
            disk
            for disk in node.disks
            if not disk_refused(disk)
            and not tags_refused(cluster.settings, image.disk_selector, disk.tags, "disk")
        ]
    return tuple(found)


def room_for(cluster: Cluster, image: Image) -> tuple[bool, str]:
    """Whether some disk can take the file, and in words which."""
    disks = open_disks(cluster, image)
    if not disks:
        return False, "no disk can take a new copy: none is Ready and schedulable"
    room = Room.of(cluster.settings)
    held = {copy.disk for copy in image.wanted}
    # What a lost copy still has booked on its disk is given back with its key.
    fits = [
        disk
        for disk in disks
        if room.free(disk) + (image.file_bytes if disk.uuid in held else 0) >= image.file_bytes
    ]
    size = spell_bytes(image.file_bytes)
    if not fits:
        return False, f"no disk can take a new copy: none has room for {size}"
    text = f"{count(len(fits), 'disk')} can take {size}"
    if len(fits) < len(disks):
        text += f"; {len(disks) - len(fits)} more could be chosen by Longhorn but have less room"
    return True, text
