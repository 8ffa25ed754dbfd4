# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's kubelet: it starts the pods that are bound to its node, reports on them, and ends them.

Delays: F§14.5 and the recordings' pods.jsonl. A container runs 0.03 to 0.65 s after its pod was
bound and is ready after its readiness probe's initial delay; a deleted pod is gone after 1.2 to 2.4
s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulator.errors import ApiError
from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kernel import Kernel, Timer
from tests.simulator.kube.attachdetach import mountable
from tests.simulator.objects import Object, is_terminating, name_of, namespace_of, uid_of
from tests.simulator.store import Store

START = (0.03, 0.65)
STOP = (1.2, 2.4)
RESTART = (0.05, 0.2)
# A pod whose volumes are not there yet is looked at again.
MOUNT = (0.3, 0.5)
Key = tuple[str, str]


class Kubelet:
    """The agent of one node. ``address`` is the first part of its pods' addresses, such as
    ``10.42.1``.
    """

    start_delay = START
    stop_delay = STOP
    restart_delay = RESTART

    def __init__(self, kernel: Kernel, store: Store, node: str, address: str) -> None:
        self.node = node
        self.running = False
        self._kernel = kernel
        self._store = store
        self.address = address
        self._next_address = 10
        self._timers: dict[str, list[Timer]] = {}
        #: Seconds that the start of a pod is known to take; None: drawn from ``start_delay``.
        self.known_start: Callable[[Object], float | None] = lambda pod: None
        #: Whether the machine has a folder that a pod mounts with hostPath type Directory.
        self.has_folder: Callable[[str], bool] = lambda path: True

    def power_on(self) -> None:
        """Start: containers that were running are gone, so their pods fail or start again."""
        self.running = True
        for pod in self._pods():
            if is_terminating(pod):
                self._later(pod, (0.1, 0.3), self._remove)
            elif pod["status"].get("phase") == "Running":
                self.stop_container(pod)
            else:
                self._later(pod, self.start_delay, self._started)

    def power_off(self) -> None:
        """Stop at once; what the pods last reported stays as it is."""
        self.running = False
        for timers in self._timers.values():
            for timer in timers:
                timer.cancel()
        self._timers.clear()

    def stop_container(self, pod: Object, code: int = 137, reason: str = "") -> None:
        """End a pod's containers as a crash does: ``restartPolicy`` decides what follows. *reason*:
        why the pod as a whole has failed.
        """
        policy = pod.get("spec", {}).get("restartPolicy", "Always")
        again = policy == "Always" or (policy == "OnFailure" and code != 0)
        if again:
            self._later(pod, self.restart_delay, self._started)
            return
        phase = "Succeeded" if code == 0 else "Failed"
        self._report(pod, lambda obj: _finish(obj, phase, code, self._kernel.timestamp()))
        if reason:
            self._report(pod, lambda obj: obj["status"].update(reason=reason))

    def _pods(self) -> list[Object]:
        pods = self._store.list("pods")
        return [p for p in pods if p.get("spec", {}).get("nodeName") == self.node]

    def on_pod(self, event: WatchEvent) -> None:
        """Take note of a write to a pod that is bound to this node."""
        pod = event.obj
        if event.type == DELETED:
            for timer in self._timers.pop(uid_of(pod), []):
                timer.cancel()
            return
        if not self.running:
            return
        bound = event.old is None or not event.old.get("spec", {}).get("nodeName")
        marked = is_terminating(pod) and not (event.old and is_terminating(event.old))
        if marked:
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            low, high = self.stop_delay
            self._later(pod, (min(low, grace), min(high, grace)), self._remove)
        elif bound:
            known = self.known_start(pod)
            delay = self.start_delay if known is None else (known, known)
            self._later(pod, delay, self._started)

    def _later(self, pod: Object, delay: tuple[float, float], fn: Callable[[Object], None]) -> None:
        seconds = self._kernel.rng.uniform(*delay)
        key, uid = (namespace_of(pod), name_of(pod)), uid_of(pod)

        def run() -> None:
            present = self._store.find("pods", *key)
            if self.running and present is not None and uid_of(present) == uid:
                fn(present)

        self._timers.setdefault(uid, []).append(self._kernel.call_later(seconds, run))

    def _report(self, pod: Object, edit: Callable[[Object], None]) -> None:
        try:
            self._store.mutate("pods", namespace_of(pod), name_of(pod), edit, subresource="status")
        except ApiError as error:
            if error.status != 404:
                raise

    def _started(self, pod: Object) -> None:
        if is_terminating(pod):
            return
        if not mountable(self._store, pod):
            self._later(pod, MOUNT, self._started)
            return
        if not all(self.has_folder(path) for path in host_folders(pod)):
            self._report(pod, _wait_for_mount)
            self._later(pod, MOUNT, self._started)
            return
        if not configured(self._store, pod):
            self._report(pod, _wait_for_config)
            self._later(pod, MOUNT, self._started)
            return
        self._next_address += 1
        address = f"{self.address}.{self._next_address % 250}"
        stamp = self._kernel.timestamp()
        delay = max([_probe_delay(c) for c in pod["spec"].get("containers") or []], default=0.0)
        ready = delay == 0
        self._report(pod, lambda obj: _run(obj, stamp, address, self.address, ready))
        if not ready:
            self._later(pod, (delay, delay), self._ready)

    def _ready(self, pod: Object) -> None:
        if not is_terminating(pod) and pod["status"].get("phase") == "Running":
            self._report(pod, lambda obj: set_ready(obj, True, self._kernel.timestamp()))

    def _remove(self, pod: Object) -> None:
        try:
            self._store.delete("pods", namespace_of(pod), name_of(pod), uid=uid_of(pod), grace=0)
        except ApiError as error:
            if error.status != 404:
                raise


def configured(store: Store, pod: Object) -> bool:
    """Whether every Secret is there that a container takes its environment from."""
    wanted = [
        each["secretRef"]
        for container in pod["spec"].get("containers") or []
        for each in container.get("envFrom") or []
        if "secretRef" in each and not each["secretRef"].get("optional")
    ]
    space = namespace_of(pod)
    return all(store.find("secrets", space, ref["name"]) is not None for ref in wanted)


def host_folders(pod: Object) -> list[str]:
    """Folders of the machine that have to be there before a pod starts."""
    found = [each.get("hostPath") or {} for each in pod["spec"].get("volumes") or []]
    return [each["path"] for each in found if each.get("type") == "Directory"]


def _wait_for_config(obj: Object) -> None:
    _wait(obj, "CreateContainerConfigError")


def _wait_for_mount(obj: Object) -> None:
    _wait(obj, "ContainerCreating")


def _wait(obj: Object, reason: str) -> None:
    waiting = {"waiting": {"reason": reason}}
    obj["status"]["containerStatuses"] = [
        {"name": c["name"], "image": c.get("image", ""), "restartCount": 0, "state": waiting}
        for c in obj["spec"]["containers"]
    ]


def _probe_delay(container: Object) -> float:
    probe = container.get("readinessProbe")
    return float(probe.get("initialDelaySeconds") or 0) if probe else 0.0


def _condition(kind: str, true: bool, stamp: str) -> Object:
    entry: Object = {
        "type": kind,
        "status": "True" if true else "False",
        "lastProbeTime": None,
        "lastTransitionTime": stamp,
    }
    if not true:
        entry["reason"] = "ContainersNotReady"
    return entry


def _run(obj: Object, stamp: str, address: str, network: str, ready: bool) -> None:
    status: dict[str, Any] = obj["status"]
    old = status.get("containerStatuses") or []
    before = {s["name"]: s for s in old if "waiting" not in s["state"]}
    status["phase"] = "Running"
    status["hostIP"] = f"{network}.1"
    status["hostIPs"] = [{"ip": f"{network}.1"}]
    status["podIP"] = address
    status["podIPs"] = [{"ip": address}]
    status["startTime"] = stamp
    names = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    status["conditions"] = [
        _condition(name, ready or name not in ("Ready", "ContainersReady"), stamp) for name in names
    ]
    status["containerStatuses"] = [
        {
            "name": c.get("name", ""),
            "image": c.get("image", ""),
            "imageID": f"sim://{c.get('image', '')}",
            "containerID": f"sim://{uid_of(obj)}-{c.get('name', '')}",
            "ready": ready,
            "started": True,
            "restartCount": before[c["name"]]["restartCount"] + 1 if c["name"] in before else 0,
            "state": {"running": {"startedAt": stamp}},
            "lastState": {},
        }
        for c in obj["spec"].get("containers") or []
    ]


def set_ready(obj: Object, ready: bool, stamp: str) -> None:
    """Make a running pod's containers ready or not, in place."""
    for container in obj["status"].get("containerStatuses") or []:
        container["ready"] = ready
    obj["status"]["conditions"] = [
        _condition(c["type"], ready, stamp) if c["type"] in ("Ready", "ContainersReady") else c
        for c in obj["status"].get("conditions") or []
    ]


def _finish(obj: Object, phase: str, code: int, stamp: str) -> None:
    obj["status"]["phase"] = phase
    for entry in obj["status"].get("conditions") or []:
        if entry["type"] == "Ready":
            entry |= {"status": "False", "lastTransitionTime": stamp}
    for container in obj["status"].get("containerStatuses") or []:
        container["ready"] = False
        container["started"] = False
        reason = "Completed" if code == 0 else "Error"
        container["state"] = {
            "terminated": {"exitCode": code, "reason": reason, "finishedAt": stamp}
        }
