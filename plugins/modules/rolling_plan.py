#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans a maintenance of several nodes, one after the other."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rolling_plan
short_description: Plan the maintenance of several Longhorn nodes, one after the other
version_added: 0.1.0
description:
  - Reads the cluster once and plans the whole run. It says in which order the nodes come, what the
    drain of each would copy and where something is in the way, worst first, and whether the gate
    is open now.
  - The order copies as little as possible. Nodes in the middle of their maintenance come first,
    then those that are cordoned already, then the others by the bytes that their drain copies,
    smallest first. Nodes that are still to come are closed as targets as long as there are others.
  - An unfinished run of the same nodes and O(intent) is found by the annotations
    C(longhorn.nodecare.dev/rolling) on its nodes, and goes on where it was.
  - Nothing is written. Fails before the first write when the input does not fit the cluster, when
    a right is missing, when another run or maintenance is not finished, or when the drain of a node
    has a blocker that needs action, with all problems at once. In check mode only bad input fails.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain.pods
  - nodecare.longhorn.drain.mover
  - nodecare.longhorn.drain.single_replica
  - nodecare.longhorn.drain.repair
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.plan_module
options:
  nodes:
    description:
      - Names of the nodes, also several in one string, separated by commas.
    type: list
    elements: str
  node_selector:
    description:
      - Label selector of Kubernetes that finds the nodes.
    type: str
  intent:
    description:
      - Why the nodes are drained.
      - V(reboot) means that each comes back with its disks.
      - V(reinstall) means that each comes back under the same name with its disks wiped.
    type: str
    choices: [reboot, reinstall]
    default: reboot
  run:
    description:
      - V(auto) goes on with an unfinished run of the same nodes and intent, and begins one where
        there is none. V(new) forgets any unfinished run and begins anew.
    type: str
    choices: [auto, new]
    default: auto
  max_unavailable:
    description:
      - How many nodes may be under maintenance at the same time, at most.
      - More than one are taken together only where it is proven that without all of them every
        image has a proven copy and every volume a replica that Longhorn's budgets accept, and that
        none of their drains moves anything. Otherwise fewer are, down to one; the plan says why.
    type: int
    default: 1
  maintenance_tasks:
    description:
      - The file of tasks that is to run for each node. Here it is only made sure that it exists.
    type: path
  maintenance_role:
    description:
      - The role that is to run for each node. Outside of check mode one of it and
        O(maintenance_tasks) must be named.
    type: str
  report_file:
    description:
      - The file for the report of the run. Here it is made sure that it can be written; a run that
        is refused is written to it.
      - A relative path is meant from the folder in which Ansible was started.
    type: path
"""

EXAMPLES = r"""
- name: In which order would the workers be rebooted, and what is in the way?
  nodecare.longhorn.rolling_plan:
    node_selector: node-role.kubernetes.io/worker=
  check_mode: true
  diff: true
"""

RETURN = r"""
run:
  description: Name of the run, of the one that goes on or of a new one.
  returned: success
  type: str
  sample: 20261121-091244-3fa9
nodes:
  description: All nodes of the run.
  returned: always, once the input fits the cluster
  type: list
  elements: str
  sample: [worker-1, worker-2, worker-3]
plan:
  description: The plan as data. With a failure it is only C(intent), C(refused) and C(blockers).
  returned: always, once the input fits the cluster
  type: dict
  sample:
    intent: reboot
    longhorn_version: 1.12.1
    run: ""
    goes_on: false
    turns:
      - node: worker-2
        stage: waiting
        next_nodes: [worker-1, worker-3]
        bytes: 0
        why: fewest bytes to copy
        copies: 0
        volumes: 0
        pods: 12
    batches:
      - nodes: [worker-2]
        cut: []
    done: []
    stages: {worker-1: waiting, worker-2: waiting, worker-3: waiting}
    bytes: 5905580032
    closed: []
    refused: []
    blockers: []
summary:
  description: The plan in two or three lines.
  returned: success
  type: list
  elements: str
  sample: ["order: worker-2, worker-1, worker-3"]
plan_text:
  description: The whole plan as text, as the diff shows it.
  returned: success
  type: str
  sample: " 1. worker-2   0 B to copy (0 images, 0 volumes), 12 pods to evict"
"""

import os
import time
import uuid
from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance, reporting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import told
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.plan import Request
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rolling

OPTIONS = {
    "nodes": {"type": "list", "elements": "str"},
    "node_selector": {"type": "str"},
    "intent": {"type": "str", "choices": ["reboot", "reinstall"], "default": "reboot"},
    "run": {"type": "str", "choices": ["auto", "new"], "default": "auto"},
    "max_unavailable": {"type": "int", "default": 1},
    "maintenance_tasks": {"type": "path"},
    "maintenance_role": {"type": "str"},
}


def new_name() -> str:
    """A name for a run that sorts by time."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:4]}"


def wrong(params: Mapping[str, Any], check_mode: bool) -> str:
    """What is wrong with the options before the cluster is asked; "" when nothing is."""
    tasks, role = params["maintenance_tasks"], params["maintenance_role"]
    if tasks and not os.path.isfile(tasks):
        return f"There is no file {tasks} (maintenance_tasks)."
    if not (tasks or role or check_mode):
        return (
            "Name what is to be done with each node: -e maintenance_tasks=FILE or "
            "-e maintenance_role=NAME."
        )
    if params["max_unavailable"] < 1:
        return f"max_unavailable={params['max_unavailable']}: at least one node must be away."
    return ""


def main() -> None:
    module = maintenance.module(
        maintenance.PODS,
        maintenance.MOVER,
        maintenance.SINGLE_REPLICA,
        maintenance.REPAIR,
        reporting.OPTION,
        OPTIONS,
        mutually_exclusive=[("nodes", "node_selector")],
    )
    params = module.params
    problem = wrong(params, module.check_mode)
    if problem:
        module.fail_json(msg=f"{problem} Nothing was changed.")
    reporting.check(module)
    with maintenance.reading(module) as work:
        nodes = rolling.chosen(work, params["nodes"] or (), params["node_selector"] or "")
        drain = maintenance.request_of({**params, "node": ""})
        fresh, limit = params["run"] == "new", params["max_unavailable"]
        plan = rolling.plan(work, Request(nodes, drain, fresh, limit))
        result = {
            "changed": module.check_mode and bool(plan.turns),
            "run": plan.run.name if plan.run else new_name(),
            "nodes": list(nodes),
            "plan": told.plan_data(plan),
            "summary": told.summary(plan),
            "plan_text": told.plan_text(plan),
        }
        if module._diff and module.check_mode:
            result["diff"] = told.diff(plan)
    if (plan.refused or plan.stopping) and not module.check_mode:
        refusal = told.refusal(plan)
        reporting.write(module, {**result, "failed": True, "msg": refusal})
        # Ansible prints all of a failed result below its message: the whole plan would bury that.
        short = {key: result["plan"][key] for key in ("intent", "refused", "blockers")}
        module.fail_json(msg=refusal, changed=False, nodes=result["nodes"], plan=short)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
