# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines under the nodes: power, heartbeat, and what Kubernetes makes of a silent one.

Timing: F§5.5 and recordings */f-node-down, */v9-node-off-*: a silent kubelet is noticed 40 s + its
last beat later, its pods turn not ready at once and are deleted after their 300 s of toleration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.simulator.controller import Key, key_of
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Kernel, Timer
from tests.simulator.kube.kubelet import Kubelet
from tests.simulator.objects import Object, condition
from tests.simulator.store import Store

GRACE = 50.0
BEAT = 10.0
MONITOR = 5.0
POWER_ON = (0.3, 1.2)
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


@dataclass
class _Machine:
    kubelet: Kubelet
    silence: Timer | None = None


class Machines:
    """The machines under the nodes: their power, their kubelets."""

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self._kernel = kernel
        self._store = store
        self._machines: dict[str, _Machine] = {}
        store.subscribe(self._route)

    def _route(self, event: WatchEvent) -> None:
        if event.res == "pods":
            machine = self._machines.get(event.obj.get("spec", {}).get("nodeName") or "")
            if machine is not None:
                machine.kubelet.on_pod(event)

    def names(self) -> list[str]:
        """Return the names of all machines, in the order in which they came."""
        return list(self._machines)

    def kubelet(self, node: str) -> Kubelet:
        """Return a node's kubelet. Raises KeyError for a name nobody added."""
        return self._machines[node].kubelet

    def is_on(self, node: str) -> bool:
        """Tell whether a machine has power."""
        return self._machines[node].kubelet.running

    def add(self, node: str, zone: str = "", labels: dict[str, str] | None = None) -> Object:
        """Plug in a machine: its node object is made (Ready) unless it exists, its
        kubelet starts.
        """
        number = len(self._machines) + 1
        address = f"10.42.{number % 250}"
        kubelet = Kubelet(self._kernel, self._store, node, address)
        self._machines[node] = _Machine(kubelet)
        found = self._store.find("nodes", "", node)
        if found is None:
            found = self._store.create("nodes", self._object(node, address, zone, labels or {}))
        kubelet.power_on()
        return found

    def power_off(self, node: str) -> None:
        """Cut the power: nothing on the node moves any more; Kubernetes notices when beats are
        missing.
        """
        machine = self._machines[node]
        if not machine.kubelet.running:
            return
        machine.kubelet.power_off()
        last = self._kernel.now() - self._kernel.rng.uniform(0, BEAT)
        noticed = last + GRACE + self._kernel.rng.uniform(0, MONITOR)
        machine.silence = self._kernel.call_at(noticed, lambda: self._lost(node))

    def power_on(self, node: str) -> None:
        """Give power back: the node is Ready about a second later."""
        machine = self._machines[node]
        if machine.kubelet.running:
            return
        if machine.silence is not None:
            machine.silence.cancel()
        machine.kubelet.running = True
        delay = self._kernel.rng.uniform(*POWER_ON)
        self._kernel.call_later(delay, lambda: self._back(node))

    def _object(self, node: str, address: str, zone: str, labels: dict[str, str]) -> Object:
        all_labels = {
            "kubernetes.io/hostname": node,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            **({"topology.kubernetes.io/zone": zone} if zone else {}),
            **labels,
        }
        size = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "20Gi"}
        return {
            "metadata": {"name": node, "labels": all_labels},
            "spec": {"podCIDR": f"{address}.0/24", "providerID": f"sim://{node}"},
            "status": {
                "capacity": size,
                "allocatable": dict(size),
                "conditions": self._healthy(),
                "addresses": [
                    {"type": "InternalIP", "address": f"{address}.1"},
                    {"type": "Hostname", "address": node},
                ],
                "nodeInfo": {
                    "kubeletVersion": "v1.36.0",
                    "operatingSystem": "linux",
                    "architecture": "amd64",
                    "osImage": "Simulated Linux",
                    "kernelVersion": "6.12.0",
                    "containerRuntimeVersion": "sim://1",
                },
            },
        }

    def _healthy(self) -> list[Object]:
        stamp = self._kernel.timestamp()
        return [
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": stamp,
                "lastTransitionTime": stamp,
            }
            for kind, status, reason, message in _CONDITIONS
        ]

    def _lost(self, node: str) -> None:
        def edit(obj: Object) -> None:
            for entry in obj["status"].get("conditions") or []:
                entry |= {
                    "status": "Unknown",
                    "reason": "NodeStatusUnknown",
                    "message": "Kubelet stopped posting node status.",
                    "lastTransitionTime": self._kernel.timestamp(),
                }

        self._write(node, edit)
        for pod in self._store.list("pods"):
            if pod["spec"].get("nodeName") == node:
                delay = self._kernel.rng.uniform(0.02, 0.3)
                self._kernel.call_later(delay, partial(self._unready, node, key_of(pod)))

    def _unready(self, node: str, key: Key) -> None:
        if self.is_on(node) or self._store.find("pods", *key) is None:
            return

        def edit(obj: Object) -> None:
            ready = condition(obj, "Ready")
            if ready is not None and ready["status"] != "False":
                ready |= {"status": "False", "lastTransitionTime": self._kernel.timestamp()}

        self._store.mutate("pods", *key, edit, subresource="status")

    def _back(self, node: str) -> None:
        if not self.is_on(node):
            return
        kubelet = self._machines[node].kubelet
        if self._store.find("nodes", "", node) is None:
            # a kubelet whose node was deleted registers it again
            self._store.create("nodes", self._object(node, kubelet.address, "", {}))
        self._write(node, lambda obj: obj["status"].update(conditions=self._healthy()))
        kubelet.power_on()

    def _write(self, node: str, edit: Callable[[Object], None]) -> None:
        if self._store.find("nodes", "", node) is not None:
            self._store.mutate("nodes", "", node, edit, subresource="status")
