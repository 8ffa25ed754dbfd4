# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two disks whose managers would have one name: the second disk never gets a manager."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Evidence,
    Verdict,
    copy_evidence,
    places,
)

NAME = "name_collision"
# Names up to 1.8 and in 1.9.0 and 1.9.1; later ones carry a hash of the whole UUID ("bim-...").
OLD_NAME = "backing-image-manager-"
PREFIX_LENGTH = 4


def taken_by(sight: Sight, seen: SeenCopy) -> str:
    """Name of the other disk's manager that stands in the way of this disk's, or ""."""
    disk = seen.copy.disk
    if seen.standing is not Standing.WAITING or sight.cluster.managers_of_disk.get(disk):
        return ""
    for manager in sight.cluster.managers.values():
        same = manager.disk[:PREFIX_LENGTH] == disk[:PREFIX_LENGTH] and manager.disk != disk
        if same and manager.name.startswith(OLD_NAME):
            return manager.name
    return ""


def judge(window: Sequence[Sight]) -> Verdict | None:
    """A key without an entry, on a disk without a manager whose UUID begins with the same four
    characters as that of a disk that has one, at every moment of the window (longhorn-manager
    types/types.go GetBackingImageManagerName, up to v1.9.1).
    """
    sight = window[-1]
    hidden = [seen for seen in sight.copies if taken_by(sight, seen)]
    source = sight.source
    if not hidden or any(not any(taken_by(s, c) for c in s.copies) for s in window):
        return None
    if not sight.exists and not (
        sight.first_file_pending and source and source.disk in {c.copy.disk for c in hidden}
    ):
        return None
    managers = tuple(
        Evidence(f"backingimagemanager/{name}", "spec.diskUUID", sight.cluster.managers[name].disk)
        for name in sorted({taken_by(sight, seen) for seen in hidden})
    )
    return Verdict(
        NAME,
        f"{places(hidden)} never gets a copy: the UUIDs of two disks begin with the same four "
        "characters, so their backing image managers would have the same name",
        "take that disk's key out of the map and let another disk have the copy; Longhorn 1.9.2 "
        "and later name their managers otherwise",
        copy_evidence(sight, hidden) + managers,
        confidence=LIKELY,
    )
