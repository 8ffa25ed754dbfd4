# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that can be seen has failed, and one entry that reads unknown keeps Longhorn from acting."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    Sight,
    Standing,
    progressed,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    RECOVER_COMMAND,
    Verdict,
    copy_evidence,
    places,
)

NAME = "blocked_by_unknown"


def is_blocked(sight: Sight) -> bool:
    """No copy is proven or arriving, at least one has failed, and at least one reads unknown."""
    unknown = [c for c in sight.having(Standing.MAY_RETURN) if c.copy.state == "unknown"]
    lost = sight.having(Standing.LOST)
    return bool(unknown and lost) and len(unknown) + len(lost) == len(sight.copies)


def judge(window: Sequence[Sight]) -> Verdict | None:
    """Longhorn downloads again by itself only when every entry reads failed (longhorn-manager
    controller/backing_image_controller.go handleBackingImageDataSource; longhorn#10569).
    """
    sight = window[-1]
    if sight.source_type != DOWNLOAD or sight.first_file_pending or progressed(window):
        return None
    if not all(is_blocked(seen) for seen in window):
        return None
    unknown = sight.having(Standing.MAY_RETURN)
    reasons = "; ".join(f"{seen.place}: {seen.why}" for seen in unknown)
    return Verdict(
        NAME,
        f"every copy that can be seen has failed ({places(sight.having(Standing.LOST))}), and "
        f"Longhorn does not fetch it again while {places(unknown)} reads unknown ({reasons})",
        f"bring {places(unknown)} back if that is possible. If it is gone for good: "
        f"{RECOVER_COMMAND}{sight.image.name} -e accept_unknown_loss=true",
        copy_evidence(sight, sight.copies),
    )
