# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What had left a node for good by the time it was given back, or its drain undone.

Undoing a drain stops nothing that has been done: a replica or copy that was taken off the node
stays where it went (procedures.md P2.5). The notes of volumes and images go with what they
describe, so the note of the node names what was there before the maintenance.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.node_before import (
    NodeBefore,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import known_uuids

# All annotations of an object may hold 256 KiB; beyond this many names only the first are told.
NAMES_MAX = 1000


def held(cluster: Cluster, node: str) -> dict[str, Any]:
    """For the note: volumes with a replica on the node, images with a key for one of its disks."""
    volumes = {r.volume for r in cluster.replicas.values() if r.node == node and r.volume}
    return {
        "volumes": sorted(volumes)[:NAMES_MAX],
        "images": sorted(_images_on(cluster, known_uuids(cluster.nodes[node])))[:NAMES_MAX],
    }


def moved(cluster: Cluster, node: str, before: NodeBefore) -> tuple[list[str], list[str]]:
    """Volumes and images that had something on the node then, exist still, and have not now."""
    uuids = known_uuids(cluster.nodes[node]) | {disk.uuid for disk in before.disks}
    here = {replica.volume for replica in cluster.replicas.values() if replica.node == node}
    images = _images_on(cluster, uuids)
    return (
        sorted(name for name in set(before.volumes) - here if name in cluster.volumes),
        sorted(name for name in set(before.images) - images if name in cluster.images),
    )


def _images_on(cluster: Cluster, uuids: frozenset[str]) -> set[str]:
    return {
        name
        for name, image in cluster.images.items()
        if any(copy.disk in uuids for copy in image.wanted)
    }
