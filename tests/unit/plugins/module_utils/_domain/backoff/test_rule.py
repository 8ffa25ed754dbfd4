# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule on generated attempts: what follows it always passes, what breaks it is found."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    Judgement,
    judge_image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    ENTRY,
    LOG_DOWNLOAD,
    LOG_SYNC,
    POD,
    SOURCE,
    Observation,
)

BEGIN = 1_800_000_000.0
ROW = [60.0, 120.0, 240.0, 300.0, 300.0, 300.0, 300.0]
lateness = st.lists(st.floats(0, 30), min_size=1, max_size=7)


def gaps_of(late: list[float], first: int = 0) -> list[float]:
    row = ROW[first:] + ROW[-1:] * first
    return [window + more for window, more in zip(row, late, strict=False)]


def pods(gaps: list[float], *, whole_seconds: bool = True, **more: str) -> list[Observation]:
    times = accumulate(gaps, initial=BEGIN)
    return [
        Observation(float(int(at)) if whole_seconds else at, POD, "img", **more) for at in times
    ]


def judged(*observations: Observation) -> Judgement:
    (found,) = judge_image(observations, "img")
    return found


@settings(max_examples=200, deadline=None)
@given(lateness, st.integers(0, 3), st.booleans())
def test_attempts_by_the_rule_follow_it(late: list[float], first: int, whole: bool) -> None:
    found = judged(*pods(gaps_of(late, first), whole_seconds=whole))
    assert found.verdict == "follows_rule"
    assert found.first_deviation is None


@settings(max_examples=200, deadline=None)
@given(lateness, st.data(), st.booleans())
def test_a_halved_window_is_found_where_it_is(
    late: list[float], data: st.DataObject, from_start: bool
) -> None:
    gaps = gaps_of(late)
    index = data.draw(st.integers(0, len(gaps) - 1))
    gaps[index] /= 2
    created = [Observation(BEGIN, SOURCE, "img")] if from_start else []
    found = judged(*pods(gaps), *created)
    assert (found.verdict, found.first_deviation) == ("deviates", index)
    assert "too early" in found.summary


@settings(max_examples=100, deadline=None)
@given(lateness, st.floats(-15, 15), st.sampled_from(["node-1", "node-2"]))
def test_a_clock_that_is_off_changes_nothing(late: list[float], skew: float, node: str) -> None:
    seen = pods(gaps_of(late))
    logs = [Observation(one.at + skew, LOG_DOWNLOAD, "img", clock=node) for one in seen]
    found = judged(*seen, *logs, *logs)
    assert found.verdict == "follows_rule"
    assert len(found.series.attempts) == len(seen)
    assert dict(found.series.skews)[node] == pytest.approx(-skew, abs=0.001)


def test_logs_fill_in_what_the_watch_missed() -> None:
    seen = pods(gaps_of([10.0] * 5))
    logs = [Observation(one.at + 8, LOG_DOWNLOAD, "img", clock="node-1") for one in seen]
    found = judged(*seen[3:], *logs)
    assert found.verdict == "follows_rule"
    assert len(found.series.attempts) == 6
    assert judged(*seen[:1], *seen[2:]).verdict == "deviates"


def test_a_window_too_long_is_never_certain() -> None:
    found = judged(*pods([65.0, 125.0, 400.0]), Observation(BEGIN, SOURCE, "img"))
    assert (found.verdict, found.first_deviation, found.confidence) == ("deviates", 2, "likely")
    assert "an attempt was not seen" in found.summary


def test_another_manager_knows_no_window() -> None:
    seen = [
        Observation(BEGIN + at, LOG_DOWNLOAD, "img", clock=node)
        for at, node in [(0, "a"), (70, "a"), (95, "b"), (160, "b"), (300, "b")]
    ]
    found = judged(*seen)
    assert found.verdict == "follows_rule"
    assert [one.standing for one in found.windows] == ["fits", "free", "fits", "fits"]


def test_a_data_source_made_anew_starts_at_once_and_goes_on_in_the_row() -> None:
    first = [Observation(BEGIN + at, POD, "img", uid="one") for at in (0, 70)]
    second = [Observation(BEGIN + at, POD, "img", uid="two") for at in (75, 330)]
    found = judged(*first, *second)
    assert found.verdict == "follows_rule"
    assert [one.expected for one in found.windows] == [60, 120, 240]


def test_success_ends_the_row() -> None:
    whole = Observation(BEGIN + 80, ENTRY, "img", disk="d", state="ready")
    found = judged(*pods([65.0, 100.0, 62.0]), whole)
    assert [one.standing for one in found.windows] == ["fits", "free", "fits"]


def test_downloads_without_any_delay() -> None:
    found = judged(*pods([7.0] * 6))
    assert (found.verdict, found.summary) == (
        "no_backoff",
        "no back-off: one every 7.0 s (median)",
    )


@pytest.mark.parametrize("seen", [[], pods([])])
def test_too_little_is_no_evidence(seen: list[Observation]) -> None:
    found = judged(*seen)
    assert (found.verdict, found.confidence) == ("no_evidence", "none")


def test_one_window_is_never_certain() -> None:
    found = judged(*pods([64.0]), Observation(BEGIN, SOURCE, "img"))
    assert (found.verdict, found.confidence) == ("follows_rule", "likely")


def test_a_download_that_outlasts_its_window_tells_nothing_of_it() -> None:
    """A connection that is cut after three minutes: tried again at once, twice."""
    begun = [0.0, 200.0, 400.0, 660.0]
    ended = [Observation(BEGIN + at + 180, ENTRY, "img", disk="d", state="failed") for at in begun]
    seen = [Observation(BEGIN + at, POD, "img") for at in begun]
    found = judged(*seen, *ended, Observation(BEGIN, SOURCE, "img"))
    assert [one.standing for one in found.windows] == ["free", "free", "fits"]
    assert found.verdict == "follows_rule"
    assert found.windows[0].why == "the attempt itself lasted longer than the window"
    later = [*seen[:1], *(Observation(one.at + 100, POD, "img") for one in seen[1:])]
    assert judged(*later, ended[0], Observation(BEGIN, SOURCE, "img")).first_deviation == 0


@pytest.mark.parametrize(
    ("failed", "standing", "verdict"),
    [
        # An evicted pod is made again at once, and only then the download fails.
        ([40.0], "free", "no_evidence"),
        ([5.0, 40.0], "early", "deviates"),
        # Nobody watched the entries, so it may have failed.
        ([], "early", "deviates"),
    ],
)
def test_a_pod_made_again_without_a_failure_is_no_retry(
    failed: list[float], standing: str, verdict: str
) -> None:
    found = judged(*pods([7.0]), *entries("failed", *failed))
    assert [one.standing for one in found.windows] == [standing]
    assert found.verdict == verdict


def syncs(*gaps: float) -> list[Observation]:
    """Requests in a manager's log, this long one after the other."""
    times = accumulate(gaps, initial=BEGIN)
    return [Observation(at, LOG_SYNC, "img", disk="d", clock="node-1") for at in times]


def entries(state: str, *times: float) -> list[Observation]:
    return [Observation(BEGIN + at, ENTRY, "img", "d", state) for at in times]


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        # Real 1.12.1: a node came back, and half an hour later its key was given anew.
        ([1944.0], "no_evidence"),
        ([150.0], "no_evidence"),
        ([20.0], "no_evidence"),
        ([1944.0, 1000.0, 5000.0], "no_evidence"),
        ([1944.0, 3.0, 3.0, 3.0], "no_backoff"),
        ([3.0, 3.0, 3.0, 1944.0, 3.0, 3.0], "no_backoff"),
        ([70.0, 140.0, 1944.0], "follows_rule"),
    ],
)
def test_requests_of_several_causes_are_no_row_of_retries(gaps: list[float], verdict: str) -> None:
    assert judged(*syncs(*gaps)).verdict == verdict


def test_a_sync_that_was_seen_to_fail_and_came_again_too_early_deviates() -> None:
    ready = [Observation(BEGIN - 60, ENTRY, "img", "other", "ready")]
    found = judged(*ready, *syncs(20.0, 22.0), *entries("failed", 10.0))
    assert (found.verdict, found.first_deviation) == ("deviates", 0)
    assert judged(*ready, *entries("failed", 10.0, 30.0)).verdict == "deviates"


def test_failures_of_a_sync_with_a_long_time_between_have_no_row_either() -> None:
    ready = [Observation(BEGIN - 60, ENTRY, "img", "other", "ready")]
    assert judged(*ready, *entries("failed", 0.0, 1944.0)).verdict == "no_evidence"
