#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes and removes the test image of a fault play, its removal armed first."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fault_image
short_description: Make and remove the test image of a fault play
version_added: 0.1.0
description:
  - V(confirmed) checks that O(confirm_cluster) names the cluster that the task is connected to,
    before anything else is looked at, and does nothing more. All but V(absent) begin with that.
  - V(armed) starts a process on the controller that removes everything of O(run) from this cluster
    at O(deadline), whatever becomes of the play. V(present) needs that first.
  - V(present) makes an image with copies on nodes of its own, a volume on it that is attached by a
    ticket of its own without a device, waits until all is healthy, and chooses the copy to make a
    fault in. It is never one whose loss leaves no proven copy.
  - V(absent) switches on what the run has switched off (M(nodecare.longhorn.fault_node)), and
    removes ticket, volume and image, and pods of the run that have ended.
  - Only objects with the label C(longhorn.nodecare.dev/test-run) are ever removed.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.fault_module
options:
  state:
    description: What is to be.
    type: str
    choices: [confirmed, armed, present, absent]
    default: present
  run:
    description:
      - Name of the test run, at most 24 lower-case letters, digits and dashes. Image and volume are
        called C(fault-RUN).
      - Required with O(state=armed) and O(state=present). O(state=absent) without it removes the
        objects of every run in this cluster.
    type: str
  confirm_cluster:
    description:
      - The cluster in which faults may be made, as the UID of its namespace C(kube-system) or as
        the name of the context. Required unless O(state=absent).
    type: str
  url:
    description: Where the image is downloaded from. Required with O(state=present).
    type: str
  copies:
    description: How many copies the image gets, each on another node.
    type: int
    default: 2
  volume:
    description: Whether a volume is made on the image and attached.
    type: bool
    default: true
  nodes:
    description: Nodes on which the fault may be made. Without it, all.
    type: list
    elements: str
    default: []
  deadline:
    description: Seconds after which everything of the run is removed in any case.
    type: int
    default: 1800
  who:
    description: Who makes the fault, for the marker.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Arm the removal
  nodecare.longhorn.fault_image:
    state: armed
    run: demo
    confirm_cluster: test-cluster
    deadline: 900

- name: Make an image with two copies and an attached volume
  nodecare.longhorn.fault_image:
    run: demo
    confirm_cluster: test-cluster
    url: https://images.example.org/debian-13.raw
  register: bed

- name: Take them away again
  nodecare.longhorn.fault_image:
    state: absent
    run: demo
"""

RETURN = r"""
target:
  description: The copy to make a fault in, and what a worker has to know of it.
  returned: with O(state=present)
  type: dict
  sample:
    image: fault-demo
    uuid: 1f3a9c0d
    size: 67108864
    volume: fault-demo
    node: worker-2
    disk: worker-2/nvme0
    disk_uuid: 3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11
    data_path: /var/lib/longhorn/
    directory: backing-images/fault-demo-1f3a9c0d
    other_disks: [7033d8d3-1118-4dda-8b4b-d683446003f8]
    copies:
      - node: worker-2
        disk_uuid: 3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11
        data_path: /var/lib/longhorn/
    pressure_bytes: 734003200
    all_bytes: 10842275840
    replicas: []
    since: "48213"
removed:
  description: Names of what was removed (or would be), by kind.
  returned: with O(state=absent)
  type: dict
  sample: {"images": ["fault-demo"], "volumes": ["fault-demo"], "tickets": [], "pods": []}
problems:
  description: Runs whose machines could not be switched on, and why. They stay armed.
  returned: with O(state=absent)
  type: list
  elements: str
  sample: []
until:
  description: When everything of the run is removed in any case, in seconds from now.
  returned: with O(state=armed)
  type: int
  sample: 900
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    fault_guard,
    fault_images,
    fault_janitor,
    fault_power,
    fault_removal,
    task,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"choices": ["confirmed", "armed", "present", "absent"], "default": "present"},
    "run": {"type": "str"},
    "confirm_cluster": {"type": "str"},
    "url": {"type": "str"},
    "copies": {"type": "int", "default": 2},
    "volume": {"type": "bool", "default": True},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "deadline": {"type": "int", "default": 1800},
    "who": {"type": "str", "default": ""},
}


def run_of(work: Work, name: str) -> fault_janitor.Run:
    """The run of that name in the cluster of the connection."""
    return fault_janitor.Run(fault_guard.cluster_of(work.client), name)


def arm(work: Work, params: dict[str, Any]) -> dict[str, Any]:
    """Start what removes the run at its deadline."""
    fault_images.name_of(params["run"])
    seconds = max(1, params["deadline"])
    if not work.check_mode:
        fault_janitor.arm(params, run_of(work, params["run"]), seconds, params["who"])
    return {"changed": True, "until": seconds}


def make(work: Work, params: dict[str, Any]) -> dict[str, Any]:
    """The image, its volume, and the copy for the fault."""
    order = fault_images.Order(
        run=params["run"],
        url=params["url"],
        copies=params["copies"],
        volume=params["volume"],
        nodes=params["nodes"],
    )
    name = fault_images.name_of(order.run)
    if work.check_mode:
        return {"changed": True, "target": {"image": name}}
    fault_janitor.require_armed(run_of(work, order.run))
    refusal = fault_images.create_image(work, order)
    if refusal:
        raise Failure(f"The image {name} was refused: {refusal}")
    fault_images.await_copies(work, order)
    if order.volume:
        fault_images.make_volume(work, order)
    return {"changed": True, "target": fault_images.describe(work, order)}


def remove(work: Work, params: dict[str, Any]) -> dict[str, Any]:
    """What is left of the run (of every run in this cluster)."""
    name = params["run"] or ""
    if work.check_mode:
        removed = fault_removal.names(fault_removal.find(work.client, name))
        return {"changed": any(removed.values()), "removed": removed, "problems": []}
    cluster = fault_guard.cluster_of(work.client)
    runs = [fault_janitor.Run(cluster, name)] if name else fault_janitor.runs(cluster)
    problems: dict[str, str] = {}
    for run in runs:
        try:
            fault_power.switch_on(work.client, *fault_janitor.noted_power(run))
        except Failure as failure:
            problems[run.name] = f"run {run.name}: {failure}"
    step = task.Task(work.client, work.deadline, work.interrupt, work.progress)
    removed = fault_removal.remove(step, name)
    for run in runs:
        if run.name not in problems:
            fault_janitor.disarm(run)
    if name and problems:
        raise Failure(problems[name])
    return {
        "changed": any(removed.values()),
        "removed": removed,
        "problems": list(problems.values()),
    }


def main() -> None:
    """Guard, then act."""
    module = maintenance.module(
        OPTIONS,
        argspec.WAIT_OPTIONS,
        required_if=[
            ("state", "confirmed", ("confirm_cluster",)),
            ("state", "armed", ("run", "confirm_cluster")),
            ("state", "present", ("run", "confirm_cluster", "url")),
        ],
    )
    params = module.params
    guard = fault_guard.of(params) if params["state"] != "absent" else None
    steps: dict[str, Callable[[Work, dict[str, Any]], dict[str, Any]]] = {
        "confirmed": lambda _work, _params: {"changed": False},
        "armed": arm,
        "present": make,
        "absent": remove,
    }
    with maintenance.reading(module, guard) as work:
        result = steps[params["state"]](work, params)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
