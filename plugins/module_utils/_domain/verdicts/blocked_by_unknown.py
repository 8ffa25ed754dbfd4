# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that can be seen has failed, and one entry that reads unknown keeps Longhorn from acting."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Copy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    names,
    phrases,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import unavailable
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    Sight,
    Standing,
    progressed,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Evidence,
    Verdict,
    bring_back,
    copy_evidence,
    places,
    recover_command,
)

NAME = "blocked_by_unknown"
LEFTOVER = "leftover"


def is_blocked(sight: Sight) -> bool:
    """No copy is proven or arriving, at least one has failed, and at least one reads unknown."""
    may_return = sight.having(Standing.MAY_RETURN)
    unknown = [c for c in may_return if c.copy.state == "unknown" and not c.checked]
    lost = sight.having(Standing.LOST)
    return bool(unknown and lost) and len(unknown) + len(lost) == len(sight.copies)


def judge(window: Sequence[Sight]) -> Verdict | None:
    """Longhorn downloads again by itself only when every entry reads failed (longhorn-manager
    controller/backing_image_controller.go handleBackingImageDataSource; longhorn#10569).
    """
    sight = window[-1]
    if sight.source_type != DOWNLOAD or sight.first_file_pending or progressed(window):
        return None
    kept = unavailable.entries_kept(sight)
    if kept and not sight.copies:
        return _by_a_leftover(sight, kept)
    if not all(is_blocked(seen) for seen in window):
        return None
    unknown = sight.having(Standing.MAY_RETURN)
    reasons = phrases([f"{seen.place}: {seen.why}" for seen in unknown])
    return Verdict(
        NAME,
        f"every copy that can be seen has failed ({places(sight.having(Standing.LOST))}), and "
        f"Longhorn does not fetch it again while {places(unknown)} reads unknown ({reasons})",
        bring_back(sight, unknown),
        copy_evidence(sight, sight.copies),
    )


def _by_a_leftover(sight: Sight, kept: Sequence[Copy]) -> Verdict:
    """The map was emptied while a node was down: its entry stays, and Longhorn waits for it. From
    1.7 on its manager deletes the file when the node returns, so no copy is left; up to 1.6 the
    file can be kept and become a copy again (longhorn-manager
    controller/backing_image_manager_controller.go, v1.6.4 and v1.12.1).
    """
    disks = sight.cluster.disks
    where = names([disks[c.disk].label if c.disk in disks else f"disk {c.disk}" for c in kept])
    lost = sight.cluster.schema.replenishes
    fate = (
        f"A file that is left on {where} is deleted when its manager runs again, because its key "
        "is not in the map any more"
        if lost
        else f"If {where} comes back first, its file may be kept and become a copy again, or be "
        "deleted, because its key is not in the map any more"
    )
    return Verdict(
        NAME,
        f"{'no copy is left: ' if lost else ''}its placement map is empty, and Longhorn does not "
        f"fetch it again while the entry of {where} stands, whose manager does not run",
        f"{recover_command(sight)}. {fate}",
        tuple(
            Evidence(
                f"backingimage/{sight.image.name}",
                f"status.diskFileStatusMap[{copy.disk}] (not in the map)",
                copy.state or "not reported",
                copy.since,
            )
            for copy in kept
        ),
        detail=LEFTOVER if lost else "",
        recoverable=lost and sight.can_download,
    )
