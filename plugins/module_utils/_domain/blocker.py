# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A named reason why a drain cannot go on, with the cheapest remedy and whether it ever ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Clears(str, Enum):
    """Whether waiting helps."""

    BY_ITSELF = "clears_by_itself"
    NEEDS_ACTION = "needs_action"
    NEVER = "never"


_WORST_FIRST = {Clears.NEVER: 0, Clears.NEEDS_ACTION: 1, Clears.BY_ITSELF: 2}


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason.

    rule: fixed word for programs; kind, name: the object; reason, remedy: for a person; stops:
    False for what is only worth knowing (it delays or reminds, the drain goes on); detail: more
    lines, such as why each disk was refused; seconds: about how long until it clears by itself,
    None where nobody can tell; ways: changes that would solve it, as data, the cheapest first.
    """

    rule: str
    kind: str
    name: str
    reason: str
    remedy: str
    clears: Clears = Clears.NEEDS_ACTION
    stops: bool = True
    detail: tuple[str, ...] = field(default=())
    seconds: int | None = None
    ways: tuple[Mapping[str, Any], ...] = ()

    def as_data(self) -> dict[str, Any]:
        """For the task's result."""
        return {
            "rule": self.rule,
            "kind": self.kind,
            "name": self.name,
            "reason": self.reason,
            "remedy": self.remedy,
            "clears": self.clears.value,
            "stops": self.stops,
            "detail": list(self.detail),
            "clears_in_seconds": self.seconds,
            "ways": [dict(way) for way in self.ways],
        }


def worst_first(found: Iterable[Blocker]) -> tuple[Blocker, ...]:
    """Stopping ones first, then by whether they ever end, then by name."""
    return tuple(
        sorted(found, key=lambda b: (not b.stops, _WORST_FIRST[b.clears], b.kind, b.name, b.rule))
    )


def stopping(found: Iterable[Blocker]) -> tuple[Blocker, ...]:
    """Those that no waiting will clear: nothing may be written while one is there."""
    return tuple(b for b in found if b.stops and b.clears is not Clears.BY_ITSELF)
