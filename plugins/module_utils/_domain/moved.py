# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What had left a node for good by the time it was given back, or its drain undone.

Undoing a drain stops nothing that has been done: a replica or copy that was taken off the node
stays where it went (procedures.md P2.5). The notes of volumes and images go with what they
describe, so the note of the node names what was there before the maintenance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.node_before import (
    NodeBefore,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope

# All annotations of an object may hold 256 KiB; beyond this many names only the first are told.
NAMES_MAX = 1000


def held(cluster: Cluster, scope: Scope) -> dict[str, list[str]]:
    """For the note: volumes with a replica there, images with a key for one of the disks."""
    return {
        "volumes": sorted(_volumes_on(cluster, scope))[:NAMES_MAX],
        "images": sorted(_images_on(cluster, scope.uuids(cluster)))[:NAMES_MAX],
    }


def moved(cluster: Cluster, scope: Scope, before: NodeBefore) -> tuple[list[str], list[str]]:
    """Volumes and images that had something there then, exist still, and have not now."""
    uuids = scope.uuids(cluster) | {disk.uuid for disk in before.disks}
    here = _volumes_on(cluster, scope)
    images = _images_on(cluster, uuids)
    return (
        sorted(name for name in set(before.volumes) - here if name in cluster.volumes),
        sorted(name for name in set(before.images) - images if name in cluster.images),
    )


def still_gone(cluster: Cluster, told: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Of the copies (image, and disk as it is told) that were gone when the images were looked at,
    those that are now: on an open node Longhorn may have made one again meanwhile.
    """
    disks = cluster.disks
    here = {
        (name, disks[copy.disk].label if copy.disk in disks else copy.disk)
        for name, image in cluster.images.items()
        for copy in image.wanted
    }
    return [dict(each) for each in told if (each["image"], each["disk"]) not in here]


def surplus(cluster: Cluster, before: NodeBefore) -> list[str]:
    """Volumes that had a replica there and have more of them now than they ask for. Where a cancel
    meets a replica that Longhorn's eviction has just begun to move, both stay; which of the two is
    wanted nobody but the operator knows (procedures.md P1 step 9: Longhorn chooses none).
    """
    return sorted(
        name
        for name in set(before.volumes) & set(cluster.volumes)
        if _alive(cluster, name) > cluster.volumes[name].replicas_wanted
    )


def _alive(cluster: Cluster, volume: str) -> int:
    return sum(
        not (replica.failed_at or replica.meta.deleting)
        for replica in cluster.replicas_of_volume.get(volume, ())
    )


def _volumes_on(cluster: Cluster, scope: Scope) -> set[str]:
    return {r.volume for r in cluster.replicas.values() if scope.holds(r) and r.volume}


def _images_on(cluster: Cluster, uuids: frozenset[str]) -> set[str]:
    return {
        name
        for name, image in cluster.images.items()
        if any(copy.disk in uuids for copy in image.wanted)
    }
