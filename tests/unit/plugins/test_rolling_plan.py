# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rolling maintenance refuses before it asks the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.modules.rolling_plan import wrong


def options(**given: Any) -> dict[str, Any]:
    return {"maintenance_tasks": None, "maintenance_role": None, "max_unavailable": 1, **given}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Name what is to be done with each node"),
        ({"maintenance_tasks": "/no/such.yml"}, "There is no file /no/such.yml"),
        ({"maintenance_role": "r", "max_unavailable": 0}, "max_unavailable=0: at least one node"),
        ({"maintenance_role": "r", "max_unavailable": -2}, "max_unavailable=-2: at least one node"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], said: str) -> None:
    assert said in wrong(options(**given), check_mode=False)


def test_a_plan_alone_needs_no_tasks(tmp_path: Path) -> None:
    assert wrong(options(), check_mode=True) == ""
    tasks = tmp_path / "tasks.yml"
    tasks.write_text("---\n")
    given = options(maintenance_tasks=str(tasks))
    assert wrong(given, check_mode=False) == ""
    assert wrong({**given, "max_unavailable": 3}, check_mode=False) == ""
