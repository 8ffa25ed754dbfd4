# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single rules where no recording shows the case, or where the words matter."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import image_facts, redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    catalogue,
    unavailable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME, Scene

STATES = st.sampled_from(
    ["", "pending", "starting", "in-progress", "ready", "failed", "failed-and-cleanup", "unknown"]
)
SCENES = st.builds(
    Scene,
    version=st.sampled_from(["v1.5.5", "v1.6.4", "v1.7.3", "v1.12.1"]),
    states=st.dictionaries(st.sampled_from(["d1", "d2", "d3"]), STATES),
    progress=st.integers(0, 100),
    transferred=st.booleans(),
    source=st.booleans(),
    source_state=STATES,
    source_type=st.sampled_from(["download", "upload"]),
    virtual_size=st.sampled_from([0, 1024]),
    down=st.lists(st.sampled_from(["n1", "n2"]), max_size=2),
    gone=st.lists(st.sampled_from(["d1", "d3"]), max_size=1),
    managers_down=st.lists(st.sampled_from(["d1", "d2"]), max_size=2),
    deleting=st.booleans(),
)


def judge(**scene: Any) -> Verdict:
    return catalogue.judge(Scene(**scene).window())


def poisoned(**states: str) -> list[Sight]:
    scene = Scene(states=states)
    cluster = scene.cluster()
    image = cluster.images[NAME]
    copies = {
        uuid: dataclasses.replace(copy, complete=uuid != "d1")
        for uuid, copy in image.copies.items()
    }
    image = dataclasses.replace(image, copies=copies)
    return [see(cluster, image, at) for at in (0.0, 12.0)]


def test_an_entry_written_empty_is_found_with_its_repair() -> None:
    verdict = catalogue.judge(poisoned(d1="ready", d2="ready"))
    assert verdict.name == "poisoned_entry"
    command = verdict.remedy.split(" -p ")[1].strip("'")
    assert json.loads(command) == [
        {
            "op": "replace",
            "path": "/spec/diskFileSpecMap/d1",
            "value": {"dataEngine": "v1", "evictionRequested": False},
        }
    ]


def test_a_lost_image_is_lost_first_and_poisoned_second() -> None:
    verdict = catalogue.judge(poisoned(d1="failed", d2="failed"))
    assert verdict.name == "all_failed_will_recover_itself"


def test_whether_longhorn_will_heal_it() -> None:
    lost = {"d1": "failed", "d2": "failed"}
    assert judge(states=lost).heals_itself
    assert not judge(states={**lost, "d3": "failed"}).heals_itself
    assert judge(version="v1.6.4", states={**lost, "d3": "failed"}).heals_itself
    assert not judge(states=lost, source_type="upload").heals_itself


@pytest.mark.parametrize(
    ("version", "wanted"), [("v1.6.4", 3), ("v1.12.1", 2)], ids=["keys", "minimum"]
)
def test_the_wanted_number(version: str, wanted: int) -> None:
    states = {"d1": "ready", "d2": "ready", "d3": "ready"}
    assert Scene(version=version, states=states).sight().wanted == wanted


def test_every_verdict_has_evidence_and_a_remedy() -> None:
    lost = judge(states={"d1": "failed", "d2": "failed"})
    assert [item.field for item in lost.evidence] == [
        "status.diskFileStatusMap[d1] (n1/disk)",
        "status.diskFileStatusMap[d2] (n2/disk)",
    ]
    assert "recover_backing_image -e image=img" in lost.remedy


@settings(max_examples=400, deadline=None)
@given(scenes=st.lists(SCENES, min_size=1, max_size=3))
def test_every_picture_has_one_verdict_that_can_be_told(scenes: list[Scene]) -> None:
    window = [scene.sight(5.0 * index) for index, scene in enumerate(scenes)]
    verdict = catalogue.judge(window)
    assert 0 <= catalogue.severity(verdict) < len(catalogue.WORST_FIRST)
    assert verdict.summary
    assert verdict.remedy
    json.dumps(image_facts.describe(window[-1], verdict))


@settings(max_examples=400, deadline=None)
@given(scenes=st.lists(SCENES, min_size=1, max_size=3))
def test_recoverable_only_when_no_file_is_or_may_be_anywhere(scenes: list[Scene]) -> None:
    window = [scene.sight(5.0 * index) for index, scene in enumerate(scenes)]
    verdict = catalogue.judge(window)
    if verdict.recoverable:
        assert not window[-1].exists
        assert window[-1].source_type == "download"
    if verdict.name in unavailable.NAMES:
        assert not any(sight.exists or sight.may_exist for sight in window)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Head "http://u:p@h/f?sig=x": no', 'Head "http://h/f?…": no'),
        ("https://h.example/a/b.img", "https://h.example/a/b.img"),
        ("s3://key:secret@bucket/x and http://h/#token", "s3://bucket/x and http://h/?…"),
        ("a\x1b[31m\nb", "a [31m b"),
    ],
)
def test_texts_are_shown_without_secrets(text: str, shown: str) -> None:
    assert redact.plain(text) == shown


def test_long_texts_are_cut() -> None:
    assert len(redact.plain("x" * 1000)) == redact.LENGTH_MAX


@pytest.mark.parametrize("version", ["v1.6.4", "v1.12.1"])
def test_a_recovery_that_stopped_half_way_is_told_though_a_copy_is_there(version: str) -> None:
    note = '{"recovery":{"emptied_for":"uid","keys":["d1","d2","d3"],"times":1}}'
    scene = Scene(version=version, states={"d1": "ready"}, min_copies=1, note=note, saved=True)
    verdict = catalogue.judge(scene.window())
    assert (verdict.name, verdict.detail) == ("degraded", "half_recovered")
    assert "recovery" in verdict.summary and "vol" in verdict.summary
    assert "-e image=img" in verdict.remedy
    assert ("3 copies" in verdict.summary) == (version == "v1.6.4")


def test_tickets_that_a_recovery_kept_are_told_though_every_copy_is_there() -> None:
    whole = {"d1": "ready", "d2": "ready"}
    assert judge(states=whole, saved=True).detail == "half_recovered"
    assert judge(states=whole, with_volume=True).name == "healthy"


def test_a_lost_image_is_lost_before_it_is_half_recovered() -> None:
    lost = {"d1": "failed", "d2": "failed"}
    assert judge(states=lost, saved=True).detail != "half_recovered"


def test_a_single_look_does_not_call_a_moving_picture_an_unknown_case() -> None:
    scene = Scene(version="v1.6.4", states={"d1": "starting", "d2": "starting", "d3": ""})
    once = catalogue.judge([scene.sight()])
    assert once.name == "undetermined"
    assert "one look" in once.summary and "window=10" in once.remedy
    assert "one look" not in catalogue.judge(scene.window()).summary
