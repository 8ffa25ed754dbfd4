# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copies that a drain waits for, from asked for to ready, and the line that tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.image_needs import Need
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Copy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pace import Pace, about
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    spell_bytes,
    spell_part,
)

SHOWN = 3
BROKEN = frozenset({"failed", "failed-and-cleanup", "unknown"})


@dataclass(frozen=True, slots=True)
class Flight:
    """One copy on its way: image, node it goes to, what Longhorn says of it."""

    image: str
    node: str
    state: str
    progress: int
    message: str

    @property
    def text(self) -> str:
        if self.state == "in-progress":
            return f"{self.image} -> {self.node} ({self.progress} %)"
        held = f": {self.message}" if self.message else ""
        return f"{self.image} -> {self.node} ({self.state or 'asked for'}{held})"

    @property
    def broken(self) -> bool:
        """Whether it does not go on as it is (Longhorn tries again)."""
        return self.state in BROKEN or bool(self.message)


class Transfers:
    """Remembers what was asked for; everything else is read anew from each picture."""

    def __init__(self) -> None:
        self._bytes: dict[tuple[str, str], int] = {}
        self.pace = Pace()

    def follow(self, image: str, disk: str, size: int) -> None:
        """A copy that was asked for, by us or before us."""
        self._bytes.setdefault((image, disk), size)

    def follow_coming(self, needs: Iterable[Need]) -> None:
        """Copies that are on their way already, from an earlier run or of Longhorn's own."""
        for need in needs:
            for copy in need.coming:
                self.follow(need.image.name, copy.disk, need.image.file_bytes)

    def line(self, cluster: Cluster, now: float) -> str:
        """`copies 2/8   3.1 of 19.3 GiB   91 MiB/s   about 3 min   now: …`; "" without any copy."""
        if not self._bytes:
            return ""
        moved = done = 0
        flights: list[Flight] = []
        for (name, uuid), size in self._bytes.items():
            image = cluster.images.get(name)
            copy = image.copies.get(uuid) if image is not None else None
            if copy is None or not copy.in_map:
                continue
            if copy.state == "ready":
                moved, done = moved + size, done + 1
                continue
            moved += size * min(100, copy.progress) // 100
            flights.append(_flight(cluster, name, copy))
        total = sum(self._bytes.values())
        self.pace.look(now, moved)
        parts = [f"copies {done}/{len(self._bytes)}", spell_part(moved, total)]
        if flights and self.pace.rate:
            parts.append(f"{spell_bytes(self.pace.rate)}/s")
            seconds = self.pace.seconds_for(total - moved)
            parts += [about(seconds)] if seconds is not None else []
        return "   ".join([*parts, *_told(flights)])


def _flight(cluster: Cluster, image: str, copy: Copy) -> Flight:
    disk = cluster.disks.get(copy.disk)
    node = disk.node if disk else copy.disk[:8]
    return Flight(image, node, copy.state, copy.progress, copy.message)


def _told(flights: list[Flight]) -> list[str]:
    """What moves, furthest first, then what stands still and why, then how many wait."""
    moving = sorted(
        (f for f in flights if f.state == "in-progress"), key=lambda f: (-f.progress, f.image)
    )
    broken = [flight for flight in flights if flight.broken and flight not in moving]
    waiting = [flight for flight in flights if flight not in moving and flight not in broken]
    told: list[str] = []
    if moving or waiting:
        shown = [flight.text for flight in (moving or waiting)[:SHOWN]]
        rest = len(moving) + len(waiting) - len(shown)
        told.append(f"now: {', '.join(shown)}" + (f" and {rest} more" if rest else ""))
    if broken:
        more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        told.append(f"held up: {', '.join(flight.text for flight in broken[:SHOWN])}{more}")
    return told
