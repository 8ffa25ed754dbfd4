# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.check_backoff DIR [DIR ...]``: the judge of the back-off on recordings.

One line for each series of attempts: recording, image, what was tried again (a download, or the
sync of the copy on a disk), verdict, confidence, number of attempts, and the reason. Images of
which nothing was tried again are counted at the end. Exit status 2: a folder is no recording.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    NO_EVIDENCE,
    Judgement,
    judge_image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from tests.check_backoff.observed import images, observations


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of what the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.check_backoff", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="v1.12.1/a-recording")
    options = parser.parse_args(arguments)
    verdicts: Counter[str] = Counter()
    quiet = 0
    for folder in options.folders:
        try:
            found = judged(folder.resolve())
        except (OSError, ValueError, KeyError) as error:
            print(f"{folder} is no recording: {error!r}", file=sys.stderr)
            return 2
        told = [one for one in found if one.series.attempts or one.verdict != NO_EVIDENCE]
        quiet += len(found) - len(told)
        verdicts.update(one.verdict for one in told)
        name = "/".join(folder.resolve().parts[-2:])
        print("\n".join(f"{name}  {line(one)}" for one in told) or f"{name}  nothing tried again")
    total = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    print(f"{total or 'no series'}; {count(quiet, 'image')} of which nothing was tried again")
    return 0


def judged(folder: Path) -> list[Judgement]:
    """Every judgement on every image of a recording. Raises OSError where it is none."""
    seen = observations(folder)
    return [one for image in images(folder) for one in judge_image(seen, image)]


def line(one: Judgement) -> str:
    """One series, for a person."""
    series = one.series
    where = f" on {series.disk[:8]}" if series.disk else ""
    return (
        f"{series.image}  {series.retries}{where}  {one.verdict} ({one.confidence})  "
        f"{count(len(series.attempts), 'attempt')}  {one.summary}"
    )


if __name__ == "__main__":
    sys.exit(main())
