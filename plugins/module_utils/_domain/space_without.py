# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether all replicas that a removed node leaves behind fit together on what remains.

Each one may fit and all of them not. They are laid out largest first, each on the roomiest disk, as
a careful scheduler would. Where that fails and sums prove that no other way does better, it stops
the removal; where it merely fails, it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Disk, Volume
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.places_without import (
    Places,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_bytes,
    spell_bytes_up,
)

SIZES_TRIED = 64
VOLUMES_TOLD = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """Replicas of one volume to place on nodes that have none. leaving: how many of them only the
    removal makes necessary; title: the volume as a person names it.
    """

    title: str
    volume: Volume
    number: int
    leaving: int
    nodes: tuple[str, ...]


def judge(places: Places, wishes: Sequence[Wish]) -> Iterator[Blocker]:
    """One blocker at most, for all of them together."""
    left, lacking = lay_out(places, wishes)
    if not lacking:
        return
    sizes = sorted((w.volume.size for w in wishes for _n in range(w.number)), reverse=True)
    rooms = _rooms(places, wishes)
    lack = _lack(sizes, list(rooms.values()))
    before = sorted(
        (w.volume.size for w in wishes for _n in range(w.number - w.leaving)), reverse=True
    )
    short_before = _lack(before, list(rooms.values())) > 0
    told = [f"{name}: {spell_bytes(size)}" for name, size in lacking[:VOLUMES_TOLD]]
    if len(lacking) > VOLUMES_TOLD:
        told.append(f"and {len(lacking) - VOLUMES_TOLD} more")
    sure = lack > 0
    doubt = "" if sure else "; laid out the largest first, not all of them find a place"
    remedy = (
        f"free {spell_bytes_up(lack)} or add a disk of that room"
        if sure
        else f"free {spell_bytes_up(lacking[-1][1])} on a disk that remains, or add a disk"
    )
    yield Blocker(
        "too_little_space",
        "cluster",
        f"without {places.node}",
        f"has {count(len(sizes), 'replica')} of {spell_bytes(sum(sizes))} to take in, and may "
        f"schedule {spell_bytes(sum(rooms.values()))} on {count(len(rooms), 'disk')}{doubt}",
        remedy,
        stops=sure and not short_before,
        detail=("without a place:", *told),
        ways=({"change": "free_space", "bytes": lack},) if sure else (),
    )


def lay_out(places: Places, wishes: Sequence[Wish]) -> tuple[dict[str, int], list[tuple[str, int]]]:
    """(bytes left per disk UUID, what found no place as (volume, bytes)): the largest first, each
    on the roomiest disk of a node that has no other replica of the volume.
    """
    left = _rooms(places, wishes)
    lacking: list[tuple[str, int]] = []
    for wish in sorted(wishes, key=lambda w: (-w.volume.size, w.title)):
        used: set[str] = set()
        disks = _disks(places, wish)
        for _n in range(wish.number):
            free = [d for d in disks if d.node not in used] or disks
            best = max(free, key=lambda d: (left[d.uuid], d.label), default=None)
            if best is None or left[best.uuid] < wish.volume.size:
                lacking.append((wish.title, wish.volume.size))
                continue
            left[best.uuid] -= wish.volume.size
            used.add(best.node)
    return left, lacking


def _disks(places: Places, wish: Wish) -> list[Disk]:
    nodes = set(wish.nodes)
    found = places.open_to(wish.volume)
    return [d for d in found if d.node in nodes and places.takes(d, wish.volume)]


def _rooms(places: Places, wishes: Sequence[Wish]) -> dict[str, int]:
    """Bytes that Longhorn would still schedule, of each disk that any of them could go to."""
    found: Mapping[str, Disk] = {d.uuid: d for wish in wishes for d in _disks(places, wish)}
    return {uuid: max(0, places.room.schedulable(disk)) for uuid, disk in found.items()}


def _lack(sizes: Sequence[int], rooms: Sequence[int]) -> int:
    """Bytes by which these sizes provably do not fit, 0 where nothing proves it: by their sum, and
    by the number of those at least as large as one of them (a disk takes whole replicas).
    """
    lack = max(0, sum(sizes) - sum(rooms))
    for size in sorted(set(sizes), reverse=True)[:SIZES_TRIED]:
        large = sum(1 for other in sizes if other >= size)
        fitting = sum(room // size for room in rooms) if size > 0 else large
        if large > fitting and lack == 0:
            lack = (large - fitting) * size - max((room % size for room in rooms), default=0)
    return lack
