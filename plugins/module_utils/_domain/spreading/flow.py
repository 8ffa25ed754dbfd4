# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several supplies into shared vessels: a maximum flow on a small graph of two sides."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


def pour(
    supplies: Sequence[int], rooms: Sequence[int], allowed: Sequence[Sequence[int]]
) -> list[dict[int, int]] | None:
    """What of each supply goes into which vessel, None where not everything fits.

    allowed: for each supply the vessels it may go to.
    """
    left = list(rooms)
    given: list[dict[int, int]] = [{} for _supply in supplies]
    users: list[set[int]] = [set() for _place in rooms]
    for supply in sorted(range(len(supplies)), key=lambda s: (len(allowed[s]), s)):
        rest = supplies[supply]
        for vessel in sorted(allowed[supply], key=lambda v: (-left[v], v)):
            part = min(rest, left[vessel])
            if part > 0:
                given[supply][vessel] = part
                users[vessel].add(supply)
                left[vessel] -= part
                rest -= part
        while rest:
            moved = _augment(supply, rest, left, given, users, allowed)
            if not moved:
                return None
            rest -= moved
    return given


def _augment(
    start: int,
    rest: int,
    left: list[int],
    given: list[dict[int, int]],
    users: list[set[int]],
    allowed: Sequence[Sequence[int]],
) -> int:
    """Push more of one supply along a shortest path that moves others on; returns how much."""
    came: dict[int, tuple[int, int]] = {}
    seen = {start}
    queue = deque([start])
    end = -1
    while queue and end < 0:
        supply = queue.popleft()
        for vessel in allowed[supply]:
            if vessel in came:
                continue
            came[vessel] = (supply, -1)
            if left[vessel] > 0:
                end = vessel
                break
            for other in sorted(users[vessel] - seen):
                seen.add(other)
                # The other supply would leave this vessel: remember where it stood.
                queue.append(other)
                came[~other] = (vessel, other)
    if end < 0:
        return 0
    path: list[tuple[int, int, int]] = []
    vessel, amount = end, min(rest, left[end])
    while True:
        supply = came[vessel][0]
        if supply == start:
            path.append((supply, -1, vessel))
            break
        source = came[~supply][0]
        path.append((supply, source, vessel))
        amount = min(amount, given[supply][source])
        vessel = source
    for supply, source, target in path:
        given[supply][target] = given[supply].get(target, 0) + amount
        users[target].add(supply)
        if source >= 0:
            given[supply][source] -= amount
            if not given[supply][source]:
                del given[supply][source]
                users[source].discard(supply)
    left[end] -= amount
    return amount
