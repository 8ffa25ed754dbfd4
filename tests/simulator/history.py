# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to each kind, for watches that resume: a bounded log of writes.

An entry keeps the object before and after, so that a watch with a selector can tell entering from
leaving (apiserver pkg/storage/cacher/watch_cache.go).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulator.errors import expired
from tests.simulator.objects import Object

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"


@dataclass(frozen=True)
class WatchEvent:
    """One write: what kind of event it is, the object now (for DELETED: as it was last), and
    before.
    """

    type: str
    res: str
    obj: Object
    old: Object | None
    version: int


class History:
    """The last ``limit`` writes of each kind."""

    def __init__(self, limit: int = 20000) -> None:
        self._limit = limit
        self._events: dict[str, deque[WatchEvent]] = {}
        self._floor: dict[str, int] = {}

    def start(self, res: str, version: int) -> None:
        """Begin to keep the writes of a kind; what came before ``version`` is unknown."""
        self._events.setdefault(res, deque())
        self._floor.setdefault(res, version)

    def append(self, event: WatchEvent) -> None:
        """Keep one more write, and drop the oldest when there are too many."""
        events = self._events[event.res]
        events.append(event)
        if len(events) > self._limit:
            self._floor[event.res] = events.popleft().version

    def compact(self, res: str, version: int) -> None:
        """Forget the writes of a kind up to and including ``version``."""
        events = self._events[res]
        while events and events[0].version <= version:
            events.popleft()
        self._floor[res] = max(self._floor[res], version)

    def since(self, res: str, version: int) -> Iterator[WatchEvent]:
        """Return the writes of a kind after ``version``. Raises ApiError 410 when some of them are
        no longer kept.
        """
        floor = self._floor[res]
        if version < floor:
            raise expired(f"too old resource version: {version} ({floor})")
        events = self._events[res]
        found: list[WatchEvent] = []
        for event in reversed(events):
            if event.version <= version:
                break
            found.append(event)
        return reversed(found)
