# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much flows from one end of a network to the other (Dinic), for bounds with limited edges."""

from __future__ import annotations

from collections import deque


class Network:
    """Points are numbers, 0 is where everything comes from and 1 where it goes to."""

    def __init__(self) -> None:
        self._edges: list[list[int]] = [[], []]
        self._to: list[int] = []
        self._left: list[int] = []

    def point(self) -> int:
        """A new one."""
        self._edges.append([])
        return len(self._edges) - 1

    def edge(self, start: int, end: int, most: int) -> None:
        """Lets so much through in this direction."""
        for one, other, amount in ((start, end, most), (end, start, 0)):
            self._edges[one].append(len(self._to))
            self._to.append(other)
            self._left.append(amount)

    def flow(self) -> int:
        """The largest amount that gets through; asked once."""
        total = 0
        while True:
            level = self._levels()
            if level[1] < 0:
                return total
            turn = [0] * len(self._edges)
            while pushed := self._push(0, 1 << 62, level, turn):
                total += pushed

    def _levels(self) -> list[int]:
        level = [-1] * len(self._edges)
        level[0] = 0
        queue = deque([0])
        while queue:
            point = queue.popleft()
            for edge in self._edges[point]:
                other = self._to[edge]
                if self._left[edge] and level[other] < 0:
                    level[other] = level[point] + 1
                    queue.append(other)
        return level

    def _push(self, point: int, amount: int, level: list[int], turn: list[int]) -> int:
        if point == 1:
            return amount
        edges = self._edges[point]
        while turn[point] < len(edges):
            edge = edges[turn[point]]
            other = self._to[edge]
            if self._left[edge] and level[other] == level[point] + 1:
                pushed = self._push(other, min(amount, self._left[edge]), level, turn)
                if pushed:
                    self._left[edge] -= pushed
                    self._left[edge ^ 1] += pushed
                    return pushed
            turn[point] += 1
        return 0
