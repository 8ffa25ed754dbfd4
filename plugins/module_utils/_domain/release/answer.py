# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of one instance manager: is its budget held, by what, and what ends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)


class Hold(str, Enum):
    """blocked: Longhorn keeps (or makes) the budget; free: it takes it away at its next pass;
    untouched: the instance manager does not run, so Longhorn neither makes nor removes it.
    """

    BLOCKED = "blocked"
    FREE = "free"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class Answer:
    """hold is worked out without looking at the budget itself; `budget` says whether it is there.

    blockers: why, the rule that Longhorn meets first in front; for a budget that is free but
    still there, the wait until Longhorn notices.
    """

    manager: str
    node: str
    hold: Hold
    budget: bool
    blockers: tuple[Blocker, ...] = ()

    @property
    def rule(self) -> str:
        """The rule that holds first, "" where none does."""
        return self.blockers[0].rule if self.blockers else ""

    @property
    def clears(self) -> Clears | None:
        """Whether waiting alone ends it all: the worst of the blockers; None without any."""
        if not self.blockers:
            return None
        kinds = {blocker.clears for blocker in self.blockers}
        order = (Clears.NEVER, Clears.NEEDS_ACTION, Clears.BY_ITSELF)
        return next(clears for clears in order if clears in kinds)
