# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes inside the pods of instance managers: replicas, and engines with what they know.

An instance manager reports a change of its processes once a second; the controllers see nothing
earlier (F§15.1, rec: */v1-create-attach).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulator.kernel import Kernel, Timer

TICK = 1.0
_START = (0.02, 0.1)
REPLICA = "replica"
ENGINE = "engine"


@dataclass(slots=True)
class Member:
    """A replica as its engine knows it. ``mode``: RW, WO or ERR."""

    name: str
    node: str
    address: str
    mode: str


@dataclass(slots=True)
class Instance:
    """One process. ``state``: starting, running or error; ``members``: an engine's replicas."""

    name: str
    kind: str
    node: str
    port: int
    state: str = "starting"
    members: dict[str, Member] = field(default_factory=dict)


class Instances:
    """All processes, per node, and the second's beat at which a node's manager reports."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._running: dict[str, dict[str, Instance]] = {}
        self._phase: dict[str, float] = {}
        self._ports: dict[str, int] = {}
        self._report: dict[str, Timer] = {}
        self._listeners: list[Callable[[str], None]] = []

    def subscribe(self, changed: Callable[[str], None]) -> None:
        """Be told the node whose processes changed, at its manager's next beat."""
        self._listeners.append(changed)

    def of(self, node: str) -> list[Instance]:
        """The processes on a node, by name."""
        found = self._running.get(node) or {}
        return [found[name] for name in sorted(found)]

    def get(self, node: str, name: str) -> Instance | None:
        """A process, None if it does not run there."""
        return (self._running.get(node) or {}).get(name)

    def runs(self, node: str, name: str) -> bool:
        """Whether a process is up."""
        found = self.get(node, name)
        return found is not None and found.state == "running"

    def start(
        self, node: str, name: str, kind: str, works: Callable[[], bool] = lambda: True
    ) -> Instance:
        """Start a process; the same one again where it is there already.

        ``works`` says, when it comes up, whether it finds what it needs; else it is in error.
        """
        found = self.get(node, name)
        if found is not None and found.state != "error":
            return found
        port = self._ports.get(node, 10000)
        self._ports[node] = port + 10
        instance = Instance(name, kind, node, port)
        self._running.setdefault(node, {})[name] = instance
        delay = self._kernel.rng.uniform(*_START)
        self._kernel.call_later(delay, lambda: self._up(instance, works))
        return instance

    def stop(self, node: str, name: str) -> None:
        """End a process in an orderly way: it is gone from the next report."""
        if (self._running.get(node) or {}).pop(name, None) is not None:
            self._changed(node)

    def kill(self, node: str, name: str) -> None:
        """kill -9: the process is reported in state error until it is removed."""
        found = self.get(node, name)
        if found is not None:
            found.state = "error"
            self._changed(node)

    def clear(self, node: str) -> None:
        """The pod, or the machine, is gone, and every process with it."""
        self._running.pop(node, None)

    def _up(self, instance: Instance, works: Callable[[], bool]) -> None:
        if self.get(instance.node, instance.name) is instance and instance.state == "starting":
            instance.state = "running" if works() else "error"
            self._changed(instance.node)

    def _changed(self, node: str) -> None:
        if node in self._report:
            return
        phase = self._phase.setdefault(node, self._kernel.rng.uniform(0, TICK))
        now = self._kernel.now()
        beats = int((now - phase) / TICK) + 1
        self._report[node] = self._kernel.call_at(phase + beats * TICK, lambda: self._tell(node))

    def _tell(self, node: str) -> None:
        del self._report[node]
        for listener in list(self._listeners):
            listener(node)
