# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which verdicts say the same as a row of the answer key: the reviewed table.

Three columns of the key are read. "re-download" bounds the verdicts (a recoverable one is only
right where it says "allowed" or "debatable"). The plain words of "tell the operator" then narrow
them, mostly to one: the first pattern that is found counts. "waiting" is held against what the
verdict says about itself: where waiting never helps, it must not promise that it will.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from tests.check_verdicts.answer_key import WINDOW_SECONDS, Phase

HEALTHY = {"healthy"}
SYNCING = {"degraded_syncing"}
SHORT = {"degraded", "degraded_syncing", "failed_sync_retrying"}
WELL = {
    *HEALTHY,
    *SHORT,
    "poisoned_entry",
    "orphan_map_entry",
    "deleting",
    "deleting_blocked_by_consumers",
}
STUCK = {"data_source_stuck"}
WILL = {"all_failed_will_recover_itself"}
NEEDS = {"all_failed_needs_recovery", "unknown_gone"}
LOST = {*WILL, *NEEDS, *STUCK}
FIRST = {"first_download_running"}
FIRST_FAILING = {"first_download_failing"}
FETCHING = {"redownloading"}
FETCHING_FAILING = {"redownload_failing"}
ON_ITS_WAY = {*FIRST, *FIRST_FAILING, *FETCHING, *FETCHING_FAILING}
UNKNOWN = {"unknown_may_return", "blocked_by_unknown"}
MAY_RETURN = {"unknown_may_return"}
FLAPPING = {*WILL, "all_failed_needs_recovery", "undetermined"}
UNSURE = {*UNKNOWN, "undetermined", "disk_uuid_drift"}

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
_COUNTED = re.compile(r"^(\d+) of (\d+) copies healthy")
_COUNTED_BY_REPLICAS = re.compile(r"^(\d+) copies healthy \((\d+) wanted\)")


def _by_number(phase: Phase) -> set[str]:
    """``1 of 2 copies healthy``: whether enough are there decides between the two families. Why one
    is missing the rows tell in words of their own, so every verdict that says "fewer" agrees.
    """
    found = _COUNTED.search(phase.tell) or _COUNTED_BY_REPLICAS.search(phase.tell)
    assert found is not None
    return HEALTHY if int(found[1]) >= int(found[2]) else SHORT


def _quiet(phase: Phase) -> set[str]:
    """All copies failed: whether Longhorn acts by itself stands in the column "waiting"."""
    return WILL if phase.waiting.startswith("yes") else NEEDS


# Words of the key's "tell the operator" cell -> the verdicts that say just this; the first counts.
# Where several are named, the row is true of each: the reason stands beside it.
TELLS: tuple[tuple[str, set[str] | Callable[[Phase], set[str]]], ...] = (
    (r"map also names a disk that does not exist", {"orphan_map_entry"}),
    (r"fails every \d+ s.*a replica waits for it", {"failed_sync_retrying"}),
    # Enough are whole and nobody needs the one that fails (the row above is where a replica does).
    (r"^(\d+) of \1 copies healthy .*fails every \d+ s", HEALTHY),
    (r"fails every \d+ s", {"failed_sync_retrying"}),
    (r"^stuck: the data source put its disk .* back", STUCK),
    (r"^stuck: data source ready", STUCK),
    (r"^first download failed", FIRST_FAILING),
    (r"^the re-download failed", FETCHING_FAILING),
    (r"^the first file is being", FIRST),
    (r"^the file is downloaded \(ready-for-transfer\)", FIRST),
    # "re-" also where the first download was cut off and no copy ever existed.
    (r"^re-download to ", FETCHING | FIRST),
    (r"^the map was emptied; Longhorn has begun the re-download", FETCHING),
    (r"^map empty, old entries still shown", FETCHING),
    (r"^the map was emptied on a healthy image", FETCHING),
    (r"^the data source was deleted (before|while)", FETCHING),
    # Cut off by deleting its data source: the next try is under way, and the last one has failed.
    (r"^the running download was cut off", ON_ITS_WAY),
    # Whether Longhorn tries again by itself depends on a free disk, which the row does not tell.
    (r"^no copy left on any disk; the URL answers", LOST),
    (r"^no copy left on any disk", _quiet),
    (r"^as before; Longhorn tries and fails every pass", NEEDS),
    # The key calls it debatable: to wait until it settles and to recover at once are both right.
    (r"^no copy is ready; failed, absent and starting alternate", FLAPPING),
    (r"^the only copy is on a node that is down", MAY_RETURN),
    # Its manager pod was evicted: for the second after it started nothing at all is reported.
    (r"^the only copy is out of service", MAY_RETURN | {"undetermined"}),
    (r"^all looks healthy", HEALTHY),
    # A try that found no sender yet has failed while the next one is made.
    (r"^\d+ of \d+ copies healthy.*Longhorn is making", SYNCING | {"failed_sync_retrying"}),
    (_COUNTED.pattern, _by_number),
    (_COUNTED_BY_REPLICAS.pattern, _by_number),
    (r"^one healthy copy", HEALTHY),
)
# In this state the replicas have put their keys back into the emptied map. Nobody can see that it
# was emptied: a fresh look finds no copy, no progress and a data source that counts itself done.
KEYS_PUT_BACK = "map emptied, keys put back"

# Words of a failed first download -> the cause that the verdict has to name.
CAUSES = (
    (r"server answers 404", "not_found"),
    (r"unknown host", "host"),
    (r"another checksum", "checksum"),
    (r"cuts the connection", "cut"),
    (r"URL scheme", "scheme"),
)


def understood(phase: Phase) -> bool:
    """Whether the table has the beginning of this row's "re-download" cell."""
    return any(phase.redownload.startswith(word) for word in AGREES)


def narrowed(phase: Phase) -> set[str] | None:
    """The verdicts that the row's plain words name; None where no pattern knows them."""
    for pattern, names in TELLS:
        if re.search(pattern, phase.tell):
            return names(phase) if callable(names) else names
    return None


def agreeing(phase: Phase, moment: float) -> set[str]:
    """The verdicts that say what this row says, at a moment of it (seconds from the start)."""
    word = next(word for word in AGREES if phase.redownload.startswith(word))
    allowed = AGREES[word] | (LOST | UNSURE if phase.name == KEYS_PUT_BACK else set())
    # Right after a change the window still holds what was before it: a ready copy, for example.
    # Then unsure is right where the loss is new, and the general words are where a cause is.
    if is_fresh(phase, moment):
        return allowed | (UNSURE if phase.redownload.startswith("allowed") else set())
    named = narrowed(phase)
    return allowed if named is None else allowed & named


def is_fresh(phase: Phase, moment: float) -> bool:
    """Whether a window that ends now may still hold what was before this row."""
    return moment - phase.begin < WINDOW_SECONDS + 2.0


def against(phase: Phase, moment: float, verdict: Verdict) -> str:
    """Why this verdict disagrees with the row at this moment; "" when it agrees."""
    where = f"{moment:.1f} s [{phase.name}]"
    if verdict.name not in agreeing(phase, moment):
        return f"{where} {phase.redownload[:40]} -> {verdict.name}"
    may_recover = phase.redownload.startswith(("allowed", "debatable"))
    if verdict.recoverable and not may_recover and phase.name != KEYS_PUT_BACK:
        return f"{where}: recoverable, the key says it is not"
    if is_fresh(phase, moment):
        return ""
    if verdict.heals_itself and re.match(r"no\b", phase.waiting):
        return f"{where}: {verdict.name} promises that waiting helps, the key says: no"
    causes = [cause for pattern, cause in CAUSES if re.search(pattern, phase.tell)]
    failing = verdict.name in FIRST_FAILING | FETCHING_FAILING
    if failing and verdict.detail not in causes and not phase.tell.startswith("as before"):
        return f"{where}: cause {verdict.detail}, the key says {causes}"
    return ""
