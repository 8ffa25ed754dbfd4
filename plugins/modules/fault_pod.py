#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a fault in one copy of a test image by pods on the worker, its undo armed first."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fault_pod
short_description: Make a fault in one copy of a test image, by pods on the worker that holds it
version_added: 0.1.0
description:
  - Does what M(nodecare.longhorn.backing_image_fault) does, where one cannot log in to workers.
    A pod that is bound to O(node) has the disk mounted, runs the step as its command, reports by
    its log and is removed.
  - V(armed) creates the pod that is the undo. It writes the marker, waits for the deadline, and is
    removed by M(nodecare.longhorn.fault_image) when it has ended.
  - The pods are privileged, because the immutable flag of a host's file system needs that.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.fault
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
attributes:
  check_mode:
    support: partial
    details:
      - Tells that a pod would be created; what it would find on the node is not known then.
  diff_mode:
    support: none
    details:
      - What is done is in the returned values.
  idempotent:
    support: partial
    details:
      - V(undone) and V(clean) undo nothing when there is nothing left, but a pod runs to find out.
options:
  node:
    description: Node to work on.
    type: str
    required: true
  run:
    description: Name of the test run, by which left-over pods are found.
    type: str
    default: ''
  pod_image:
    description: Container image of the pods. It needs Python 3.10 or later as C(python3).
    type: str
    default: docker.io/library/python:3.12-alpine
"""

EXAMPLES = r"""
- name: Arm the undo on a node without SSH
  nodecare.longhorn.fault_pod:
    state: armed
    node: worker-2
    run: demo
    id: demo-1
    kind: immutable
    image: fault-demo
    uuid: 1f3a9c0d
    disk_uuid: 3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11
    data_path: /var/lib/longhorn/
    deadline: 300
"""

RETURN = r"""
until:
  description: When the fault is undone in any case, in seconds since 1970 by the worker's clock.
  returned: with O(state=armed)
  type: float
  sample: 1763673600.0
undo_by:
  description: What fires then, C(systemd), C(watchdog) or C(pod).
  returned: with O(state=armed)
  type: str
  sample: systemd
removed:
  description: Names of the files that were removed.
  returned: with O(state=made)
  type: list
  elements: str
  sample: [backing, backing.cfg]
flag_by:
  description: How the immutable flag was set, C(ioctl) or C(chattr).
  returned: when it was set
  type: str
  sample: ioctl
caught:
  description: Whether a transfer was caught in the middle.
  returned: with O(kind=immutable_during_transfer)
  type: bool
  sample: true
why:
  description: Why no transfer was caught.
  returned: when none was
  type: str
  sample: 8388608 bytes were sent in about 0.05 s, before the flag could be set
size_that_would_do:
  description: Bytes of an image whose transfer would last long enough.
  returned: when the file was too small
  type: int
  sample: 838860800
undone:
  description: What was taken back.
  returned: with O(state=undone) and O(state=clean)
  type: list
  elements: str
  sample: [immutable flag of fault-demo-1f3a9c0d]
problems:
  description: What could not be looked at or undone, and why.
  returned: with O(state=clean)
  type: list
  elements: str
  sample: []
found_text:
  description: What was found, for a person, RV(problems) among it.
  returned: with O(state=clean)
  type: list
  elements: str
  sample: [nothing was left here]
markers:
  description: The markers that were found.
  returned: with O(state=clean)
  type: list
  elements: dict
  sample: []
immutable:
  description: The immutable directories that were found.
  returned: with O(state=clean)
  type: list
  elements: dict
  sample: []
"""

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils import (
    argspec,
    fault_options,
    maintenance,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import fault_pods
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker import bundle
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import usable

OPTIONS: dict[str, dict[str, Any]] = {
    "node": {"type": "str", "required": True},
    "run": {"type": "str", "default": ""},
    "pod_image": {"type": "str", "default": "docker.io/library/python:3.12-alpine"},
}
ACTIONS = {"armed": fault_pods.UNDO, "made": "make", "undone": "undo", "clean": "clean"}


def act(work: Work, params: dict[str, Any]) -> dict[str, Any]:
    """One step, by a pod."""
    state = params["state"]
    if work.check_mode and state != "clean":
        return {"changed": True}
    disks = usable(params["disks"])
    paths = [disk["data_path"] for disk in disks]
    if params["data_path"]:
        paths.append(params["data_path"])
    place = fault_pods.Place(
        params["node"], paths, params["pod_image"], params["run"], bundle.source()
    )
    requests: dict[str, dict[str, Any]] = {
        "armed": {key: params[key] for key in fault_options.KEPT},
        "made": {"id": params["id"]},
        "undone": {"id": params["id"]},
        "clean": {"disks": disks, "only_look": work.check_mode},
    }
    answer = fault_pods.step(work, place, ACTIONS[state], requests[state])
    if state == "clean":
        left = answer["markers"] or answer["immutable"]
        return {"changed": bool(left if work.check_mode else answer["undone"]), **answer}
    if state == "undone":
        return {"changed": bool(answer["found"]), "undone": answer["undone"]}
    return {"changed": True, **answer}


def main() -> None:
    """Run the module."""
    module = maintenance.module(
        fault_options.OPTIONS,
        OPTIONS,
        argspec.WAIT_OPTIONS,
        required_if=fault_options.required("id", "data_path"),
    )
    with maintenance.reading(module) as work:
        result = act(work, module.params)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
