# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image never had a copy: its first file is on the way, or fails again and again."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import (
    moment,
    next_try,
)
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
AGAIN = "tried_again"
# The first try begins when the data source is made, the next one a minute later at the earliest
# (longhorn-manager controller/backing_image_data_source_controller.go, all versions).
AGAIN_SECONDS = 55.0
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
        again = _tried_again_since(sight)
        return _again(sight, again) if again else _running(sight)
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


def _tried_again_since(sight: Sight) -> str:
    """Since when a later try runs, "" where none shows: its entry was emptied that long after the
    data source was made. The message of the one before is gone then (recordings b-404, b-host).
    """
    source = sight.source
    if source is None or source.state or source.message or not is_retried(sight):
        return ""
    since = next(
        (c.copy.since for c in sight.copies if c.copy.disk == source.disk and not c.copy.state), ""
    )
    try:
        late = moment.seconds(since) - moment.seconds(source.meta.created)
    except ValueError:
        return ""
    return since if late >= AGAIN_SECONDS else ""


def _again(sight: Sight, since: str) -> Verdict:
    created = sight.source.meta.created if sight.source is not None else ""
    return Verdict(
        FAILING,
        f"its first file is not there yet: tried since {created}, failed at least once, and tried "
        f"again since {since}; it never had a copy",
        f"look again in half a minute: the cause is told when this try has failed. {RETRY_TEXT}",
        source_evidence(sight),
        confidence=LIKELY,
        detail=AGAIN,
    )


def wait_text(sight: Sight) -> str:
    """What to do while a first file is being prepared."""
    if sight.source_type == UPLOAD:
        return "wait for it; if nobody sends the file, send it again"
    return "wait for it; nothing to do"


def _running(sight: Sight) -> Verdict:
    progress = sight.source.progress if sight.source is not None else 0
    created = sight.source.meta.created if sight.source is not None and not progress else ""
    since = f"; tried since {created}" if created else ""
    return Verdict(
        RUNNING,
        f"its first file is being prepared ({sight.source_type or DOWNLOAD}, {progress} %{since})",
        wait_text(sight),
        source_evidence(sight),
        confidence=LIKELY if sight.source is None else "certain",
        heals_itself=True,
    )
