# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks on nodes are read back as the run that left them, wherever it stopped."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import marks
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.run import (
    Run,
    all_runs,
)
from tests.unit.plugins.module_utils._domain import build

NODES = ("n1", "n2", "n3")
DRAINED = {"intent": "reboot"}


def mark(stage: Stage, run: str = "r", nodes: tuple[str, ...] = NODES) -> Mark:
    return Mark(run, nodes, "reboot", stage)


def cluster(
    *held: tuple[str, Mark], noted: tuple[str, ...] = (), cordoned: tuple[str, ...] = ()
) -> Cluster:
    found = []
    for name in NODES:
        node = build.node(name, before=DRAINED if name in noted else None)
        annotations = dict(node.meta.annotations)
        for marked, value in held:
            if marked == name:
                annotations[marks.ROLLING] = json.dumps(value.as_data())
        found.append(dataclasses.replace(node, meta=Meta(name, annotations=annotations)))
    kube = [build.kube_node(name, cordoned=name in cordoned) for name in NODES]
    return build.cluster("1.12.1", *found, *kube)


def the_run(*held: tuple[str, Mark], **more: Any) -> Run:
    (found,) = all_runs(cluster(*held, **more))
    return found


def stages(run: Run) -> list[str]:
    return [run.stages[name].value for name in run.nodes]


def test_a_mark_is_read_back_as_it_was_written() -> None:
    told = mark(Stage.WAITING).reached(Stage.DRAINING, 12.34, {"copies": 2})
    ops = marks.write(Meta("n1", annotated=True), told)
    assert ops[0]["path"] == "/metadata/annotations/longhorn.nodecare.dev~1rolling"
    assert marks.of(Meta("n1", annotations={marks.ROLLING: ops[0]["value"]})) == told
    (op,) = marks.write(Meta("n1"), told)
    assert op["path"] == "/metadata/annotations" and marks.ROLLING in op["value"]
    assert marks.erase(Meta("n1")) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"run": 1}', "{", '{"run":"r","nodes":1}']
)
def test_what_we_cannot_have_written_is_no_mark(text: str) -> None:
    assert marks.of(Meta("n1", annotations={marks.ROLLING: text})) is None


def test_a_node_that_begins_again_forgets_its_later_times() -> None:
    found = mark(Stage.WAITING).reached(Stage.WAITING, 1, {}).reached(Stage.DRAINING, 2, {})
    found = found.reached(Stage.MAINTENANCE, 5, {})
    assert found.seconds(Stage.DRAINING, Stage.MAINTENANCE) == 3
    again = found.reached(Stage.DRAINING, 9, {})
    assert again.times == {"waiting": 1, "draining": 9}
    assert again.seconds(Stage.DRAINING, Stage.MAINTENANCE) is None


def test_a_run_that_was_killed_while_it_began_has_done_nothing() -> None:
    run = the_run(("n1", mark(Stage.WAITING)))
    assert stages(run) == ["waiting"] * 3 and not run.touched


def test_a_run_that_was_killed_while_it_cleaned_up_is_done() -> None:
    run = the_run(("n3", mark(Stage.DONE)))
    assert run.at(Stage.DONE) == NODES


def test_a_mark_that_somebody_took_away_means_that_the_node_is_done_again() -> None:
    run = the_run(("n1", mark(Stage.DONE)), ("n2", mark(Stage.WAITING)))
    assert stages(run) == ["done", "waiting", "waiting"]


@pytest.mark.parametrize(
    ("stage", "noted", "cordoned", "understood"),
    [
        (Stage.DRAINING, True, False, "draining"),
        # Killed between the mark and the first note of the drain, or cancelled since.
        (Stage.DRAINING, False, False, "waiting"),
        (Stage.MAINTENANCE, True, True, "maintenance"),
        # Open for pods again: drained again before anything is done to it.
        (Stage.MAINTENANCE, True, False, "draining"),
        # Given back by hand before its maintenance was done.
        (Stage.MAINTENANCE, False, False, "waiting"),
        (Stage.RETURNING, True, True, "returning"),
        (Stage.RETURNING, True, False, "returning"),
        # Killed between the last note of the return and the mark.
        (Stage.RETURNING, False, False, "done"),
        (Stage.DONE, False, False, "done"),
        # Drained by hand since.
        (Stage.WAITING, True, True, "draining"),
    ],
)
def test_a_stage_is_understood_together_with_its_node(
    stage: Stage, noted: bool, cordoned: bool, understood: str
) -> None:
    run = the_run(
        ("n1", mark(stage)),
        ("n2", mark(Stage.WAITING)),
        ("n3", mark(Stage.WAITING)),
        noted=("n1",) if noted else (),
        cordoned=("n1",) if cordoned else (),
    )
    assert stages(run) == [understood, "waiting", "waiting"]


def test_two_runs_are_two_and_a_node_that_is_gone_is_not_waited_for() -> None:
    found = all_runs(
        cluster(("n1", mark(Stage.DONE, "a", ("n1", "gone"))), ("n2", mark(Stage.WAITING, "b")))
    )
    assert [run.name for run in found] == ["a", "b"]
    assert found[0].nodes == ("n1",)
