#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evicts the pods of a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_evict
short_description: Evict the pods of a node and say which budget holds which pod, and why
version_added: 0.1.0
description:
  - Evicts all pods that may go at once, a few requests at a time. A refusal by a disruption budget
    is tried again and told with its reason; nothing free waits behind it.
  - The list of pods is followed all the time, so pods that come later are evicted too.
  - Static pods, pods of DaemonSets and Longhorn's backing image managers are left. Longhorn's
    instance managers go last, when every pod with a Longhorn volume is gone and Kubernetes holds no
    Longhorn volume on the node any more (VolumeAttachments of C(storage.k8s.io)). Where the account
    may not read those, Longhorn's own attachment tickets are looked at.
  - A pod is identified by its uid, so another pod of the same name is another pod.
  - The node must be cordoned, see M(nodecare.longhorn.node_cordon).
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.pods
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.report.failure
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
options:
  wait_timeout:
    description:
      - Seconds to wait until the pods are gone. A wait that runs out is a failure that names what
        blocks, for how long and why.
    type: int
    default: 600
  terminate_grace_period:
    description:
      - Seconds that each pod gets to end. Without it, or with a negative number, each pod's own
        time counts.
      - V(0) is taken as V(1), because a pod's object must not go before its processes do.
    type: int
  pod_selectors:
    description:
      - Label selectors as C(kubectl) takes them. Only pods that match all of them are evicted; the
        others are left.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Evict the pods of worker-3
  nodecare.longhorn.pod_evict:
    node: worker-3
    delete_emptydir_data: true
    wait_timeout: 900
"""

RETURN = r"""
evicted:
  description: Pods that were evicted, in check mode those that would be.
  returned: always, once the work has begun
  type: list
  elements: str
  sample: [default/web-5d9c]
waited_for_budgets:
  description: Pods that a budget held for a while, with the seconds.
  returned: always, once the work has begun
  type: dict
  sample: {default/db-0: 130.2}
longest_wait_seconds:
  description: The longest of these waits.
  returned: always, once the work has begun
  type: float
  sample: 130.2
deleted_around_budgets:
  description: Those of them that were deleted because a budget refused, see O(disable_eviction).
  returned: always, once the work has begun
  type: list
  elements: str
  sample: []
detach_wait_seconds:
  description: How long the instance managers waited for volumes to be detached from the node.
  returned: always, once the work has begun
  type: float
  sample: 4.2
unreadable:
  description: Kinds that the account may not list and watch, so that Longhorn's notes had to do.
  returned: always, once the work has begun
  type: list
  elements: str
  sample: []
blockers:
  description:
    - What held the pods when last seen, worst first, then what held each instance manager, the rule
      that Longhorn meets first in front. Empty once they are gone.
    - Each has its C(rule), C(kind) and C(name) of the object, C(reason), C(remedy), whether waiting
      ends it (C(clears) is clears_by_itself, needs_action or never), C(clears_in_seconds), about
      how long that takes where anybody can tell, and C(blocks_for_seconds).
  returned: always, once the work has begun
  type: list
  elements: dict
  sample: []
blocked:
  description:
    - What held it meanwhile, by which rule, since when, for how many seconds, and how it ended
      (V(cleared) or V(still blocks)).
  returned: always, once the work has begun
  type: list
  elements: dict
  sample:
    - rule: pod_budget
      kind: pod
      name: default/web-0
      reason: is held by its budget
      since: "2026-01-05T08:00:00Z"
      seconds: 130.0
      ended: cleared
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps

OPTIONS = {
    "wait_timeout": {"type": "int", "default": 600},
    "terminate_grace_period": {"type": "int"},
    "pod_selectors": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    maintenance.run_step(
        drain_steps.evict, maintenance.NODE, maintenance.PODS, maintenance.LOCK, OPTIONS
    )


if __name__ == "__main__":
    main()
