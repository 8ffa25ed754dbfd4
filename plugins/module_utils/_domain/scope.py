# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is emptied: a whole node, or one disk of it.

Every rule of a drain asks the scope what belongs to it, so the same rules empty both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory, proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Node,
    Replica,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """node: its name. disk: UUID of the one disk, "" for the whole node; name: that disk's name."""

    node: str
    disk: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        """How a person names it: `worker-3`, or `worker-3/nvme0`."""
        return f"{self.node}/{self.name or self.disk}" if self.disk else self.node

    def holds(self, replica: Replica) -> bool:
        """Whether this replica has to leave."""
        return replica.disk == self.disk if self.disk else replica.node == self.node

    def uuids(self, cluster: Cluster) -> frozenset[str]:
        """UUIDs of the disks to empty."""
        if self.disk:
            return frozenset({self.disk})
        known = cluster.nodes.get(self.node)
        return known_uuids(known) if known else frozenset()

    def gone(self, cluster: Cluster) -> frozenset[str]:
        """Nodes (names) and disks (UUIDs) whose copies are not counted on: the scope itself, and
        every node under maintenance.
        """
        return proven.under_maintenance(cluster) | {self.disk or self.node}

    def mark(self) -> dict[str, str]:
        """Which maintenance a note on an image or a volume is for."""
        return {"node": self.node, "disk": self.disk} if self.disk else {"node": self.node}

    def marks(self, noted: Mapping[str, Any]) -> bool:
        """Whether a note is for this scope; a node's includes those for one of its disks."""
        return noted.get("node") == self.node and (
            not self.disk or noted.get("disk", "") == self.disk
        )


def known_uuids(node: Node) -> frozenset[str]:
    """UUIDs of the node's disks, those that we took out (and noted before) included."""
    noted = memory.before(node.meta).get("disks")
    out = {
        str(disk.get("uuid"))
        for disk in (noted.values() if isinstance(noted, dict) else ())
        if isinstance(disk, dict) and disk.get("uuid")
    }
    return frozenset(out | {disk.uuid for disk in node.disks if disk.uuid})
