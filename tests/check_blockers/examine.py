# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One recording, examined: its moments, and what its drains were answered."""

from __future__ import annotations

import dataclasses

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Hold
from tests.check_blockers import play
from tests.check_blockers.judge import Moment, Reason, judge, reasons
from tests.check_blockers.sources import logged
from tests.simulator.recordings.load import Recording


@dataclasses.dataclass(frozen=True, slots=True)
class Examination:
    """moments: compared with budgets; reasons: compared with what Longhorn logged about the budgets
    that it kept; witnessed: (time, text) of evictions that a drain was granted or refused, which
    count only where no budgets are recorded.
    """

    recording: Recording
    moments: tuple[Moment, ...]
    reasons: tuple[Reason, ...] = ()
    witnessed: tuple[tuple[float, str], ...] = ()
    witnesses_agreed: int = 0

    @property
    def total(self) -> int:
        return sum(moment.compared for moment in self.moments) + len(self.reasons + self.witnessed)

    @property
    def agreed(self) -> int:
        moments = sum(moment.agrees for moment in self.moments)
        return moments + sum(reason.agrees for reason in self.reasons) + self.witnesses_agreed


def examine(recording: Recording) -> Examination:
    """Play it and compare."""
    samples = list(play.samples(recording))
    moments = tuple(judge(samples, recording.end))
    if any(moment.compared for moment in moments):
        return Examination(recording, moments, tuple(reasons(samples, logged(recording))))
    return _by_witnesses(recording, moments)


def _by_witnesses(recording: Recording, moments: tuple[Moment, ...]) -> Examination:
    """No budgets are recorded: the answers of the drains are the only truth there is."""
    told: list[tuple[float, str]] = []
    agreed = 0
    for witness in play.witnesses(recording):
        answer = play.answer_for(recording, witness)
        right = (answer.hold is Hold.FREE) == witness.granted
        agreed += right
        said = "granted" if witness.granted else "refused"
        verdict = "agrees" if right else "DIFFERS"
        text = f"{witness.node} {witness.manager}: {answer.hold.value}, eviction {said}: {verdict}"
        told.append((witness.t, text))
    return Examination(recording, moments, (), tuple(told), agreed)
