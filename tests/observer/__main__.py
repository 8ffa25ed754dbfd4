# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command line: ``python -m tests.observer --kubeconfig FILE --disks DIR CHECK ...``.

Prints what it found; exit status 0 only if the check holds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.observer import proofs
from tests.observer.api import Api
from tests.observer.leftovers import leftovers
from tests.observer.table import table
from tests.observer.view import look

INTERVAL_SECONDS = 0.5


def arguments() -> argparse.Namespace:
    """The checks and what each needs."""
    parser = argparse.ArgumentParser(prog="python -m tests.observer", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--disks", type=Path, required=True, help="folder of the nodes' folders")
    parser.add_argument("--wait", type=float, default=0.0, help="seconds until it must hold")
    checks = parser.add_subparsers(dest="check", required=True)
    checks.add_parser("table", help="show every image's copies")
    for name in ("whole", "lost"):
        checks.add_parser(name).add_argument("image", nargs="+")
    spread = checks.add_parser("spread", help="every image has proven copies on so many nodes")
    spread.add_argument("nodes", type=int)
    spread.add_argument("--without", default="", help="a node that is not counted")
    drained = checks.add_parser("drained")
    drained.add_argument("node")
    drained.add_argument("--intent", choices=("reboot", "reinstall", "remove"), required=True)
    checks.add_parser("removed", help="gone from both").add_argument("node")
    evicted = checks.add_parser("evicted", help="one disk is empty and out of Longhorn")
    evicted.add_argument("node")
    evicted.add_argument("path")
    returned = checks.add_parser("returned", help="open again, and nothing carries a note")
    returned.add_argument("node")
    returned.add_argument("--disks-ready", type=int, required=True)
    volumes = checks.add_parser("volumes", help="every attached volume is healthy")
    volumes.add_argument("--attached", type=int, default=0, help="at least so many are attached")
    checks.add_parser("unlocked", help="no maintenance holds the lock")
    checks.add_parser("no-faults", help="no fault and nothing of a test run is left")
    return parser.parse_args()


def problems(api: Api, options: argparse.Namespace) -> list[str]:
    """One look, and what does not hold."""
    if options.check == "no-faults":
        return leftovers(api, options.disks)
    view = look(api, options.disks)
    if options.check == "drained":
        return proofs.drained(api, view, options.node, options.intent)
    if options.check == "removed":
        return proofs.removed(api, view, options.node)
    if options.check == "evicted":
        return proofs.evicted(api, view, options.node, options.path)
    if options.check == "returned":
        return proofs.returned(api, view, options.node, options.disks_ready)
    if options.check == "volumes":
        return proofs.volumes_healthy(view, options.attached)
    if options.check == "spread":
        found = (proofs.spread(view, name, options.nodes, options.without) for name in view.images)
        return [problem for problems_of_one in found for problem in problems_of_one]
    if options.check == "unlocked":
        return proofs.unlocked(api)
    if options.check == "table":
        print("\n".join(table(view)))
        return []
    check = proofs.whole if options.check == "whole" else proofs.lost
    return [problem for image in options.image for problem in check(view, image)]


def main() -> int:
    """Look until it holds or the time is over."""
    options = arguments()
    api = Api(options.kubeconfig)
    deadline = time.monotonic() + options.wait
    while (found := problems(api, options)) and time.monotonic() < deadline:
        time.sleep(INTERVAL_SECONDS)
    print("\n".join(found) if found else f"{options.check}: holds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
