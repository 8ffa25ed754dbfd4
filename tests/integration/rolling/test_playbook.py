# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as a person runs them: the plan, a stop in the operator's own tasks, bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rolling
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.plan_drain import (
    BadInput,
)
from tests.integration.drain.scene import Scene, drain, served
from tests.integration.restore.scene import furnish
from tests.integration.restore.test_playbook import play
from tests.integration.rolling.scene import locked, plan, request

NODES = ("node-3", "node-2")
TASKS = """
- name: Replace the fan
  ansible.builtin.fail:
    msg: "the fan of {{ rolling_maintenance_node }} does not fit"
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with served("1.12.1", tmp_path_factory.mktemp("cluster"), furnish, scale=15.0) as made:
        yield made


def test_the_plan_of_the_whole_run_changes_nothing(scene: Scene) -> None:
    writes = scene.writes()
    chosen = json.dumps({"node_selector": "kubernetes.io/hostname in (node-2,node-3)"})
    code, shown = play(scene, "rolling_maintenance", chosen, options=("--check", "--diff"))
    assert code == 0, shown
    for line in (
        " 1. node-2          0 B to copy (0 images, 0 volumes), ",
        " 2. node-3   ",
        "the gate is open: volumes healthy, images whole, nodes Ready",
    ):
        assert line in shown, shown
    assert scene.writes() == writes


def test_a_failure_in_the_operators_tasks_stops_and_says_the_state(
    scene: Scene, tmp_path: Path
) -> None:
    step = scene.work()
    rolling.begin(step, Mark("run-1", NODES, "reboot"), False, lambda: locked(step))
    drain(scene, "node-3", "reboot")
    rolling.reach(step, "run-1", "node-3", Stage.MAINTENANCE, {}, lambda: locked(step))
    lease.drop(step.client, lease.NAME, "test")

    tasks, report = tmp_path / "fan.yml", tmp_path / "report.json"
    tasks.write_text(TASKS)
    code, shown = play(
        scene,
        "rolling_maintenance",
        "nodes=node-2,node-3",
        f"maintenance_tasks={tasks}",
        f"report_file={report}",
        "stable_seconds=1",
    )
    assert code != 0
    for line in (
        "Rolling maintenance run-1 (reboot) has stopped: Replace the fan: the fan of node-3 does "
        "not fit",
        "  done        none",
        "  in between  node-3: drained and cordoned; its maintenance tasks are not done",
        "  not begun   node-2",
        "  give back   ansible-playbook nodecare.longhorn.restore_node -e node=node-3",
    ):
        assert line in shown, shown
    told = json.loads(report.read_text())
    assert not told["done"] and told["stopped"].startswith("Replace the fan")
    assert {row["node"]: row["stage"] for row in told["nodes"]} == {
        "node-3": "maintenance",
        "node-2": "waiting",
    }
    assert scene.all("leases.coordination.k8s.io") == []
    assert scene.get("nodes", "node-3", "")["spec"]["unschedulable"]
    assert plan(scene, request(NODES)).turns[0].stage is Stage.MAINTENANCE


def test_bad_input_changes_nothing(scene: Scene) -> None:
    writes = scene.writes()
    with pytest.raises(BadInput, match="Node node-9 is not managed by Longhorn"):
        plan(scene, request(("node-2", "node-9")))
    for listed, selector, said in (
        ([], "", "Name the nodes"),
        ([" , "], "", "Name the nodes"),
        ([], "no-such=label", "No node has the labels no-such=label"),
    ):
        with pytest.raises(BadInput, match=said):
            rolling.chosen(scene.work(), listed, selector)
    assert rolling.chosen(scene.work(), ["b, a", "a"], "") == ("b", "a")
    assert scene.writes() == writes
