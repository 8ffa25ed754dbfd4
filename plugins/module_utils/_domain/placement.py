# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where new copies go: design rules first, then so that the slowest disk is done early.

Longhorn's own choice is random and looks neither at sizes nor at nodes and zones (longhorn-manager
datastore/longhorn.go GetReadyNodeDiskForBackingImage, v1.7.4 to v1.12.1), so targets are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import incoming, setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
    Node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Place,
    Task,
    Wish,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.solve import (
    Spread,
    solve,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes

NEXT_IN_LINE = "node is next in line for maintenance"
DISKS_EXPLAINED = 200_000


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

    def empty(self, disk: Disk) -> int:
        """Bytes that could be written if nothing were on the disk."""
        total = (disk.storage_maximum - disk.storage_reserved) * self.over_provisioning // 100
        kept = disk.storage_maximum * self.minimal_available // 100
        return min(total, disk.storage_maximum - kept)

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


@dataclass(frozen=True, slots=True)
class Want:
    """Copies that an image misses. taken: disks of its other copies, which these stand apart from;
    essential: how many of them come before everything else, the image having none otherwise.
    """

    image: Image
    taken: tuple[Disk, ...] = ()
    number: int = 1
    essential: int = 0


class Placement:
    """Chooses targets and remembers what it gave away.

    Which disk is right for which copy, and what "early" means, is told in spreading/board.py. What
    is on its way to a disk already counts as its work and as taken, also where Longhorn's sums do
    not show it yet (they lag by up to 30 s), so a plan made half-way goes on from where it was.
    """

    def __init__(self, cluster: Cluster, closed: Mapping[str, str]) -> None:
        self._cluster = cluster
        self.closed = closed
        self._explained = 0
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
        self._coming = incoming.of(cluster, cluster.disks.values())
        self.last: Spread | None = None

    def booked(self, disk: Disk) -> int:
        """Bytes that were given to this disk so far."""
        return self._booked.get(disk.uuid, 0)

    def free(self, disk: Disk) -> int:
        """Bytes left on the disk after what is on its way to it and what was given to it."""
        return max(0, self.left(disk))

    def left(self, disk: Disk) -> int:
        """The same, negative by as much as the disk has too little already."""
        coming = self._coming.get(disk.uuid, incoming.NOTHING)
        schedulable = self._room.schedulable(disk) - coming.uncounted
        real = self._room.real(disk) - coming.unwritten
        return min(schedulable, real) - self.booked(disk)

    def largest(self, disk: Disk) -> int:
        """Bytes of the largest file that the disk could hold with nothing else on it."""
        return self._room.empty(disk)

    def usable_disks(self, image: Image) -> int:
        """How many disks could hold a copy if space were no matter, those that have one
        included.
        """
        return sum(1 for disk in self._usable if not self._selector_refused(image, disk))

    def refusals(self, image: Image) -> dict[str, str]:
        """Why each disk of the cluster was refused for this image; for a person to read.

        After so many disks that nobody would read on it is empty.
        """
        if self._explained > DISKS_EXPLAINED:
            return {}
        self._explained += len(self._refused) + len(self._usable)
        found = dict(self._refused)
        for disk in self._usable:
            found[disk.label] = self._refusal(image, disk) or "not needed"
        return dict(sorted(found.items()))

    def choose(self, image: Image, taken: Iterable[Disk]) -> Disk | None:
        """The target for one more copy, booked at once; None when no disk will do.

        taken: disks that hold or will hold the image's other copies: the new one goes to another
        node than theirs, and to another zone where there is a choice.
        """
        chosen = self.spread([Want(image, tuple(taken), 1, 1)])[0]
        return chosen[0] if chosen else None

    def spread(self, wants: Sequence[Want]) -> list[tuple[Disk, ...]]:
        """Targets for all of these copies at once, booked; fewer than wanted where no disk will do.

        The same wants on the same cluster get the same disks.
        """
        disks = _in_order(self._usable, self.free)
        task = self._task(disks, wants)
        self.last = solve(task)
        for want, places in zip(wants, self.last.places, strict=True):
            for place in places:
                uuid = disks[place].uuid
                self._booked[uuid] = self._booked.get(uuid, 0) + want.image.file_bytes
        return [tuple(disks[place] for place in places) for places in self.last.places]

    def _task(self, disks: Sequence[Disk], wants: Sequence[Want]) -> Task:
        nodes = self._cluster.nodes
        number = {disk.uuid: index for index, disk in enumerate(disks)}
        kinds: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        members: list[tuple[int, ...]] = []
        wishes: list[Wish] = []
        for want in wants:
            image = want.image
            selectors = (image.node_selector, image.disk_selector)
            if selectors not in kinds:
                kinds[selectors] = len(members)
                fitting = (d for d in disks if not self._selector_refused(image, d))
                members.append(tuple(number[d.uuid] for d in fitting))
            held = {disk.node for disk in want.taken}
            keys = [copy.disk for copy in image.wanted] + [disk.uuid for disk in want.taken]
            wishes.append(
                Wish(
                    image.name,
                    image.file_bytes,
                    kinds[selectors],
                    want.number,
                    want.essential,
                    frozenset(number[uuid] for uuid in keys if uuid in number),
                    frozenset(held),
                    frozenset(nodes[name].zone for name in held if name in nodes),
                )
            )
        places = tuple(
            Place(disk.label, disk.node, nodes[disk.node].zone, self.free(disk), self._busy(disk))
            for disk in disks
        )
        return Task(places, tuple(members), tuple(wishes))

    def _busy(self, disk: Disk) -> int:
        coming = self._coming.get(disk.uuid, incoming.NOTHING)
        return coming.unwritten + self.booked(disk)

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


def _in_order(disks: Iterable[Disk], free: Callable[[Disk], int]) -> list[Disk]:
    """In the order in which ties are broken: the roomiest disk of each node before its others."""
    by_node: dict[str, list[Disk]] = {}
    for disk in disks:
        by_node.setdefault(disk.node, []).append(disk)
    ranked: list[tuple[int, int, str, Disk]] = []
    for own in by_node.values():
        own.sort(key=lambda disk: (-free(disk), disk.name))
        ranked += [(nth, -free(disk), disk.label, disk) for nth, disk in enumerate(own)]
    return [row[-1] for row in sorted(ranked, key=lambda row: row[:3])]
