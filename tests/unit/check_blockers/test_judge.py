# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examination is honest: a wrong answer differs, and a lag is only forgiven for its time."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import (
    Answer,
    Hold,
)
from tests.check_blockers.judge import Mark, judge, reasons
from tests.check_blockers.play import Sample
from tests.check_blockers.sources import Logged, Why

END = 200.0


def sample(t: float, hold: Hold, budget: bool, cordoned: bool = True) -> Sample:
    held = (Blocker("last_replica", "replica", "r1", "", ""),) if hold is Hold.BLOCKED else ()
    answer = Answer("im", "n1", hold, budget, held)
    return Sample(t, "im", "n1", "running", cordoned, answer, budget, (t,))


def marks(*samples: Sample) -> list[Mark]:
    return [moment.mark for moment in judge(samples, END)]


B, F, U = Hold.BLOCKED, Hold.FREE, Hold.UNTOUCHED


def test_answers_that_match_agree() -> None:
    opened = [sample(0, B, True, cordoned=False), sample(5, B, True), sample(9, U, False)]
    assert marks(*opened) == [Mark.AGREES, Mark.AGREES, Mark.SILENT]


@pytest.mark.parametrize(
    ("gone", "expected"), [(31.0, Mark.UNSEEN), (33.0, Mark.DIFFERS), (None, Mark.DIFFERS)]
)
def test_a_budget_may_lag_by_one_round(gone: float | None, expected: Mark) -> None:
    after = [sample(10 + gone, F, False)] if gone is not None else []
    found = marks(sample(0, B, True), sample(10, F, True), sample(15, F, True), *after)
    assert found[1:3] == [expected, expected]
    assert found[3:] == [Mark.AGREES] * len(after)


@pytest.mark.parametrize(("lead", "expected"), [(0.4, Mark.UNSEEN), (5.0, Mark.DIFFERS)])
def test_a_budget_that_goes_before_its_reason_differs(lead: float, expected: Mark) -> None:
    found = marks(sample(0, B, True), sample(10, B, False), sample(10 + lead, F, False))
    assert found[1] is expected


def test_the_end_of_an_instance_manager_is_no_reason_for_its_budget_to_go() -> None:
    found = marks(sample(0, B, True), sample(10, B, False), sample(10.4, U, False))
    assert found[1:] == [Mark.DIFFERS, Mark.SILENT]


def test_a_budget_that_went_stays_away_while_the_node_is_cordoned() -> None:
    gone = [sample(0, F, True), sample(1, F, False), sample(5, B, False)]
    assert marks(*gone)[2] is Mark.KEPT
    uncordoned = [*gone, sample(10, B, False, cordoned=False), sample(60, B, True, cordoned=False)]
    assert marks(*uncordoned)[3:] == [Mark.DIFFERS, Mark.AGREES]


def test_an_answer_that_is_always_wrong_never_agrees() -> None:
    assert set(marks(*(sample(t, F, True) for t in (0, 50, 100)))) == {Mark.DIFFERS}
    assert set(marks(*(sample(t, B, False) for t in (0, 50, 100)))) == {Mark.DIFFERS}


def logged(t: float, why: str, *names: str) -> Logged:
    return Logged(t, "im", why, frozenset(names), "", 0.0)


def agreed(samples: Iterable[Sample], *looks: Logged) -> list[bool]:
    return [reason.agrees for reason in reasons(samples, looks)]


def test_logged_reasons_must_name_the_same_rule_and_objects() -> None:
    samples = [sample(0, B, True), sample(50, F, False)]
    assert agreed(
        samples,
        logged(20, Why.UNPROTECTED, "r1"),
        logged(20, Why.REPLICAS, "r1"),
        logged(20, Why.REPLICAS, "r1", "r2"),
        logged(20, Why.UNPROTECTED, "r2"),
        logged(20, Why.ENGINES, "v-e-0"),
        logged(70, Why.UNPROTECTED, "r1"),
        logged(20, "something new"),
    ) == [True, True, False, False, False, False, False]
