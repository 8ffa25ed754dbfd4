# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each reason against taking a key out of a map."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.guards import (
    against_removal,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import ManagerFile
from tests.unit.plugins.module_utils._domain import build


def rules(*more: Any, closed: bool = True, state: str = "ready", keep: int = 1) -> list[str]:
    image = build.image("a", [build.copy("n1.0"), build.copy("n2.0", state)])
    nodes = [build.node("n1", allow_scheduling=not closed), build.node("n2")]
    things = {thing.meta.name: thing for thing in (*nodes, *more)}
    cluster = build.cluster("1.12.1", image, *things.values())
    found = against_removal(cluster, image, "n1.0", maintenance={"n1"}, keep=keep)
    return [refusal.rule for refusal in found]


def test_a_key_goes_when_nothing_speaks_against_it() -> None:
    assert rules() == []


def test_a_replica_in_any_state_keeps_its_copy() -> None:
    for state in ("running", "stopped", "error", ""):
        assert rules(build.replica("r", "v", "n1", image="a", state=state)) == ["replica_uses_it"]
    failed = build.replica("r", "v", "n1", image="a", failed_at="2026-01-05T08:00:00Z")
    assert rules(failed) == ["replica_uses_it"]


def test_replicas_of_other_images_and_disks_do_not_matter() -> None:
    assert rules(build.replica("r", "v", "n1", image="b")) == []
    assert rules(build.replica("r", "v", "n2", image="a")) == []


def test_another_copy_must_be_proven() -> None:
    for state in ("failed", "unknown", "in-progress", ""):
        assert rules(state=state) == ["too_few_proven"]
    assert rules(build.node("n2", conditions=build.conditions(ready=False))) == ["too_few_proven"]
    assert rules(build.kube_node("n2", ready=False)) == ["too_few_proven"]
    assert rules(keep=2) == ["too_few_proven"]
    assert rules(keep=0, state="failed") == ["too_few_proven"], (
        "one is the least, whatever is asked"
    )


def test_the_first_file_must_be_done() -> None:
    assert rules(build.source("a", done=False)) == ["first_file"]


def test_nobody_may_be_reading_it() -> None:
    assert rules(build.manager("n1", [ManagerFile("a", sending=2)])) == ["being_read"]
    assert rules(build.manager("n1", [ManagerFile("a")])) == []
    clone = build.source("b", done=False, source_type="clone", parameters={"backing-image": "a"})
    assert rules(clone) == ["being_cloned"]


def test_an_open_disk_could_get_a_replica_at_any_moment() -> None:
    assert rules(closed=False) == ["disk_open"]
