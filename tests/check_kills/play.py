# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault play that is killed at one of its steps, and what is left after its deadline."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.material import CHECKOUT
from tests.observer.api import Api
from tests.observer.leftovers import leftovers
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.server import ApiServer
from tests.simulator.workers import SshWorkers, host_freezes

DEADLINE = 35
SYNC_PLAY, COPY_PLAY = "inject_sync_failure", "inject_copy_fault"


@dataclass(frozen=True)
class Row:
    """A step of a play at which it is killed, by the name of its task."""

    step: str
    play: str = SYNC_PLAY
    more: Mapping[str, str] = field(default_factory=dict)
    deadline: int = DEADLINE

    @property
    def label(self) -> str:
        """The step, and what is special about the play."""
        told = [value for key, value in self.more.items() if key != "power_path"]
        return f"{self.step} ({', '.join(told)})" if told else self.step


ARMED_FIRST = "Arm the removal of everything of this run"
_STEPS = (
    ARMED_FIRST,
    "Make an image with copies and a volume on it",
    "Arm the undo on the worker",
    "Remove the files and make the directory immutable",
    "Judge the retries",
    "Watch the copy fail",
)
_LATE_STEPS = (
    "Lift the flag",
    "Watch the copy come back",
    "Remove image, volume and ticket",
)
NODE_DOWN = {"kind": "node_down", "power_path": "/simulator/power"}
BY_POD = {"worker_access": "pod"}
ROWS = (
    *(Row(step) for step in _STEPS),
    *(Row(step, deadline=2 * DEADLINE) for step in _LATE_STEPS),
    Row("Judge the retries", more=BY_POD),
    Row("Watch what becomes of the copy", COPY_PLAY, NODE_DOWN),
    Row("Take the fault back from the worker", COPY_PLAY, {"kind": "disk_full"}),
    Row("Make the fault on the worker", COPY_PLAY, {"kind": "no_space"}),
    Row("Watch what becomes of the copy", COPY_PLAY, {"kind": "no_space", **BY_POD}),
)
#: Small enough for a file that fills it.
DISK_SIZE = 512 << 20
#: What is left has to be gone so long after the deadline, on a machine that is busy too.
AFTER_SECONDS = 120.0
#: A busy machine may take this long to come to the last step.
READ_SECONDS = 300.0
#: A play that was overtaken by its deadline before the step gets so many times as long.
PATIENCE = (1, 2, 4, 8)
SCALE = 40.0
OWN = ("ANSIBLE_", "K8S_AUTH_", "KUBECONFIG", "PYTHONUNBUFFERED")


def missing() -> str:
    """What this machine lacks for the SSH tests, "" where nothing."""
    if importlib.util.find_spec("asyncssh") is None:
        return "the Python package asyncssh (make setup installs it)"
    if shutil.which("ssh") is None:
        return "an SSH client (Debian and Ubuntu: apt install openssh-client)"
    return ""


@dataclass
class Scene:
    """A cluster with machines to log in to."""

    cluster: Cluster
    server: ApiServer
    inventory: Path
    disks: Path
    real_flags: bool
    temporary: Path

    def left(self) -> list[str]:
        """What a fault play left behind, that of the controller included."""
        markers = self.temporary.glob("nodecare-longhorn-*/*")
        told = [f"marker {path}" for path in markers]
        told += [f"{one.name} is off" for one in self.cluster.workers if not one.powered]
        return leftovers(Api(self.server.kubeconfig), self.disks) + told


@contextlib.contextmanager
def scene(version: str, folder: Path) -> Iterator[Scene]:
    """Three nodes with a disk each, behind HTTPS and SSH; no flag outlives it.

    Where flags are simulated a chattr is a process, so Longhorn is given more time to look.
    """
    scale = SCALE if host_freezes(folder) else SCALE / 4
    cluster = Cluster(
        version, nodes=3, disks=1, root=folder / "disks", time=scale, seed=7, disk_size=DISK_SIZE
    )
    login: SshWorkers | None = None
    try:
        server = cluster.serve(state_dir=folder)
        login = SshWorkers(cluster.workers, folder)
        temporary = folder / "tmp"
        temporary.mkdir()
        yield Scene(cluster, server, login.start(), folder / "disks", login.real_flags, temporary)
    finally:
        if login is not None:
            login.stop()
        cluster.close()


def start(where: Scene, row: Row, deadline: int, *more: str) -> subprocess.Popen[str]:
    """The play, its output to be read line by line."""
    tree = str(CHECKOUT / ".build/collections")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
    environment |= {
        "PYTHONPATH": tree,
        "ANSIBLE_COLLECTIONS_PATH": tree,
        "ANSIBLE_HOME": str(where.temporary.parent / "ansible"),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_NOCOLOR": "1",
        "KUBECONFIG": str(where.server.kubeconfig),
        "TMPDIR": str(where.temporary),
    }
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        f"--inventory={where.inventory}",
        f"nodecare.longhorn.{row.play}",
        "-e", "confirm_cluster=simulator",
        "-e", "url=http://images.local/f/raw8.img",
        "-e", f"deadline={deadline}",
        "-e", "retries_window=3",
        "-e", "watch=15",
        "-e", "repair_watch=15",
        *(word for key, value in row.more.items() for word in ("-e", f"{key}={value}")),
        *more,
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        env=environment,
        cwd=where.temporary,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def descendants(pid: int) -> list[int]:
    """All processes that come from one, those that have left it (to init) not among them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


@dataclass
class Killed:
    """What a play had printed when it was killed, and whether its own undo came before that."""

    lines: list[str]
    reached: bool = False
    overtaken: bool = False


def kill_at(where: Scene, row: Row, later: float, *more: str, deadline: int = DEADLINE) -> Killed:
    """Start the play and kill it, with all of its processes, so many seconds into a step.

    What has detached itself goes on, which is what this is about.
    """
    running = start(where, row, deadline, *more)
    killed = Killed([])
    armed: list[float] = []
    at_step = threading.Event()

    def read() -> None:
        assert running.stdout is not None
        for line in running.stdout:
            killed.lines.append(line.rstrip())
            if is_task(line, ARMED_FIRST):
                armed.append(time.monotonic())
            if is_task(line, row.step):
                killed.reached = True
                at_step.set()
        at_step.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    at_step.wait(READ_SECONDS)
    time.sleep(later)
    killed.overtaken = bool(armed) and time.monotonic() - armed[0] >= deadline
    for pid in descendants(running.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.wait()
    reader.join(5)
    return killed


def is_task(line: str, step: str) -> bool:
    """Whether a line of output says that a task begins."""
    return line.startswith("TASK") and f": {step}]" in line


def left_after(where: Scene, seconds: float) -> list[str]:
    """What is still left when that time is over, [] as soon as nothing is."""
    end = time.monotonic() + seconds
    while (found := where.left()) and time.monotonic() < end:
        time.sleep(0.5)
    return found
