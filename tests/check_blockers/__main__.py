# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.check_blockers DIR [DIR ...]`` or ``--all ROOT``: examine the release rules.

Plays the objects of recordings of real Longhorn and asks the rules, at each moment where something
changed, whether the budget of each instance manager is held. Compared is: a budget that exists is
blocked, one that went is free, with the time that the real controllers take to look (`judge`).
One recording: the answers over time. Several: a table. The last line is always
``N of M moments agree``. Exit status 1 where one disagrees, 2 where a folder is no recording.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
from collections.abc import Sequence

from tests.check_blockers import report
from tests.check_blockers.examine import examine
from tests.simulator.recordings.load import RecordingError, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine what the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.check_blockers", description=__doc__)
    parser.add_argument("folders", nargs="*", type=pathlib.Path, metavar="DIR")
    parser.add_argument(
        "--all", type=pathlib.Path, metavar="ROOT", help="every recording below ROOT"
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="with --all: names that match")
    options = parser.parse_args(arguments)
    folders = list(options.folders)
    if options.all is not None:
        found = (path.parent for path in options.all.glob("v*/*/actions.jsonl"))
        folders += sorted(path for path in found if re.search(options.only, path.name))
    if not folders:
        parser.error("no recording named")
    width = max(len(folder.name) for folder in folders)
    results = []
    try:
        for folder in folders:
            results.append(examine(load(folder)))
            if len(folders) > 1:
                print(report.table(results[-1], width), flush=True)
    except RecordingError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(report.lines(results[0])) if len(results) == 1 else report.result(results))
    return 0 if all(result.agreed == result.total for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
