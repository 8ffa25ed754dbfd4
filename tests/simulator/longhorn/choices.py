# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where Longhorn's controllers draw one of several equally good disks.

Go iterates maps in random order and Longhorn shuffles nodes (F§2.2, F§7.3); a simulator that did
that all over the place could not be compared with anything. A test, or the replay of a recording,
may say which candidate it would like.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence

from tests.simulator.objects import Object


@dataclasses.dataclass(frozen=True, slots=True)
class Walk:
    """The entries of a map about which there is something to do, and which of them only just."""

    names: Sequence[str]
    late: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A walk that is known: its order, and in how many seconds it begins.

    ``takes``: seconds that the requests for single names took, where that is known.
    """

    order: list[str]
    after: float = 0.0
    takes: Mapping[str, float] = dataclasses.field(default_factory=dict)


Order = Callable[[str, str, Sequence[str], Walk], Known | None]
Preference = Callable[[str, str, Sequence[str]], str | None]
Delay = Callable[[str], float | None]
KeyDelay = Callable[[str, str], float]
Listing = Callable[[str, str, bool], float]
Pace = Callable[[Object], float | None]


#: Walks over the maps of a manager: files to delete, files to get, all files at its end.
DELETION, PREPARATION, CLEAN_UP = "deletion", "preparation", "clean-up"

_SLOW_SHARE = 0.1
_SLOW = (4.5, 7.5)
#: A write of a manager waits for its own cache in steps of this (datastore/longhorn.go
#: verifyUpdate, verifyCreation); how many a new image has waited before it gets its data source
#: (171 recorded ones).
_CACHE_STEP = 0.1
_CACHE_STEPS = (0, 0, 0, 1, 1, 1, 1, 2, 2)


class Choices:
    """Draws from the seeded source of the cluster, unless ``prefer`` names a candidate."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.prefer: Preference | None = None
        self.known_walk: Order | None = None
        self.known_wait: Delay | None = None
        self.known_image_wait: Delay | None = None
        self.known_key: KeyDelay = lambda image, disk: 0.0
        self.known_listing: Listing = lambda image, disk, listed: 0.0
        self.known_end: Callable[[str], float | None] = lambda disk: None
        self.known_load: Callable[[], float] = lambda: 0.0
        self.known_start: Pace = lambda replica: None

    def pick(self, what: str, owner: str, candidates: Sequence[str]) -> str:
        """One of ``candidates`` (UUIDs of disks, or names, that are all allowed, never empty).

        ``what`` says why: "first file", "copy", "sender" (``owner``: the image), "replica" (the
        volume).
        """
        wish = self.prefer(what, owner, candidates) if self.prefer is not None else None
        if wish is not None and wish in candidates:
            return wish
        return self.rng.choice(list(candidates))

    def walk(self, what: str, disk: str, listed: Sequence[str], open_: Walk) -> Known:
        """The names of a manager's map in the order in which Go comes to them.

        It begins anywhere and goes around: so a map of up to eight entries is walked. ``what``:
        "deletion", "preparation" or "clean-up"; ``listed``: all names, in the order of the map.
        What comes before the first of ``open_.names`` (those there is something to do about) is
        passed over at once, so only that one is drawn. A known walk may leave out ``open_.late``
        ones, whose news had not yet come when their turn was.
        """
        known = self.known_walk(what, disk, listed, open_) if self.known_walk else None
        firm = set(open_.names) - set(open_.late)
        if known is not None and (known.after > 0.0 or firm <= set(known.order)):
            return known
        return Known(around(listed, self.rng.choice(list(open_.names))))

    def wait(self, volume: str) -> float:
        """Seconds that a new volume waits for its engine and replicas.

        Mostly none; one volume in ten had to wait, nobody knows for what (F§9.3).
        """
        known = self.known_wait(volume) if self.known_wait is not None else None
        if known is not None:
            return known
        slow = self.rng.random() < _SLOW_SHARE
        return self.rng.uniform(*_SLOW) if slow else 0.0

    def image_wait(self, image: str) -> float:
        """Seconds that a new image waits, between its UUID and its data source, for caches."""
        known = self.known_image_wait(image) if self.known_image_wait is not None else None
        if known is not None:
            return known
        return self.rng.choice(_CACHE_STEPS) * _CACHE_STEP


def around(listed: Sequence[str], first: str) -> list[str]:
    """``listed`` from ``first`` on, then from its beginning."""
    at = list(listed).index(first)
    return [*listed[at:], *listed[:at]]
