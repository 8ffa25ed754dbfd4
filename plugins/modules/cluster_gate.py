#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits until the cluster can bear a maintenance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_gate
short_description: Wait until a Longhorn cluster can bear a maintenance
version_added: 0.1.0
description:
  - A node that is taken away uses up the one failure that volumes and images are built to bear. So
    before it every volume must be healthy, every image must have all its copies, proven, every node
    must be Ready for Kubernetes and for Longhorn, and no other maintenance may be under way.
  - Waits until all of this has been true for O(stable_seconds) without a break, and fails with
    everything that is wrong when it does not come true in O(wait_timeout). Nothing is written but
    the renewal of the lock.
  - In check mode it looks once, does not wait and does not fail.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.info_module
options:
  stable_seconds:
    description:
      - Seconds for which the gate must be open without a break.
    type: int
    default: 30
  wait_timeout:
    description:
      - Seconds that the whole task may take.
    type: int
    default: 900
  under_maintenance:
    description:
      - Nodes whose maintenance is no reason to wait.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Wait until the cluster has been whole for two minutes
  nodecare.longhorn.cluster_gate:
    stable_seconds: 120
    wait_timeout: 1800
"""

RETURN = r"""
problems:
  description: What keeps the gate closed; empty when it is open.
  returned: always
  type: list
  elements: str
  sample: ["volume pvc-7f2a: is degraded"]
waited_seconds:
  description: How long it took until the gate was open.
  returned: success, not in check mode
  type: float
  sample: 12.5
breaks:
  description: How often the gate was open and closed again.
  returned: success, not in check mode
  type: int
  sample: 0
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import await_gate

OPTIONS = {
    "stable_seconds": {"type": "int", "default": 30},
    "wait_timeout": {"type": "int", "default": 900},
    "under_maintenance": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = maintenance.module(maintenance.LOCK, OPTIONS)
    params = module.params
    with maintenance.reading(module) as work:
        if module.check_mode:
            found = await_gate.look(work, params["under_maintenance"])
            result = {"problems": [problem.words() for problem in found]}
        else:
            if params["lock_holder"]:
                maintenance.join(module, work)
            seconds = float(params["stable_seconds"])
            result = await_gate.await_gate(work, seconds, params["under_maintenance"])
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
