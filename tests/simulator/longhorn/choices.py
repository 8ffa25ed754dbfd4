# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where Longhorn's controllers draw one of several equally good disks.

Go iterates maps in random order and Longhorn shuffles nodes (F§2.2, F§7.3); a simulator that did
that all over the place could not be compared with anything. Whoever replays a recording puts an
object in place of this one that prefers what the recording shows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence


class Choices:
    """Draws from the seeded source of the cluster."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def pick(self, what: str, owner: str, candidates: Sequence[str]) -> str:
        """One of ``candidates``, the UUIDs of disks that are all allowed.

        ``what``: "first file" or "copy" (``owner``: the image), "replica" (the volume), "sender"
        (the image). IndexError when there is no candidate.
        """
        return self._rng.choice(sorted(candidates))
