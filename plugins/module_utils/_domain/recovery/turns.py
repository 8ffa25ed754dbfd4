# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is when many images are lost: who waits first, and who after whom on a disk.

Maps that are emptied together make the managers of their disks go; a new download that lands on
such a disk while its manager still cleans up loses its first try and 60 s and more (measured: one
image of five in each of five runs). So the last images of a disk leave it one after the other; a
manager that has other images stays.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    notes,
    tickets,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight

# Longhorn's own number of copies that one node makes at a time (1.7 and later have the setting).
PER_NODE = ("concurrent-backing-image-replenish-per-node-limit", 5)


def urgency(sight: Sight) -> tuple[int, int, int, str]:
    """Sorts by what waits: volumes that somebody wants attached, volumes, replicas, the name."""
    cluster, name = sight.cluster, sight.image.name
    wanted = [
        attachment
        for attachment in tickets.attachments_of(cluster, name)
        if attachment.tickets or notes.tickets_of(attachment)
    ]
    volumes = cluster.volumes_of_image.get(name, ())
    replicas = cluster.replicas_of_image.get(name, ())
    return (-len(wanted), -len(volumes), -len(replicas), name)


def has_begun(sight: Sight) -> bool:
    """Whether something of this image was changed by a recovery already."""
    name = sight.image.name
    return bool(notes.recovery_of(sight.image)) or bool(
        tickets.waiting_to_return(sight.cluster, name)
    )


def why_not_yet(sight: Sight, begun: Iterable[Sight]) -> str:
    """Why this image must not begin now, given the others that have begun; "" when it may."""
    busy = [other for other in begun if not other.exists]
    limit = most_at_once(sight.cluster)
    if len(busy) >= limit:
        return f"its turn: {len(busy)} images are being fetched, at most {limit} at once"
    leaving = [other for other in busy if not is_fetching(other)]
    gone = {sight.image.name, *(other.image.name for other in leaving)}
    mine = {seen.copy.disk for seen in sight.copies}
    for other in leaving:
        for disk in sorted(mine & _disks_before(other)):
            if not _keeps_others(sight.cluster, disk, gone):
                return f"its turn on a disk, after {other.image.name}"
    return ""


def _keeps_others(cluster: Cluster, disk: str, gone: set[str]) -> bool:
    """Whether the manager of a disk has images beside these, and so stays."""
    managers = cluster.managers_of_disk.get(disk, ())
    return any(set(manager.images) - gone for manager in managers)


def most_at_once(cluster: Cluster) -> int:
    """How many first files may be on their way: Longhorn's limit for a node, times living nodes."""
    per_node = max(1, setting.number(cluster.settings, *PER_NODE))
    living = sum(1 for node in cluster.nodes.values() if node.ready)
    return per_node * max(1, living)


def is_fetching(sight: Sight) -> bool:
    """Whether the managers have let the image go and its data source is at work."""
    source = sight.source
    return (
        source is not None
        and not source.file_transferred
        and not source.meta.deleting
        and bool(source.state)
        and len(sight.recording) <= 1
    )


def _disks_before(sight: Sight) -> set[str]:
    keys = notes.recovery_of(sight.image).get(notes.KEYS)
    listed = {str(key) for key in keys} if isinstance(keys, list) else set()
    return listed | {seen.copy.disk for seen in sight.copies}
