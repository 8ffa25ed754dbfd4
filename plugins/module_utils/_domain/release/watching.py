# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers for the instance managers of one node over a wait, and how fast rebuilds move.

Fed with pictures and the seconds since the wait began; keeps nothing else, so it is as pure as
the rules it asks. Since when a blocker is there is the business of `blocker_history`.
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import (
    evaluate,
    rebuild,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Answer

#: A pace is believed after so many seconds.
PACE_SECONDS = 3.0
#: The rules are not asked more often than this, however fast pictures come.
BETWEEN_SECONDS = 0.5


class Watching:
    """The instance managers of one node, watched while they are waited for."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._progress: dict[str, tuple[float, int]] = {}
        self._asked = 0.0
        self.answers: dict[str, Answer] = {}

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
