#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches a node of a simulated cluster off for a test run, and on again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fault_node
short_description: Switch a node of a simulated cluster off, and on again
version_added: 0.1.0
description:
  - Works only where the cluster offers it beside its API at O(power_path), as a simulated one does.
    Elsewhere it refuses, because nothing could switch a real machine on again without hands.
  - That the machine has to be switched on is noted with what removes the run at its deadline
    (M(nodecare.longhorn.fault_image) with C(state=armed)) before it is switched off.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.fault_module
options:
  state:
    description:
      - V(down) switches O(node) off, V(up) switches on whatever this run has switched off.
    type: str
    required: true
    choices: [down, up]
  run:
    description: Name of the test run.
    type: str
    required: true
  node:
    description: Node to switch off. Required with O(state=down).
    type: str
  power_path:
    description:
      - Path at the API server which answers C(GET) with the machines and whether they are on, and
        takes C(POST) of C({"node":NODE,"on":false}). The simulated cluster of this collection has
        C(/simulator/power). Required with O(state=down).
    type: str
    default: ''
  confirm_cluster:
    description: The cluster, as for M(nodecare.longhorn.fault_image). Required with O(state=down).
    type: str
"""

EXAMPLES = r"""
- name: Switch a node off
  nodecare.longhorn.fault_node:
    state: down
    run: demo
    node: node-2
    power_path: /simulator/power
    confirm_cluster: simulator

- name: Switch it on again
  nodecare.longhorn.fault_node:
    state: up
    run: demo
"""

RETURN = r"""
switched:
  description: The machines that were switched.
  returned: success
  type: list
  elements: str
  sample: [node-2]
"""

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    fault_guard,
    fault_images,
    fault_janitor,
    fault_power,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "required": True, "choices": ["down", "up"]},
    "run": {"type": "str", "required": True},
    "node": {"type": "str"},
    "power_path": {"type": "str", "default": ""},
    "confirm_cluster": {"type": "str"},
}


def switch(work: Work, params: dict[str, Any]) -> list[str]:
    """Switch, or tell in check mode what would be."""
    run = fault_janitor.Run(fault_guard.cluster_of(work.client), params["run"])
    node, path = params["node"], params["power_path"]
    if params["state"] == "up":
        if work.check_mode:
            return fault_janitor.noted_power(run)[1]
        return fault_power.switch_on(work.client, *fault_janitor.noted_power(run))
    fault_images.name_of(run.name)
    if work.check_mode:
        return [node] if fault_power.machines(work.client, path).get(node) else []
    done = fault_power.switch_off(
        work.client, path, node, lambda: fault_janitor.note_power(run, path, node)
    )
    return [node] if done else []


def main() -> None:
    """Guard, then switch."""
    module = maintenance.module(
        OPTIONS, required_if=[("state", "down", ("node", "power_path", "confirm_cluster"))]
    )
    guard = fault_guard.of(module.params) if module.params["state"] == "down" else None
    with maintenance.reading(module, guard) as work:
        switched = switch(work, module.params)
    module.exit_json(changed=bool(switched), switched=switched)


if __name__ == "__main__":
    main()
