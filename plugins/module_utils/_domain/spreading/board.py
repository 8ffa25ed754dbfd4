# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of spreading copies over disks, and a plan in the making, as plain integers.

The model. A copy keeps its disk busy for as long as its bytes take, all disks work at the same
pace and at once, so the finishing time is the largest number of bytes that any one disk still has
to take in, those already on their way (busy) included. Who sends is left out on purpose: Longhorn
picks the sender at random among the ready copies (longhorn-manager
controller/backing_image_manager_controller.go, v1.6.4 to v1.12.1), and where the drained node is
the only one, its bytes are the same whatever the targets are. Longhorn's limits (three files per
sender, concurrent-backing-image-replenish-per-node-limit receivers per node, one start per pass and
disk) stretch the work of all disks alike; they only reorder what a disk has to take in.

The rules. A copy goes only to a disk of its kind (selectors), never to one that has a key of the
image, never beyond the disk's free bytes. It stands apart: in a zone without another copy while
there is such a zone, else on a node without one while there is such a node (Apart).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Apart(IntEnum):
    """How far a copy stands from the other copies of its image; the higher the better."""

    DISK = 0
    NODE = 1
    ZONE = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A disk that may take copies: bytes free, bytes already on their way to it."""

    label: str
    node: str
    zone: str
    free: int
    busy: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """The copies that one image still misses.

    kind: index of the disks that its selectors allow (Task.kinds). barred: places that have a key
    of it. nodes, zones: where its other copies are. essential: how many of the missing copies come
    before everything else, because the image has no proven copy otherwise.
    """

    name: str
    bytes: int
    kind: int
    number: int = 1
    essential: int = 0
    barred: frozenset[int] = frozenset()
    nodes: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Task:
    """Everything to be spread at once. Places are in the order in which ties are broken."""

    places: tuple[Place, ...]
    kinds: tuple[tuple[int, ...], ...]
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One missing copy: of which wish, and how far apart it can stand at best."""

    wish: int
    apart: Apart
    essential: bool


@dataclass
class Board:
    """A plan in the making: what each place has been given so far."""

    task: Task
    load: list[int] = field(default_factory=list)
    cap: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)
    at: dict[int, int] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    held: list[set[int]] = field(default_factory=list)
    chosen: list[list[int]] = field(default_factory=list)
    kinds_of: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        task = self.task
        self.load = [place.busy for place in task.places]
        self.cap = [place.free for place in task.places]
        self.room = list(self.cap)
        self.held = [set() for _place in task.places]
        self.chosen = [[] for _each in task.wishes]
        self.kinds_of = [[] for _each in task.places]
        for kind, members in enumerate(task.kinds):
            for place in members:
                self.kinds_of[place].append(kind)

    def limit(self, end: int | None) -> None:
        """Count as room only what a place can take in until that end (None: all that is free).

        Room may then be negative: the place has been given too much for that end.
        """
        for number, place in enumerate(self.task.places):
            cap = place.free if end is None else min(place.free, end - place.busy)
            self.room[number] += cap - self.cap[number]
            self.cap[number] = cap

    def size(self, slot: int) -> int:
        return self.task.wishes[self.slots[slot].wish].bytes

    def put(self, slot: int, place: int) -> None:
        """Give this copy to this place; the rules are the caller's matter."""
        size = self.size(slot)
        self.load[place] += size
        self.room[place] -= size
        self.at[slot] = place
        self.held[place].add(slot)
        self.chosen[self.slots[slot].wish].append(place)

    def take(self, slot: int) -> int:
        """Take it back; returns the place it had."""
        place = self.at.pop(slot)
        size = self.size(slot)
        self.load[place] -= size
        self.room[place] += size
        self.held[place].discard(slot)
        self.chosen[self.slots[slot].wish].remove(place)
        return place

    def move(self, slot: int, place: int) -> int:
        """Take it from where it is and give it to another place; returns the old one."""
        old = self.take(slot)
        self.put(slot, place)
        return old

    def apart(self, slot: int, place: int, without: int = -1) -> Apart | None:
        """How far apart a copy at this place would stand, None where it must not be.

        without: a place that does not count as the image's (the one it would leave). Room is not
        looked at.
        """
        number = self.slots[slot].wish
        wish = self.task.wishes[number]
        if place in wish.barred:
            return None
        others = self.chosen[number]
        found = self.task.places[place]
        node, zone = found.node in wish.nodes, found.zone in wish.zones
        for other in others:
            if other == without:
                continue
            if other == place:
                return None
            node = node or self.task.places[other].node == found.node
            zone = zone or self.task.places[other].zone == found.zone
        return Apart.DISK if node else Apart.NODE if zone else Apart.ZONE

    def allows(self, slot: int, place: int) -> bool:
        """Whether a copy may change to this place without standing closer to the others.

        Room is not looked at; the kind is the caller's matter.
        """
        now = self.at[slot]
        had = self.apart(slot, now, without=now)
        would = self.apart(slot, place, without=now)
        return had is not None and would is not None and would >= had

    @property
    def end(self) -> int:
        """The finishing time in bytes: what the slowest disk has to take in."""
        return max(self.load, default=0)

    def snapshot(self) -> dict[int, int]:
        """Where everything is, to come back to by restore."""
        return dict(self.at)

    def restore(self, places: dict[int, int]) -> None:
        """Put everything where it was."""
        for slot in list(self.at):
            self.take(slot)
        for slot, place in places.items():
            self.put(slot, place)
