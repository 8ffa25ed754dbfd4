# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk whose identity changed: the file may lie there, but Longhorn looks for another UUID."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import drift
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Disk
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    progressed,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    ACCEPT_LOSS,
    LIKELY,
    Evidence,
    Verdict,
    copy_evidence,
    places,
    recover_command,
)

NAME = "disk_uuid_drift"


def drifted(sight: Sight) -> list[tuple[SeenCopy, Disk]]:
    """Copies whose disk is known to be another one by now, with what stands in its place."""
    found = []
    for seen in sight.copies:
        disk = drift.stands_for(sight.cluster, sight.image, seen.copy.disk)
        if disk is not None:
            found.append((seen, disk))
    return found


def judge(window: Sequence[Sight]) -> Verdict | None:
    """No copy is proven, and one is on a disk whose UUID is not the recorded one any more: the
    identity file was written anew, or another disk is mounted there (harvester#10453;
    longhorn-manager controller/monitor/disk_monitor.go).
    """
    sight = window[-1]
    if sight.exists or sight.first_file_pending or progressed(window):
        return None
    found = drifted(sight)
    if not found:
        return None
    told = [f"{disk.label} ({disk.path})" for _seen, disk in found]
    folder = f"backing-images/{sight.image.name}-{sight.image.uuid}/backing"
    evidence = tuple(
        Evidence(
            f"node/{disk.node}",
            f"status.diskStatus[{disk.name}]",
            f"UUID {disk.uuid} where {seen.copy.disk} is looked for",
            drift.since(disk),
        )
        for seen, disk in found
    )
    return Verdict(
        NAME,
        f"no copy can be proven; {places([seen for seen, _disk in found])} had one, and what is at "
        f"{names(told)} now is another disk, or its identity was written anew: the file may "
        "still lie there under another UUID",
        f"look on the node whether {folder} is there and has the recorded sha512. If it is, put "
        "the recorded UUID back into longhorn-disk.cfg of that disk (nothing else on it may have "
        "been made under the new one). If the disk was wiped: "
        f"{recover_command(sight, ACCEPT_LOSS)}",
        evidence + copy_evidence(sight, [seen for seen, _disk in found]),
        confidence=LIKELY,
    )
