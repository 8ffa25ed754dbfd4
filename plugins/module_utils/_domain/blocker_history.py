# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blockers over a wait: what blocks now, since when, what went meanwhile, and the words for it.

Fed with lists of blockers and the seconds since the wait began; it keeps nothing else, so it is as
pure as the rules that made the lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_seconds,
)

_ENDS = {
    Clears.BY_ITSELF: "clears by itself",
    Clears.NEEDS_ACTION: "will not clear by itself",
    Clears.NEVER: "will never clear",
}
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Spell:
    """One time that a blocker was there. since: seconds from the beginning of the wait; until: the
    same, None while it blocks.
    """

    blocker: Blocker
    since: float
    until: float | None = None


class History:
    """Since when each blocker is there, and everything that blocked meanwhile."""

    def __init__(self) -> None:
        self._since: dict[_Key, float] = {}
        self._spells: list[Spell] = []
        self.cleared: dict[str, float] = {}

    def see(self, now: float, found: Sequence[Blocker]) -> None:
        """Take in what blocks at this moment."""
        present = {_key(blocker) for blocker in found}
        for key in sorted(set(self._since) - present):
            self.cleared[_spell(key)] = now - self._since.pop(key)
        self._spells = [
            replace(spell, until=now)
            if spell.until is None and _key(spell.blocker) not in present
            else spell
            for spell in self._spells
        ]
        here = {_key(spell.blocker) for spell in self._spells if spell.until is None}
        new = {_key(blocker): blocker for blocker in found if _key(blocker) not in here}
        self._spells += [Spell(blocker, now) for blocker in new.values()]
        for key in present:
            self._since.setdefault(key, now)
            self.cleared.pop(_spell(key), None)

    def clause(self, found: Sequence[Blocker]) -> str:
        """The first of them for a progress line; "" where nothing is known.

        "since" counts from the beginning of the wait, as the clock in front of such lines does:
        a text that stands still is repeated less often than one that changes.
        """
        if not found:
            return ""
        first = found[0]
        since = int(self._since.get(_key(first), 0.0))
        text = f"{sentence(first)}, since {since // 60}:{since % 60:02d}"
        if first.clears is not Clears.BY_ITSELF:
            text += f"; {_ENDS[first.clears]}: {first.remedy}"
        more = len(found) - 1
        return text + (f" (and {count(more, 'more reason')})" if more else "")

    def lines(self, now: float, found: Sequence[Blocker], most: int = 5) -> list[str]:
        """Every reason with its remedy and whether waiting helps, for a failure."""
        told: list[str] = []
        for blocker in found[:most]:
            held = spell_seconds(now - self._since.get(_key(blocker), now))
            about = f" in about {blocker.seconds} s" if blocker.seconds is not None else ""
            told.append(f"{sentence(blocker)}, for {held}")
            told.append(f"  It {_ENDS[blocker.clears]}{about}: {blocker.remedy}.")
            told += [f"    {detail}" for detail in blocker.detail]
        if len(found) > most:
            told.append(f"and {count(len(found) - most, 'more reason')}")
        return told

    def moved(self, most: int = 3) -> str:
        """What blocked earlier and does not any more, for a failure; "" where nothing did."""
        told = [f"{what}, after {spell_seconds(held)}" for what, held in self.cleared.items()]
        more = f" and {len(told) - most} more" if len(told) > most else ""
        return "; ".join(told[-most:]) + more

    def blocked(self, now: float, began: float = 0.0) -> list[dict[str, Any]]:
        """Everything that blocked meanwhile, for the report: which, since when, how long, and how
        it ended. began: the beginning of the wait as seconds of the epoch.
        """
        return [
            {
                "rule": spell.blocker.rule,
                "kind": spell.blocker.kind,
                "name": spell.blocker.name,
                "reason": spell.blocker.reason,
                "since": timestamp(began + spell.since),
                "seconds": round((now if spell.until is None else spell.until) - spell.since, 1),
                "ended": "still blocks" if spell.until is None else "cleared",
            }
            for spell in self._spells
        ]

    def as_data(self, now: float, found: Sequence[Blocker]) -> list[dict[str, Any]]:
        """The same for programs: `blocks_for_seconds` beside each."""
        return [
            {
                **blocker.as_data(),
                "blocks_for_seconds": round(now - self._since.get(_key(blocker), now), 1),
            }
            for blocker in found
        ]


def timestamp(epoch: float) -> str:
    """RFC 3339, UTC, whole seconds."""
    moment = datetime.fromtimestamp(epoch, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(blocker: Blocker) -> _Key:
    return blocker.rule, blocker.kind, blocker.name


def _spell(key: _Key) -> str:
    return f"{key[1]} {key[2]} ({key[0]})"


def sentence(blocker: Blocker) -> str:
    """The object and what is the matter with it."""
    return f"{blocker.kind} {blocker.name} {blocker.reason}"
