# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook takes two nodes away at the same time, with the operator's consent to lose a pod."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.drain.scene import served
from tests.integration.restore.scene import state
from tests.integration.restore.test_playbook import play
from tests.integration.rolling.test_batches import furnish
from tests.integration.rolling.test_rolling import same

# Both are cordoned when the first one's turn comes, and stay so until both had theirs.
TASKS = """
- name: Remember which nodes are away
  ansible.builtin.lineinfile:
    path: "{log}"
    line: "{{{{ rolling_maintenance_node }}}} of {{{{ rolling_maintenance_batch.nodes }}}}"
    create: true
    mode: '0600'
"""


def test_a_batch_is_drained_maintained_and_given_back(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path / "cluster", furnish, nodes=5, disks=1, scale=15.0) as scene:
        pod = {
            "metadata": {"name": "debug", "namespace": "default"},
            "spec": {"nodeName": "node-3", "containers": [{"name": "c", "image": "i"}]},
        }
        scene.server.call(scene.cluster.store.create, "pods", pod)
        before = state(scene)
        log, tasks, report = (tmp_path / name for name in ("log", "tasks.yml", "report.json"))
        tasks.write_text(TASKS.format(log=log))
        code, shown = play(
            scene,
            "rolling_maintenance",
            "nodes=node-2,node-3",
            "max_unavailable=2",
            "force=true",
            f"maintenance_tasks={tasks}",
            f"report_file={report}",
            "stable_seconds=1",
        )
        assert code == 0, shown
        assert log.read_text().split("\n") == [
            "node-2 of ['node-2', 'node-3']",
            "node-3 of ['node-2', 'node-3']",
            "",
        ]
        told = json.loads(report.read_text())
        assert told["done"] and [row["stage"] for row in told["nodes"]] == ["done", "done"]
        assert scene.all("leases.coordination.k8s.io") == []
        same(scene, before)
