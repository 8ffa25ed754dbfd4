# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No copy is proven, but a file may still be there: waiting may save it, acting may lose it."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import phrases
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
    progressed,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Verdict,
    bring_back,
    copy_evidence,
    places,
)

NAME = "unknown_may_return"
UNSETTLED = "undetermined"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """Some copy is on a disk, node or manager that is down now (or was a moment ago)."""
    sight = window[-1]
    if sight.exists:
        return None
    down = sight.having(Standing.MAY_RETURN, Standing.WAITING)
    if down:
        reasons = phrases([f"{seen.place}: {seen.why}" for seen in down])
        return Verdict(
            NAME,
            f"no copy can be proven, but what is on {places(down)} may come back ({reasons})",
            bring_back(sight, down),
            copy_evidence(sight, down),
        )
    told, advice = _unsettled(window)
    return Verdict(UNSETTLED, told, advice, copy_evidence(sight, sight.copies), confidence=LIKELY)


def _unsettled(window: Sequence[Sight]) -> tuple[str, str]:
    if progressed(window) or any(s.exists or s.may_exist for s in window):
        told = (
            "no copy is ready, and some copy is (or a moment ago was) being checked or transferred"
        )
    elif len(window) == 1:
        # With every copy lost, Longhorn's tries pass through such states for over a minute.
        told = "no copy is ready; whether one is coming cannot be told from one look"
        return told, "look for longer (-e window=10)"
    else:
        told = "no copy is ready, and what is shown does not add up to a known case"
    return told, "look again in a minute"
