# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis often looks once: what it then tells without a longer look agrees with the key."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from tests.check_verdicts.agreement import against
from tests.check_verdicts.answer_key import (
    MARGIN_SECONDS,
    Moments,
    Phase,
    phases,
    timed_events,
)
from tests.unit import recorded

STEP_SECONDS = 2.5  # no multiple of the 3 s in which a failing sync repeats
ENOUGH = 3000


def looks() -> Iterator[tuple[Phase, Sight]]:
    """Every row of the key with each look inside of it."""
    for name, rows in phases().items():
        folder = recorded.scenario(name)
        steps = int(max(row.end for row in rows) / STEP_SECONDS) + 1
        moments = [step * STEP_SECONDS for step in range(steps)]
        for moment, cluster in Moments(folder, timed_events(folder)).at(moments):
            for row in rows:
                inside = row.begin + MARGIN_SECONDS <= moment <= row.end - MARGIN_SECONDS
                if inside and row.image in cluster.images:
                    yield row, see(cluster, cluster.images[row.image], moment)


def test_one_look_is_right_or_asks_for_more() -> None:
    wrong, told = [], 0
    for row, sight in looks():
        verdict = catalogue.judge([sight])
        if catalogue.needs_window(verdict) or catalogue.may_pass(sight, verdict):
            if verdict.recoverable and row.redownload.startswith(("refuse", "not needed")):
                wrong.append(f"{row} at {sight.seconds}: recoverable, {verdict.summary}")
            continue
        told += 1
        wrong += filter(None, [against(row, sight.seconds, verdict)])
    assert wrong == []
    assert told > ENOUGH
