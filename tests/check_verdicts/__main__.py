# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.check_verdicts DIR [DIR ...]``: the verdicts over the time of recordings.

Each change of an image's verdict is a line; beside it stands the row of EXPECTED.md that holds
then, where that file lies beside the version folder. Last line: ``N of M phases agree``, or
``no answer key``. Exit status 1 where a phase disagrees, 2 where a folder is no recording.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import (
    UnsupportedLonghorn,
)
from tests.check_verdicts.answer_key import Phase, phases_of
from tests.check_verdicts.judged import judge_recording
from tests.check_verdicts.table import disagreements, lines

KEY = "EXPECTED.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.check_verdicts", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="v1.12.1/a-recording")
    parser.add_argument("--quiet", action="store_true", help="only what disagrees, and the sum")
    options = parser.parse_args(arguments)
    right = total = 0
    for folder in options.folders:
        rows = key_of(folder.resolve())
        try:
            judged = judge_recording(folder.resolve(), max((row.end for row in rows), default=0.0))
        except (OSError, ValueError, KeyError, IndexError, UnsupportedLonghorn) as error:
            print(f"{folder} is no recording: {error!r}", file=sys.stderr)
            return 2
        wrong = disagreements(judged, rows)
        if not options.quiet:
            print(f"{folder}")
            print("\n".join(lines(judged, rows)))
        for text in (text for texts in wrong.values() for text in texts[:1]):
            print(f"DISAGREES {folder.name} {text}")
        total += len(rows)
        right += len(rows) - len(wrong)
    print(f"{right} of {total} phases agree" if total else "no answer key")
    return 1 if right < total else 0


def key_of(folder: Path) -> list[Phase]:
    """The rows of the answer key about this recording's images; [] where there is no key."""
    key = folder.parent.parent / KEY
    if not key.is_file():
        return []
    name = f"{folder.parent.name}/{folder.name}"
    return phases_of(key.read_text(encoding="utf-8")).get(name, [])


if __name__ == "__main__":
    sys.exit(main())
