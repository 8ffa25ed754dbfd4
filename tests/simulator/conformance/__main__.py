# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.simulator.conformance FILE``: where the simulator answers unlike a real
kube-apiserver.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.simulator.conformance.bench import Bench
from tests.simulator.conformance.run import Examination


def load(path: Path) -> list[dict[str, Any]]:
    """Return the cases of a file. Raises ValueError naming what is wrong with it."""
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    cases = data.get("cases") if isinstance(data, dict) else None
    if not isinstance(cases, list):
        raise ValueError(f"{path} has no list of cases")
    return cases


def examine(cases: list[dict[str, Any]], verbose: bool) -> tuple[int, int]:
    """Run all cases against a fresh server, print what differs, return how many agree and how many
    count.
    """
    agree = counted = 0
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder, Bench(Path(folder)) as bench:
        examination = Examination(bench.client, bench.account_tokens)
        for outcome in examination.run(cases):
            counted += outcome.counted
            agree += outcome.counted and not outcome.differences
            if outcome.differences:
                print(f"DIFFERS  {outcome.name}")
                for difference in outcome.differences:
                    print(f"    {difference}")
            elif verbose:
                print(f"{'agrees' if outcome.counted else 'sent':8} {outcome.name}")
    return agree, counted


def main(arguments: list[str] | None = None) -> int:
    """Run the examination and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator.conformance", description=__doc__
    )
    parser.add_argument("file", type=Path, help="cases with the answers of a real kube-apiserver")
    parser.add_argument("-v", "--verbose", action="store_true", help="name agreeing cases too")
    options = parser.parse_args(arguments)
    try:
        cases = load(options.file)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    agree, counted = examine(cases, options.verbose)
    print(f"{agree} of {counted} cases agree")
    return 0 if agree == counted else 1


if __name__ == "__main__":
    sys.exit(main())
