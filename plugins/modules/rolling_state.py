#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes down how far a maintenance of several nodes has come, and reads it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_state
short_description: Note how far a rolling maintenance of Longhorn nodes has come
version_added: 0.1.0
description:
  - Keeps the state of a rolling maintenance in one annotation on each of its Longhorn nodes,
    C(longhorn.nodecare.dev/rolling), so that the same command goes on after a stop at any point.
  - Nothing but the annotation is written. It goes from all nodes when the last one is done.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain.pods
  - nodecare.longhorn.drain.mover
  - nodecare.longhorn.drain.single_replica
  - nodecare.longhorn.drain.repair
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
options:
  run:
    description:
      - Name of the run, as M(nodecare.longhorn.rolling_plan) returned it.
    type: str
    required: true
  step:
    description:
      - V(begin) marks O(nodes) as those of the run.
      - V(draining), V(maintenance), V(returning) and V(done) say how far O(node) has come. For
        V(done) it must have been given back.
      - V(stop) reads the state, tells it and fails. Nothing is written.
      - V(finish) takes the marks away when all nodes are done, and reports.
    type: str
    choices: [begin, draining, maintenance, returning, done, stop, finish]
    required: true
  nodes:
    description:
      - All nodes of the run.
    type: list
    elements: str
    default: []
  node:
    description:
      - The node that has come further.
    type: str
  batch:
    description:
      - With V(draining), instead of O(node), the nodes that are to be away at the same time.
      - That it is safe is proven once more before they are marked, for a drain with O(force),
        O(mover) and the other options of the plan. Where it is not the task fails, and none of them
        is begun.
    type: list
    elements: str
    default: []
  stages:
    description:
      - With V(begin), the stage of each node that the plan was made on. Where one is at another by
        now the task fails, because another run has worked on them since. Empty does not ask.
    type: dict
    default: {}
  intent:
    description:
      - Why the nodes are drained.
    type: str
    choices: [reboot, reinstall]
    default: reboot
  fresh:
    description:
      - Forget the marks of other runs.
    type: bool
    default: false
  results:
    description:
      - Results of the steps of the drain of O(node) by name, for the summary.
    type: dict
    default: {}
  reason:
    description:
      - Why the run has stopped, for V(stop).
    type: str
    default: ""
  report_file:
    description:
      - File for the report as JSON, with V(stop) and V(finish), readable by its owner only. A file
        that cannot be written is a warning, because the work is done by then.
      - A relative path is meant from the folder in which Ansible was started.
    type: path
"""

EXAMPLES = r"""
- name: Its drain is proven, the maintenance begins
  nodecare.longhorn.rolling_state:
    run: 20261121-091244-3fa9
    step: maintenance
    node: worker-2
"""

RETURN = r"""
mark:
  description: The mark of the node.
  returned: O(step=draining), O(step=maintenance), O(step=returning) and O(step=done)
  type: dict
  sample:
    run: 20261121-091244-3fa9
    nodes: [worker-1, worker-2, worker-3]
    intent: reboot
    stage: maintenance
    times: {waiting: 1795230000.5, draining: 1795230031.2, maintenance: 1795230071.9}
    figures: {copies: 2, bytes: 5905580032}
rows:
  description: One row for each node of the run.
  returned: O(step=stop) and O(step=finish)
  type: list
  elements: dict
  sample:
    - node: worker-2
      stage: done
      result: done
      drain_seconds: 40.7
      maintenance_seconds: 122.0
      restore_seconds: 31.4
      copies: 2
      bytes: 5905580032
      degraded: 1
      degraded_longest_seconds: 24.5
report:
  description: The report in lines.
  returned: O(step=stop) and O(step=finish)
  type: list
  elements: str
  sample: ["rolling maintenance 20261121-091244-3fa9 (reboot) is done: 3 nodes"]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance, reporting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rolling

STAGES = ["draining", "maintenance", "returning", "done"]
OPTIONS = {
    "run": {"type": "str", "required": True},
    "step": {"type": "str", "choices": ["begin", *STAGES, "stop", "finish"], "required": True},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "node": {"type": "str"},
    "batch": {"type": "list", "elements": "str", "default": []},
    "stages": {"type": "dict", "default": {}},
    "intent": {"type": "str", "choices": ["reboot", "reinstall"], "default": "reboot"},
    "fresh": {"type": "bool", "default": False},
    "results": {"type": "dict", "default": {}},
    "reason": {"type": "str", "default": ""},
}


def main() -> None:
    needs = [("step", stage, ("node",)) for stage in STAGES if stage != "draining"]
    needs.append(("step", "draining", ("node", "batch"), True))
    module = maintenance.module(
        maintenance.PODS,
        maintenance.MOVER,
        maintenance.SINGLE_REPLICA,
        maintenance.REPAIR,
        maintenance.LOCK,
        reporting.OPTION,
        OPTIONS,
        required_if=[*needs, ("step", "begin", ("nodes",))],
    )
    params = module.params
    name, step = params["run"], params["step"]
    with maintenance.reading(module) as work:

        def lock() -> maintenance.Locked:
            return maintenance.locked(module, work)

        def save(report: Mapping[str, Any]) -> None:
            if not module.check_mode:
                reporting.write(module, report)

        if step == "begin":
            mark = Mark(name, tuple(params["nodes"]), params["intent"])
            result = rolling.begin(work, mark, params["fresh"], lock, params["stages"])
        elif step == "stop":
            result = rolling.stop(work, name, params["reason"], save)
        elif step == "draining" and params["batch"]:
            drain = maintenance.request_of({**params, "node": ""})
            result = rolling.gather(work, name, tuple(params["batch"]), drain, lock)
        elif step == "finish":
            result = rolling.finish(work, name, save, lock)
        else:
            stage = Stage(step)
            result = rolling.reach(work, name, params["node"], stage, params["results"], lock)
    if step == "stop":
        module.fail_json(msg="\n".join(result["report"]), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
