# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where Longhorn's controllers draw one of several equally good disks.

Go iterates maps in random order and Longhorn shuffles nodes (F§2.2, F§7.3); a simulator that did
that all over the place could not be compared with anything. A test, or the replay of a recording,
may say which candidate it would like.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.simulator.objects import Object

Preference = Callable[[str, str, Sequence[str]], str | None]
Delay = Callable[[str], float | None]
Pace = Callable[[Object], float | None]


_SLOW_SHARE = 0.1
_SLOW = (4.5, 7.5)


class Choices:
    """Draws from the seeded source of the cluster, unless ``prefer`` names a candidate."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.prefer: Preference | None = None
        self.known_wait: Delay | None = None
        self.known_start: Pace = lambda replica: None

    def pick(self, what: str, owner: str, candidates: Sequence[str]) -> str:
        """One of ``candidates`` (UUIDs of disks, or names, that are all allowed, never empty).

        ``what`` says why: "first file", "copy", "sender" (``owner``: the image), "replica" (the
        volume), "deletion", "clean-up" (the disk: with which image its manager begins).
        """
        wish = self.prefer(what, owner, candidates) if self.prefer is not None else None
        if wish is not None and wish in candidates:
            return wish
        return self.rng.choice(list(candidates))

    def wait(self, volume: str) -> float:
        """Seconds that a new volume waits for its engine and replicas.

        Mostly none; one volume in ten had to wait, nobody knows for what (F§9.3).
        """
        known = self.known_wait(volume) if self.known_wait is not None else None
        if known is not None:
            return known
        slow = self.rng.random() < _SLOW_SHARE
        return self.rng.uniform(*_SLOW) if slow else 0.0
