# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command on a made-up recording: with a key that agrees, one that does not, and none."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from tests.check_verdicts.__main__ import main
from tests.check_verdicts.agreement import against, narrowed
from tests.check_verdicts.answer_key import Phase, phases
from tests.check_verdicts.judged import changes, judge_recording, word_of
from tests.unit import recorded

LOST_AT = 20
ROW = "| v1.12.1/made | img | {name} | {begin} | {end} | none | none | words | no | {word} |\n"


def image(state: str) -> dict[str, Any]:
    entry = {"state": state, "message": "open backing: no such file or directory"}
    return {
        "metadata": {"name": "img", "namespace": "longhorn-system"},
        "spec": {
            "sourceType": "download",
            "minNumberOfCopies": 1,
            "diskFileSpecMap": {"d1": {"dataEngine": "v1", "evictionRequested": False}},
        },
        "status": {"virtualSize": 1024, "uuid": "abcd", "diskFileStatusMap": {"d1": entry}},
    }


SOURCE = {
    "metadata": {"name": "img"},
    "spec": {"sourceType": "download", "diskUUID": "d1", "nodeID": "n1", "fileTransferred": True},
    "status": {"currentState": "ready"},
}
MANAGER = {
    "metadata": {"name": "bim-1"},
    "spec": {"diskUUID": "d1", "nodeID": "n1", "backingImages": {"img": "abcd"}},
    "status": {"currentState": "running", "backingImageFileMap": {}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A minute: an image is whole for 20 s, then its only copy has failed."""
    made = tmp_path / "v1.12.1" / "made"
    made.mkdir(parents=True)

    def write(name: str, *events: tuple[int, dict[str, Any]]) -> None:
        lines = [json.dumps({"t": f"2026-11-21T10:00:{at:02}Z", **rest}) for at, rest in events]
        (made / name).write_text("\n".join(lines) + "\n\n", encoding="utf-8")

    first = {"type": "ADDED"}
    write("actions.jsonl", (0, {"note": "start"}), (59, {"note": "end"}))
    write("backingimagedatasources.jsonl", (0, first | {"object": SOURCE}))
    write("backingimagemanagers.jsonl", (0, first | {"object": MANAGER}))
    write(
        "backingimages.jsonl",
        (0, first | {"object": image("ready")}),
        (LOST_AT, {"type": "MODIFIED", "object": image("failed")}),
    )
    return made


def key(folder: Path, *words: str) -> None:
    """An answer key of two rows beside the version folder."""
    bounds = [(0, LOST_AT), (LOST_AT, 59)]
    rows = [
        ROW.format(name=f"row {begin}", begin=begin, end=end, word=word)
        for (begin, end), word in zip(bounds, words, strict=True)
    ]
    (folder.parent.parent / "EXPECTED.md").write_text("".join(rows), encoding="utf-8")


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_the_verdicts_over_time_without_a_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "no answer key"
    assert "20.0 s  verdict undetermined" in out
    assert "verdict all_failed_needs_recovery" in out
    seen = [(each.moment, word_of(each).split()[0]) for each in changes(judge_recording(folder))]
    # The copy was ready until 20 s, so a window of 10 s without it ends at 30 s.
    assert seen[0] == (0.0, "healthy")
    assert seen[-1][1] == "all_failed_needs_recovery"
    assert 29.0 <= seen[-1][0] <= 31.0


def test_a_key_that_agrees(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key(folder, "not needed", "allowed")
    assert main([str(folder)]) == 0
    assert last_line(capsys) == "2 of 2 phases agree"


@pytest.mark.parametrize(
    ("words", "agree"),
    [
        (("not needed", "refuse: something"), "1 of 2"),
        (("running", "pointless"), "0 of 2"),
        (("not needed", "words nobody reviewed"), "1 of 2"),
    ],
)
def test_a_key_that_does_not(
    folder: Path, words: tuple[str, str], agree: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key(folder, *words)
    assert main([str(folder), "--quiet"]) == 1
    out = capsys.readouterr().out
    assert "DISAGREES made" in out
    assert out.splitlines()[-1] == f"{agree} phases agree"


def test_a_row_about_an_image_that_is_not_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key(folder, "not needed", "allowed")
    path = folder.parent.parent / "EXPECTED.md"
    path.write_text(path.read_text(encoding="utf-8").replace("| img |", "| other |"))
    assert main([str(folder)]) == 1
    assert last_line(capsys) == "0 of 2 phases agree"


def test_a_folder_that_is_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "is no recording" in capsys.readouterr().err


def test_no_verdict_comes_back_inside_of_a_row() -> None:
    """Over all recordings: whoever looks twice is told the same, or what came after it."""
    for name, rows in phases().items():
        judged = judge_recording(recorded.scenario(name))
        for row in rows:
            inside = [
                each
                for each in judged
                if each.image == row.image and row.begin + 0.6 <= each.moment <= row.end - 0.6
            ]
            names = [each.verdict.name for each in changes(inside) if each.verdict]
            known = [word for word, _next in itertools.groupby(names)]
            assert len(known) == len(set(known)), row


# Words as the key has them, and verdicts that must not pass for them.
DISCRIMINATES = [
    ("2 of 2 copies healthy", "not needed", "unneeded", "degraded"),
    ("1 of 2 copies healthy; n3 is unknown", "refuse", "yes", "healthy"),
    ("2 of 3 copies healthy; the copy on n2 fails every 3 s", "refuse", "no", "degraded_syncing"),
    ("no copy left on any disk", "allowed", "no", "all_failed_will_recover_itself"),
    ("no copy left on any disk", "allowed", "yes, if one can", "all_failed_needs_recovery"),
    ("first download failed: unknown host", "pointless", "no", "first_download_running"),
    ("the first file is being downloaded", "running", "yes", "redownloading"),
    ("re-download to n3 is under way", "running", "yes", "redownload_failing"),
    ("stuck: data source ready", "allowed", "no", "all_failed_needs_recovery"),
    ("the only copy is on a node that is down", "debatable", "yes", "all_failed_needs_recovery"),
]


@pytest.mark.parametrize(("told", "word", "waiting", "wrong"), DISCRIMINATES)
def test_the_table_discriminates(told: str, word: str, waiting: str, wrong: str) -> None:
    phase = Phase("v1.12.1/x", "img", "row", 0.0, 100.0, told, word, waiting)
    assert against(phase, 50.0, Verdict(wrong, "summary", "remedy"))
    assert narrowed(phase)


@pytest.mark.parametrize("detail", ["host", "not_found"])
def test_the_cause_of_a_failed_download_counts(detail: str) -> None:
    told = "first download failed: the server answers 404; Longhorn retries by itself"
    phase = Phase("v1.12.1/x", "img", "row", 0.0, 100.0, told, "pointless", "no")
    verdict = Verdict("first_download_failing", "summary", "remedy", detail=detail)
    assert bool(against(phase, 50.0, verdict)) == (detail == "host")


def test_a_promise_of_healing_counts() -> None:
    phase = Phase("v1.12.1/x", "img", "row", 0.0, 100.0, "1 of 2 copies healthy", "refuse", "no")
    verdict = Verdict("degraded_syncing", "summary", "remedy", heals_itself=True)
    assert "promises" in against(phase, 50.0, verdict)
