# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which verdicts say the same as a row of the answer key: the reviewed table.

The table maps the key's plain words about a re-download to the verdicts that say the same. What a
verdict must never do is told apart from what it may also say: a recoverable verdict is only right
where the key says "allowed" or "debatable".
"""

from __future__ import annotations

import re

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from tests.check_verdicts.answer_key import WINDOW_SECONDS, Phase

WELL = {
    "healthy",
    "degraded",
    "degraded_syncing",
    "failed_sync_retrying",
    "poisoned_entry",
    "orphan_map_entry",
    "deleting",
    "deleting_blocked_by_consumers",
}
LOST = {"unavailable_all_failed", "data_source_stuck"}
ON_ITS_WAY = {"never_downloaded", "redownloading"}
UNSURE = {"undetermined_unknown", "blocked_by_unknown"}

# Beginning of the key's "re-download" cell -> verdicts that agree with it.
AGREES = {
    "not needed": WELL,
    "refuse": WELL | UNSURE,
    "allowed": LOST,
    "debatable": LOST | UNSURE,
    "running": ON_ITS_WAY,
    "pointless": ON_ITS_WAY,
    "- (no object)": WELL,
}
# Words of the key's "tell the operator" cell -> the verdicts that say just this.
TELLS = (
    (re.compile(r"map also names a disk that does not exist"), {"orphan_map_entry"}),
    (re.compile(r"fails every \d+ s"), {"failed_sync_retrying", "healthy"}),
    (re.compile(r"^stuck: data source ready"), {"data_source_stuck", "unavailable_all_failed"}),
    (re.compile(r"^first download failed|^the first file is being"), {"never_downloaded"}),
)
# In this state the replicas have put their keys back into the emptied map. Nobody can see that it
# was emptied: a fresh look finds no copy, no progress and a data source that counts itself done.
KEYS_PUT_BACK = "map emptied, keys put back"


def understood(phase: Phase) -> bool:
    """Whether the table has the beginning of this row's "re-download" cell."""
    return any(phase.redownload.startswith(word) for word in AGREES)


def agreeing(phase: Phase, moment: float) -> set[str]:
    """The verdicts that say what this row says, at a moment of it (seconds from the start)."""
    word = next(word for word in AGREES if phase.redownload.startswith(word))
    allowed = AGREES[word] | (LOST | UNSURE if phase.name == KEYS_PUT_BACK else set())
    # Right after a change the window still holds what was before it: a ready copy, for example.
    # Then unsure is right where the loss is new, and the general words are where a cause is.
    fresh = moment - phase.begin < WINDOW_SECONDS + 2.0
    if fresh:
        return allowed | (UNSURE if phase.redownload.startswith("allowed") else set())
    for pattern, names in TELLS:
        if pattern.search(phase.tell):
            return allowed & names
    return allowed


def against(phase: Phase, moment: float, verdict: Verdict) -> str:
    """Why this verdict disagrees with the row at this moment; "" when it agrees."""
    if verdict.name not in agreeing(phase, moment):
        return f"{moment:.1f} s [{phase.name}] {phase.redownload[:40]} -> {verdict.name}"
    may_recover = phase.redownload.startswith(("allowed", "debatable"))
    if verdict.recoverable and not may_recover and phase.name != KEYS_PUT_BACK:
        return f"{moment:.1f} s [{phase.name}]: recoverable, the key says it is not"
    return ""
