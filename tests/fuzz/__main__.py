# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: ``python -m tests.fuzz --seeds 0-200 [--versions 1.6.4 ...] [--tail 60]``.

Prints a line per seed and a summary; exit status 0 only if no rule was broken.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter

from tests.fuzz.history import DONE, Outcome, judged


def arguments() -> argparse.Namespace:
    """Which histories."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seeds", default="0-50", help="A-B, or one number")
    parser.add_argument("--versions", nargs="*", default=[], help="each seed with each of these")
    parser.add_argument("--tail", type=int, default=40, help="lines of the log of a failure")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no seed after these")
    parser.add_argument("--brief", action="store_true", help="only seeds that break a rule")
    return parser.parse_args()


def show(outcome: Outcome, tail: int) -> str:
    """One seed as text."""
    told = ["done" if text == DONE else text.partition(":")[0] for text in outcome.ended]
    verdict = "WRONG" if outcome.wrong else "hung " if outcome.hung else "ok   "
    line = f"{verdict} {outcome.seed:6} {outcome.version:7} {outcome.interfered:2} "
    lines = [f"{line}{outcome.what}: {', '.join(told)}"]
    if outcome.wrong:
        lines += [f"         ! {problem}" for problem in outcome.wrong]
        lines += [f"           {text}" for text in outcome.log[-tail:]]
    elif outcome.hung:
        lines += [f"         ~ {what}" for what in outcome.hung]
    return "\n".join(lines)


def main() -> int:
    """Play and print."""
    options = arguments()
    first, _dash, last = options.seeds.partition("-")
    began, wrong, played = time.monotonic(), 0, 0
    interfered = hung = 0
    ends: Counter[str] = Counter()
    for seed in range(int(first), int(last or first) + 1):
        if options.minutes and time.monotonic() - began > 60 * options.minutes:
            break
        for version in options.versions or [""]:
            outcome = judged(seed, version)
            gc.collect()
            played += 1
            wrong += bool(outcome.wrong)
            hung += bool(outcome.hung)
            interfered += outcome.interfered
            ends[outcome.ended[-1].partition(":")[0]] += 1
            if outcome.wrong or not options.brief:
                print(show(outcome, options.tail), flush=True)
    told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    print(
        f"{played} histories, {interfered} interferences, at the end {told}; "
        f"{hung} hung by themselves, {wrong} broke a rule ({time.process_time():.0f} s of CPU)"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
