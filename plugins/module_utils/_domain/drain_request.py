# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator asked for."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import Consent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope


@dataclass(frozen=True, slots=True)
class Request:
    """A drain: the node, why, and what may be done.

    own_mover: raise, wait, lower, delete (True), or Longhorn's eviction flags (False).
    move_single: a volume of one replica may get a second one for the time.
    repair_entries: map entries written as `{}` may be rewritten in full.
    next_nodes: nodes that are next in line, never chosen as targets.
    disk: UUID of the one disk that is emptied, "" for the whole node; disk_name: its name.
    remove_disks: disk entries are taken out of Longhorn once they are empty.
    lower_minimum: minNumberOfCopies may be lowered while the node is away (reboot, 1.7 and later).
    delete_node: the Kubernetes node is deleted once it is drained and its machine is off (remove).
    peers: nodes under maintenance in the same batch of the same run, proven to be safe together
    with this one; what they hold is not counted, and does not stop the drain.
    """

    node: str
    intent: Intent
    consent: Consent = Consent()
    own_mover: bool = True
    move_single: bool = True
    repair_entries: bool = False
    next_nodes: tuple[str, ...] = ()
    disk: str = ""
    disk_name: str = ""
    remove_disks: bool = True
    lower_minimum: bool = False
    delete_node: bool = False
    peers: tuple[str, ...] = ()

    @property
    def lowers(self) -> bool:
        """Whether minNumberOfCopies is to be lowered while the node is away."""
        return self.lower_minimum and not self.intent.leaves and not self.disk

    @property
    def removes(self) -> bool:
        """Whether the whole node is to go for good."""
        return self.intent is Intent.REMOVE and not self.disk

    @property
    def scope(self) -> Scope:
        """What is emptied."""
        return Scope(self.node, self.disk, self.disk_name)
