# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Courses of events that no recording has, played by the simulator and examined like the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Hold
from tests.check_blockers.examine import Examination, examine
from tests.check_blockers.judge import Mark
from tests.simulator.recordings.load import load
from tests.unit.check_blockers.recorder import Recorder

POLICY = "node-drain-policy"
NODES = ("node-1", "node-2", "node-3")


def agreed(recorder: Recorder) -> Examination:
    """Examine what was recorded; every moment must agree."""
    found = examine(load(recorder.save()))
    wrong = [m for m in found.moments if m.compared and not m.agrees]
    assert not wrong, wrong[0]
    assert any(m.compared and m.sample.cordoned for m in found.moments)
    return found


def rules(found: Examination, node: str) -> list[str]:
    """The rules named for a node, each once, in the order of their first time."""
    named = (m.sample.answer.rule for m in found.moments if m.sample.node == node)
    return [rule for rule in dict.fromkeys(named) if rule and rule != "node_open"]


def test_a_policy_changed_while_cordoned_acts_within_a_round(tmp_path: Path) -> None:
    rec = Recorder(tmp_path)
    rec.volume("v", 1, "node-1")
    (node,) = rec.nodes_with_replica("v")
    rec.ticket("v", "")
    rec.wait("v", "state", "detached")
    rec.start()
    rec.cordon(node)
    rec.run(40)
    assert rec.budget_of(node)
    rec.set(POLICY, "allow-if-replica-is-stopped")
    rec.run(40)
    assert not rec.budget_of(node)
    found = agreed(rec)
    assert rules(found, node)[:1] == ["last_replica"]


@pytest.mark.parametrize("pause", [0.0, 0.02, 20.0])
def test_two_nodes_cordoned_at_once_or_one_after_the_other(tmp_path: Path, pause: float) -> None:
    rec = Recorder(tmp_path)
    rec.volume("v", 2, "node-1")
    first, second = rec.nodes_with_replica("v")
    rec.ticket("v", "")
    rec.wait("v", "state", "detached")
    rec.start()
    rec.cordon(first)
    rec.run(pause)
    rec.cordon(second)
    rec.run(60)
    found = agreed(rec)
    if pause:
        assert "peer_cordoned" in rules(found, second)


@pytest.mark.parametrize(("late", "forgiven"), [(0.1, True), (5.0, False)])
def test_managers_that_did_not_know_of_each_other_may_both_let_go(
    tmp_path: Path, late: float, forgiven: bool
) -> None:
    rec = Recorder(tmp_path)
    rec.volume("v", 2, "node-1")
    first, second = rec.nodes_with_replica("v")
    rec.ticket("v", "")
    rec.wait("v", "state", "detached")
    rec.run(30)
    rec.start()
    rec.run(5)
    rec.cordon(first)
    rec.cordon(second)
    rec.run(late)
    rec.forge_release(second)
    rec.run(20)
    found = examine(load(rec.save()))
    wrong = [m for m in found.moments if m.compared and not m.agrees]
    assert bool(wrong) is not forgiven
    assert any(m.mark is Mark.KEPT for m in found.moments) is forgiven


def test_an_early_uncordon_takes_the_eviction_back(tmp_path: Path) -> None:
    rec = Recorder(tmp_path)
    rec.set(POLICY, "block-for-eviction")
    rec.volume("v", 2, "node-1")
    node = next(n for n in rec.nodes_with_replica("v") if n != "node-1")
    rec.start()
    rec.set(POLICY, "block-for-eviction")
    rec.cordon(node)
    rec.run(3)
    rec.cordon(node, closed=False)
    rec.run(60)
    assert rec.budget_of(node)
    assert "replica_evicting" in rules(agreed(rec), node)


def test_nowhere_to_go_blocks_until_somebody_acts(tmp_path: Path) -> None:
    rec = Recorder(tmp_path)
    rec.volume("v", 3, "node-1")
    rec.start()
    rec.set(POLICY, "block-for-eviction")
    rec.cordon("node-3")
    rec.run(90)
    assert rec.budget_of("node-3")
    rec.set(POLICY, "block-if-contains-last-replica")
    rec.run(40)
    assert not rec.budget_of("node-3")
    assert "eviction_nowhere" in rules(agreed(rec), "node-3")


def test_an_engine_that_moves_away_frees_its_node(tmp_path: Path) -> None:
    rec = Recorder(tmp_path, version="1.6.4")
    rec.volume("v", 2, "node-1")
    rec.start()
    rec.cordon("node-1")
    rec.run(20)
    assert rec.budget_of("node-1")
    rec.ticket("v", "")
    rec.wait("v", "state", "detached")
    rec.run(40)
    found = agreed(rec)
    assert rules(found, "node-1")[0] == "manual_attachment"
    holds = [m.sample.answer.hold for m in found.moments if m.sample.node == "node-1"]
    assert Hold.FREE in holds and not rec.budget_of("node-1")


@pytest.mark.parametrize("node", NODES)
def test_the_autoscaler_lets_go_of_budgets_on_open_nodes(tmp_path: Path, node: str) -> None:
    rec = Recorder(tmp_path)
    rec.start()
    rec.set("kubernetes-cluster-autoscaler-enabled", "true")
    rec.cordon("node-2")
    rec.run(70)
    found = agreed(rec)
    free = {m.sample.node for m in found.moments if m.sample.answer.hold is Hold.FREE}
    assert node in free
