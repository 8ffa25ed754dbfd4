#!/usr/bin/python
# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes image copies and disk entries of a node out of Longhorn."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_release
short_description: Take the image copies and disk entries of a node or disk out of Longhorn
version_added: 0.1.0
description:
  - Removes the node's keys from the placement maps. A key goes only when no replica in any state
    uses its copy, when enough proven copies remain elsewhere, when the first file is done and
    nothing reads the copy, checked on lists that are newer than the image. A replica that comes in
    the same moment gets its key back.
  - Where copies elsewhere went missing since they were counted, makes them again first, three
    times at most.
  - Then takes the node's disk entries out of Longhorn, so that nothing can come back to them.
  - Does nothing for V(reboot).
author:
  - The nodecare.longhorn maintainers (@nodecare)
extends_documentation_fragment:
  - nodecare.longhorn.auth
  - nodecare.longhorn.drain
  - nodecare.longhorn.drain.disk
  - nodecare.longhorn.drain.intent
  - nodecare.longhorn.drain.targets
  - nodecare.longhorn.drain.remove_disks
  - nodecare.longhorn.drain.lock
  - nodecare.longhorn.report.failure
  - nodecare.longhorn.wait
  - nodecare.longhorn.attributes
  - nodecare.longhorn.attributes.action_group
  - nodecare.longhorn.attributes.step_module
"""

EXAMPLES = r"""
- name: Take what is left of worker-3 out of Longhorn
  nodecare.longhorn.node_release:
    node: worker-3
    intent: remove
"""

RETURN = r"""
keys_removed:
  description: Keys that left a placement map, in check mode those that would.
  returned: always, once the work has begun
  type: list
  elements: dict
  sample:
    - image: ubuntu-24.04
      disk_uuid: 7c1b1f9e-64b3-4f5f-9a59-5c6b1f8a0e22
keys_put_back:
  description: Keys that were given back because a replica came in the same moment.
  returned: always, once the work has begun
  type: list
  elements: dict
  sample: []
disks_removed:
  description: Disk entries that were taken out of Longhorn.
  returned: always, once the work has begun
  type: list
  elements: str
  sample: [nvme0]
copies_made:
  description:
    - Copies that had to be made again, because others went elsewhere since they were counted.
      Longhorn's clean-up takes copies that no replica has used for
      C(backing-image-cleanup-wait-interval) from images that have more than they ask for.
  returned: always, once the work has begun
  type: list
  elements: dict
  sample: []
bytes:
  description: The sum of their sizes, in bytes.
  returned: always, once the work has begun
  type: int
  sample: 0
lowest_proven:
  description: The lowest number of proven copies elsewhere when a key went.
  returned: always, once the work has begun
  type: int
  sample: 2
"""

from ansible_collections.nodecare.longhorn.plugins.module_utils import maintenance
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps


def main() -> None:
    maintenance.run_step(
        drain_steps.release,
        maintenance.NODE,
        maintenance.DISK,
        maintenance.INTENT,
        maintenance.TARGETS,
        maintenance.LOCK,
        maintenance.argspec.WAIT_OPTIONS,
        maintenance.REMOVE_DISKS,
    )


if __name__ == "__main__":
    main()
