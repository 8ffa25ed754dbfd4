# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager processes, one per node, and who of them may act on an object (F§0.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.kernel import Kernel
from tests.simulator.longhorn import names
from tests.simulator.longhorn.choices import Choices
from tests.simulator.objects import Object, condition, name_of
from tests.simulator.store import Store

UNAVAILABLE = frozenset({"KubernetesNodeGone", "KubernetesNodeNotReady", "ManagerPodMissing"})
BEAT = 30.0


@dataclass(slots=True)
class ManagerProcess:
    """One process; ``memory`` holds what is lost with it (back-offs, monitors).

    All its beats of 30 s, those of the informers as well as the disk monitor's, count from its
    start: in the recordings they fall on the same second of the half minute.
    """

    node: str
    started: float
    memory: dict[str, Any] = field(default_factory=dict)

    def next_beat(self, now: float) -> float:
        """When the next beat comes, in epoch seconds."""
        return now + BEAT - (now - self.started) % BEAT


class ManagerProcesses:
    """All manager processes that run now."""

    def __init__(self, kernel: Kernel, store: Store, choices: Choices) -> None:
        self.kernel = kernel
        self.store = store
        self.choices = choices
        self._running: dict[str, ManagerProcess] = {}
        self._on_start: list[Callable[[str], None]] = []
        self._on_stop: list[Callable[[str], None]] = []

    def subscribe(self, start: Callable[[str], None], stop: Callable[[str], None]) -> None:
        """Be told the node of each process that starts or ends."""
        self._on_start.append(start)
        self._on_stop.append(stop)

    def start(self, node: str, age: float = 0.0) -> None:
        """A process begins (or began ``age`` seconds ago): its controllers look at everything."""
        if node in self._running:
            return
        self._running[node] = ManagerProcess(node, self.kernel.now() - age)
        for fn in self._on_start:
            fn(node)

    def stop(self, node: str) -> None:
        """A process ends, with its memory."""
        if self._running.pop(node, None) is None:
            return
        for fn in self._on_stop:
            fn(node)

    def running(self, node: str) -> bool:
        """Whether a node's process runs."""
        return node in self._running

    def nodes(self) -> list[str]:
        """Nodes whose process runs, sorted."""
        return sorted(self._running)

    def get(self, node: str) -> ManagerProcess:
        """A running process; KeyError where there is none."""
        return self._running[node]

    def unavailable(self, node: str) -> bool:
        """Whether the others may take over what a node's manager owned."""
        found = self.store.find(names.NODES, names.NAMESPACE, node) if node else None
        if found is None:
            return True
        ready = condition(found, "Ready")
        if ready is None:
            return False
        return ready.get("status") == "False" and ready.get("reason") in UNAVAILABLE

    def owner_for(self, obj: Object, preferred: str = "") -> str | None:
        """Which manager acts on an object now, or None if none may (F§0.1 Ownership)."""
        current = (obj.get("status") or {}).get("ownerID") or ""
        if preferred and preferred in self._running and not self.unavailable(preferred):
            return preferred
        if not self.unavailable(preferred):
            return preferred if preferred in self._running else None
        if not self.unavailable(current):
            return current if current in self._running else None
        candidates = self.nodes()
        if preferred in candidates:
            return preferred
        candidates = [node for node in candidates if not self.unavailable(node)]
        if not candidates:
            return None
        return self.choices.pick("owner", name_of(obj), candidates)
