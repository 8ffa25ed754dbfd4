#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proves that a node is safe to reboot, reinstall or remove, and reports the drain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_drain_proof
short_description: Prove that a drained node is safe to reboot, reinstall or remove
version_added: 0.1.0
description:
  - Reads everything afresh and tells what the node still holds, from objects and never from the
    sums on its disks, and whether it is safe to reboot, to reinstall, to remove.
  - Where only Longhorn's status lags behind, it is waited for, at most 75 seconds.
  - Also writes the report of a drain from the results of its steps.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.drain.intent
  - nodecare.longhorn.drain.pods
  - nodecare.longhorn.drain.delete_node
  - nodecare.longhorn.report
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.info_module
options:
  steps:
    description:
      - Results of the steps of this run, for the report. The names are C(begin), C(targets),
        C(replicas), C(images), C(pods) and C(release).
    type: dict
    default: {}
  started:
    description:
      - When the run began, as seconds since 1970, for the report.
    type: float
  require:
    description:
      - Fail when the node is not safe for O(intent).
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Is worker-3 safe to remove?
  nodecare.longhorn.node_drain_proof:
    node: worker-3
    intent: remove
    require: false
  register: proof
"""

RETURN = r"""
safe_to:
  description: Whether the node is safe for each intent.
  returned: always, once the input fits the cluster
  type: dict
  sample: {reboot: true, reinstall: true, remove: true}
against:
  description: What speaks against an intent, where something does.
  returned: always, once the input fits the cluster
  type: dict
  sample: {}
left:
  description: What the node still holds, by kind.
  returned: always, once the input fits the cluster
  type: dict
  sample:
    replicas: []
    engines: []
    images: []
    manager_records: []
    first_files: []
    entries: []
    disks: []
cordoned:
  description: Whether the node is cordoned.
  returned: always, once the input fits the cluster
  type: bool
  sample: true
outcome:
  description: What the node or disk is safe for, and what speaks against the rest, in one sentence.
  returned: always, once the input fits the cluster
  type: str
  sample: "safe to reboot; NOT safe to reinstall or remove: 2 copies and 1 replica remain"
degraded_volumes:
  description: Volumes of the whole cluster that are degraded now.
  returned: always, once the input fits the cluster
  type: list
  elements: str
  sample: []
below_minimum:
  description:
    - Images with fewer proven copies elsewhere than their C(minNumberOfCopies), for V(reinstall)
      and V(remove) on Longhorn 1.7 and later. They are safe, but short.
  returned: always, once the input fits the cluster
  type: list
  elements: str
  sample: []
blocked:
  description:
    - What held the steps of this run, from their results, by which rule, since when, for how many
      seconds, and how it ended
      (V(cleared) or V(still blocks)).
  returned: always, once the input fits the cluster
  type: list
  elements: dict
  sample:
    - rule: rebuild_elsewhere
      kind: volume
      name: pvc-7f2a
      reason: has a replica in the making (rebuild on worker-2 63 %)
      since: "2026-01-05T08:00:00Z"
      seconds: 130.0
      ended: cleared
report:
  description: The report in lines; with a failure it is the message.
  returned: success
  type: list
  elements: str
  sample: ["worker-3 is drained for 'remove' (6 min 41 s): safe to reboot, reinstall or remove"]
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance, reporting
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps

OPTIONS = {
    "steps": {"type": "dict", "default": {}},
    "started": {"type": "float"},
    "require": {"type": "bool", "default": True},
}


def main() -> None:
    module = maintenance.module(
        maintenance.NODE,
        maintenance.DISK,
        maintenance.INTENT,
        maintenance.PODS,
        maintenance.DELETE_NODE,
        reporting.OPTION,
        OPTIONS,
    )
    with maintenance.reading(module) as work:
        result = drain_steps.prove(work, maintenance.request_of(module.params), module.params)
    if module.params["require"] and not result["safe_to"][module.params["intent"]]:
        told = {"msg": "\n".join(result["report"]), "changed": False, **result}
        reporting.write(module, {"failed": True, **told, "steps": module.params["steps"]})
        # The message is the report.
        told.pop("report")
        module.fail_json(**told)
    if not module.check_mode:
        reporting.write(module, {**result, "steps": module.params["steps"]})
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
