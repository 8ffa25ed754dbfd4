# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks to be spread: from a seed for large ones, by hypothesis for small ones; and a judge."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.board import (
    Apart,
    Place,
    Task,
    Wish,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.slots import (
    slots_of,
)

GIB = 2**30
SIZES: dict[str, Callable[[random.Random], int]] = {
    "lognormal": lambda r: int(GIB * min(200.0, max(0.02, r.lognormvariate(1, 1)))),
    "uniform": lambda r: int(GIB * r.uniform(0.1, 10)),
    "equal": lambda r: 5 * GIB,
    "few": lambda r: r.choice((2, 5, 8, 20)) * GIB,
}


def large(
    seed: int,
    nodes: int,
    images: int,
    sizes: str,
    *,
    zones: int = 3,
    tags: int = 0,
    spare: float = 2.0,
    busy: bool = False,
) -> Task:
    """Two disks per node, one missing copy per image, half of the images with a copy elsewhere.

    tags: further kinds of images, each allowed on half of the nodes. spare: free bytes of a disk
    as a multiple of its fair share, at least.
    """
    r = random.Random(seed)
    files = [SIZES[sizes](r) for _image in range(images)]
    share = sum(files) / (2 * nodes)
    places = [
        Place(
            f"n{number // 2}/d{number % 2}",
            f"n{number // 2}",
            f"z{number // 2 % zones}",
            int(max(share, *files) * spare * r.uniform(1, 2)),
            int(share * r.uniform(0, 0.5)) if busy else 0,
        )
        for number in range(2 * nodes)
    ]
    kinds = [tuple(range(len(places)))]
    for _tag in range(tags):
        tagged = set(r.sample(range(nodes), nodes // 2))
        kinds.append(tuple(n for n in range(len(places)) if n // 2 in tagged))
    wishes = []
    for number, size in enumerate(files):
        held = r.randrange(len(places)) if r.random() < 0.5 else None
        at = places[held] if held is not None else None
        wishes.append(
            Wish(
                f"i{number}",
                size,
                r.randrange(len(kinds)),
                essential=0 if at else 1,
                barred=frozenset() if held is None else frozenset({held}),
                nodes=frozenset({at.node}) if at else frozenset(),
                zones=frozenset({at.zone}) if at else frozenset(),
            )
        )
    return Task(tuple(places), tuple(kinds), tuple(wishes))


@st.composite
def small(draw: st.DrawFn) -> Task:
    """Up to four disks and five missing copies, so tight that a wrong choice leaves one out."""
    places = tuple(
        Place(
            f"d{number}",
            draw(st.sampled_from(("n0", "n1", "n2"))),
            "",
            draw(st.integers(0, 30)),
            draw(st.sampled_from((0, 0, 3, 9))),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    zone = {"n0": "a", "n1": "a", "n2": "b"}
    places = tuple(Place(p.label, p.node, zone[p.node], p.free, p.busy) for p in places)
    everywhere = tuple(range(len(places)))
    kinds = (everywhere, tuple(draw(st.sets(st.sampled_from(everywhere)))))
    wishes = []
    left = 5
    for number in range(draw(st.integers(1, 5))):
        copies = min(left, draw(st.sampled_from((1, 1, 1, 2))))
        left -= copies
        if not copies:
            break
        held = draw(st.sets(st.sampled_from(everywhere), max_size=1))
        wishes.append(
            Wish(
                f"i{number}",
                draw(st.integers(1, 12)),
                draw(st.integers(0, 1)),
                copies,
                draw(st.integers(0, 1)),
                frozenset(held),
                frozenset(places[p].node for p in held),
                frozenset(places[p].zone for p in held),
            )
        )
    return Task(places, kinds, tuple(wishes))


def plans(task: Task, *, apart: bool) -> Iterator[tuple[int, int]]:
    """(end, bytes) of every complete plan; apart: only those where each copy stands its best."""
    slots = slots_of(task)
    options = [task.kinds[task.wishes[slot.wish].kind] for slot in slots]
    for chosen in itertools.product(*options):
        load = [place.busy for place in task.places]
        given = [0] * len(load)
        ok = True
        held: dict[int, list[int]] = {}
        for slot, place in zip(slots, chosen, strict=True):
            wish = task.wishes[slot.wish]
            others = held.setdefault(slot.wish, [])
            stands = distance(task, wish, others, place)
            if stands is None or (apart and stands < slot.apart):
                ok = False
                break
            others.append(place)
            load[place] += wish.bytes
            given[place] += wish.bytes
        if ok and all(g <= p.free for g, p in zip(given, task.places, strict=True)):
            yield max(load, default=0), sum(given)


def distance(task: Task, wish: Wish, others: list[int], place: int) -> Apart | None:
    """How far apart, told in another way than the code under test does."""
    if place in wish.barred or place in others:
        return None
    here = task.places[place]
    if here.node in wish.nodes | {task.places[o].node for o in others}:
        return Apart.DISK
    zones = wish.zones | {task.places[o].zone for o in others}
    return Apart.NODE if here.zone in zones else Apart.ZONE


def faults(task: Task, chosen: tuple[tuple[int, ...], ...]) -> list[str]:
    """Which rules a plan breaks."""
    found: list[str] = []
    given = [0] * len(task.places)
    for wish, places in zip(task.wishes, chosen, strict=True):
        for place in places:
            given[place] += wish.bytes
            if place not in task.kinds[wish.kind]:
                found.append(f"{wish.name} on a disk of another kind")
            if place in wish.barred:
                found.append(f"{wish.name} where it has a key")
        if len(set(places)) < len(places) or len(places) > wish.number:
            found.append(f"{wish.name} twice on a disk, or too often")
    for place, total in zip(task.places, given, strict=True):
        if total > place.free:
            found.append(f"{place.label} gets more than it has")
    for wish, places in zip(task.wishes, chosen, strict=True):
        for place in places:
            others = [other for other in places if other != place]
            stands = distance(task, wish, others, place)
            for other in task.kinds[wish.kind]:
                better = distance(task, wish, others, other)
                free = task.places[other].free - given[other]
                if other == place or free < wish.bytes or better is None or stands is None:
                    continue
                if better > stands:
                    found.append(f"{wish.name} closer to its copies than it must")
    return found
