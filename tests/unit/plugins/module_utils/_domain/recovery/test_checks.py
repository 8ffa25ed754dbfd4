# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be shown before a map is emptied, each by itself, and what its absence says."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import checks
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.checks import (
    Check,
    checks_of,
    doubt,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import (
    Decision,
    decide,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import finding
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from tests.unit.plugins.module_utils._domain.recovery.builders import Scene

FAILED = {"d1": "failed", "d2": "failed"}
GOOD = Finding(finding.SAME, "answers 200, sha512 as recorded", ok=True, proven=True)
OTHER = Finding(finding.CHANGED, "delivers other bytes")
DEAD = Finding("host", "cannot be reached")


def by_name(source: Finding | None = None, accept: bool = False, **scene: Any) -> dict[str, Check]:
    return {c.name: c for c in checks_of(Scene(**scene).window(), accept, source)}


@pytest.mark.parametrize(
    ("source", "answers", "same"),
    [(GOOD, True, True), (OTHER, True, False), (DEAD, False, None)],
    ids=["the same", "other bytes", "no answer"],
)
def test_a_source_that_answers_is_told_apart_from_one_that_delivers_the_same(
    source: Finding, answers: bool, same: bool | None
) -> None:
    found = by_name(source, states=FAILED)
    assert found[checks.SOURCE].shown is answers
    assert (found[checks.SAME_BYTES].shown if checks.SAME_BYTES in found else None) is same
    assert decide(Scene(states=FAILED).window(), source=source).works is (source is GOOD)


@pytest.mark.parametrize("source", [None, Finding(finding.NOT_ASKED, "was not asked")])
def test_a_source_that_nobody_asked_yet_is_no_reason_against_it(source: Finding | None) -> None:
    found = by_name(source, states=FAILED)
    assert not found[checks.SOURCE].shown and not found[checks.SOURCE].missing
    assert decide(Scene(states=FAILED).window(), source=source).decision is Decision.RECOVER


def test_what_is_fine_is_told_in_words_too() -> None:
    found = by_name(GOOD, states=FAILED)
    assert found[checks.NO_COPY].text == "no copy was ready or arriving for 12 s"
    assert found[checks.UNKNOWN_GONE].text == "no copy is unknown"
    assert found[checks.UNUSED].text == "no replica runs on it, no pod holds a volume of it"
    assert all(check.shown for check in found.values())


def test_the_operators_word_covers_what_is_unknown_now_and_nothing_else() -> None:
    unknown = {"d1": "failed", "d2": "unknown"}
    told = by_name(GOOD, accept=True, states=unknown, down=["n2"])[checks.UNKNOWN_GONE]
    assert told.shown and told.text.startswith("n2/disk: gone by the operator's word")
    was = [Scene(states=unknown, down=["n2"]).sight(0.0), Scene(states=FAILED).sight(12.0)]
    assert doubt(was, True) == "a copy was unknown a moment ago"
    arriving = Scene(states={"d1": "failed", "d2": "in-progress"}).window()
    assert "still being transferred" in doubt(arriving, True)


def test_a_new_url_that_does_not_do_stops_it_before_anything_else_is_looked_at() -> None:
    lost = Scene(states=FAILED).window()
    found = decide(lost, source=DEAD, new_url=True)
    assert found.decision is Decision.REFUSE and "the new URL does not do" in found.text
    assert decide(lost, source=GOOD, new_url=True).decision is Decision.RECOVER
    whole = Scene(states={"d1": "ready", "d2": "ready"}).window()
    assert decide(whole, source=DEAD, new_url=True).decision is Decision.LEAVE


def test_a_first_file_that_fails_gets_a_new_url_and_one_that_runs_does_not() -> None:
    first: dict[str, Any] = {"states": {"d1": ""}, "transferred": False, "virtual_size": 0}
    failing = {**first, "source_state": "failed-and-cleanup", "source_message": "got 404"}
    assert decide(Scene(**failing).window(), source=GOOD, new_url=True).decision is Decision.RECOVER
    upload = Scene(**failing, source_type="upload").window()
    assert decide(upload, source=GOOD, new_url=True).decision is Decision.REFUSE
    running = Scene(**first, source_state="in-progress").window()
    assert decide(running, source=GOOD, new_url=True).decision is Decision.LEAVE


def test_a_refusal_for_an_unknown_copy_names_everything_else_in_the_way_once() -> None:
    scene = Scene(states={"d1": "failed", "d2": "unknown"}, down=["n2"])
    text = decide(scene.window(), source=DEAD).text
    assert text.count("cannot be reached") == 1
    assert text.count("may come back") == 1
    clean = decide(scene.window(), source=GOOD).text
    assert "\n  ! " not in clean
