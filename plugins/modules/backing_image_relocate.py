#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the images of a node safe without it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backing_image_relocate
short_description: Make every backing image of a node safe without that node
version_added: 0.1.0
description:
  - Chooses targets for the copies that are missing elsewhere by real size against schedulable
    space, node and zone, selectors and state of each disk, writes their keys into the placement
    maps, and waits until each image has its proven copies off the node.
  - A proven copy is in the placement map and C(ready), on a disk and node that are Ready, not being
    evicted and not under maintenance.
  - V(reboot) asks for one proven copy elsewhere, V(reinstall) and V(remove) for as many as the
    image wants, as far as disks exist.
  - Takes nothing off the node.
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.drain.intent
  - nodecare.longhorn.drain.targets
  - nodecare.longhorn.drain.lower_minimum
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.report.failure
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
"""

EXAMPLES = r"""
- name: Make all images safe without worker-3
  nodecare.longhorn.backing_image_relocate:
    node: worker-3
    intent: remove
    next_nodes: [worker-4]
"""

RETURN = r"""
copies_made:
  description: Copies that were asked for, in check mode those that would be, with their disk.
  returned: always, once the work has begun
  type: list
  elements: dict
  sample:
    - image: ubuntu-24.04
      disk: worker-1/nvme0
      bytes: 5905580032
minimums_lowered:
  description: Images whose C(minNumberOfCopies) was lowered for the time, in check mode those that
    would be.
  returned: always, once the work has begun
  type: list
  elements: dict
  sample:
    - image: ubuntu-24.04
      from: 2
      to: 1
bytes:
  description: Bytes of these copies.
  returned: always, once the work has begun
  type: int
  sample: 5905580032
seconds:
  description: How long it took.
  returned: always, once the work has begun
  type: float
  sample: 72.4
lowest_proven:
  description: The lowest number of proven copies that any of the images had on the way.
  returned: always, once the work has begun
  type: int
  sample: 1
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps


def main() -> None:
    maintenance.run_step(
        drain_steps.relocate_images,
        maintenance.NODE,
        maintenance.DISK,
        maintenance.INTENT,
        maintenance.TARGETS,
        maintenance.LOWER_MINIMUM,
        maintenance.LOCK,
        maintenance.argspec.WAIT_OPTIONS,
    )


if __name__ == "__main__":
    main()
