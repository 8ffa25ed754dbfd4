# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One image as the result of a module shows it: the same form on both schema generations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import ladder
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)


def describe(sight: Sight, verdict: Verdict) -> dict[str, Any]:
    """Image, copies, data source, consumers and verdict as plain data."""
    image = sight.image
    return {
        "name": image.name,
        "uuid": image.uuid,
        "source_type": image.source_type,
        "source_parameters": {
            key: redact.plain(value) for key, value in sorted(image.source_parameters.items())
        },
        "checksum": image.checksum or image.wanted_checksum,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "real_size": image.real_size,
        "wanted_copies": sight.wanted,
        "proven_copies": len(sight.having(Standing.PROVEN)),
        "copies": [_copy(seen) for seen in sight.copies],
        "data_source": _data_source(sight),
        "source_check": sight.finding.as_dict() if sight.finding is not None else None,
        "consumers": _consumers(sight),
        "deleting": image.meta.deleting,
        "ways_on": [rung.as_dict() for rung in ladder.climb(sight)]
        if ladder.applies(sight)
        else [],
        "verdict": verdict.as_dict(),
    }


def _copy(seen: SeenCopy) -> dict[str, Any]:
    return {
        "disk": seen.copy.disk,
        "place": seen.place,
        "node": seen.node,
        "state": seen.copy.state,
        "progress": seen.copy.progress,
        "proven": seen.standing is Standing.PROVEN,
        "standing": seen.standing.value,
        "reason": seen.why,
        "since": seen.copy.since,
        "evicting": seen.copy.eviction_requested,
        "entry_complete": seen.copy.complete,
    }


def _data_source(sight: Sight) -> dict[str, Any] | None:
    source = sight.source
    if source is None:
        return None
    disk = sight.cluster.disks.get(source.disk)
    return {
        "state": source.state,
        "file_transferred": source.file_transferred,
        "progress": source.progress,
        "message": redact.plain(source.message),
        "place": disk.label if disk else source.disk,
    }


def _consumers(sight: Sight) -> dict[str, Any]:
    cluster, name = sight.cluster, sight.image.name
    # The conditions stay True after a volume was detached: they count while it is to run
    # (longhorn-manager controller/replica_controller.go, all versions).
    waiting = [
        volume.name
        for volume in cluster.volumes_of_image.get(name, ())
        if volume.state != "detached" and _waits(volume.conditions)
    ]
    replicas = [
        replica.name
        for replica in cluster.replicas_of_image.get(name, ())
        if replica.desire == "running" and _waits(replica.conditions)
    ]
    return {
        "volumes": sorted(volume.name for volume in cluster.volumes_of_image.get(name, ())),
        "replicas": sorted(replica.name for replica in cluster.replicas_of_image.get(name, ())),
        "waiting_volumes": sorted(waiting),
        "waiting_replicas": sorted(replicas),
        "clones": sorted(clone.name for clone in cluster.clones_of_image.get(name, ())),
    }


def _waits(conditions: Iterable[Condition]) -> bool:
    return any(c.type == "WaitForBackingImage" and c.true for c in conditions)
