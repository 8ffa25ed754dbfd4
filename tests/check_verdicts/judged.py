# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges every image of a recording at every half second, from a window as the modules do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.observation import (
    Observation,
)
from tests.check_verdicts.answer_key import (
    STEP_SECONDS,
    WINDOW_SECONDS,
    Moments,
    end_of,
    timed_events,
)


@dataclass(frozen=True)
class Judged:
    """One image at one moment (seconds from the scenario's start); no verdict: no such image."""

    image: str
    moment: float
    verdict: Verdict | None


def judge_recording(folder: Path, at_least: float = 0.0) -> list[Judged]:
    """Every image at every moment, in the order of time, from its first moment to its last.

    *at_least* are seconds that are looked at although the recording ends before.
    """
    events = timed_events(folder)
    end = max(at_least, end_of(folder, events))
    moments = [step * STEP_SECONDS for step in range(int(end / STEP_SECONDS) + 1)]
    observation = Observation(WINDOW_SECONDS)
    known: dict[str, bool] = {}
    found = []
    for moment, cluster in Moments(folder, events).at(moments):
        known |= dict.fromkeys(cluster.images, True)
        observation.record(cluster, known, moment)
        for image in known:
            window = observation.window(image)
            verdict = catalogue.judge(window) if window else None
            if verdict is not None or known[image]:
                found.append(Judged(image, moment, verdict))
            known[image] = verdict is not None
    return found


def changes(judged: Sequence[Judged]) -> list[Judged]:
    """The first of each run of equal verdicts (name and detail) of one image."""
    found: list[Judged] = []
    for each in judged:
        if not found or word_of(found[-1]) != word_of(each):
            found.append(each)
    return found


def word_of(judged: Judged) -> str:
    """Name and detail of the verdict, as the table shows them."""
    verdict = judged.verdict
    if verdict is None:
        return "(no object)"
    return f"{verdict.name} {verdict.detail}".strip()
