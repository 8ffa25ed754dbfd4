# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ties a Longhorn manager's process to its pod, its machine and its restarts (F§5.5, F§7.1)."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.longhorn import names, node_conditions, pod_checks
from tests.simulator.longhorn.disk_monitor import DiskMonitors
from tests.simulator.longhorn.manager_processes import BEAT
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, is_terminating, labels_of, lookup, name_of

RESTART = 11.0
# The node reads Ready before the controllers of its new manager look at it (v1.7.3/g2-evict-node).
WARM_UP = 0.3


class ManagerLives:
    """Starts and stops the managers' processes and their disk monitors."""

    def __init__(
        self, world: World, monitors: DiskMonitors, ensure_node: Callable[[str], None]
    ) -> None:
        self.world = world
        self.monitors = monitors
        self.ensure_node = ensure_node

    def begin(self) -> None:
        """Follow the managers' pods from now on."""
        self.world.store.subscribe(self._on_event)

    def adopt(self, node: str, phase: float | None = None) -> None:
        """A process that has been running for a while: its monitor has looked already.

        ``phase`` is the second of the half minute on which its beats fall (default: drawn).
        """
        kernel = self.world.kernel
        drawn = kernel.rng.uniform(0, BEAT) if phase is None else phase
        now = kernel.now()
        self.world.managers.start(node, age=BEAT * 2 + (now - drawn) % BEAT)
        first = self.world.managers.get(node).next_beat(now) - now
        self.monitors.start(node, first)
        self.monitors.look(node)

    def power_off(self, node: str) -> None:
        """The machine is off: the process ends, whatever the API says."""
        self._stop(node)

    def crash(self, node: str) -> None:
        """The process dies; its container is started again after a while."""
        self._stop(node)
        self._set_ready(node, False)
        self.world.kernel.call_later(RESTART, lambda: self._set_ready(node, True))

    def _start(self, node: str) -> None:
        worker = self.world.workers.get(node)
        if worker is None or not worker.powered or self.world.managers.running(node):
            return
        pods = node_conditions.manager_pods(self.world.store.list("pods", names.NAMESPACE))
        mine = [pod for pod in pods if pod["spec"].get("nodeName") == node]
        if not any(pod_checks.running(pod) for pod in mine):
            return
        self.ensure_node(node)
        self.monitors.start(node)
        self.world.managers.start(node)

    def _stop(self, node: str) -> None:
        self.world.managers.stop(node)
        self.monitors.stop(node)

    def _on_event(self, event: WatchEvent) -> None:
        if event.res != "pods" or labels_of(event.obj).get("app") != "longhorn-manager":
            return
        node = str(lookup(event.obj, "spec.nodeName") or "")
        if event.type != DELETED and pod_checks.running(event.obj):
            self.world.kernel.call_later(WARM_UP, lambda: self._start(node))
        elif event.type == DELETED or is_terminating(event.obj):
            self._stop(node)

    def _set_ready(self, node: str, ready: bool) -> None:
        pods = node_conditions.manager_pods(self.world.store.list("pods", names.NAMESPACE))
        worker = self.world.workers.get(node)
        if worker is None or not worker.powered:
            return

        def note(obj: Object) -> None:
            status = obj["status"]
            for container in status.get("containerStatuses") or []:
                container["ready"] = ready
                container["restartCount"] = container.get("restartCount", 0) + (not ready)
            for entry in status.get("conditions") or []:
                if entry["type"] in ("Ready", "ContainersReady"):
                    entry["status"] = "True" if ready else "False"

        for pod in pods:
            if pod["spec"].get("nodeName") == node:
                self.world.store.mutate("pods", names.NAMESPACE, name_of(pod), note, "status")
