# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's random picks, in one place, so that a test can decide them."""

from __future__ import annotations

import random
from collections.abc import Sequence


class Choices:
    """Draws from the kernel's randomness."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def pick(self, what: str, owner: str, candidates: Sequence[str]) -> str:
        """One of ``candidates`` (disk UUIDs, never empty).

        ``what`` says why ("first file", "copy", "sender", "replica"), ``owner`` for which object.
        """
        return self.rng.choice(list(candidates))
