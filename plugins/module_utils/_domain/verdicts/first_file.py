# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image never had a copy: its first file is on the way, or fails again and again."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import next_try
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    Sight,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.url_cause import (
    UrlCause,
    url_cause,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    NEW_URL,
    Evidence,
    Verdict,
    recover_command,
)

RUNNING = "first_download_running"
FAILING = "first_download_failing"

UPLOAD = "upload"
_RETRIED = (DOWNLOAD, "export-from-volume")
RETRY_TEXT = (
    "Longhorn tries again by itself 1, 2, 4, then every 5 min after a try began, up to 30 s late"
)


def retry_text(sight: Sight, first: bool = False) -> str:
    """When Longhorn tries the failed download of this sight again, by its rule (longhorn-manager
    controller/backing_image_data_source_controller.go, all versions). *first*: no copy ever
    existed, so the tries are counted from the making of the data source.
    """
    since = next((item.since for item in source_evidence(sight) if item.since), "")
    created = sight.source.meta.created if sight.source is not None and first else ""
    told = next_try.text(created, since)
    return f"{RETRY_TEXT}: {told}" if told else RETRY_TEXT


def is_retried(sight: Sight) -> bool:
    """Whether Longhorn tries a failed first file of this type again."""
    return (sight.source_type or DOWNLOAD) in _RETRIED


def cause_remedy(sight: Sight, cause: UrlCause) -> str:
    """What to do about the cause, with the command for this image where it is one."""
    return cause.remedy.format(new_url=recover_command(sight, NEW_URL))


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
    if sight.exists or sight.was_ready_once:
        return None
    if sight.source is not None and not sight.first_file_pending:
        return None
    failed = failing_sight(window)
    if failed is None or failed.source is None:
        return _running(sight)
    message = redact.plain(failed.source.message) or "without a message"
    cause = url_cause(failed.source.message)
    meaning = f"{cause.meaning} ({message})" if cause.meaning else message
    remedy = (
        f"{cause_remedy(sight, cause)}. {retry_text(failed, first=True)}"
        if is_retried(failed)
        else "Longhorn does not try again for this type: delete the image and create it anew"
    )
    return Verdict(
        FAILING,
        f"its first file failed: {meaning}; it never had a copy",
        remedy,
        source_evidence(failed),
        detail=cause.word,
    )


def wait_text(sight: Sight) -> str:
    """What to do while a first file is being prepared."""
    if sight.source_type == UPLOAD:
        return "wait for it; if nobody sends the file, send it again"
    return "wait for it; nothing to do"


def _running(sight: Sight) -> Verdict:
    progress = sight.source.progress if sight.source is not None else 0
    return Verdict(
        RUNNING,
        f"its first file is being prepared ({sight.source_type or DOWNLOAD}, {progress} %)",
        wait_text(sight),
        source_evidence(sight),
        confidence=LIKELY if sight.source is None else "certain",
        heals_itself=True,
    )
