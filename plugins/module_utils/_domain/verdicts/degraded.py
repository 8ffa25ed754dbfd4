# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer proven copies than wanted, but at least one file is there."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names, phrases
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
    copy_evidence,
    count_of,
    places,
)

SYNCING = "degraded_syncing"
NAME = "degraded"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """degraded_syncing while a further copy is being made, degraded while none is."""
    sight = window[-1]
    if not sight.exists:
        return None
    proven = sight.having(Standing.PROVEN)
    have = f"{count_of(sight, len(proven))} healthy ({places(proven)})"
    failed_lately = {
        seen.copy.disk for s in window for seen in s.having(Standing.LOST, Standing.MAY_RETURN)
    }
    making = [
        seen
        for seen in sight.having(Standing.MOVING, Standing.EMPTY, Standing.WAITING)
        if seen.standing is Standing.MOVING or seen.copy.disk not in failed_lately
    ]
    if making:
        told = names([f"{seen.place} ({seen.progress} %)" for seen in making])
        return Verdict(
            SYNCING,
            f"{have}; being made: {told}",
            "wait for it; nothing to do",
            copy_evidence(sight, sight.copies),
            heals_itself=True,
        )
    missing = [seen for seen in sight.copies if seen not in proven]
    told = "; " + phrases([f"{seen.place}: {seen.why}" for seen in missing]) if missing else ""
    return Verdict(NAME, f"{have}{told}", _remedy(sight), copy_evidence(sight, sight.copies))


def _remedy(sight: Sight) -> str:
    if sight.having(Standing.LOST):
        return "look at what the message names on that node; Longhorn tries again by itself"
    if sight.having(Standing.MAY_RETURN):
        return "bring the node or disk back, or take its key out of the map if it is gone for good"
    if sight.having(Standing.GONE):
        return "take the key of the disk that is gone out of the map"
    if sight.cluster.schema.replenishes:
        return "Longhorn adds a copy when a disk can take one; check free and schedulable disks"
    return "add a disk's key to spec.disks: up to 1.6 Longhorn makes no copy by itself"
