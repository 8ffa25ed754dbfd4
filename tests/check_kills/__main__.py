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
    COPY_PLAY,
    COPY_STEPS,
    DEADLINE,
    STEPS,
    SYNC_PLAY,
    kill_at,
    left_after,
    missing,
    scene,
)

LATER = (0.1, 1.0)


def row(version: str, step: str, later: float) -> list[str]:
    """One kill; what is left, and a line for the table."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder, scene(version, Path(folder)) as at:
        play = COPY_PLAY if step in COPY_STEPS else SYNC_PLAY
        lines = kill_at(at, step, later, *COPY_STEPS.get(step, ()), play=play)
        reached = any(f": {step}]" in line for line in lines)
        at_the_kill = at.left()
        left = left_after(at, DEADLINE + AFTER_SECONDS)
        flags = "host's flags" if at.real_flags else "simulated flags"
    verdict = "ok" if reached and not left else "LEFT" if left else "NOT REACHED"
    seconds = time.monotonic() - began
    print(
        f"{version:7} {step:50} +{later:.1f} s  {len(at_the_kill)} left then, {len(left)} in the "
        f"end  {verdict}  ({seconds:.0f} s, {flags})",
        flush=True,
    )
    return left if reached else [f"{step} was not reached", *lines[-15:]]


def main() -> int:
    """All rows, or those of one step."""
    parser = argparse.ArgumentParser(prog="python -m tests.check_kills", description=__doc__)
    parser.add_argument("--longhorn", nargs="+", default=["1.6", "1.12"])
    parser.add_argument("--step", choices=[*STEPS, *COPY_STEPS])
    parser.add_argument("--later", type=float, nargs="+", default=LATER, help="seconds into it")
    options = parser.parse_args()
    if missing():
        print(f"This check needs {missing()}.", file=sys.stderr)
        return 2
    wrong = 0
    for version in options.longhorn:
        for step in [options.step] if options.step else [*STEPS, *COPY_STEPS]:
            for later in options.later:
                for problem in row(version, step, later):
                    print(f"        {problem}")
                    wrong += 1
    print("check-kills: nothing was left" if not wrong else "check-kills: FAILED")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
