# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times, log lines and data as they are read, and the report as it is shown."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import (
    log_line,
    moment,
    picture,
    timeline,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    judge_image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    Observation,
    from_data,
)

LINE = (
    'time="{at}" level=info msg="Creating backing image data source pod" func=f file="a.go:1" '
    "backingImageDataSource=img controller=c diskUUID=d node=worker-1 nodeID=worker-1"
)
SYNC_LINE = (
    'time="2026-11-20T20:49:26.432247584Z" level=info msg="Requesting syncing backing image" '
    "backingImage=img diskUUID=disk-1 fromHost=10.0.0.1 node=worker-2"
)
MINUTES = ["20:45:44", "20:46:47", "20:49:17", "20:53:47"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T20:45:44Z",
        "2026-11-20T20:45:44.000000000Z",
        "2026-11-20T21:45:44+01:00",
        "2026-11-20T15:15:44-05:30",
        "2026-11-20 22:45:44 +0200",
    ],
)
def test_one_moment_in_many_zones(text: str) -> None:
    assert moment.spell(moment.seconds(text)) == "2026-11-20T20:45:44Z"


@pytest.mark.parametrize("text", ["", "2026-11-20T20:45:44", "yesterday", "2026-13-20T20:45:44Z"])
def test_a_time_that_is_not_one(text: str) -> None:
    with pytest.raises(ValueError):
        moment.seconds(text)


def test_log_lines_of_both_kinds() -> None:
    download = log_line.observe(LINE.format(at="2026-11-20T20:45:44Z"), "pod-1")
    sync = log_line.observe(SYNC_LINE)
    assert download is not None and sync is not None
    assert (download.kind, download.image, download.disk, download.clock) == (
        "log_download",
        "img",
        "",
        "worker-1",
    )
    assert (sync.kind, sync.disk, sync.clock) == ("log_sync", "disk-1", "worker-2")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "panic: Creating backing image data source pod",
        LINE.format(at="no time"),
        LINE.format(at="2026-11-20T20:45:44Z")[40:],
        'time="2026-11-20T20:45:44Z" msg="said: Creating backing image data source pod" '
        "backingImageDataSource=img",
    ],
)
def test_a_line_that_tells_nothing(line: str) -> None:
    assert log_line.observe(line) is None


def test_a_rotated_log_counts_once_and_zones_do_not_matter() -> None:
    lines = [LINE.format(at=f"2026-11-20T{at}Z") for at in MINUTES]
    shifted = [LINE.format(at=f"2026-11-20T{at.replace('20:', '21:', 1)}+01:00") for at in MINUTES]
    (found,) = judge_image(log_line.observe_all(lines + lines[2:] + shifted), "img")
    assert (found.verdict, len(found.series.attempts)) == ("follows_rule", 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "rumour", "image": "img", "at": "2026-11-20T20:45:44Z"},
        {"kind": "pod", "at": "2026-11-20T20:45:44Z"},
        {"kind": "pod", "image": "img"},
    ],
)
def test_data_that_is_wrong_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        from_data(wrong)


def seen() -> list[Observation]:
    return [from_data({"kind": "pod", "image": "img", "at": f"2026-11-20T{at}Z"}) for at in MINUTES]


def test_the_time_line() -> None:
    (found,) = judge_image(seen(), "img")
    first, words, scale = timeline.draw(found).splitlines()
    assert first == (
        "download retries of img (4 attempts in 8 min 3 s): "
        "follows the rule (1 min doubling to 5 min; each up to 30 s late)"
    )
    assert words == "  0:00  |  1:03 (63 s)  |  3:33 (150 s)  |  8:03 (270 s)"
    assert scale.count("X") == 4


def test_the_picture_is_well_formed_and_has_a_mark_for_each_attempt() -> None:
    named = [Observation(one.at, one.kind, "<&>") for one in seen()]
    root = ElementTree.fromstring(picture.draw(judge_image(named, "<&>")))
    marks = root.findall("{http://www.w3.org/2000/svg}circle")
    assert len(marks) == 4
    assert "<&>" in "".join(root.itertext())
    assert ElementTree.fromstring(picture.draw([])).tag.endswith("svg")
    assert "circle" not in picture.draw(judge_image([], "img"))


def test_no_words_leave_the_picture() -> None:
    """Those of syncs are the longest: a disk's UUID, and what Longhorn does."""
    failed = [
        Observation(1_800_000_000.0 + 3 * n, "entry", "i" * 60, "d" * 36, "failed")
        for n in range(9)
    ]
    ready = Observation(1_799_999_000.0, "entry", "i" * 60, "other", "ready")
    drawn = picture.draw(judge_image([ready, *failed], "i" * 60))
    root = ElementTree.fromstring(drawn)
    words = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any("no back-off" in line for line in words)
    assert max(map(len, words)) * 7 < picture.WIDTH


ROW = (60.0, 120.0, 240.0, 300.0, 300.0, 300.0)
ZONES = ("Z", "+00:00", "+01:00", "-05:30", "+13:00")


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[float], list[str]]:
    """When attempts were made, and which manager made each: it may be taken over once."""
    late = draw(st.lists(st.floats(0, 30), min_size=4, max_size=6))
    moved = draw(st.integers(2, len(late)))
    at, times, makers = 1_800_000_000.0, [1_800_000_000.0], ["worker-1"]
    for number, more in enumerate(late, 1):
        # Another manager begins at once, and with the first window.
        at += (
            15.0
            if number == moved
            else ROW[number - 1 if number < moved else number - moved - 1] + more
        )
        times.append(at)
        makers.append("worker-1" if number < moved else "worker-2")
    return times, makers


def log_of(at: float, manager: str, zone: str) -> str:
    """A line of a manager whose machine keeps that zone."""
    sign, hours, minutes = (zone[0], zone[1:3], zone[4:]) if zone != "Z" else ("+", "0", "0")
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    there = timezone(-ahead if sign == "-" else ahead)
    text = datetime.fromtimestamp(at, there).replace(tzinfo=None).isoformat(timespec="microseconds")
    return LINE.format(at=f"{text}{zone}").replace("worker-1", manager)


@settings(max_examples=60, deadline=None)
@given(
    histories(),
    st.tuples(st.sampled_from([0.0, -4.0, 19.0, -75.0, 3600.0]), st.floats(-15, 15)),
    st.sampled_from(ZONES),
    st.integers(0, 3),
    st.integers(1, 60),
)
def test_rotated_logs_of_several_managers_with_clocks_of_their_own(
    history: tuple[list[float], list[str]],
    skews: tuple[float, float],
    zone: str,
    twice: int,
    cut: int,
) -> None:
    """What was done is found again, whatever the logs look like; a window that was halved too."""
    times, makers = history
    clocks = dict(zip(("worker-1", "worker-2"), skews, strict=True))
    if makers.count("worker-1") < 4:
        clocks["worker-1"] = skews[1]  # too few to believe a clock that is off by more
    for broken in (False, True):
        if broken and makers[2] == "worker-1":
            times = [*times[:2], *(at - 60.0 for at in times[2:])]
        elif broken:
            return
        pods = [
            Observation(float(int(at)), "pod", "img", clock=by)
            for at, by in zip(times, makers, strict=True)
        ]
        seen: list[Observation] = []
        for manager in ("worker-1", "worker-2"):
            lines = [
                log_of(at + clocks[manager], manager, zone)
                for at, by in zip(times, makers, strict=True)
                if by == manager
            ]
            old, new = lines[: len(lines) // 2 + twice], lines[len(lines) // 2 :]
            # The first line of the file that was begun anew is the end of one.
            seen += log_line.observe_all([*old, lines[-1][cut:], *new], f"pod-of-{manager}")
        (found,) = judge_image([*pods, *seen], "img")
        assert len(found.series.attempts) == len(times)
        assert [one.at for one in found.series.attempts] == [one.at for one in pods]
        assert (found.verdict, found.first_deviation) == (
            ("deviates", 1) if broken else ("follows_rule", None)
        )
        for clock, skew in found.series.skews:
            assert skew == pytest.approx(-clocks[clock], abs=1.1)


def test_a_request_that_is_repeated_at_once_is_one_attempt() -> None:
    """As in the recordings of one lost copy: the first meets the record that is being deleted."""
    lines = [SYNC_LINE.replace("20:49:26", at) for at in ("20:49:26", "20:49:27", "20:49:29")]
    failed = [Observation(moment.seconds("2026-11-20T20:40:00Z"), "entry", "img", "d", "ready")]
    (found,) = judge_image([*log_line.observe_all(lines), *failed], "img")
    assert [moment.spell(one.at) for one in found.series.attempts] == [
        "2026-11-20T20:49:26Z",
        "2026-11-20T20:49:29Z",
    ]
