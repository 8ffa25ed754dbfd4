# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault plays over SSH to real servers, and one that is killed in the middle.

The whole table of kills is ``make check-kills``; here is the one that matters most: the fault is
made, and everything that could take it back in time is killed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check_kills.play import (
    AFTER_SECONDS,
    DEADLINE,
    Row,
    kill_at,
    left_after,
    missing,
    scene,
)

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"needs {missing()}")


@pytest.mark.timeout(150)
def test_killed_with_the_fault_made_nothing_is_left_after_the_deadline(tmp_path: Path) -> None:
    with scene("1.12", tmp_path) as where:
        lines = kill_at(where, Row("Judge the retries"), 0.5).lines
        then = where.left()
        shown = "\n".join(lines)
        print("flags of the host" if where.real_flags else "flags of the simulated machines")
        assert any("immutable" in left or "stands for a flag" in left for left in then), shown
        assert any(left.startswith("volumes:") for left in then), shown
        assert left_after(where, DEADLINE + AFTER_SECONDS) == []


def test_a_cluster_that_was_not_named_is_left_alone(tmp_path: Path) -> None:
    with scene("1.12", tmp_path) as where:
        lines = kill_at(where, Row("no such step"), 0, "-e", "confirm_cluster=production").lines
        told = "\n".join(lines)
        assert "confirm_cluster is 'production'" in told and "Nothing was changed." in told
        tasks = [line for line in lines if line.startswith("TASK ")]
        assert "Arm the removal" in tasks[-1], "nothing comes after the refusal"
        writes = [e for e in where.server.requests.entries if e.verb in ("create", "patch")]
        assert [entry.path for entry in writes if "longhorn.io" in entry.path] == []
        assert where.left() == []
