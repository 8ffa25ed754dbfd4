#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives a drained node back as it was, one phase at a time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_restore
short_description: Give a drained Longhorn node back as it was
version_added: 0.1.0
description:
  - Makes a node again what it was before M(nodecare.longhorn.node_drain_begin), from the
    annotations C(longhorn.nodecare.dev/before) that the drain has left.
  - Each phase reads what is and does what is missing, so a run that was stopped anywhere is
    finished by the next one, and a run on a finished job writes nothing.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.restore
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.wait
  - nodecare.longhorn.report
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
options:
  phase:
    description:
      - V(open) waits for the machine, then gives eviction flags, scheduling, tags and disk entries
        back and takes our cordon away. A cordon of the operator stays.
      - V(settle) waits until the node really lives (instance manager with its budget, image
        managers, disks with the UUIDs of before, copies that are ready since the return) and its
        volumes are whole. It writes nothing.
      - V(volumes) sets each number of replicas back that the drain had raised, and deletes the
        extra replica by its uid, once all that stay serve.
      - V(images) takes back the copies that the maintenance has made, each only when its image is
        whole, nothing uses the copy, and as many proven copies remain as before.
      - V(finish) looks once more whether everything is whole, takes the notes away, and reports.
    type: str
    choices: [open, settle, volumes, images, finish]
    required: true
  steps:
    description:
      - Results of the earlier phases by name, for the report of V(finish).
    type: dict
    default: {}
  started:
    description:
      - When the return began, as seconds since 1970, for the report of V(finish).
    type: float
"""

EXAMPLES = r"""
- name: Open worker-3 again
  nodecare.longhorn.node_restore:
    node: worker-3
    phase: open

- name: Wait until it really lives
  nodecare.longhorn.node_restore:
    node: worker-3
    phase: settle
    wait_timeout: 1800
"""

RETURN = r"""
actions:
  description: What was changed on the node, in words.
  returned: O(phase=open), once the work has begun
  type: list
  elements: str
  sample: [schedulable false -> true, uncordoned]
disks_added:
  description: Disk entries that went in.
  returned: O(phase=open), once the work has begun
  type: list
  elements: str
  sample: [nvme0-r2]
flags_cleared:
  description: Images whose copies had a stale eviction flag.
  returned: O(phase=open), once the work has begun
  type: list
  elements: str
  sample: []
uncordoned:
  description: Whether our cordon was taken away by this run.
  returned: O(phase=open), once the work has begun
  type: bool
  sample: true
seconds:
  description: How long it took until the node was back.
  returned: O(phase=settle)
  type: float
  sample: 31.5
numbers_restored:
  description: Volumes whose number of replicas was set back.
  returned: O(phase=volumes), once the work has begun
  type: list
  elements: str
  sample: [pvc-7f2a]
replicas_deleted:
  description: Extra replicas that were deleted.
  returned: O(phase=volumes), once the work has begun
  type: list
  elements: str
  sample: [pvc-7f2a-r-8a1]
attached_for_it:
  description: Detached volumes that were attached for the time.
  returned: O(phase=volumes), once the work has begun
  type: list
  elements: str
  sample: []
keys_removed:
  description: Extra copies that were taken back.
  returned: O(phase=images), once the work has begun
  type: list
  elements: dict
  sample:
    - image: ubuntu-24.04
      disk: worker-1/nvme0
kept:
  description: Extra copies that stay, and why.
  returned: O(phase=images), once the work has begun
  type: list
  elements: dict
  sample: []
moved:
  description: Copies of before that are no longer there.
  returned: O(phase=images), once the work has begun
  type: list
  elements: dict
  sample: []
held:
  description: Images whose note stays beyond this run, and why.
  returned: O(phase=images), once the work has begun
  type: list
  elements: dict
  sample: []
complete:
  description: Whether everything is as before. False while the operator's own cordon holds
    something back.
  returned: O(phase=finish)
  type: bool
  sample: true
holds:
  description: What the node holds now.
  returned: O(phase=finish), not in check mode
  type: str
  sample: 7 replicas, 12 image copies
rebuilt_elsewhere:
  description: Volumes that Longhorn rebuilt elsewhere while the node was away.
  returned: O(phase=finish), not in check mode
  type: list
  elements: str
  sample: []
volumes_moved:
  description:
    - Volumes that had a replica on the node before and have none now.
    - At most 1,000 are noted and told.
  returned: O(phase=finish), not in check mode
  type: list
  elements: str
  sample: []
images_moved:
  description:
    - Images that had a copy on the node before and have none now.
    - At most 1,000 are noted and told.
  returned: O(phase=finish), not in check mode
  type: list
  elements: str
  sample: []
volumes_surplus:
  description:
    - Volumes that have more replicas than they ask for, because Longhorn had begun to move one when
      its eviction was cancelled.
  returned: O(phase=finish), not in check mode
  type: list
  elements: str
  sample: []
report:
  description: The report in lines.
  returned: O(phase=finish), not in check mode
  type: list
  elements: str
  sample: [worker-3 is given back (1 min 12 s)]
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance, reporting
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import restore_steps

OPTIONS = {
    "phase": {"type": "str", "choices": list(restore_steps.PHASES), "required": True},
    "steps": {"type": "dict", "default": {}},
    "started": {"type": "float"},
}


def main() -> None:
    module = maintenance.module(
        maintenance.NODE,
        maintenance.DISK,
        maintenance.RETURN,
        maintenance.LOCK,
        maintenance.argspec.WAIT_OPTIONS,
        reporting.OPTION,
        OPTIONS,
    )
    params = module.params
    with maintenance.reading(module) as work:
        step = restore_steps.PHASES[params["phase"]]
        request = maintenance.return_of(params)
        result = step(work, request, params, lambda: maintenance.locked(module, work))
    if params["phase"] == "finish" and not module.check_mode:
        reporting.write(module, result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
