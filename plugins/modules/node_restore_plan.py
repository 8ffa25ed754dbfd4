#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the return of a node, before anything is written."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_restore_plan
short_description: Plan how a drained Longhorn node is given back
version_added: 0.1.0
description:
  - Reads the cluster once, one list per kind, and compares it with what the drain has noted. It
    says what would be written to the node, which volumes get their number of replicas back, and
    which image copies were made for the maintenance.
  - Nothing is written. In check mode the task is shown as changed when there is something to do,
    with the plan as a diff.
  - Fails before the first write when the input does not fit the cluster, when a right is missing,
    or when the node has other disks than before. In check mode such disks are only told.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.restore
  - nodecare.longhorn.report
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.plan_module
"""

EXAMPLES = r"""
- name: What would it take to give worker-3 back?
  nodecare.longhorn.node_restore_plan:
    node: worker-3
  register: back
"""

RETURN = r"""
plan:
  description: The plan as data.
  returned: success
  type: dict
  sample:
    node: worker-3
    intent: reboot
    longhorn_version: 1.12.1
    work: true
    nothing: ""
    uncordon: true
    cordon_kept: false
    changes: []
    volumes:
      - volume: pvc-7f2a
        replicas: 1
        replicas_now: 2
        step: wait
        why: for pvc-7f2a-r-8a1 on worker-3 to serve again
    images:
      - image: ubuntu-24.04
        keys_to_remove: [3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11]
        waits: ""
    held: []
    drift: []
summary:
  description: The plan in one to three lines.
  returned: success
  type: list
  elements: str
  sample: ["worker-3, Longhorn 1.12.1: no maintenance is noted on worker-3: there is nothing to
  give back"]
started:
  description: When the plan was made, as seconds since 1970, for the report.
  returned: success
  type: float
  sample: 1795230000.5
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance, reporting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import restore_text
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import restore_steps


def main() -> None:
    module = maintenance.module(
        maintenance.NODE, maintenance.DISK, maintenance.RETURN, reporting.OPTION
    )
    reporting.check(module)
    request = maintenance.return_of(module.params)
    with maintenance.reading(module) as work:
        cluster, plan = restore_steps.plan(work, request)
        result = {
            "changed": module.check_mode and plan.work,
            "plan": restore_text.as_data(plan, cluster),
            "summary": restore_text.summary(plan),
            "started": work.wall_clock(),
        }
        if module._diff and module.check_mode and plan.work:
            result["diff"] = restore_text.diff(plan, cluster)
    if module.check_mode or not plan.work:
        reporting.write(module, result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
