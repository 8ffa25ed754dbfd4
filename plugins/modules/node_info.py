#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows Longhorn nodes: disks, conditions, space and what they hold."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_info
short_description: Show Longhorn nodes with their disks and what they hold
version_added: 0.1.0
description:
  - Reads Longhorn nodes and tells their disks with UUID, path, conditions and space, and how many
    image copies and replicas they hold.
  - What a node holds is counted from images and replicas, not from the sums that its disks report,
    which lag by up to 30 seconds.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.query
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.info_module
options:
  node:
    description:
      - Name of one node. Without it all nodes are shown.
    type: str
"""

EXAMPLES = r"""
- name: Show all Longhorn nodes
  nodecare.longhorn.node_info:
  register: longhorn

- name: Names of nodes that hold replicas
  nodecare.longhorn.node_info:
    query: "nodes[?replicas > `0`].name"
  register: longhorn
"""

RETURN = r"""
nodes:
  description: The nodes by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-1
      ready: true
      schedulable: true
      cordoned: false
      allow_scheduling: true
      eviction_requested: false
      under_maintenance: false
      zone: zone-a
      region: ""
      tags: []
      copies: 4
      replicas: 7
      disks:
        - name: nvme0
          uuid: 3a0b4d3c-2f6e-4e0c-a7b9-2d9c0c1f5c11
          path: /var/lib/longhorn/
          ready: true
          schedulable: true
          allow_scheduling: true
          eviction_requested: false
          tags: []
          storage_maximum: 500107862016
          storage_available: 442381631488
          storage_reserved: 150032358604
          storage_scheduled: 21474836480
          copies: [ubuntu-24.04]
          replicas: [pvc-7f2a-r-8a1]
longhorn_version:
  description: The version of Longhorn.
  returned: success
  type: str
  sample: 1.12.1
result:
  description: The value of the expression in O(query).
  returned: when O(query) is given
  type: raw
  sample: [worker-1]
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance, query
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    show_nodes,
)


def main() -> None:
    module = maintenance.module({"node": {"type": "str"}}, query.OPTION)
    with maintenance.reading(module) as work:
        found = show_nodes.show(work, module.params["node"])
        if module.params["query"]:
            found["result"] = query.search(module.params["query"], found)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
