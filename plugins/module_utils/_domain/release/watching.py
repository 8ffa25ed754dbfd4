# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers for one node over a wait: what blocks now, since when, how fast it moves, what went.

Fed with pictures and the seconds since the wait began; keeps nothing else, so it is as pure as
the rules it asks.
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import (
    evaluate,
    rebuild,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Answer
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_seconds,
)

#: A pace is believed after so many seconds.
PACE_SECONDS = 3.0
#: The rules are not asked more often than this, however fast pictures come.
BETWEEN_SECONDS = 0.5
_ENDS = {
    Clears.BY_ITSELF: "clears by itself",
    Clears.NEEDS_ACTION: "will not clear by itself",
    Clears.NEVER: "will never clear",
}
_Key = tuple[str, str, str]


class Watching:
    """The instance managers of one node, watched while they are waited for."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._since: dict[_Key, float] = {}
        self._progress: dict[str, tuple[float, int]] = {}
        self._asked = 0.0
        self.answers: dict[str, Answer] = {}
        self.cleared: dict[str, float] = {}

    def see(self, now: float, cluster: Cluster, going: Collection[str] = ()) -> None:
        """Take in a picture. going: keys of the pods that are being evicted."""
        if self.answers and now - self._asked < BETWEEN_SECONDS:
            return
        self._asked = now
        pace = self._pace(now, rebuild.progress(cluster))
        self.answers = {
            manager.name: evaluate.evaluate(cluster, manager, going=going, pace=pace)
            for manager in evaluate.managers_of(cluster, self._node)
        }
        present = {_key(blocker) for answer in self.answers.values() for blocker in answer.blockers}
        for key in sorted(set(self._since) - present):
            self.cleared[_spell(key)] = now - self._since.pop(key)
        for key in present:
            self._since.setdefault(key, now)
            self.cleared.pop(_spell(key), None)

    def _pace(self, now: float, progress: dict[str, int]) -> dict[str, float]:
        """Percent per second of each rebuild since it was first seen."""
        self._progress = {
            name: self._progress.get(name, (now, percent)) for name, percent in progress.items()
        }
        found: dict[str, float] = {}
        for name, (since, percent) in self._progress.items():
            if now - since >= PACE_SECONDS:
                found[name] = (progress[name] - percent) / (now - since)
        return found

    def _spell_for(self, now: float, blocker: Blocker) -> str:
        return spell_seconds(now - self._since.get(_key(blocker), now))

    def line(self, manager: str) -> str:
        """What holds it, in one clause for a progress line; "" where nothing is known.

        "since" counts from the beginning of the wait, as the clock in front of such lines does:
        a text that stands still is repeated less often than one that changes.
        """
        answer = self.answers.get(manager)
        if answer is None or not answer.blockers:
            return ""
        first = answer.blockers[0]
        since = int(self._since.get(_key(first), 0.0))
        text = f"{_sentence(first)}, since {since // 60}:{since % 60:02d}"
        if first.clears is not Clears.BY_ITSELF:
            text += f"; {_ENDS[first.clears]}: {first.remedy}"
        more = len(answer.blockers) - 1
        return text + (f" (and {count(more, 'more reason')})" if more else "")

    def lines(self, now: float, manager: str, most: int = 5) -> list[str]:
        """Every reason with its remedy and whether waiting helps, for a failure."""
        answer = self.answers.get(manager)
        blockers = answer.blockers if answer is not None else ()
        found: list[str] = []
        for blocker in blockers[:most]:
            about = f" in about {blocker.seconds} s" if blocker.seconds is not None else ""
            found.append(f"{_sentence(blocker)}, for {self._spell_for(now, blocker)}")
            found.append(f"  It {_ENDS[blocker.clears]}{about}: {blocker.remedy}.")
            found += [f"    {detail}" for detail in blocker.detail]
        if len(blockers) > most:
            found.append(f"and {count(len(blockers) - most, 'more reason')}")
        return found

    def moved(self, most: int = 3) -> str:
        """What held it earlier and does not any more, for a failure; "" where nothing did."""
        told = [f"{what}, after {spell_seconds(held)}" for what, held in self.cleared.items()]
        more = f" and {len(told) - most} more" if len(told) > most else ""
        return "; ".join(told[-most:]) + more


def _key(blocker: Blocker) -> _Key:
    return blocker.rule, blocker.kind, blocker.name


def _spell(key: _Key) -> str:
    return f"{key[1]} {key[2]} ({key[0]})"


def _sentence(blocker: Blocker) -> str:
    return f"{blocker.kind} {blocker.name} {blocker.reason}"
