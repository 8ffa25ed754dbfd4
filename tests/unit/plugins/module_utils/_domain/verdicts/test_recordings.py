# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts over all recordings agree with the reviewed answer key at every phase."""

from __future__ import annotations

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from tests.check_verdicts.agreement import against, understood
from tests.check_verdicts.answer_key import phases as all_phases
from tests.check_verdicts.answer_key import windows
from tests.unit import recorded


def scenarios() -> list[str]:
    try:
        return sorted(all_phases())
    except pytest.skip.Exception:
        return []


@pytest.mark.parametrize("name", scenarios() or ["no recordings here"])
def test_every_phase(name: str) -> None:
    folder = recorded.scenario(name)
    judged = [
        against(phase, moment, catalogue.judge(window))
        for phase, moment, window in windows(folder, all_phases()[name])
        if window
    ]
    assert [text for text in judged if text] == []


def test_the_key_was_read() -> None:
    rows = [phase for rows in all_phases().values() for phase in rows]
    assert len(rows) > 400
    assert all(understood(phase) for phase in rows)
    assert {phase.scenario.split("/")[0] for phase in rows} == {"v1.6.4", "v1.7.3", "v1.12.1"}
