# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file was lost and is being fetched again: by Longhorn itself, or by a recovery."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    first_file,
    unavailable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.url_cause import (
    url_cause,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Evidence,
    Verdict,
    places,
    remedy,
)

NAME = "redownloading"
FAILING = "redownload_failing"
BEGINNING = "beginning"
NO_DISK = "no_disk"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """No copy, but the data source prepares one; or the map is empty, which makes Longhorn do so
    within 30 s for the type download (longhorn-manager controller/backing_image_controller.go).
    """
    sight = window[-1]
    if sight.exists:
        return None
    if sight.first_file_pending:
        return _fetching(window)
    if sight.copies or sight.source_type != DOWNLOAD or unavailable.entries_kept(sight):
        return None
    empty = (Evidence(f"backingimage/{sight.image.name}", "spec.(placement map)", "empty"),)
    if not unavailable.has_disk(sight):
        return Verdict(
            FAILING,
            "its placement map is empty, and Longhorn finds no disk to download it to: none that "
            "its selectors allow is Ready and schedulable",
            "let one disk take it (scheduling of node and disk, tags, space); Longhorn then begins "
            "by itself",
            empty,
            detail=NO_DISK,
        )
    return Verdict(
        NAME,
        "its placement map is empty; Longhorn begins to download it again within 30 s",
        "wait for it; nothing to do",
        empty,
        confidence=LIKELY,
        detail=BEGINNING,
        heals_itself=True,
    )


def _fetching(window: Sequence[Sight]) -> Verdict:
    sight = window[-1]
    lost, return_first = _what_is_left(sight)
    failed = first_file.failing_sight(window)
    if failed is not None and failed.source is not None:
        message = redact.plain(failed.source.message) or "without a message"
        cause = url_cause(failed.source.message)
        meaning = f"{cause.meaning} ({message})" if cause.meaning else message
        advice = (
            f"{first_file.cause_remedy(sight, cause)}. {first_file.retry_text(failed)}"
            if first_file.is_retried(failed)
            else f"Longhorn does not try again for this type. {remedy(sight)}"
        )
        return Verdict(
            FAILING,
            f"{lost}, and fetching it again failed: {meaning}",
            f"{return_first}{advice}",
            first_file.source_evidence(failed),
            detail=cause.word,
        )
    progress = sight.source.progress if sight.source is not None else 0
    return Verdict(
        NAME,
        f"{lost}; its file is being fetched again ({progress} %)",
        first_file.wait_text(sight),
        first_file.source_evidence(sight),
        heals_itself=sight.source_type != first_file.UPLOAD,
    )


def _what_is_left(sight: Sight) -> tuple[str, str]:
    """That no copy is there, for the summary, and what may save one before all else."""
    down = sight.having(Standing.MAY_RETURN, Standing.WAITING)
    if not down:
        return "no copy is left", ""
    told = f"no copy can be proven ({places(down)} may come back)"
    return told, f"bring {places(down)} back if that is possible. " if sight.down else ""
