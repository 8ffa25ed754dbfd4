# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found, for a person: the answers over time, then the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.check_blockers.examine import Examination
from tests.check_blockers.judge import Mark, Moment


def lines(examination: Examination) -> Iterator[str]:
    """Each answer when it changes, what it rests on, how it compares; last the result."""
    recording = examination.recording
    yield f"# v{recording.version} {recording.name}"
    found = [*_answers(examination), *_reasons(examination), *examination.witnessed]
    for t, text in sorted(found, key=lambda item: item[0]):
        yield f"{t - recording.start:8.1f} s  {text}"
    yield from summary(examination)
    yield result([examination])


def _answers(examination: Examination) -> Iterator[tuple[float, str]]:
    """The answer for each instance manager whenever it changes."""
    shown: dict[str, tuple[object, ...]] = {}
    for moment in examination.moments:
        sample = moment.sample
        now = (sample.answer.hold, sample.answer.blockers, sample.budget, sample.state, moment.mark)
        if shown.get(sample.manager) != now:
            shown[sample.manager] = now
            yield sample.t, "\n".join(_answer(moment))


def _answer(moment: Moment) -> Iterator[str]:
    sample = moment.sample
    budget = {True: "budget there", False: "no budget", None: "budgets not recorded"}
    node = f"{sample.node}{' (cordoned)' if sample.cordoned else ''}"
    lag = f" ({moment.seconds:.1f} s)" if moment.mark in (Mark.UNSEEN, Mark.DIFFERS) else ""
    state = "" if sample.state == "running" else f" {sample.state or 'not started'}"
    yield (
        f"{node} {sample.manager[:22]}…{state}  "
        f"{sample.answer.hold.value}, {budget[sample.budget]}: {moment.mark.value}{lag}"
    )
    for blocker in sample.answer.blockers:
        if blocker.rule == "node_open":
            continue
        about = f", about {blocker.seconds} s" if blocker.seconds is not None else ""
        yield f"{'':12}{blocker.rule}: {blocker.kind} {blocker.name} {blocker.reason}"
        yield f"{'':14}{blocker.clears.value}{about}: {blocker.remedy}"
        yield from (f"{'':16}{detail}" for detail in blocker.detail)


def _reasons(examination: Examination) -> Iterator[tuple[float, str]]:
    """What Longhorn logged whenever it looked and kept a budget."""
    for reason in examination.reasons:
        verdict = "agrees" if reason.agrees else "DIFFERS"
        yield reason.logged.t, f"{reason.node} Longhorn logs: {reason.logged.text}: {verdict}"


def summary(examination: Examination) -> Iterator[str]:
    """What the figures are made of."""
    marks = [moment.mark for moment in examination.moments]
    lags = [m.seconds for m in examination.moments if m.mark is Mark.UNSEEN]
    on_cordoned = sum(1 for m in examination.moments if m.compared and m.sample.cordoned)
    late = f" (at most {max(lags):.1f} s)" if lags else ""
    told = [f"{on_cordoned} on cordoned nodes"]
    if lags:
        told.append(f"{len(lags)} while Longhorn had yet to look{late}")
    if Mark.KEPT in marks:
        told.append(f"{marks.count(Mark.KEPT)} after the budget had gone")
    if examination.reasons:
        told.append(f"{len(examination.reasons)} reasons that Longhorn logged")
    if examination.witnessed:
        told.append(f"{len(examination.witnessed)} answers to a drain")
    if Mark.SILENT in marks:
        told.append(f"{marks.count(Mark.SILENT)} more not compared")
    yield "; ".join(told)
    if not examination.total:
        yield "nothing to compare with: neither budgets nor evictions are recorded here"


def result(examinations: Sequence[Examination]) -> str:
    """``N of M moments agree``."""
    agreed = sum(examination.agreed for examination in examinations)
    return f"{agreed} of {sum(e.total for e in examinations)} moments agree"


def table(examination: Examination, width: int) -> str:
    """One line for one of many recordings."""
    found = examination
    mark = "FAIL" if found.agreed < found.total else "pass" if found.total else "none"
    first = next(summary(found))
    name = found.recording.name
    return f"{mark}  v{found.recording.version:<7} {name:<{width}} {result([found])}: {first}"
