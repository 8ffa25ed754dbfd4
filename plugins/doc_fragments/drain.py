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
notes:
  - The roles C(nodecare.longhorn.drain_node) and C(nodecare.longhorn.restore_node) run the steps of
    a maintenance in their order. In check mode a step tells what it would do to the cluster as it
    is.
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

    LOWER_MINIMUM = r"""
options:
  lower_min_copies:
    description:
      - For V(reboot) on Longhorn 1.7 and later, lower C(spec.minNumberOfCopies) of the images that
        would fall below it while the node is away, by the copies on the node and never below one.
        Longhorn would otherwise make another copy of each, 45 seconds after the node went off.
      - Only where it costs no copy. An image with a copy that nothing uses keeps its number,
        because Longhorn's clean-up may take such copies at a lower one.
      - The number is noted in the same write. M(nodecare.longhorn.node_restore) sets it again.
    type: bool
    default: false
"""

    DELETE_NODE = r"""
options:
  delete_node:
    description:
      - For V(remove), that the Kubernetes node is to be deleted by M(nodecare.longhorn.node_delete)
        after the drain, once its machine is off.
    type: bool
    default: false
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
  ignore_daemonsets:
    description:
      - Leave pods of DaemonSets where they are. Otherwise each of them is a blocker, as in
        C(kubernetes.core.k8s_drain).
    type: bool
    default: true
  disable_eviction:
    description:
      - Delete a pod whose disruption budget refuses its eviction, but only where no data is at
        risk.
      - Never deleted around its budget is an instance manager that Longhorn still holds, or that
        runs a replica without a protected peer; a pod whose Longhorn volume has its only healthy
        replica on the node; a pod with data in an C(emptyDir), on a local volume, or on a claim
        that nobody can tell anything about. Each refusal is explained.
      - The account needs the right to delete pods.
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

    SINGLE_REPLICA = r"""
options:
  single_replica_volumes:
    description:
      - What to do with volumes that have one replica only, on the node that is drained.
      - V(move) gives them a second replica for the time.
      - V(block) makes each of them a blocker.
    type: str
    choices: [move, block]
    default: move
"""

    REPAIR = r"""
options:
  repair_entries:
    description:
      - Whether placement map entries that were written as C({}) may be written in full.
      - On Longhorn 1.8 and later such an entry keeps Longhorn from changing or deleting the image,
        so it is a blocker otherwise.
    type: bool
    default: false
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
