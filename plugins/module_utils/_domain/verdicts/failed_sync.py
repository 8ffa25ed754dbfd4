# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A further copy fails, and Longhorn tries it again and again from a whole one."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import phrases
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sync_cause import (
    OTHER,
    Cause,
    cause_of,
    cause_on_disk,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
    copy_evidence,
    count_of,
    places,
)

NAME = "failed_sync_retrying"


def failures(window: Sequence[Sight]) -> dict[str, SeenCopy]:
    """The last failure inside the window of each copy that is not whole and not arriving now.

    Between two tries, 3 s apart, the entry is absent or starting: one sight does not tell.
    """
    sight = window[-1]
    now = {seen.copy.disk for seen in sight.having(Standing.LOST, Standing.EMPTY, Standing.WAITING)}
    found: dict[str, SeenCopy] = {}
    for earlier in window:
        for seen in earlier.having(Standing.LOST):
            if seen.copy.disk in now:
                found[seen.copy.disk] = _more_telling(found.get(seen.copy.disk), seen)
    return found


def _more_telling(before: SeenCopy | None, now: SeenCopy) -> SeenCopy:
    """The later failure, unless only the earlier one names a cause that stays."""
    if before is None or cause_of(before.copy.message).passes:
        return now
    return before if cause_of(now.copy.message).passes else now


def judge(window: Sequence[Sight]) -> Verdict | None:
    """A whole copy is there, one has failed, and it is missed: there are fewer than wanted, or a
    replica on that disk needs it. Longhorn tries about every 3 s, without a back-off.
    """
    sight = window[-1]
    found = failures(window)
    if not sight.exists or not found:
        return None
    proven = sight.having(Standing.PROVEN, Standing.LEAVING)
    used = {r.disk for r in sight.cluster.replicas_of_image.get(sight.image.name, ())}
    if len(proven) >= sight.wanted and not used & set(found):
        return None
    causes = [_cause(sight, seen) for seen in found.values()]
    told = phrases(
        [
            f"{seen.place}: {_told(seen, cause)}"
            for seen, cause in zip(found.values(), causes, strict=True)
        ]
    )
    worst = next((cause for cause in causes if not cause.passes), causes[0])
    return Verdict(
        NAME,
        f"{count_of(sight, len(proven))} healthy ({places(proven)}); fails and is tried again: "
        f"{told}",
        f"{worst.remedy}; Longhorn tries again by itself",
        copy_evidence(sight, tuple(found.values())),
        detail=worst.word,
        heals_itself=all(cause.passes for cause in causes),
    )


def _cause(sight: Sight, seen: SeenCopy) -> Cause:
    disk = sight.cluster.disks.get(seen.copy.disk)
    free = disk.storage_available if disk is not None and disk.storage_maximum else None
    return cause_on_disk(seen.copy.message, free, sight.image.file_bytes)


def _told(seen: SeenCopy, cause: Cause) -> str:
    if cause is OTHER:
        return seen.why
    return f"{cause.meaning} ({seen.why})" if seen.copy.message else cause.meaning
