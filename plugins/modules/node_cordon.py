#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cordons a node, or takes our own cordon away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_cordon
short_description: Cordon a node and remember whether it was open
version_added: 0.1.0
description:
  - Marks a Kubernetes node as unschedulable and notes that it was open before, in the annotation
    C(longhorn.nodecare.dev/before).
  - V(state=uncordoned) takes only a cordon away that this collection has set, unless
    O(only_ours=false).
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.report.failure
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
options:
  state:
    description:
      - Whether the node is to be closed or open for new pods.
    type: str
    choices: [cordoned, uncordoned]
    default: cordoned
  only_ours:
    description:
      - With O(state=uncordoned), leave a cordon alone that was there before.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Cordon worker-3
  nodecare.longhorn.node_cordon:
    node: worker-3
"""

RETURN = r"""
cordoned:
  description: Whether the node is cordoned now, or in check mode would be.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps

OPTIONS = {
    "state": {"type": "str", "choices": ["cordoned", "uncordoned"], "default": "cordoned"},
    "only_ours": {"type": "bool", "default": True},
}


def main() -> None:
    maintenance.run_step(drain_steps.cordon, maintenance.NODE, maintenance.LOCK, OPTIONS)


if __name__ == "__main__":
    main()
