#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""First writes of a drain: notes, repairs, and the node closed for new replicas."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_drain_begin
short_description: Note what cannot be read back and close a Longhorn node before a drain
version_added: 0.1.0
description:
  - Writes the values that a drain will change into annotations named
    C(longhorn.nodecare.dev/before) on the Longhorn node and on the images concerned. Values that a
    former run noted are never overwritten.
  - For V(reinstall) and V(remove) the node is closed for new replicas and copies. For V(reboot) its
    scheduling is left alone, because Longhorn would not take up its failed replicas afterwards.
    Only where replicas of a volume may share a node it is closed until
    M(nodecare.longhorn.volume_replica_move) has made the new one elsewhere.
  - Optionally repairs placement map entries that were written as C({}).
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.drain.intent
  - nodecare.longhorn.drain.targets
  - nodecare.longhorn.drain.repair
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.report.failure
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
"""

EXAMPLES = r"""
- name: Begin the drain of worker-3
  nodecare.longhorn.node_drain_begin:
    node: worker-3
    intent: remove
"""

RETURN = r"""
actions:
  description: What was changed, in words.
  returned: success
  type: list
  elements: str
  sample: ["node worker-3: earlier values noted, closed for new replicas"]
closed:
  description: Whether this run closed the node for new replicas.
  returned: success
  type: bool
  sample: true
repaired:
  description: Images whose map entries were written in full.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps


def main() -> None:
    maintenance.run_step(
        drain_steps.begin,
        maintenance.NODE,
        maintenance.DISK,
        maintenance.INTENT,
        maintenance.TARGETS,
        maintenance.REPAIR,
        maintenance.LOCK,
        maintenance.argspec.WAIT_OPTIONS,
    )


if __name__ == "__main__":
    main()
