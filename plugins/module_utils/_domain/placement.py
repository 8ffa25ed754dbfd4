# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where new copies go: design rules first, then the disk that would be done first.

Longhorn's own choice is random and looks neither at sizes nor at nodes and zones (longhorn-manager
datastore/longhorn.go GetReadyNodeDiskForBackingImage, v1.7.4 to v1.12.1), so targets are ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
    Node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes


@dataclass(frozen=True, slots=True)
class Room:
    """The space rules of the cluster, in per cent (Longhorn's own settings)."""

    over_provisioning: int
    minimal_available: int

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Room:
        return cls(
            setting.number(settings, "storage-over-provisioning-percentage", 100),
            setting.number(settings, "storage-minimal-available-percentage", 25),
        )

    def schedulable(self, disk: Disk) -> int:
        """Bytes that Longhorn would still schedule there: reservation and over-provisioning."""
        total = (disk.storage_maximum - disk.storage_reserved) * self.over_provisioning // 100
        return total - disk.storage_scheduled

    def real(self, disk: Disk) -> int:
        """Bytes that may still be written before the disk falls under pressure."""
        return disk.storage_available - disk.storage_maximum * self.minimal_available // 100

    def free(self, disk: Disk) -> int:
        """The smaller of the two, never negative."""
        return max(0, min(self.schedulable(disk), self.real(disk)))


def tags_refused(
    settings: Mapping[str, str], selector: Iterable[str], tags: Collection[str], what: str
) -> str:
    """Longhorn's tag rule: every selector entry among the tags; an empty selector may be barred
    from tagged nodes or disks by allow-empty-node-selector-volume and its like for disks.
    """
    missing = sorted(set(selector) - set(tags))
    if missing:
        return f"{what} lacks the tag {', '.join(missing)}"
    open_to_all = setting.flag(settings, f"allow-empty-{what}-selector-volume", True)
    if tags and not tuple(selector) and not open_to_all:
        return f"{what} is reserved by the tag {', '.join(sorted(tags))}"
    return ""


def node_refused(cluster: Cluster, node: Node, closed: Mapping[str, str]) -> str:
    """Why nothing new may go to this node ("" when it may). `closed` names nodes with reasons."""
    if node.name in closed:
        return closed[node.name]
    kube_node = cluster.kube_nodes.get(node.name)
    if not node.ready or kube_node is None or not kube_node.ready:
        return "node is not Ready"
    if kube_node.unschedulable:
        return "node is cordoned"
    if node.eviction_requested:
        return "node is being evicted"
    if not node.allow_scheduling:
        return "scheduling is disabled on the node"
    return "" if node.schedulable else "Longhorn does not schedule on the node"


def disk_refused(disk: Disk) -> str:
    """Why nothing new may go to this disk, whatever its size ("" when it may)."""
    if not disk.in_spec or not disk.in_status or not disk.uuid:
        return "Longhorn has not taken the disk up yet"
    if disk.kind != "filesystem":
        return f"it is a {disk.kind} disk"
    if disk.eviction_requested:
        return "disk is being evicted"
    if not disk.allow_scheduling:
        return "scheduling is disabled on the disk"
    for kind in ("Ready", "Schedulable"):
        found = condition(disk.conditions, kind)
        if found is None or not found.true:
            return f"disk is not {kind}" + (f" ({found.reason})" if found and found.reason else "")
    return ""


class Placement:
    """Chooses targets one after the other and remembers what it gave away.

    Give it the images by falling size: then each goes to the disk that would be done first, which
    keeps the slowest disk within a third of the best possible end (longest job first).
    """

    def __init__(self, cluster: Cluster, closed: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._room = Room.of(cluster.settings)
        self._booked: dict[str, int] = {}
        self._usable: list[Disk] = []
        self._refused: dict[str, str] = {}
        for node in cluster.nodes.values():
            against = node_refused(cluster, node, closed)
            for disk in node.disks:
                reason = against or closed.get(disk.uuid, "") or disk_refused(disk)
                if reason:
                    self._refused[disk.label] = reason
                else:
                    self._usable.append(disk)

    def booked(self, disk: Disk) -> int:
        """Bytes that were given to this disk so far."""
        return self._booked.get(disk.uuid, 0)

    def free(self, disk: Disk) -> int:
        """Bytes left on the disk after what was given to it."""
        return max(0, self._room.free(disk) - self.booked(disk))

    def usable_disks(self, image: Image) -> int:
        """How many disks could hold a copy if space were no matter, those that have one
        included.
        """
        return sum(1 for disk in self._usable if not self._selector_refused(image, disk))

    def refusals(self, image: Image) -> dict[str, str]:
        """Why each disk of the cluster was refused for this image; for a person to read."""
        found = dict(self._refused)
        for disk in self._usable:
            found[disk.label] = self._refusal(image, disk) or "not needed"
        return dict(sorted(found.items()))

    def choose(self, image: Image, taken: Iterable[Disk]) -> Disk | None:
        """The target for one more copy, booked at once; None when no disk will do.

        taken: disks that hold or will hold the image's other copies: the new one goes to another
        node than theirs, and to another zone where there is a choice.
        """
        nodes = {disk.node for disk in taken}
        zones = {self._cluster.nodes[name].zone for name in nodes if name in self._cluster.nodes}
        best: tuple[tuple[bool, bool, int, int, str], Disk] | None = None
        for disk in self._usable:
            if disk.uuid in image.copies and image.copies[disk.uuid].in_map:
                continue
            if any(disk.uuid == other.uuid for other in taken) or self._refusal(image, disk):
                continue
            zone = self._cluster.nodes[disk.node].zone
            rank = (
                disk.node in nodes,
                bool(zones) and zone in zones,
                self.booked(disk) + image.file_bytes,
                -self.free(disk),
                disk.label,
            )
            if best is None or rank < best[0]:
                best = (rank, disk)
        if best is None:
            return None
        self._booked[best[1].uuid] = self.booked(best[1]) + image.file_bytes
        return best[1]

    def _selector_refused(self, image: Image, disk: Disk) -> str:
        settings = self._cluster.settings
        tags = self._cluster.nodes[disk.node].tags
        return tags_refused(settings, image.node_selector, tags, "node") or tags_refused(
            settings, image.disk_selector, disk.tags, "disk"
        )

    def _refusal(self, image: Image, disk: Disk) -> str:
        copy = image.copies.get(disk.uuid)
        if copy is not None and copy.in_map:
            return f"already has a copy ({copy.state or 'not reported'})"
        against = self._selector_refused(image, disk)
        if against:
            return against
        if self.free(disk) < image.file_bytes:
            return (
                f"needs {spell_bytes(image.file_bytes)}, but only {spell_bytes(self.free(disk))} "
                "may be used (reservation and Longhorn's limits kept)"
            )
        return ""
