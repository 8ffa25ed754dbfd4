# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.simulator.recordings DIR [DIR ...]`` or ``--all ROOT``: examine the simulator.

One recording: every disagreement, and last ``N of M transitions agree, final state
agrees|differs``. Several: a table. Exit status 1 where a recording has less than 90 % agreement,
or its final state or an answer to the operator differs; 2 where a folder is no recording.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
from collections.abc import Sequence

from tests.simulator.recordings import report
from tests.simulator.recordings.load import RecordingError, load
from tests.simulator.recordings.replay import SEEDS, examine


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine what the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator.recordings", description=__doc__
    )
    parser.add_argument("folders", nargs="*", type=pathlib.Path, metavar="DIR")
    parser.add_argument(
        "--all", type=pathlib.Path, metavar="ROOT", help="every recording below ROOT"
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="with --all: names that match")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many phases of beats to try")
    options = parser.parse_args(arguments)
    folders = list(options.folders)
    if options.all is not None:
        found = (path.parent for path in options.all.glob("v*/*/actions.jsonl"))
        folders += sorted(path for path in found if re.search(options.only, path.name))
    if not folders:
        parser.error("no recording named")
    try:
        results = []
        for folder in folders:
            results.append(examine(load(folder), options.seeds))
            if len(folders) > 1:
                print(next(iter(report.table(results[-1:]))), flush=True)
    except RecordingError as error:
        print(error, file=sys.stderr)
        return 2
    if len(results) == 1:
        print("\n".join(report.lines(results[0])))
    else:
        print(list(report.table(results))[-1])
    return 0 if all(result.verdict.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
