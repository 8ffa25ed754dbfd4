#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deletes the Kubernetes node of a drained machine that is off."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_delete
short_description: Delete the Kubernetes node of a drained machine that is off
version_added: 0.1.0
description:
  - Deletes the Kubernetes node and waits until Longhorn has removed its own node by itself.
  - Fails unless a fresh reading proves that nothing of value is left on the node. Longhorn itself
    checks that only from 1.10.
  - While the machine still runs nothing is deleted, because its kubelet would register the node
    again at once. The task then succeeds unchanged and its report says what to do.
  - The disks of the machine are not wiped.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.pods
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.report.failure
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
"""

EXAMPLES = r"""
- name: Delete worker-3, which is drained and off
  nodecare.longhorn.node_delete:
    node: worker-3
    wait_timeout: 300
"""

RETURN = r"""
deleted:
  description: Whether this run has deleted the Kubernetes node.
  returned: success
  type: bool
  sample: true
gone:
  description: Whether neither the Kubernetes node nor Longhorn's is there.
  returned: success
  type: bool
  sample: true
stage:
  description: What was found, one of V(gone), V(leaving), V(running), V(unsafe) and V(ready).
  returned: success
  type: str
  sample: gone
why:
  description: Why the node was not deleted, empty when it was.
  returned: success
  type: str
  sample: ""
report:
  description: The same for a person.
  returned: success
  type: list
  elements: str
  sample: ["worker-3 is neither a Kubernetes node nor a Longhorn node (any more)."]
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import delete_node


def main() -> None:
    maintenance.run_step(
        delete_node.delete_node,
        maintenance.NODE,
        maintenance.PODS,
        maintenance.LOCK,
        maintenance.argspec.WAIT_OPTIONS,
    )


if __name__ == "__main__":
    main()
