# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As many proven copies as wanted."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import phrases
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
    copy_evidence,
    count_of,
    places,
)

NAME = "healthy"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """At least the wanted number is complete; further copies may be anything, and are named. A
    copy whose eviction is requested still counts: nothing is lost, it is only on its way.
    """
    sight = window[-1]
    proven = sight.having(Standing.PROVEN, Standing.LEAVING)
    if len(proven) < sight.wanted:
        return None
    others = [seen for seen in sight.copies if seen.standing is not Standing.PROVEN]
    beside = "; " + phrases([f"{seen.place}: {seen.why}" for seen in others]) if others else ""
    return Verdict(
        NAME,
        f"{count_of(sight, len(proven))} healthy ({places(proven)}){beside}",
        "nothing to do" if not others else "nothing to do for the image; look at what is named",
        copy_evidence(sight, sight.copies),
    )
