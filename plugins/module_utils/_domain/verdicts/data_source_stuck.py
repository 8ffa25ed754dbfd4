# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hang: the data source holds a finished file that no manager will ever take over."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import first_file
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    unchanged_for,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Verdict,
    copy_evidence,
    remedy,
)

NAME = "data_source_stuck"
# A healthy hand-over takes up to 4 s from `ready` to fileTransferred (measured).
HAND_OVER_SECONDS = 6.0


def is_stuck(sight: Sight) -> bool:
    """Data source `ready` but not transferred, while its disk's entry is failed or missing.

    Comes from deleting the data source while the map still lists failed copies. Nothing retries;
    it stood still for over an hour (longhorn-manager
    controller/backing_image_manager_controller.go, v1.6.4 to v1.12.1).
    """
    source = sight.source
    if source is None or source.file_transferred or source.state != "ready" or sight.exists:
        return False
    own = [seen for seen in sight.copies if seen.copy.disk == source.disk]
    return all(seen.copy.state in ("failed", "") for seen in own)


def judge(window: Sequence[Sight]) -> Verdict | None:
    """The hang, seen at every moment of a window that is longer than any healthy hand-over."""
    sight = window[-1]
    source = sight.source
    if not is_stuck(sight):
        return None
    long_enough = unchanged_for(window, is_stuck) >= HAND_OVER_SECONDS
    own = [seen for seen in sight.copies if source and seen.copy.disk == source.disk]
    if not long_enough and not any(seen.copy.state == "failed" for seen in own):
        return None
    return Verdict(
        NAME,
        "its data source holds a finished file that no manager takes over; waiting does not help",
        remedy(sight),
        first_file.source_evidence(sight) + copy_evidence(sight, sight.copies),
        confidence="certain" if long_enough else LIKELY,
        recoverable=sight.can_download and not any(s.exists or s.may_exist for s in window),
    )
