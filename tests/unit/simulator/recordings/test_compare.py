# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison is honest: doing nothing fails, and each kind of mistake lowers the score."""

from __future__ import annotations

import pytest

from tests.simulator.recordings.compare import Outcome, Tolerance, compare
from tests.simulator.recordings.observe import ABSENT, Change, Track, Tracks

END = 200.0


def track(*changes: tuple[float, str], initial: str = ABSENT) -> Track:
    return Track(initial, [Change(t, value) for t, value in changes])


def recorded() -> Tracks:
    """An image whose copy is made, lost and made again."""
    return {
        "key a d1": track((1.0, "wanted")),
        "copy a d1": track(
            (2.0, "(empty)"),
            (7.0, "in-progress"),
            (20.0, "ready"),
            (100.0, "failed"),
            (101.0, ABSENT),
            (105.0, "starting"),
            (110.0, "ready"),
        ),
        "pod of data source a": track((2.0, "present"), (22.0, ABSENT)),
    }


def examine(simulated: Tracks, actions: tuple[float, ...] = (0.0, 99.0)) -> tuple[int, int, bool]:
    verdict = compare(recorded(), simulated, Tolerance(actions), END)
    return verdict.agreed, verdict.total, verdict.final_agrees


def test_a_recording_agrees_with_itself() -> None:
    agreed, total, final = examine(recorded())
    assert (agreed, final) == (total, True)
    assert total == 9  # the failed state of 1 s is not demanded


def test_a_simulator_that_does_nothing_fails() -> None:
    verdict = compare(recorded(), {}, Tolerance([0.0]), END)
    assert verdict.agreed == 0
    assert not verdict.final_agrees
    assert not verdict.passed


def test_a_simulator_that_only_stores_what_the_operator_wrote_fails() -> None:
    only = {"key a d1": recorded()["key a d1"]}
    assert not compare(recorded(), only, Tolerance([0.0]), END).passed


@pytest.mark.parametrize("index", [1, 2, 4, 5, 6])
def test_a_missing_transition_lowers_the_score(index: int) -> None:
    simulated = recorded()
    del simulated["copy a d1"].changes[index]
    agreed, total, _unused = examine(simulated)
    assert agreed < total


def test_a_short_state_may_be_missing() -> None:
    simulated = recorded()
    del simulated["copy a d1"].changes[3]
    assert examine(simulated) == (9, 9, True)


def test_an_added_transition_lowers_the_score() -> None:
    simulated = recorded()
    simulated["copy a d1"].changes[3:3] = [Change(50.0, "failed"), Change(60.0, "ready")]
    agreed, total, final = examine(simulated)
    assert (agreed, total, final) == (9, 11, True)


def test_an_added_thing_lowers_the_score_and_differs_in_the_end() -> None:
    simulated = recorded() | {"key a d2": track((50.0, "wanted"))}
    assert examine(simulated) == (9, 10, False)


def test_an_added_short_state_does_not_count() -> None:
    simulated = recorded()
    simulated["copy a d1"].changes[3:3] = [Change(50.0, "unknown"), Change(51.0, "ready")]
    assert examine(simulated) == (9, 9, True)


@pytest.mark.parametrize(("shift", "agreed"), [(4.9, 9), (5.5, 9), (7.0, 8)])
def test_time_counts_from_the_last_action(shift: float, agreed: int) -> None:
    """The pod goes at 22 s, 22 s after the action: max(5, 25 %) is 5.5 s."""
    simulated = recorded()
    simulated["pod of data source a"].changes[1] = Change(22.0 + shift, ABSENT)
    assert examine(simulated) == (agreed, 9, True)


def test_a_mistimed_transition_is_one_disagreement() -> None:
    simulated = recorded()
    simulated["pod of data source a"].changes[1] = Change(80.0, ABSENT)
    verdict = compare(recorded(), simulated, Tolerance([0.0, 99.0]), END)
    assert [(item.track, item.t) for item in verdict.disagreements] == [
        ("pod of data source a", 22.0)
    ]
    assert "+58.0 s" in verdict.disagreements[0].text


def test_the_order_counts() -> None:
    simulated = recorded()
    changes = simulated["copy a d1"].changes
    changes[1], changes[2] = Change(7.0, "ready"), Change(9.0, "in-progress")
    agreed, total, _unused = examine(simulated)
    assert agreed < total


def test_what_begins_at_the_very_end_is_not_judged() -> None:
    simulated = recorded()
    simulated["copy a d1"].changes.append(Change(END - 1.0, "unknown"))
    assert examine(simulated)[:2] == (9, 9)


def test_another_final_state_differs() -> None:
    simulated = recorded()
    simulated["copy a d1"].changes.append(Change(130.0, "failed"))
    agreed, total, final = examine(simulated)
    assert (agreed, total, final) == (9, 10, False)


def test_another_answer_fails_the_recording() -> None:
    ours = Outcome(3.0, "PATCH a", False, "field: wrong")
    for theirs in (Outcome(3.0, "PATCH a", True), Outcome(3.0, "PATCH a", False, "other words")):
        verdict = compare(recorded(), recorded(), Tolerance([0.0]), END, [(ours, theirs)])
        assert not verdict.refusals_agree
        assert not verdict.passed
    same = compare(recorded(), recorded(), Tolerance([0.0]), END, [(ours, ours)])
    assert same.passed


def loop(first: float, last: float, *values: str) -> list[Change]:
    """A state every 3 s, going round through ``values``."""
    count = int((last - first) / 3)
    return [Change(first + 3 * i, values[i % len(values)]) for i in range(count)]


def flapping(changes: list[Change]) -> Tracks:
    return {"copy a d1": Track("ready", [*changes, Change(150.0, "failed")])}


def flap(simulated: list[Change]) -> tuple[int, int]:
    ours = flapping(loop(30.0, 90.0, "failed", ABSENT, "starting"))
    verdict = compare(ours, flapping(simulated), Tolerance([28.0]), END)
    return verdict.agreed, verdict.total


def test_a_run_of_to_and_fro_is_one_state() -> None:
    agreed, total = flap(loop(31.0, 93.0, ABSENT, "failed"))
    assert agreed == total


def test_standing_still_is_not_flapping() -> None:
    agreed, total = flap([Change(30.0, "failed")])
    assert agreed < total


def test_flapping_with_ready_is_another_state() -> None:
    agreed, total = flap(loop(30.0, 90.0, "failed", "ready", "starting"))
    assert agreed < total


def test_flapping_that_goes_on_too_long_differs() -> None:
    agreed, total = flap(loop(30.0, 140.0, "failed", ABSENT, "starting"))
    assert agreed < total


def test_a_quick_course_without_return_is_not_flapping() -> None:
    quick = loop(30.0, 42.0, "(empty)", "in-progress", "ready-for-transfer", "ready")
    ours: Tracks = {"copy a d1": track(*((c.t, c.value) for c in quick))}
    theirs: Tracks = {"copy a d1": track((30.0, "(empty)"), (39.0, "ready"))}
    verdict = compare(ours, theirs, Tolerance([29.0]), END)
    assert (verdict.agreed, verdict.total) == (2, 4)
