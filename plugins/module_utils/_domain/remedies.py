# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which change would give an image a target, the cheapest first.

A way is everything that stands between the image and one disk; a disk that no change of the
operator's would open (not Ready, under maintenance, being drained) is no way. Few changes come
before many, a flag or a tag before freeing space, little space before much. What a way asks for is
enough: with it the next plan finds the disk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
    Node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import (
    NEXT_IN_LINE,
    Placement,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    spell_bytes_up,
)

SHOWN = 3
DISKS_LOOKED_AT = 200_000
# From the change that costs nothing but a word to the one that moves data.
RANK = (
    "open_scheduling",
    "next_nodes",
    "add_tag",
    "change_setting",
    "uncordon",
    "stop_eviction",
    "lower_copies",
    "free_space",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do. what: one of RANK; object: its name; value: tag, setting or number; bytes:
    to free; text: for a person.
    """

    what: str
    object: str
    text: str
    value: str = ""
    bytes: int = 0

    def as_data(self) -> dict[str, Any]:
        return {
            "change": self.what,
            "object": self.object,
            "value": self.value,
            "bytes": self.bytes,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Way:
    """Changes that together give one copy a place; disk: where ("" where no copy is made)."""

    changes: tuple[Change, ...]
    disk: str = ""

    @property
    def text(self) -> str:
        return " and ".join(change.text for change in self.changes)

    @property
    def cost(self) -> tuple[int, int, int, str]:
        """What it is sorted by."""
        worst = max(RANK.index(change.what) for change in self.changes)
        return (len(self.changes), worst, sum(c.bytes for c in self.changes), self.disk)

    def as_data(self) -> dict[str, Any]:
        return {"disk": self.disk, "changes": [change.as_data() for change in self.changes]}


class Remedies:
    """Looks for ways after a plan has been made, with what it gave away."""

    def __init__(self, cluster: Cluster, placement: Placement) -> None:
        self._cluster = cluster
        self._placement = placement
        self._looks = DISKS_LOOKED_AT

    def ways(
        self, image: Image, lower_to: int = 0, given: Collection[Disk] = ()
    ) -> tuple[Way, ...]:
        """The cheapest few. lower_to: the number of copies that could be enough (0: none could);
        given: disks that the plan has chosen for other copies of the image.
        """
        labels = {disk.label for disk in given}
        found = [way for way in self._all(image) if way.disk not in labels]
        if lower_to and self._cluster.schema.replenishes:
            text = f"lower minNumberOfCopies of {image.name} from {image.min_copies} to {lower_to}"
            found.append(Way((Change("lower_copies", image.name, text, str(lower_to)),)))
        return tuple(sorted(found, key=lambda way: way.cost)[:SHOWN])

    def _all(self, image: Image) -> Iterator[Way]:
        """Only so many disks are looked at in all: thousands of images without a target have the
        same few reasons.
        """
        for node in self._cluster.nodes.values():
            if self._looks <= 0:
                return
            at_node = self._node(node, image)
            for disk in node.disks if at_node is not None else ():
                self._looks -= 1
                at_disk = self._disk(disk, image)
                if at_disk is not None and at_node is not None and (at_node or at_disk):
                    yield Way((*at_node, *at_disk), disk.label)

    def _node(self, node: Node, image: Image) -> tuple[Change, ...] | None:
        """What to change at a node, None where nothing would help."""
        changes: list[Change] = []
        closed = self._placement.closed.get(node.name, "")
        if closed == NEXT_IN_LINE:
            text = f"take {node.name} out of next_nodes"
            changes.append(Change("next_nodes", node.name, text))
        elif closed:
            return None
        kube_node = self._cluster.kube_nodes.get(node.name)
        if not node.ready or kube_node is None or not kube_node.ready:
            return None
        if kube_node.unschedulable:
            changes.append(Change("uncordon", node.name, f"uncordon node {node.name}"))
        elif not node.schedulable:
            return None
        if node.eviction_requested:
            text = f"stop the eviction of node {node.name}"
            changes.append(Change("stop_eviction", node.name, text))
        if not node.allow_scheduling:
            text = f"open scheduling on node {node.name}"
            changes.append(Change("open_scheduling", node.name, text))
        changes += self._tags(image.node_selector, node.tags, "node", node.name)
        return tuple(changes)

    def _disk(self, disk: Disk, image: Image) -> tuple[Change, ...] | None:
        """What to change at a disk, None where nothing would help."""
        if disk.uuid in self._placement.closed or not (disk.in_spec and disk.in_status):
            return None
        copy = image.copies.get(disk.uuid)
        if not disk.uuid or disk.kind != "filesystem" or not disk.ready or (copy and copy.in_map):
            return None
        changes: list[Change] = []
        if disk.eviction_requested:
            text = f"stop the eviction of disk {disk.label}"
            changes.append(Change("stop_eviction", disk.label, text))
        if not disk.allow_scheduling:
            text = f"open scheduling on disk {disk.label}"
            changes.append(Change("open_scheduling", disk.label, text))
        found = condition(disk.conditions, "Schedulable")
        if found is None or not (found.true or found.reason == "DiskPressure"):
            return None
        changes += self._tags(image.disk_selector, disk.tags, "disk", disk.label)
        if image.file_bytes > self._placement.largest(disk):
            return None
        lack = image.file_bytes - self._placement.left(disk)
        if lack > 0:
            text = f"free {spell_bytes_up(lack)} on {disk.label}"
            changes.append(Change("free_space", disk.label, text, bytes=lack))
        elif not found.true:
            return None
        return tuple(changes)

    def _tags(
        self, selector: tuple[str, ...], tags: tuple[str, ...], what: str, name: str
    ) -> Iterator[Change]:
        for tag in sorted(set(selector) - set(tags)):
            yield Change("add_tag", name, f"add the tag {tag} to {what} {name}", tag)
        switch = f"allow-empty-{what}-selector-volume"
        if tags and not selector and not setting.flag(self._cluster.settings, switch, True):
            yield Change("change_setting", switch, f"set {switch} to true", "true")
