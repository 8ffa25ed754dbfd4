# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.check_kills``: a fault play killed at every step, as a table.

Each row is a new cluster: the play is started, killed with SIGKILL at that step, and nothing may be
left after its deadline: no immutable flag, no marker, no test image, volume, ticket or pod.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.check_kills.play import (
    AFTER_SECONDS,
    PATIENCE,
    ROWS,
    Row,
    kill_at,
    left_after,
    missing,
    scene,
)

LATER = (0.1, 1.0)


def killed(version: str, row: Row, later: float) -> list[str]:
    """One kill; what is left, and a line for the table."""
    began = time.monotonic()
    for times in PATIENCE:
        reached, problems, told = _once(version, row, later, row.deadline * times)
        if reached:
            break
    verdict = "LEFT" if reached and problems else "ok" if reached else "NOT REACHED"
    seconds = time.monotonic() - began
    print(f"{version:5} {row.label:64} +{later:.1f} s  {told}  {verdict}  ({seconds:.0f} s)")
    sys.stdout.flush()
    return problems


def _once(version: str, row: Row, later: float, deadline: int) -> tuple[bool, list[str], str]:
    """(whether the step was reached before the deadline, what is wrong in the end, figures)."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder, scene(version, Path(folder)) as at:
        play = kill_at(at, row, later, deadline=deadline)
        then = at.left()
        left = left_after(at, deadline + AFTER_SECONDS)
        flags = "host's flags" if at.real_flags else "simulated flags"
    told = f"{len(then)} left then, {len(left)} in the end, deadline {deadline} s, {flags}"
    if play.reached and not play.overtaken:
        return True, left, told
    return False, [f"{row.label} was not reached in time", *play.lines[-15:], *left], told


def main() -> int:
    """All rows, or those of one step."""
    parser = argparse.ArgumentParser(prog="python -m tests.check_kills", description=__doc__)
    parser.add_argument("--longhorn", nargs="+", default=["1.6", "1.12"])
    parser.add_argument("--step", choices=sorted({row.step for row in ROWS}))
    parser.add_argument("--later", type=float, nargs="+", default=LATER, help="seconds into it")
    options = parser.parse_args()
    if missing():
        print(f"This check needs {missing()}.", file=sys.stderr)
        return 2
    wrong = 0
    for version in options.longhorn:
        for row in (row for row in ROWS if options.step in (None, row.step)):
            for later in options.later:
                for problem in killed(version, row, later):
                    print(f"        {problem}")
                    wrong += 1
    print("check-kills: nothing was left" if not wrong else "check-kills: FAILED")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
