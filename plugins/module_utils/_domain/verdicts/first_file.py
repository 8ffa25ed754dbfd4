# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image never had a copy: its first file is on the way, or fails again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    Sight,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Evidence,
    Verdict,
)

NAME = "never_downloaded"
RUNNING = "running"
FAILING = "failing"

RETRY_SECONDS_MAX = 330
_RETRIED = (DOWNLOAD, "export-from-volume")
RETRY_TEXT = (
    "Longhorn tries again by itself 1, 2, 4, then every 5 min after a try began, up to 30 s late"
)


def retry_text(evidence: tuple[Evidence, ...]) -> str:
    """When Longhorn tries again, with the latest moment where the failure's own is known.

    The longest window is 5 min from the beginning of a try, looked at every 30 s (longhorn-manager
    controller/backing_image_data_source_controller.go, all versions).
    """
    since = next((item.since for item in evidence if item.since), "")
    if not since:
        return RETRY_TEXT
    failed = datetime.fromisoformat(since.replace("Z", "+00:00"))
    latest = (failed + timedelta(seconds=RETRY_SECONDS_MAX)).strftime("%H:%M:%SZ")
    return f"{RETRY_TEXT}: next at {latest} at the latest"


def source_evidence(sight: Sight) -> tuple[Evidence, ...]:
    """State of the data source as evidence."""
    source = sight.source
    if source is None:
        return (Evidence(f"backingimagedatasource/{sight.image.name}", "metadata", "absent"),)
    since = next((c.copy.since for c in sight.copies if c.copy.disk == source.disk), "")
    state = source.state or "starting"
    return (
        Evidence(
            f"backingimagedatasource/{source.name}",
            "status.currentState",
            f"{state}: {redact.plain(source.message)}"
            if source.message
            else f"{state}, {source.progress} %",
            since,
        ),
    )


def failing_sight(window: Sequence[Sight]) -> Sight | None:
    """The last sight whose data source read failed: a new try shows no message for 6 s."""
    for sight in reversed(window):
        if sight.source is not None and sight.source.state in ("failed", "failed-and-cleanup"):
            return sight
    return None


def judge(window: Sequence[Sight]) -> Verdict | None:
    """The data source has not handed over its file and no copy was ever complete."""
    sight = window[-1]
    image = sight.image
    if sight.exists or sight.was_ready_once:
        return None
    if sight.source is not None and not sight.first_file_pending:
        return None
    failed = failing_sight(window)
    if failed is None or failed.source is None:
        progress = sight.source.progress if sight.source is not None else 0
        return Verdict(
            NAME,
            f"its first file is being prepared ({image.source_type or DOWNLOAD}, {progress} %)",
            "wait for it; nothing to do",
            source_evidence(sight),
            confidence=LIKELY if sight.source is None else "certain",
            detail=RUNNING,
            heals_itself=True,
        )
    cause = redact.plain(failed.source.message) or "without a message"
    retried = (failed.source.source_type or DOWNLOAD) in _RETRIED
    remedy = (
        f"repair the source. {retry_text(source_evidence(failed))}"
        if retried
        else ("Longhorn does not try again for this type: delete the image and create it anew")
    )
    return Verdict(
        NAME,
        f"its first file failed: {cause}; it never had a copy",
        remedy,
        source_evidence(failed),
        detail=FAILING,
    )
