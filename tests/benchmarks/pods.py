# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make benchmark WHAT=pods``: 250 pods on a node, 5 held by a budget; how long until the 245 are
gone? ``kubectl drain`` and ours, each from the start of its process, on equal simulated clusters
that run in real time.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.module import MODULE
from tests.integration.drain.crowd import NODE, Crowd, gather

FREE, HELD = 245, 5
LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Run:
    """One tool's run: seconds from the start of its process and from its first eviction until the
    last free pod was gone, and the requests until then.
    """

    seconds: float
    evicting: float
    requests: int


def kubectl(crowd: Crowd) -> subprocess.Popen[bytes]:
    """Start kubectl drain."""
    found = shutil.which("kubectl")
    if found is None:
        raise RuntimeError("kubectl is not installed: nothing to compare with")
    words = [found, "--kubeconfig", str(crowd.server.kubeconfig), "drain", NODE]
    words += ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s"]
    return subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def ours(crowd: Crowd) -> subprocess.Popen[bytes]:
    """Cordon the node and start the module pod_evict, each as Ansible runs it."""
    common = {"kubeconfig": str(crowd.server.kubeconfig), "node": NODE}
    steps = [("node_cordon", common), ("pod_evict", {**common, "wait_timeout": 120})]
    program = "; ".join(
        f"printf '%s' '{json.dumps({'ANSIBLE_MODULE_ARGS': arguments})}' | "
        f"'{sys.executable}' -c \"$MODULE\" {name}"
        for name, arguments in steps
    )
    return subprocess.Popen(
        ["/bin/sh", "-c", program],
        env={**os.environ, "MODULE": MODULE},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


TOOLS = {"kubectl drain": kubectl, "nodecare.longhorn": ours}


def measure(tool: str, folder: Path, free: int = FREE, held: int = HELD) -> Run:
    """Let one tool drain the node. Raises RuntimeError when the free pods do not go in time."""
    cluster, serve = gather(folder, free, held, 1.0)
    try:
        crowd = serve()
        before, began = crowd.requests(), crowd.now()
        process = TOOLS[tool](crowd)
        try:
            limit = time.monotonic() + LIMIT_SECONDS
            while not crowd.free_gone and time.monotonic() < limit:
                time.sleep(0.02)
            if not crowd.free_gone:
                left = len(crowd.free - crowd.gone)
                raise RuntimeError(f"{tool}: {left} free pods left after {LIMIT_SECONDS:g} s")
            if crowd.held & crowd.gone:
                raise RuntimeError(f"{tool}: a pod went that its budget holds")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
        return Run(
            crowd.last_gone - began,
            crowd.last_gone - crowd.first_asked,
            crowd.requests() - before,
        )
    finally:
        cluster.close()


def main() -> int:
    """Print one line per tool; 1 if ours is slower."""
    print(
        f"{FREE + HELD} pods on a node, {HELD} of them held by a budget: until the {FREE} are gone"
    )
    runs: dict[str, Run] = {}
    for tool in TOOLS:
        with tempfile.TemporaryDirectory() as folder:
            runs[tool] = run = measure(tool, Path(folder))
        print(
            f"  {tool:18} {run.seconds:6.2f} s from its start, {run.evicting:6.2f} s from its "
            f"first eviction, {run.requests:5} requests",
            flush=True,
        )
    slower = runs["nodecare.longhorn"].seconds > runs["kubectl drain"].seconds
    print(f"benchmark: nodecare.longhorn is {'SLOWER' if slower else 'not slower'}")
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
