# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a diagnosis: counts first, worst first, aligned, commands in one piece."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    diagnosis_text,
    image_facts,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import see
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME, Scene

WELL = Scene(states={"d1": "ready", "d2": "ready"})
LOST = Scene(
    states={"d1": "failed", "d2": "failed", "d3": "failed"},
    messages=dict.fromkeys(("d1", "d2", "d3"), "open backing: no such file or directory"),
    since="2026-11-21T10:41:07Z",
    with_volume=True,
)
AWAY = Scene(states={"d2": "unknown"}, down=["n2"])
FIRST = Scene(states={"d1": ""}, transferred=False, source_state="in-progress", virtual_size=0)


def facts(name: str, scene: Scene) -> dict[str, Any]:
    """The scene's image under another name, as the module returns it."""
    window = scene.window()
    return {**image_facts.describe(window[-1], catalogue.judge(window)), "name": name}


def test_counts_first_then_what_is_not_healthy_in_columns() -> None:
    images = [facts("ubuntu-22.04", LOST), facts("win", AWAY), facts("ok", WELL)]
    lines = diagnosis_text.lines(images)
    assert lines[0] == "images 3: 1 healthy, 1 unknown, 1 lost"
    assert lines[1].startswith("LOST     ubuntu-22.04  since 2026-11-21T10:41:07Z: no copy is left")
    blank = " " * len("LOST     ubuntu-22.04  ")
    assert f"{blank}made from it: 1 volume (vol)" in lines
    command = "-> ansible-playbook nodecare.longhorn.recover_backing_image -e image=img"
    assert f"{blank}{command}" in lines
    assert any(line.startswith("UNKNOWN  win           no copy can be proven") for line in lines)
    assert not any(" ok " in line for line in lines)
    assert all(len(line) <= 100 for line in lines if "->" not in line)


def test_of_thousands_the_worst_are_told_and_the_rest_are_counted() -> None:
    one, other = facts("lost", LOST), facts("away", AWAY)
    images = [*({**one, "name": f"lost-{n}"} for n in range(90)), *[other] * 900]
    lines = diagnosis_text.lines(images)
    assert lines[0] == "images 990: 900 unknown, 90 lost"
    assert sum(line.startswith("LOST ") for line in lines) == 90
    assert len(lines) < 500
    rest = "not shown here, and not worse: 890: 890 unknown (format=json has them all)"
    assert lines[-1] == rest
    assert not any("not shown" in line for line in diagnosis_text.lines([one] * 100))


def test_what_waits_is_counted_only_while_it_waits() -> None:
    waits = (Condition("WaitForBackingImage", "True"),)
    cluster = LOST.cluster()
    told = []
    for desire, state in (
        ("running", "attaching"),
        ("stopped", "attached"),
        ("stopped", "detached"),
    ):
        volume = dataclasses.replace(cluster.volumes["vol"], conditions=waits, state=state)
        replica = dataclasses.replace(cluster.replicas["vol-r"], conditions=waits, desire=desire)
        picture = dataclasses.replace(cluster, volumes={"vol": volume}, replicas={"vol-r": replica})
        window = [see(picture, picture.images[NAME], at) for at in (0.0, 12.0)]
        image = image_facts.describe(window[-1], catalogue.judge(window))
        told.append(diagnosis_text.waiting_text(image))
    assert told == [
        "wait on it: 1 volume (vol), 1 replica (vol-r)",
        "wait on it: 1 volume (vol), 0 replicas",
        "made from it: 1 volume (vol)",
    ]


def test_a_whole_copy_does_not_tell_since_when_another_is_missing() -> None:
    entries = [("ready", "2026-11-21T10:50:00Z"), ("unknown: off", "2026-11-21T09:00:00Z")]
    evidence = [{"object": "o", "field": "f", "value": v, "since": at} for v, at in entries]
    assert diagnosis_text.since_of({"evidence": evidence}) == "2026-11-21T09:00:00Z"
    assert diagnosis_text.since_of({"evidence": evidence[:1]}) == "2026-11-21T10:50:00Z"
    assert diagnosis_text.since_of({"evidence": []}) == ""


def test_a_healthy_image_that_a_volume_waits_for_is_shown() -> None:
    """Its copy on just that disk is missing, and Longhorn does not move a replica (1.10 and later
    hold a manager back for minutes).
    """
    image = facts("ok", Scene(states={"d1": "ready", "d2": "ready", "d3": ""}, with_volume=True))
    assert len(diagnosis_text.lines([image])) == 1
    users = {**image["consumers"], "waiting_volumes": ["vol"], "waiting_replicas": ["vol-r"]}
    lines = diagnosis_text.lines([{**image, "consumers": users}])
    assert lines[0] == "images 1: 1 healthy"
    assert lines[1].startswith("HEALTHY  ok  2 of 2 copies healthy (n1/disk, n2/disk); n3/disk:")
    assert lines[2].strip() == "wait on it: 1 volume (vol), 1 replica (vol-r)"


@pytest.mark.parametrize(
    ("scene", "level"),
    [
        (WELL, "fine"),
        (FIRST, "fine"),
        (Scene(states={"d1": "ready", "d2": "failed"}), "degraded"),
        (AWAY, "unknown"),
        (LOST, "lost"),
    ],
    ids=["healthy", "first file", "degraded", "unknown", "lost"],
)
def test_levels(scene: Scene, level: str) -> None:
    images = [facts("one", scene), facts("two", WELL)]
    assert diagnosis_text.worst(images) == level
    limits = ["degraded", "unknown", "lost"]
    failing = [limit for limit in limits if diagnosis_text.too_bad(images, limit)]
    assert failing == limits[: limits.index(level) + 1] if level in limits else failing == []
    assert diagnosis_text.too_bad(images, "never") == ""


def test_every_verdict_has_a_level_and_a_word() -> None:
    for name in catalogue.WORST_FIRST:
        verdict = {"name": name, "detail": ""}
        assert diagnosis_text.level(verdict) in diagnosis_text.LEVELS
        assert diagnosis_text.word(verdict)


def test_no_image_at_all() -> None:
    assert diagnosis_text.lines([]) == ["images 0: none"]
    assert diagnosis_text.worst([]) == "fine"
