# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves a furnished cluster until it is told to stop (SIGTERM or Ctrl-C)."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.scenery.furnish import Furnisher
from tests.simulator.longhorn.cluster import Cluster

POLL_SECONDS = 0.5


def arguments() -> argparse.Namespace:
    """What kind of cluster, how fast, and where its files go."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenery", description=__doc__)
    parser.add_argument("--longhorn", default="1.12", help="Longhorn version (1.5 to 1.12)")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--disks", type=int, default=2, help="disks of each node")
    parser.add_argument("--scale", type=float, default=10.0, help="simulated seconds per second")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--state-dir", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Furnish, serve, write the kubeconfig last: where it is, the cluster answers."""
    options = arguments()
    options.state_dir = options.state_dir.resolve()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    disks = options.state_dir / "disks"
    disks.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(
        longhorn=options.longhorn,
        nodes=options.nodes,
        disks=options.disks,
        seed=options.seed,
        root=disks,
        time=options.scale,
    )
    Furnisher(cluster).furnish()
    server = cluster.serve(state_dir=options.state_dir)
    print(f"export KUBECONFIG={server.kubeconfig}", flush=True)
    while not stop.wait(POLL_SECONDS) and server.failure is None:
        pass
    cluster.close()
    sys.exit(0 if server.failure is None else 1)


if __name__ == "__main__":
    main()
