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
    drop_marker,
    program_of,
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

ARMING, ARMED = "arming", "armed"
# What waits for the deadline.
POD, SYSTEMD, WATCHDOG = "pod", "systemd", "watchdog"


def arm(request: Data, source: str) -> Data:
    """Write the marker and start what undoes the fault at its deadline. Raises Refused.

    Where systemd runs a transient timer does it, else a process of its own session; both run
    *source*, which is kept beside the marker. The marker reads ``armed`` only when that has begun.
    """
    checked(request)
    if read_marker(request["root"], request["id"]) is not None:
        raise Refused(f"a fault {request['id']} is armed on this worker already")
    with copy_of(request, must_hold_file=request["kind"] != "disk_full") as directory:
        if is_immutable(directory):
            raise Refused("the copy's directory is immutable already")
    seconds = max(1, int(request["deadline"]))
    marker = {**request, "until": time.time() + seconds, "state": ARMING, "undo_by": ""}
    write_marker(marker)
    try:
        marker["undo_by"] = POD if request.get("undo") == "elsewhere" else _begin(request, source)
    except OSError:
        drop_marker(request["root"], request["id"])
        raise
    write_marker({**marker, "state": ARMED})
    return {"until": marker["until"], "undo_by": marker["undo_by"]}


def _begin(request: Data, source: str) -> str:
    """Start what waits for the deadline; tells what it is. Raises OSError."""
    root, name, seconds = request["root"], request["id"], max(1, int(request["deadline"]))
    program = os.path.join(root, FOLDER, program_of(name))
    with open(program, "w", encoding="utf-8", opener=_private) as file:
        file.write(source)
    waiting = [sys.executable, program, "watch"]
    at_once = json.dumps({"root": root, "id": name, "after": 0})
    if _start_timer(name, seconds, [*waiting, at_once]):
        return SYSTEMD
    later = json.dumps({"root": root, "id": name, "after": seconds})
    detach(lambda: os.execv(sys.executable, [*waiting, later]))
    return WATCHDOG


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | NO_FOLLOW, 0o700)


def _start_timer(name: str, seconds: int, command: list[str]) -> bool:
    """Start a transient timer (systemd-run(1)); False where systemd does not run or refuses."""
    tool = shutil.which("systemd-run")
    if tool is None or not os.path.isdir("/run/systemd/system") or os.geteuid() != 0:
        return False
    # No marker of that name is there, so a unit of that name waits for nothing any more.
    _systemctl("stop", f"{_unit(name)}.timer", f"{_unit(name)}.service")
    unit = [f"--unit={_unit(name)}", f"--on-active={seconds}", "--collect", "--quiet"]
    return _succeeds([tool, *unit, "--timer-property=AccuracySec=1s", "--", *command])


def stop_timer(name: str) -> None:
    """Disarm a transient timer; it is no mistake where there is none."""
    _systemctl("stop", f"{_unit(name)}.timer")


def _unit(name: str) -> str:
    return f"nodecare-longhorn-{name}"


def _systemctl(*arguments: str) -> None:
    tool = shutil.which("systemctl")
    if tool is not None:
        _succeeds([tool, *arguments])


def _succeeds(command: list[str]) -> bool:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


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
