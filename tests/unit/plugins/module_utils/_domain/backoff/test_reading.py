# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times, log lines and data as they are read, and the report as it is shown."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

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
