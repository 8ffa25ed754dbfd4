# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the command of a pod on the host: the fault tool's, the source probe's and that of a look at
files, no other.

A simulated container has no file system. A pod that carries a label of ours, and whose command is
exactly the program that the collection ships for it, is run as a process. The root ``/host`` of the
fault tool is the folder of the simulated machine; the probe gets the environment that its Secret
holds, and reaches the simulated sources through their proxy; the look gets the environment of its
spec, in which the paths below its mounts are those of the simulated disks. What a process prints is
the pod's log. It takes real time, so its ``activeDeadlineSeconds`` are real ones.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.objects import Object, is_terminating, labels_of, name_of, namespace_of, uid_of
from tests.simulator.podlogs import PodLogs
from tests.simulator.store import Store

LABEL = "longhorn.nodecare.dev/test-run"
PROBE_LABEL = "longhorn.nodecare.dev/source-probe"
LOOK_LABEL = "longhorn.nodecare.dev/disk-look"
ROOT = "/host"
LOOK_EVERY = 1.0
LABELS = {LABEL, PROBE_LABEL, LOOK_LABEL}
End = Callable[[Object, int, str], None]


@dataclass(frozen=True)
class Programs:
    """What is allowed, each asked when needed: the source of the fault tool, the script of the
    probe, the proxy through which pods reach sources, the scripts on files, and the folder that
    stands for a path of a machine (None where it has none).
    """

    fault_tool: Callable[[], str]
    probe: Callable[[], str]
    proxy: Callable[[], str]
    looks: Callable[[], tuple[str, ...]]
    folder: Callable[[str, str], Path | None]


@dataclass
class _Run:
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    pod: Object
    until: float


class PodCommands:
    """The processes of such pods. ``end``: told when a container's process has ended, with its exit
    code and the pod's reason.
    """

    def __init__(
        self,
        kernel: Kernel,
        store: Store,
        logs: PodLogs,
        roots: Mapping[str, Path],
        programs: Programs,
        end: End,
    ) -> None:
        self._kernel = kernel
        self._store = store
        self._logs = logs
        self._roots = roots
        self._programs = programs
        self._end = end
        self._runs: dict[str, _Run] = {}
        self._begun: set[tuple[str, int]] = set()
        store.subscribe(self._on_event)

    def close(self) -> None:
        """End all of them."""
        for uid in list(self._runs):
            self._kill(uid)

    def _on_event(self, event: WatchEvent) -> None:
        if event.res != "pods" or not labels_of(event.obj).keys() & LABELS:
            return
        pod = event.obj
        if event.type == DELETED or is_terminating(pod):
            self._kill(uid_of(pod))
            return
        statuses = pod.get("status", {}).get("containerStatuses") or [{}]
        running = pod.get("status", {}).get("phase") == "Running"
        mark = (uid_of(pod), int(statuses[0].get("restartCount") or 0))
        if running and mark not in self._begun:
            self._begun.add(mark)
            self._begin(pod)

    def _begin(self, pod: Object) -> None:
        command, environment = self._allowed(pod), None
        if command is None and PROBE_LABEL in labels_of(pod):
            command, environment = self._probe(pod)
        if command is None and LOOK_LABEL in labels_of(pod):
            command, environment = self._look_at_files(pod)
        if command is None:
            self._logs.write(pod, "the simulator runs no such command")
            self._kernel.call_later(LOOK_EVERY, lambda: self._end(pod, 126, ""))
            return
        path = self._roots[pod["spec"]["nodeName"]] / f"pod-{uid_of(pod)}.out"
        write, output = path.open("wb"), path.open("rb")
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        write.close()
        seconds = float(pod["spec"].get("activeDeadlineSeconds") or "inf")
        self._runs[uid_of(pod)] = _Run(process, output, pod, time.monotonic() + seconds)
        self._kernel.call_later(LOOK_EVERY, lambda: self._look(uid_of(pod)))

    def _allowed(self, pod: Object) -> list[str] | None:
        """The command with our interpreter and root, None where it is not ours."""
        root = self._roots.get(pod["spec"].get("nodeName", ""))
        given = pod["spec"]["containers"][0].get("command") or []
        if root is None or len(given) != 5 or given[:2] != ["python3", "-c"]:
            return None
        if LABEL not in labels_of(pod) or given[2] != self._programs.fault_tool():
            return None
        try:
            request = json.loads(given[4])
        except ValueError:
            return None
        if not isinstance(request, dict) or request.get("root") != ROOT:
            return None
        action = json.dumps({**request, "root": str(root)})
        return [sys.executable, "-c", given[2], given[3], action]

    def _probe(self, pod: Object) -> tuple[list[str] | None, dict[str, str]]:
        """The probe's command and environment; (None, {}) where it is another command."""
        container = pod["spec"]["containers"][0]
        given = container.get("command") or []
        if given != ["sh", "-c", self._programs.probe()]:
            return None, {}
        found = {
            "PATH": os.environ.get("PATH", os.defpath),
            "http_proxy": self._programs.proxy(),
        }
        for each in container.get("envFrom") or []:
            name = each["secretRef"]["name"]
            secret = self._store.get("secrets", namespace_of(pod), name)
            for key, text in (secret.get("data") or {}).items():
                found[key] = base64.b64decode(text).decode()
        return list(given), found

    def _look_at_files(self, pod: Object) -> tuple[list[str] | None, dict[str, str]]:
        """The look's command and environment; (None, {}) where it is another command."""
        spec = pod["spec"]
        container = spec["containers"][0]
        given = container.get("command") or []
        if given[:2] != ["sh", "-c"] or given[2:] not in [[s] for s in self._programs.looks()]:
            return None, {}
        paths = {each["name"]: each["hostPath"]["path"] for each in spec.get("volumes") or []}
        places = {
            each["mountPath"]: self._programs.folder(spec["nodeName"], paths[each["name"]])
            for each in container.get("volumeMounts") or []
        }
        found = {"PATH": os.environ.get("PATH", os.defpath)}
        for each in container.get("env") or []:
            found[each["name"]] = _below(each["value"], places)
        return list(given), found

    def _look(self, uid: str) -> None:
        run = self._runs.get(uid)
        if run is None:
            return
        code = run.process.poll()
        if code is None and time.monotonic() > run.until:
            self._kill(uid)
            self._end(run.pod, 137, "DeadlineExceeded")
            return
        self._copy_lines(run)
        if code is None:
            self._kernel.call_later(LOOK_EVERY, lambda: self._look(uid))
            return
        del self._runs[uid]
        run.output.close()
        present = self._store.find("pods", namespace_of(run.pod), name_of(run.pod))
        if present is not None and uid_of(present) == uid:
            self._end(present, code, "")

    def _copy_lines(self, run: _Run) -> None:
        """Put what was printed since the last look into the pod's log."""
        for line in run.output.read().decode(errors="replace").splitlines():
            self._logs.write(run.pod, line)

    def _kill(self, uid: str) -> None:
        run = self._runs.pop(uid, None)
        if run is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.process.pid, signal.SIGKILL)
            run.process.wait()
            run.output.close()


def _below(text: str, places: Mapping[str, Path | None]) -> str:
    """A path below a mount as it is on the host of the simulator; any other text as it is."""
    for mount, place in places.items():
        if place is not None and text.startswith(f"{mount}/"):
            return str(place / text.removeprefix(f"{mount}/"))
    return text
