# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source now delivers other bytes than the image was: fetching it again fails for ever."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import finding
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import first_file
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.url_cause import (
    CHECKSUM,
    url_cause,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    NEW_URL,
    Evidence,
    Verdict,
    copy_evidence,
    recover_command,
)

NAME = "checksum_pinned"
# Texts of an entry that Longhorn compares with what it recorded (longhorn-manager
# controller/backing_image_controller.go updateStatusWithFileInfo, all versions).
_PINNED = ("recorded checksum", "mismatching size", "mismatching virtualsize")


def judge(window: Sequence[Sight]) -> Verdict | None:
    """No copy is left (nor may come back), one was there once, and the bytes of the source were
    seen to differ: by asking it, or by a download that ended so.
    """
    sight = window[-1]
    if sight.exists or sight.may_exist or not sight.was_ready_once or not sight.can_download:
        return None
    told, evidence = _by_message(window)
    found = sight.finding
    if found is not None and found.word == finding.CHANGED:
        asked = f"asked from the {found.seen_from}"
        evidence = (Evidence("source", f"HTTP, {asked}", found.text), *evidence)
        told = found.text
    if not evidence:
        return None
    checksum = sight.image.checksum or sight.image.wanted_checksum
    known = f" (sha512 {checksum[:12]}…)" if checksum else ""
    return Verdict(
        NAME,
        f"no copy is left, and its source has other bytes now: {told}",
        f"serve the file that the image was made of{known} at its URL again, or under another one: "
        f"{recover_command(sight, NEW_URL)}. With the new bytes only a new image can be made",
        evidence + copy_evidence(sight, sight.copies),
    )


def _by_message(window: Sequence[Sight]) -> tuple[str, tuple[Evidence, ...]]:
    sight = window[-1]
    failed = first_file.failing_sight(window) if sight.first_file_pending else None
    if failed is not None and failed.source is not None:
        message = failed.source.message
        if url_cause(message) is CHECKSUM:
            return redact.plain(message), first_file.source_evidence(failed)
    entries = [seen for seen in sight.having(Standing.LOST) if _pinned(seen)]
    if entries:
        return entries[0].why, copy_evidence(sight, entries)
    return "", ()


def _pinned(seen: SeenCopy) -> bool:
    message = seen.copy.message.lower()
    return any(text in message for text in _PINNED)
