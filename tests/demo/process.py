# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts the furnished cluster as a process of its own and ends it again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.observer.api import Api

CHECKOUT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class NotStarted(Exception):
    """The simulated cluster ended or did not answer in time; the text holds its last lines."""


class Process:
    """One simulated cluster; ``folder`` holds its disks, kubeconfig and log."""

    def __init__(self, longhorn: str, scale: float) -> None:
        cache = CHECKOUT / ".cache"
        cache.mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="demo-", dir=cache))
        self.disks = self.folder / "disks"
        self._log = self.folder / "simulator.log"
        command = [sys.executable, "-m", "tests.simulator", "--scenario", "demo"]
        command += ["--longhorn", longhorn, "--nodes", "3", "--disks", "2", "--seed", "7"]
        command += ["--scale", str(scale), "--state-dir", str(self.folder)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kubeconfig(self) -> Path:
        """Wait until the cluster answers; returns its kubeconfig. Raises NotStarted."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            for line in self._log.read_text().splitlines():
                if line.startswith("export KUBECONFIG="):
                    found = Path(line.partition("=")[2])
                    Api(found).get("/version")
                    return found
            time.sleep(0.1)
        raise NotStarted("\n".join(self._log.read_text().splitlines()[-20:]))

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
