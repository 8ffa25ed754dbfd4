# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: ``python -m tests.crash [--all] [--job NAME ...] [--longhorn VERSION ...]``.

Prints a line per write and a summary; exit status 0 only if every row holds.
"""

from __future__ import annotations

import argparse
import sys

from tests.crash.forest import MEANING, MODES
from tests.crash.jobs import JOBS
from tests.crash.table import Table, build, enough, everywhere

GENERATIONS = ("1.6.4", "1.12.1")


def arguments() -> argparse.Namespace:
    """What is to be killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    names = [job.name for job in JOBS]
    parser.add_argument("--job", action="append", choices=names, help="default: all")
    parser.add_argument("--longhorn", action="append", help="default: 1.6.4 and 1.12.1")
    parser.add_argument("--all", action="store_true", help="every job at every write in each way")
    parser.add_argument("--brief", action="store_true", help="only rows that do not hold")
    return parser.parse_args()


def show(table: Table, brief: bool) -> list[str]:
    """The table as text."""
    lines = []
    for problem in table.alone:
        lines.append(f"  left alone: {problem}")
    writes = sorted({(row.write, row.path) for row in table.rows})
    for number, path in writes:
        rows = {row.mode: row for row in table.rows if row.write == number}
        bad = [row for row in rows.values() if row.problems]
        if brief and not bad:
            continue
        cells = "  ".join(
            f"{mode} {'-' if mode not in rows else 'FAIL' if rows[mode].problems else 'ok':4}"
            for mode in MODES
        )
        moved = max((row.moved for row in rows.values()), key=len)
        lines.append(f"  {number:3}  {cells}  {path}{f'   moved: {moved}' if moved else ''}")
        lines += [f"         {row.mode}: {problem}" for row in bad for problem in row.problems]
    lines.append(
        f"{'FAIL' if table.bad or table.alone else 'ok  '}  {table.job}, Longhorn "
        f"{table.longhorn}: {table.writes} writes, {len(table.rows)} times cut off, "
        f"{len(table.rows) - len(table.bad)} ended as they must ({table.seconds:.1f} s of CPU)"
    )
    return lines


def main() -> int:
    """Build and print the tables."""
    options = arguments()
    print("\n".join(f"{mode}: {MEANING[mode]}" for mode in MODES))
    good = True
    total = cut = 0
    seconds = 0.0
    for job in JOBS:
        asked = job.name in options.job if options.job else options.all or job.modes
        if not asked:
            continue
        chosen = everywhere if options.all or options.job else enough(job)
        for longhorn in options.longhorn or GENERATIONS:
            table = build(job, longhorn, chosen)
            print("\n".join(show(table, options.brief)), flush=True)
            good = good and not table.bad and not table.alone
            total, cut = total + table.writes, cut + len(table.rows)
            seconds += table.seconds
    print(
        f"{total} writes, {cut} runs cut off: {'all hold' if good else 'NOT all hold'} "
        f"({seconds:.0f} s of CPU)"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
