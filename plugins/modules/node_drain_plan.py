#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the drain of a node, before anything is written."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_drain_plan
short_description: Plan the drain of a Longhorn node and tell what is in the way
version_added: 0.1.0
description:
  - Reads the cluster once, one list per kind, and plans the whole drain of a node. It says which
    image copies must be made and where, which volumes must move, which pods are evicted, and every
    blocker with its remedy and whether waiting can clear it.
  - Nothing is written. In check mode the task is shown as changed when there is something to do,
    with the plan as a diff.
  - Fails before the first write when the input does not fit the cluster, when a right is missing,
    or when a blocker needs action, with all problems at once.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.drain.intent
  - nodecare.longhorn.drain.targets
  - nodecare.longhorn.drain.lower_minimum
  - nodecare.longhorn.drain.delete_node
  - nodecare.longhorn.drain.pods
  - nodecare.longhorn.drain.mover
  - nodecare.longhorn.drain.single_replica
  - nodecare.longhorn.drain.repair
  - nodecare.longhorn.drain.remove_disks
  - nodecare.longhorn.report
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.plan_module
options:
  run:
    description:
      - Name of the run of rolling maintenance that this drain belongs to.
      - Nodes of the same batch of that run do not stop the drain while it holds the lock under
        O(lock_holder).
    type: str
  lock_holder:
    description:
      - Name under which the run holds the lock, as M(nodecare.longhorn.maintenance_lock) returned
        it.
    type: str
  fail_on_blockers:
    description:
      - Whether a blocker that needs action fails the task. Check mode never fails for one.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: What would the removal of worker-3 take?
  nodecare.longhorn.node_drain_plan:
    node: worker-3
    intent: remove
    fail_on_blockers: false
  register: drain

- name: Show what is in the way
  ansible.builtin.debug:
    msg: "{{ drain.plan.blockers | map(attribute='reason') | list }}"
"""

RETURN = r"""
plan:
  description:
    - The plan as data. With a failure it is only C(node), C(intent) and C(blockers), and
      O(report_file) has all of it.
    - Each of C(blockers) has its C(rule), C(kind), C(name), C(reason), C(remedy), C(clears)
      and C(ways), and in C(clears_in_seconds) about how long until it clears by itself, or none
      where that is not known.
  returned: always, once the input fits the cluster
  type: dict
  sample:
    node: worker-3
    intent: remove
    longhorn_version: 1.12.1
    work: true
    copies:
      - image: ubuntu-24.04
        bytes: 5905580032
        from: worker-3/nvme0
        to: worker-1/nvme0
        to_disk_uuid: 3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11
        why: only copy, 3 volumes use it
    bytes_to_copy: 5905580032
    keys_to_remove:
      - image: ubuntu-24.04
        disk: worker-3/nvme0
        disk_uuid: 7c1b1f9e-64b3-4f5f-9a59-5c6b1f8a0e22
    volumes:
      - volume: pvc-7f2a
        step: raise
        replicas: 1
        why: to move it
    pods:
      evict: [default/web-5d9c]
      leave: {}
      block: {}
    disks_to_remove: [nvme0]
    cordon: true
    incomplete_entries: []
    blockers: []
    left: 1 replica, 1 copy
summary:
  description: The plan in two or three lines.
  returned: success
  type: list
  elements: str
  sample: ["worker-3, intent remove, Longhorn 1.12.1: nothing to do"]
plan_text:
  description: The whole plan as text, as the diff shows it.
  returned: success
  type: str
  sample: "1 copy to make, 5.5 GiB:"
kube_node_gone:
  description: Whether the Kubernetes node is deleted already, so that nothing is left to drain.
  returned: with O(delete_node=true), once it is
  type: bool
  sample: true
started:
  description: When the plan was made, as seconds since 1970, for the report of the drain.
  returned: success
  type: float
  sample: 1795230000.5
requests:
  description: How many requests the plan took.
  returned: success
  type: int
  sample: 14
"""

import dataclasses

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance, reporting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    disk_names,
    drain_text,
    node_removal,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import batches
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import plan_drain

OPTIONS = {
    "run": {"type": "str"},
    "lock_holder": {"type": "str"},
    "fail_on_blockers": {"type": "bool", "default": True},
}


def main() -> None:
    module = maintenance.module(
        maintenance.NODE,
        maintenance.DISK,
        maintenance.INTENT,
        maintenance.TARGETS,
        maintenance.LOWER_MINIMUM,
        maintenance.DELETE_NODE,
        maintenance.PODS,
        maintenance.MOVER,
        maintenance.SINGLE_REPLICA,
        maintenance.REPAIR,
        maintenance.REMOVE_DISKS,
        reporting.OPTION,
        OPTIONS,
    )
    request = maintenance.request_of(module.params)
    reporting.check(module)
    with maintenance.reading(module) as work:
        cluster = plan_drain.read(work.client, work.longhorn, request.node, storage=True)
        if request.delete_node and node_removal.begun(cluster, request.node):
            module.exit_json(
                **drain_text.removal_begun(cluster, request), started=work.wall_clock()
            )
        request = disk_names.resolved(cluster, request)
        run, holder = module.params["run"] or "", module.params["lock_holder"] or ""
        peers = batches.peers(cluster, request.node, run, holder)
        request = dataclasses.replace(request, peers=peers)
        plan = plan_drain.plan(work.client, cluster, request, writing=not module.check_mode)
        result = {
            "changed": module.check_mode and plan.work,
            "plan": drain_text.as_data(plan),
            "summary": drain_text.summary(plan),
            "plan_text": drain_text.moves_text(plan, cluster),
            "started": work.wall_clock(),
            "requests": work.client.requests,
        }
        if module._diff and module.check_mode:
            result["diff"] = drain_text.diff(plan, cluster)
        stopped = plan.work and plan.stopping and not module.check_mode
    if stopped and module.params["fail_on_blockers"]:
        refusal = drain_text.refusal(plan)
        reporting.write(module, {**result, "failed": True, "msg": refusal})
        # Ansible prints all of a failed result below its message: the whole plan would bury that.
        short = {key: result["plan"][key] for key in ("node", "intent", "blockers")}
        module.fail_json(msg=refusal, changed=False, plan=short)
    if module.check_mode:
        reporting.write(module, result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
