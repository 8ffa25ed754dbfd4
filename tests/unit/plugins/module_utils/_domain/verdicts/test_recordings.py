# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts over all recordings agree with the reviewed answer key at every phase.

The table maps the key's plain words about a re-download to the verdicts that say the same. What a
verdict must never do is told apart from what it may also say: a recoverable verdict is only right
where the key says "allowed" or "debatable".
"""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from tests.unit import recorded
from tests.unit.plugins.module_utils._domain.verdicts.answer_key import WINDOW_SECONDS, windows
from tests.unit.plugins.module_utils._domain.verdicts.answer_key import phases as all_phases

WELL = {"healthy", "degraded", "degraded_syncing", "poisoned_entry", "deleting"}
LOST = {"unavailable_all_failed", "data_source_stuck"}
ON_ITS_WAY = {"never_downloaded", "redownloading"}
UNSURE = {"undetermined_unknown"}

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
# In this state the replicas have put their keys back into the emptied map. Nobody can see that it
# was emptied: a fresh look finds no copy, no progress and a data source that counts itself done.
KEYS_PUT_BACK = "map emptied, keys put back"


def agreeing(redownload: str, phase: str) -> set[str]:
    """The verdicts that say what this row says."""
    word = next(word for word in AGREES if redownload.startswith(word))
    return AGREES[word] | (LOST | UNSURE if phase == KEYS_PUT_BACK else set())


def scenarios() -> list[str]:
    try:
        return sorted(all_phases())
    except pytest.skip.Exception:
        return []


@pytest.mark.parametrize("name", scenarios() or ["no recordings here"])
def test_every_phase(name: str) -> None:
    folder = recorded.scenario(name)
    disagree = []
    for phase, moment, window in windows(folder, all_phases()[name]):
        if not window:
            continue
        verdict = catalogue.judge(window)
        fresh = moment - phase.begin < WINDOW_SECONDS + 2.0
        allowed = agreeing(phase.redownload, phase.name)
        # Right after the loss the window still holds a ready copy: unsure, and then it is told.
        if fresh and phase.redownload.startswith("allowed"):
            allowed = allowed | UNSURE
        if verdict.name not in allowed:
            disagree.append(f"{moment} s [{phase.name}] {phase.redownload[:40]} -> {verdict.name}")
        may_recover = phase.redownload.startswith(("allowed", "debatable"))
        if verdict.recoverable and not may_recover and phase.name != KEYS_PUT_BACK:
            disagree.append(f"{moment} s [{phase.name}]: recoverable, the key says it is not")
    assert disagree == []


def test_the_key_was_read() -> None:
    rows = [phase for rows in all_phases().values() for phase in rows]
    assert len(rows) > 400
    assert {phase.scenario.split("/")[0] for phase in rows} == {"v1.6.4", "v1.7.3", "v1.12.1"}
