#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves the replicas of a node elsewhere."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_replica_move
short_description: Make volumes independent of a Longhorn node
version_added: 0.1.0
description:
  - For V(reinstall) and V(remove) every replica leaves the node. By default each volume gets one
    replica more, and once it serves the old number is set again and the replica on the node is
    deleted. All volumes go at once; Longhorn limits rebuilds per node itself.
  - For V(reboot) only volumes that would lose their last complete replica get one more, until the
    node is given back.
  - Detached volumes are attached for the time by a ticket of our own, with the frontend disabled.
  - Stops before a delete that it cannot prove safe. When run again it goes on from what is there.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.drain.intent
  - nodecare.longhorn.drain.targets
  - nodecare.longhorn.drain.mover
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.report.failure
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
"""

EXAMPLES = r"""
- name: Move all replicas off worker-3
  nodecare.longhorn.volume_replica_move:
    node: worker-3
    intent: remove
    wait_timeout: 7200
"""

RETURN = r"""
raised:
  description: Volumes that got one replica more, in check mode those that would.
  returned: always, once the work has begun
  type: list
  elements: str
  sample: [pvc-7f2a]
replicas_deleted:
  description: Replicas that left the node.
  returned: always, once the work has begun
  type: list
  elements: str
  sample: [pvc-7f2a-r-8a1]
attached_for_it:
  description: Detached volumes that were attached for the time.
  returned: always, once the work has begun
  type: list
  elements: str
  sample: []
degraded:
  description: How many volumes were seen degraded on the way.
  returned: always, once the work has begun
  type: int
  sample: 1
degraded_longest_seconds:
  description: The longest time for which one was, in seconds.
  returned: always, once the work has begun
  type: int
  sample: 26
blocked:
  description:
    - What held it meanwhile, by which rule, since when, for how many seconds, and how it ended
      (V(cleared) or V(still blocks)).
  returned: always, once the work has begun
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
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps


def main() -> None:
    maintenance.run_step(
        drain_steps.move_replicas,
        maintenance.NODE,
        maintenance.DISK,
        maintenance.INTENT,
        maintenance.TARGETS,
        maintenance.MOVER,
        maintenance.LOCK,
        maintenance.argspec.WAIT_OPTIONS,
    )


if __name__ == "__main__":
    main()
