# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process on the controller that removes a run's objects from the cluster at a deadline.

It is started before the first of them is made, and belongs to nobody: a play that is killed does
not take it along. Its marker, a file of the user who runs the play, says who, what and until when;
it ends as soon as the marker is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    fault_guard,
    fault_power,
    fault_removal,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

POLL_SECONDS = 0.5
REMOVAL_SECONDS = 120.0
TRIES = 30
OPEN_FILES = 4096


def folder() -> Path:
    """Where the markers of this user lie. Raises Failure where somebody else made that folder."""
    path = Path(tempfile.gettempdir()) / f"nodecare-longhorn-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise Failure(f"{path} is not a folder that only you can write to; remove it.")
    return path


@dataclass(frozen=True)
class Run:
    """A test run in a cluster, which is named by the UID of its namespace kube-system."""

    cluster: str
    name: str


def marker(run: Run) -> Path:
    """The marker of a run."""
    return folder() / f"{run.name}@{run.cluster}.json"


def require_armed(run: Run) -> None:
    """Raises Failure unless the removal of a run is armed."""
    if not marker(run).exists():
        raise Failure(
            f"The removal of the run {run.name} is not armed; use fault_image with state: armed."
        )


def arm(params: Mapping[str, Any], run: Run, seconds: float, who: str) -> None:
    """Write the marker and start a process. A run that is armed already gets a new deadline; its
    earlier process, if that still lives, keeps to it too.
    """
    power = (_body(run) or {}).get("power")
    body: dict[str, Any] = {"run": run.name, "who": who, "until": time.time() + seconds}
    _write(run, {**body, "power": power} if power else body)
    _detach(dict(params), run)


def note_power(run: Run, path: str, node: str) -> None:
    """Note that a machine has to be switched on at the deadline. Raises Failure unless armed."""
    require_armed(run)
    body = _body(run) or {}
    known = (body.get("power") or {}).get("nodes") or []
    _write(run, {**body, "power": {"path": path, "nodes": sorted({*known, node})}})


def noted_power(run: Run) -> tuple[str, list[str]]:
    """Where machines are switched, and which ones a run has switched off."""
    power = (_body(run) or {}).get("power") or {}
    return str(power.get("path") or ""), [str(node) for node in power.get("nodes") or []]


def runs(cluster: str) -> list[Run]:
    """The runs in this cluster that are armed by this user."""
    end = f"@{cluster}.json"
    found = sorted(path.name for path in folder().iterdir() if path.name.endswith(end))
    return [Run(cluster, name.removesuffix(end)) for name in found]


def _body(run: Run) -> dict[str, Any] | None:
    try:
        found = json.loads(marker(run).read_text())
    except (OSError, ValueError, Failure):
        return None
    return found if isinstance(found, dict) else None


def _write(run: Run, body: dict[str, Any]) -> None:
    path = marker(run)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(body))
    new.replace(path)


def disarm(run: Run) -> None:
    """Remove the marker; the process sees it and ends."""
    with contextlib.suppress(FileNotFoundError):
        marker(run).unlink()


def _detach(params: dict[str, Any], run: Run) -> None:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    code = 1
    try:
        leave()
        watch(params, run)
        code = 0
    finally:
        os._exit(code)


def leave(keep: int = -1) -> None:
    """Become, in a child, a process that belongs to nobody: another session, no signals of the
    task, no open files but *keep*. The child itself ends; what goes on is its own child.
    """
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for handle in range(3, OPEN_FILES):
        if handle != keep:
            with contextlib.suppress(OSError):
                os.close(handle)


def watch(params: Mapping[str, Any], run: Run) -> None:
    """Wait for the deadline of the marker, then remove, as often as it takes."""
    while (left := _seconds_left(run)) is not None and left > 0:
        time.sleep(min(POLL_SECONDS, left))
    for _unused in range(TRIES):
        if _seconds_left(run) is None:
            return
        try:
            _remove(params, run)
        except Failure:
            time.sleep(POLL_SECONDS)
            continue
        disarm(run)
        return


def _remove(params: Mapping[str, Any], run: Run) -> None:
    """One try. Raises Failure, also where the connection leads to another cluster by now."""
    interrupt = Interrupt()
    deadline = Deadline(REMOVAL_SECONDS)
    client = connect(params, deadline)
    if fault_guard.cluster_of(client) != run.cluster:
        raise Failure(f"The run {run.name} is in another cluster.")
    fault_power.switch_on(client, *noted_power(run))
    fault_removal.remove(Task(client, deadline, interrupt, Progress(None, interrupt)), run.name)


def _seconds_left(run: Run) -> float | None:
    body = _body(run)
    if body is None or "until" not in body:
        return None
    return float(body["until"]) - time.time()
