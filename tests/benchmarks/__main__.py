# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make benchmark``: what a plan and an audit cost on a large cluster (``WHAT=pods``: pods.py).

The module is run as Ansible runs it, in a process of its own, over HTTPS. Requests are counted by
the server, seconds include the start of Python, memory is the peak of the module's process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.spreading.solve import (
    solve,
)
from tests.benchmarks import pods
from tests.benchmarks.module import MODULE
from tests.integration.drain.big_cluster import BigCluster
from tests.unit.plugins.module_utils._domain.spreading.tasks import large

IMAGES = 1000
NODES = 100
VERSIONS = ("1.6", "1.12")
REQUESTS_MAX, SECONDS_MAX, MEGABYTES_MAX = 20, 5.0, 250.0
SPREAD_SECONDS_MAX = 1.0


@dataclass(frozen=True)
class Cost:
    """What one run of a module took, and its result."""

    requests: int
    seconds: float
    megabytes: float
    result: dict[str, Any]

    @property
    def affordable(self) -> bool:
        """Whether it stays within what the project promises."""
        return (
            self.requests <= REQUESTS_MAX
            and self.seconds <= SECONDS_MAX
            and self.megabytes <= MEGABYTES_MAX
        )


def measure(version: str, folder: Path) -> tuple[Cost, Cost]:
    """Plan to remove one node of a large cluster, in check mode; then audit all of it."""
    with BigCluster(version, NODES, IMAGES).served(folder) as server:
        costs = []
        planned = {
            "node": "worker-0",
            "intent": "remove",
            "_ansible_check_mode": True,
            "_ansible_diff": True,
        }
        for module, options in (("node_drain_plan", planned), ("cluster_audit", {})):
            arguments = {"kubeconfig": str(server.kubeconfig), **options}
            before = server.requests.total
            seconds, megabytes, result = run(module, arguments)
            costs.append(Cost(server.requests.total - before, seconds, megabytes, result))
        return costs[0], costs[1]


def run(module: str, arguments: dict[str, Any]) -> tuple[float, float, dict[str, Any]]:
    """Run a module; returns seconds, peak megabytes and its result. Raises RuntimeError."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        given.seek(0)
        process = subprocess.Popen([sys.executable, "-c", MODULE, module], stdin=given, stdout=said)
        _unused, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        said.seek(0)
        text = said.read().decode()
    if process.returncode != 0:
        raise RuntimeError(f"{module} ended with {process.returncode}: {text[:2000]}")
    return seconds, usage.ru_maxrss / 1024, json.loads(text)


def spread() -> bool:
    """Choose the targets of 10,000 images on 1,000 nodes; prints seconds and how good they are."""
    good = True
    for sizes in ("lognormal", "uniform", "few"):
        task = large(1, 1000, 10_000, sizes, tags=1)
        began = time.process_time()
        found = solve(task)
        seconds = time.process_time() - began
        above = 100 * (found.end / found.bound - 1)
        print(
            f"  targets of 10,000 images on 1,000 nodes ({sizes} sizes): {seconds:.2f} s of CPU, "
            f"slowest disk {above:.1f} % above the bound"
        )
        good = good and seconds <= SPREAD_SECONDS_MAX and above <= 5 and found.complete
    return good


def main() -> int:
    """The benchmark that is named, else the plan's."""
    named = sys.argv[1] if len(sys.argv) > 1 else "plan"
    if named not in ("plan", "pods"):
        print(f"there is no benchmark {named!r}: plan or pods", file=sys.stderr)
        return 2
    return pods.main() if named == "pods" else plans()


def plans() -> int:
    """Print two lines per version; 1 if one of them is over the limits."""
    print(f"{IMAGES:,} images on {NODES} nodes: plan to remove one, and an audit")
    affordable = True
    for version in VERSIONS:
        with tempfile.TemporaryDirectory() as folder:
            planned, audited = measure(version, Path(folder))
        copies = len(planned.result["plan"]["copies"])
        weak = len(audited.result["findings"])
        for what, cost, found in (
            ("plan", planned, f"{copies} copies planned"),
            ("audit", audited, f"{weak} weak points"),
        ):
            print(
                f"  Longhorn {version:5} {what:5} {cost.requests:3} requests  {cost.seconds:5.2f} s"
                f"  {cost.megabytes:6.1f} MB peak  ({found})"
            )
            affordable = affordable and cost.affordable
    affordable = spread() and affordable
    limits = f"{REQUESTS_MAX} requests, {SECONDS_MAX:g} s, {MEGABYTES_MAX:g} MB"
    print(f"benchmark: {'within' if affordable else 'OVER'} the limits ({limits})")
    return 0 if affordable else 1


if __name__ == "__main__":
    sys.exit(main())
