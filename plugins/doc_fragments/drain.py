# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules of a drain share, each written once."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of a drain."""

    DOCUMENTATION = r"""
options:
  node:
    description:
      - Name of the node, the same for Kubernetes and Longhorn.
    type: str
    required: true
"""

    DISK = r"""
options:
  disk:
    description:
      - Only this disk of the node, by its name in Longhorn, its path or its UUID. Then nothing is
        cordoned and no pod is evicted.
      - Without it the whole node is meant.
    type: str
"""

    REMOVE_DISKS = r"""
options:
  remove_disks:
    description:
      - Whether the disk entries are taken out of Longhorn once nothing is left on them.
    type: bool
    default: true
"""

    INTENT = r"""
options:
  intent:
    description:
      - Why the node is drained.
      - V(reboot) means that it comes back with its disks.
      - V(reinstall) means that it comes back under the same name with its disks wiped.
      - V(remove) means that it never comes back.
    type: str
    choices: [reboot, reinstall, remove]
    required: true
"""

    TARGETS = r"""
options:
  next_nodes:
    description:
      - Nodes that are next in line for maintenance. They are never chosen for a new copy.
    type: list
    elements: str
    default: []
"""

    PODS = r"""
options:
  force:
    description:
      - Also evict pods that no controller would start again.
    type: bool
    default: false
  delete_emptydir_data:
    description:
      - Also evict pods that keep data in an C(emptyDir) volume; that data is lost.
    type: bool
    default: false
"""

    MOVER = r"""
options:
  mover:
    description:
      - How replicas leave the node.
      - V(own) adds one replica, waits until it serves, and deletes the one on the node. It works
        with every version.
      - V(longhorn) uses Longhorn's eviction flags. It is refused on versions whose eviction loses
        redundancy or crashes a manager, and for O(intent=reboot).
    type: str
    choices: [own, longhorn]
    default: own
"""

    LOCK = r"""
options:
  lock_holder:
    description:
      - Name under which M(nodecare.longhorn.maintenance_lock) took the lock for the whole play.
      - Without it the module takes the lock for its own time and gives it back at its end.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another maintenance to end.
    type: int
    default: 120
"""
