# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that stand where another one was: the same node and path, but another UUID."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
)


def stands_for(cluster: Cluster, image: Image, disk_uuid: str) -> Disk | None:
    """The disk that is now where *disk_uuid* was, if its identity changed; else None.

    Longhorn says so itself while the old entry is still in the node's spec; after that only the
    path that a manager or the image's data source remembers tells where the old one was.
    """
    disk = cluster.disks.get(disk_uuid)
    if disk is not None:
        return disk if proven.is_another(disk) else None
    wheres = {
        (manager.node, normal(manager.disk_path))
        for manager in cluster.managers_of_disk.get(disk_uuid, ())
    }
    source = cluster.data_sources.get(image.name)
    if source is not None and source.disk == disk_uuid:
        wheres.add((source.node, normal(source.disk_path)))
    for node in cluster.nodes.values():
        for other in node.disks:
            if other.path and other.uuid and (node.name, normal(other.path)) in wheres:
                return other
    return None


def since(disk: Disk) -> str:
    """When the disk was last seen to change between Ready and not."""
    ready = condition(disk.conditions, "Ready")
    return ready.since if ready is not None else ""


def normal(path: str) -> str:
    """A path without doubled or trailing slashes."""
    return "/" + "/".join(part for part in path.split("/") if part)
