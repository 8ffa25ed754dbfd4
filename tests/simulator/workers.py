# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to the simulated machines: a file system root for each, and a real SSH server.

A root is a folder in which the machine's disks appear at their host paths (links to the folders of
the simulated disks), so that what runs "on the worker" finds ``<root>/var/lib/longhorn``. Commands
run as the user who runs the simulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.simulator.longhorn import immutable
from tests.simulator.longhorn.workers import Workers

ROOTS = "workers"
KEY = "worker_key"
INVENTORY = "workers.longhorn.yml"
START_SECONDS = 20.0
_CHUNK = 1 << 16
_MARK = 'here=$(pwd -P); marks=$(dirname "$here")/.frozen; mark=$marks/$(basename "$here")'
_TOOLS = {
    # A directory that was removed, or made anew, meanwhile is not the one that gets the flag.
    "chattr": 'case "$1" in -i) rm -f "$mark";; +i) mkdir -p "$marks" && : >"$mark"\n'
    '[ . -ef "$here" ] || { rm -f "$mark"; exit 1; };; esac',
    "lsattr": 'if [ -e "$mark" ]; then echo "----i---- ."; else echo "--------- ."; fi',
}
_THREADS = 64


def make_roots(workers: Workers, folder: Path) -> dict[str, Path]:
    """A root for each machine, under *folder*; by the machine's name."""
    roots = {}
    for worker in workers:
        root = folder / ROOTS / worker.name
        for path, disk in worker.disks.items():
            place = root / path.strip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.is_symlink():
                place.symlink_to(disk.path.resolve())
        (root / "root").mkdir(parents=True, exist_ok=True)
        roots[worker.name] = root
    return roots


def host_freezes(folder: Path) -> bool:
    """Whether this host lets us set the immutable flag on a directory in *folder*."""
    probe = folder / "probe"
    probe.mkdir(parents=True, exist_ok=True)
    able = immutable.set_flag(probe, True)
    immutable.set_flag(probe, False)
    probe.rmdir()
    return able


def make_tools(folder: Path) -> Path:
    """A chattr and an lsattr for machines on a host without the flag: the simulated disks refuse
    the writes themselves then.
    """
    tools = folder / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    for name, script in _TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\n{_MARK}\n{script}\n")
        (tools / name).chmod(0o755)
    return tools


def inventory(ports: Mapping[str, int], folder: Path) -> Path:
    """An inventory file for our plug-in that reaches the servers on loopback."""
    body = {
        "plugin": "nodecare.longhorn.longhorn",
        "strict": True,
        "compose": {
            "ansible_host": "'127.0.0.1'",
            "ansible_port": f"{json.dumps(dict(ports))}[longhorn_node]",
            "ansible_user": "'root'",
            "ansible_python_interpreter": repr(sys.executable),
            "ansible_ssh_private_key_file": repr(str(folder / KEY)),
            "ansible_ssh_common_args": repr(
                "-F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
                "-o IdentitiesOnly=yes -o LogLevel=ERROR -o ControlMaster=no -o ControlPath=none"
            ),
            "longhorn_worker_root": f"{str(folder / ROOTS)!r} ~ '/' ~ longhorn_node",
        },
    }
    path = folder / INVENTORY
    path.write_text(json.dumps(body, indent=1) + "\n")
    return path


class SshWorkers:
    """One SSH server per machine on 127.0.0.1, in a thread of its own.

    Needs the package asyncssh (ImportError without it) and, in who logs in, an OpenSSH client.
    """

    def __init__(self, workers: Workers, folder: Path) -> None:
        self._ssh: Any = importlib.import_module("asyncssh")
        self._workers = workers
        self._folder = folder
        self.real_flags = host_freezes(folder)
        self._path_first = None if self.real_flags else make_tools(folder)
        self.roots = make_roots(workers, folder)
        self.ports: dict[str, int] = {}
        self._children: set[subprocess.Popen[bytes]] = set()
        self._ready = threading.Event()
        self._threads = ThreadPoolExecutor(_THREADS)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> Path:
        """Serve; the inventory file. Raises OSError, TimeoutError."""
        key = self._ssh.generate_private_key("ssh-ed25519")
        path = self._folder / KEY
        path.touch(mode=0o600)
        key.write_private_key(str(path))
        self._authorized = self._ssh.import_authorized_keys(key.export_public_key().decode())
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._failure is not None:
            raise self._failure or TimeoutError("the SSH servers did not start")
        return inventory(self.ports, self._folder)

    def stop(self) -> None:
        """End the servers and their commands; what detached itself lives on, as on a machine."""
        for child in list(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(START_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.2, self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        except OSError as error:
            self._failure = error
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        host_key = self._ssh.generate_private_key("ssh-ed25519")
        for name in self.roots:
            server = await self._ssh.listen(
                "127.0.0.1",
                0,
                server_host_keys=[host_key],
                authorized_client_keys=self._authorized,
                process_factory=lambda process, name=name: self._serve(process, name),
                sftp_factory=True,
                encoding=None,
            )
            self.ports[name] = server.sockets[0].getsockname()[1]

    async def _serve(self, process: Any, name: str) -> None:
        """Run one command on one machine."""
        worker = self._workers.get(name)
        if worker is None or not worker.powered or not process.command:
            process.exit(255)
            return
        environment = {**os.environ, "HOME": str(self.roots[name] / "root")}
        for variable in ("KUBECONFIG", "PYTHONPATH"):
            environment.pop(variable, None)
        if self._path_first is not None:
            environment["PATH"] = f"{self._path_first}{os.pathsep}{environment.get('PATH', '')}"
        child = subprocess.Popen(
            ["/bin/sh", "-c", process.command],
            env=environment,
            cwd=self.roots[name] / "root",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._children.add(child)
        incoming = asyncio.ensure_future(self._take_in(process, child))
        await asyncio.gather(
            self._give_out(child.stdout, process.stdout),
            self._give_out(child.stderr, process.stderr),
        )
        code = await self._loop.run_in_executor(self._threads, child.wait)
        self._children.discard(child)
        incoming.cancel()
        process.exit(code if code >= 0 else 128 - code)

    async def _take_in(self, process: Any, child: subprocess.Popen[bytes]) -> None:
        pipe = child.stdin
        if pipe is None:
            return
        try:
            while data := await process.stdin.read(_CHUNK):
                await self._loop.run_in_executor(self._threads, pipe.write, data)
            await self._loop.run_in_executor(self._threads, pipe.close)
        except (BrokenPipeError, self._ssh.BreakReceived, self._ssh.TerminalSizeChanged):
            return

    async def _give_out(self, pipe: Any, out: Any) -> None:
        while data := await self._loop.run_in_executor(self._threads, pipe.read1, _CHUNK):
            out.write(data)
