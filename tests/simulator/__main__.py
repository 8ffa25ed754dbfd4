# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.simulator``: a Longhorn cluster to play with, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.disk_folder import CAPACITY
from tests.simulator.workers import SshWorkers

_POLL_SECONDS = 0.5
_EXAMPLES = """
examples:
  python -m tests.simulator
  python -m tests.simulator --longhorn 1.6 --nodes 5 --disks 2 --scale 50
  python -m tests.simulator --state-dir ./sim --scenario demo
then, in another shell, the printed export KUBECONFIG=... and kubectl or ansible-playbook.
"""


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return number


def _scale(text: str) -> float:
    number = float(text)
    if not 0 < number <= 10_000:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 10000, not {text}")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"must be from 0 to 65535, not {text}")
    return number


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    result = argparse.ArgumentParser(
        prog="python -m tests.simulator",
        description="Serve a simulated Longhorn cluster over HTTPS on 127.0.0.1.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--longhorn", default="1.12", metavar="VERSION", help="Longhorn version (default 1.12)")
    add("--nodes", type=_positive, default=3, metavar="N", help="number of nodes (default 3)")
    add("--disks", type=_positive, default=2, metavar="N", help="disks of each node (default 2)")
    add(
        "--scale",
        type=_scale,
        default=10.0,
        metavar="X",
        help="simulated seconds per second (default 10; 1 is real time)",
    )
    add(
        "--disk-size",
        type=_positive,
        default=CAPACITY,
        metavar="BYTES",
        help="size that a disk is said to have (default about 20 GB)",
    )
    add("--seed", type=int, default=0, metavar="N", help="seed of all that is random (default 0)")
    add("--port", type=_port, default=0, metavar="N", help="port (default: any free one)")
    add(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="folder for disks, certificates, kubeconfig, pid (default: a temporary one)",
    )
    add(
        "--scenario",
        choices=("empty", "demo", "apart", "crowd"),
        default="empty",
        help="what is in the cluster at the start: nothing, images and volumes, the same with all "
        "volumes attached to the last of four nodes, or sixty images (default empty)",
    )
    add(
        "--send-rate",
        type=float,
        metavar="BYTES",
        help="what a manager sends to others, in bytes per simulated second (default: no limit)",
    )
    add(
        "--ssh",
        action="store_true",
        help="an SSH server for each node on loopback, and an inventory file for them",
    )
    return result


def _claim(folder: Path) -> Path:
    """Write the pid file of a state folder. Raises ValueError when a living process holds it."""
    pid_file = folder / "pid"
    if pid_file.exists():
        text = pid_file.read_text().strip()
        if text.isdigit() and _alive(int(text)):
            raise ValueError(f"{folder} is in use by process {text}; stop it or choose another")
    pid_file.write_text(f"{os.getpid()}\n")
    return pid_file


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def run(options: argparse.Namespace, folder: Path) -> int:
    """Serve until a signal comes or the simulation breaks; return the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    disks = folder / "disks"
    disks.mkdir(parents=True, exist_ok=True)
    pid_file = _claim(folder)
    print(
        f"Longhorn {options.longhorn}, {options.nodes} nodes with {options.disks} disks each, "
        f"{options.scale:g} simulated seconds per second, files in {folder}",
        flush=True,
    )
    cluster = Cluster(
        longhorn=options.longhorn,
        nodes=options.nodes,
        disks=options.disks,
        seed=options.seed,
        start=time.time(),
        root=disks,
        time=options.scale,
        disk_size=options.disk_size,
    )
    login: SshWorkers | None = None
    try:
        if options.scenario != "empty":
            print("putting images and volumes into it", flush=True)
            if options.scenario == "crowd":
                importlib.import_module("tests.scenery.crowd").gather(cluster)
            else:
                furnisher = importlib.import_module("tests.scenery.furnish").Furnisher
                furnisher(cluster, apart=options.scenario == "apart").furnish()
        server = cluster.serve(options.port, state_dir=folder)
        cluster.limit_transfers(options.send_rate)
        if options.ssh:
            login = SshWorkers(cluster.workers, folder)
            print(f"logging in to the nodes: ansible -i {login.start()} longhorn", flush=True)
        print(f"serving on {server.url}; Ctrl-C or SIGTERM ends it", flush=True)
        print(f"export LONGHORN_SOURCE_PROXY={cluster.source_proxy}", flush=True)
        print(f"export KUBECONFIG={server.kubeconfig}", flush=True)
        while not stop.wait(_POLL_SECONDS) and server.failure is None:
            pass
        print(
            "stopped" if server.failure is None else "the simulation broke, see above", flush=True
        )
        return 0 if server.failure is None else 1
    finally:
        if login is not None:
            login.stop()
        cluster.close()
        pid_file.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Parse, serve, and return the exit code; mistakes are told in one line."""
    options = parser().parse_args(arguments)
    try:
        if options.state_dir is not None:
            folder = options.state_dir.resolve()
            folder.mkdir(parents=True, exist_ok=True)
            return run(options, folder)
        with tempfile.TemporaryDirectory(prefix="simulator-") as temporary:
            return run(options, Path(temporary))
    except (OSError, ValueError, KeyError, ImportError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        print(f"python -m tests.simulator: {text}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
