# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asked for what: a log of requests, so that tests can count requests and writes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tests.simulator.faults import WRITES


@dataclass
class Entry:
    """One request. ``resource`` is ``plural`` or ``plural.group``; ``status`` is 0 while it runs,
    -1 if cut.
    """

    number: int
    time: float
    verb: str
    resource: str
    namespace: str
    name: str
    subresource: str
    path: str
    user: str
    agent: str
    status: int = 0
    changed: bool = False

    @property
    def is_write(self) -> bool:
        """Tell whether the verb is one that writes (dry runs and evictions included)."""
        return self.verb in WRITES


class RequestLog:
    """The last ``limit`` requests and the number of all."""

    def __init__(self, limit: int = 100_000) -> None:
        self.entries: deque[Entry] = deque(maxlen=limit)
        self.total = 0

    def add(self, entry: Entry) -> Entry:
        """Number and keep an entry."""
        self.total += 1
        entry.number = self.total
        self.entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget the entries; numbers go on."""
        self.entries.clear()

    def select(
        self, verb: str = "", resource: str = "", user: str = "", agent: str = "", since: int = 0
    ) -> list[Entry]:
        """Return the entries that match; ``verb`` may be ``write``, ``since`` is a number of an
        entry.
        """
        return [
            e
            for e in self.entries
            if e.number > since
            and (not verb or e.verb == verb or (verb == "write" and e.is_write))
            and (not resource or e.resource == resource)
            and (not user or e.user == user)
            and agent in e.agent
        ]

    def count(self, verb: str = "", resource: str = "", user: str = "", agent: str = "") -> int:
        """Return how many entries match."""
        return len(self.select(verb, resource, user, agent))
