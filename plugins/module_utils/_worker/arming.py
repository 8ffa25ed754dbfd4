# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo comes first: a marker, then a timer or a watchdog, and only then a fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.flag import is_immutable
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import (
    FOLDER,
    PROGRAM,
    read_marker,
    write_marker,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    NO_FOLLOW,
    Data,
    Refused,
    checked,
    copy_of,
)


def arm(request: Data, source: str, python: str = "") -> Data:
    """Write the marker and start what undoes the fault at its deadline. Raises Refused.

    Where systemd runs a transient timer does it, else a process of its own session.
    """
    checked(request)
    if read_marker(request["root"], request["id"]) is not None:
        raise Refused(f"a fault {request['id']} is armed on this worker already")
    with copy_of(request, must_hold_file=request["kind"] != "disk_full") as directory:
        if is_immutable(directory):
            raise Refused("the copy's directory is immutable already")
    seconds = max(1, int(request["deadline"]))
    marker = {**request, "until": time.time() + seconds, "state": "armed", "undo_by": ""}
    write_marker(marker)
    program = os.path.join(request["root"], FOLDER, PROGRAM)
    with open(program, "w", encoding="utf-8", opener=_private) as file:
        file.write(source)
    command = [python or sys.executable, program]
    asked = json.dumps({"root": request["root"], "id": request["id"], "after": seconds})
    if request.get("undo") == "elsewhere":
        marker["undo_by"] = "pod"
    elif _systemd_timer(request["id"], seconds, [*command, "undo", asked]):
        marker["undo_by"] = "systemd"
    else:
        watch = [*command, "watch", asked]
        detach(lambda: os.execv(watch[0], watch))
        marker["undo_by"] = "watchdog"
    write_marker(marker)
    return {"until": marker["until"], "undo_by": marker["undo_by"]}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | NO_FOLLOW, 0o700)


def _systemd_timer(name: str, seconds: int, command: list[str]) -> bool:
    tool = shutil.which("systemd-run")
    if tool is None or not os.path.isdir("/run/systemd/system") or os.geteuid() != 0:
        return False
    unit = [f"--unit=nodecare-longhorn-{name}", f"--on-active={seconds}", "--collect"]
    timer = "--timer-property=AccuracySec=1s"
    started = subprocess.run(
        [tool, *unit, timer, "--quiet", "--", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return started.returncode == 0


def stop_timer(name: str) -> None:
    """Disarm a transient timer; it is no mistake where there is none."""
    tool = shutil.which("systemctl")
    if tool is not None:
        subprocess.run(
            [tool, "stop", f"nodecare-longhorn-{name}.timer"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def detach(run: Callable[[], object]) -> None:
    """Run it in a process that belongs to nobody: its own session, no terminal, no open files."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.closerange(3, 1024)
        os.chdir("/")
        run()
        os._exit(0)
    finally:
        os._exit(127)
