# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file was lost and is being fetched again: by Longhorn itself, or by a recovery."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import first_file
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    Sight,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.url_cause import (
    url_cause,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Evidence,
    Verdict,
)

NAME = "redownloading"
FAILING = "redownload_failing"
BEGINNING = "beginning"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """No copy, but the data source prepares one; or the map is empty, which makes Longhorn do so
    within 30 s for the type download (longhorn-manager controller/backing_image_controller.go).
    """
    sight = window[-1]
    if sight.exists:
        return None
    if sight.first_file_pending:
        return _fetching(window)
    if sight.copies or sight.source_type != DOWNLOAD:
        return None
    return Verdict(
        NAME,
        "its placement map is empty; Longhorn begins to download it again within 30 s",
        "wait for it; nothing to do",
        (Evidence(f"backingimage/{sight.image.name}", "spec.(placement map)", "empty"),),
        confidence=LIKELY,
        detail=BEGINNING,
        heals_itself=True,
    )


def _fetching(window: Sequence[Sight]) -> Verdict:
    sight = window[-1]
    failed = first_file.failing_sight(window)
    if failed is not None and failed.source is not None:
        message = redact.plain(failed.source.message) or "without a message"
        cause = url_cause(failed.source.message)
        meaning = f"{cause.meaning} ({message})" if cause.meaning else message
        remedy = cause.remedy.format(image=sight.image.name)
        return Verdict(
            FAILING,
            f"no copy is left, and fetching it again failed: {meaning}",
            f"{remedy}. {first_file.retry_text(failed)}",
            first_file.source_evidence(failed),
            detail=cause.word,
        )
    progress = sight.source.progress if sight.source is not None else 0
    return Verdict(
        NAME,
        f"no copy is left; its file is being fetched again ({progress} %)",
        "wait for it; nothing to do",
        first_file.source_evidence(sight),
        heals_itself=True,
    )
