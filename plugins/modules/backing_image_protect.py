#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes copies of images before they are needed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backing_image_protect
short_description: Give every backing image proven copies on distinct nodes
version_added: 0.1.0
description:
  - Each image gets at least O(copies) proven copies on distinct nodes, and in more than one zone
    where there is a choice. Longhorn itself guarantees neither.
  - Chooses the disks by real size against schedulable space, node and zone, selectors and state of
    each disk, writes their keys into the placement map, and waits until the copies are proven.
  - From Longhorn 1.7 on, the image's C(minNumberOfCopies) is raised in the same write, because
    Longhorn takes unused copies above it away after an hour. Up to 1.6 there is no such number, and
    a copy that no replica uses stays only for C(backing-image-cleanup-wait-interval).
  - Map entries that Longhorn 1.8 and later cannot write back (made without a data engine) are
    written in full.
  - No copy and no key is taken away. When it was stopped at any point, run it again.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - Names of the images, or V(all).
    type: list
    elements: str
    required: true
  copies:
    description:
      - How many proven copies on distinct nodes each image gets at least.
    type: int
    default: 2
  without_nodes:
    description:
      - Nodes that are next in line for maintenance. What is on them is not counted, and nothing new
        goes there.
    type: list
    elements: str
    default: []
  partial:
    description:
      - Do not fail when an image cannot get all its copies, only tell it.
    type: bool
    default: false
seealso:
  - module: nodecare.longhorn.cluster_audit
  - module: nodecare.longhorn.backing_image_relocate
"""

EXAMPLES = r"""
- name: Two copies of every image that do not need worker-3
  nodecare.longhorn.backing_image_protect:
    name: [all]
    without_nodes: [worker-3]
"""

RETURN = r"""
copies_made:
  description: Copies that were asked for, in check mode those that would be, with their disk.
  returned: always, once the cluster was read
  type: list
  elements: dict
  sample:
    - image: ubuntu-24.04
      disk: worker-1/nvme0
      bytes: 5905580032
bytes:
  description: Bytes of these copies.
  returned: always, once the cluster was read
  type: int
  sample: 5905580032
minimum_raised:
  description: Images whose C(minNumberOfCopies) was raised.
  returned: always, once the cluster was read
  type: list
  elements: dict
  sample:
    - image: ubuntu-24.04
      from: 1
      to: 2
entries_repaired:
  description: Images whose map entries were written in full.
  returned: always, once the cluster was read
  type: list
  elements: str
  sample: []
images:
  description: Every image with its copies, and why it cannot have more where it should.
  returned: success
  type: list
  elements: dict
  sample:
    - name: ubuntu-24.04
      proven: [worker-1/nvme0, worker-2/nvme0]
      coming: []
      targets: []
      minimum: 2
      short: ""
summary:
  description: The result in one to three lines.
  returned: success
  type: list
  elements: str
  sample: ["14 images, copies on 2 nodes each, Longhorn 1.12.1: nothing to do"]
"""

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import raise_copies

OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "list", "elements": "str", "required": True},
    "copies": {"type": "int", "default": 2},
    "without_nodes": {"type": "list", "elements": "str", "default": []},
    "partial": {"type": "bool", "default": False},
}


def main() -> None:
    """Look, and only if something is missing lock and make it."""
    module = maintenance.module(OPTIONS, maintenance.LOCK, argspec.WAIT_OPTIONS)
    params = module.params
    if params["copies"] < 1:
        module.fail_json(msg="copies must be at least 1")
    with maintenance.reading(module) as work:
        result = raise_copies.run(
            work,
            params["name"],
            params["copies"],
            params["without_nodes"],
            lambda: maintenance.locked(module, work),
            partial=params["partial"],
        )
    if not module._diff:
        result.pop("diff")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
