# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk monitor of a node: every 30 s it looks at the disks, and holds what it saw (F§7.1).

A node pass believes only what the monitor saw last; as long as the Node's spec names other disks,
paths or eviction flags the pass ends early. That is why a changed flag waits up to 30 s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulator.kernel import Kernel, Timer
from tests.simulator.longhorn import names
from tests.simulator.longhorn.disk_folder import DiskConfig
from tests.simulator.longhorn.workers import Workers
from tests.simulator.objects import Object
from tests.simulator.store import Store

RUN_EVERY = 30.0
BLOCK = 100 << 20
NO_CONFIG = "cannot find disk config file, maybe due to a mount error"


@dataclass(frozen=True, slots=True)
class DiskSight:
    """What the monitor saw of one disk."""

    path: str
    evicting: bool
    uuid: str
    filesystem: str
    maximum: int
    available: int
    problem: str = ""


Sights = dict[str, DiskSight]


class DiskMonitors:
    """One monitor per running manager."""

    def __init__(self, kernel: Kernel, store: Store, workers: Workers) -> None:
        self.kernel = kernel
        self.store = store
        self.workers = workers
        self.changed: Callable[[str], None] = lambda node: None
        self._seen: dict[str, Sights] = {}
        self._timers: dict[str, Timer] = {}

    def start(self, node: str, first: float = RUN_EVERY) -> None:
        """Begin with a node; the first look comes after ``first`` seconds."""
        self.stop(node)
        self._timers[node] = self.kernel.call_later(first, lambda: self._run(node))

    def stop(self, node: str) -> None:
        """End with a node; what was seen is forgotten."""
        timer = self._timers.pop(node, None)
        if timer is not None:
            timer.cancel()
        self._seen.pop(node, None)

    def seen(self, node: str) -> Sights | None:
        """The last look at a node's disks, None before the first."""
        return self._seen.get(node)

    def look(self, node: str) -> None:
        """Look now."""
        obj = self.store.find(names.NODES, names.NAMESPACE, node)
        if obj is None:
            return
        self._seen[node] = {
            name: self._sight(obj, name, disk)
            for name, disk in (obj["spec"].get("disks") or {}).items()
        }

    def _run(self, node: str) -> None:
        self._timers[node] = self.kernel.call_later(RUN_EVERY, lambda: self._run(node))
        before = self._seen.get(node)
        self.look(node)
        if self._seen.get(node) != before:
            self.changed(node)

    def _sight(self, node: Object, name: str, spec: Object) -> DiskSight:
        path = spec.get("path", "")
        evicting = evicts(node, spec)
        folder = self.workers.disk(node["metadata"]["name"], path)
        if folder is None or not folder.path.is_dir():
            return DiskSight(path, evicting, "", "", 0, 0, NO_CONFIG)
        config = folder.config()
        if config is None:
            config = DiskConfig(name, self.kernel.new_uid())
            folder.write_config(config)
        free = max(0, folder.capacity - folder.used())
        identity = f"{node['metadata']['name']}{folder.filesystem}"
        return DiskSight(
            path, evicting, config.uuid, identity, folder.capacity, free // BLOCK * BLOCK
        )


def evicts(node: Object, disk: Object) -> bool:
    """Whether a disk is to be evicted, by its own flag or its node's."""
    return bool(disk.get("evictionRequested") or node["spec"].get("evictionRequested"))


def agrees(node: Object, sights: Sights | None) -> bool:
    """Whether the monitor's last look fits the Node's spec (isDiskMatched of NC)."""
    if sights is None:
        return False
    wanted = node["spec"].get("disks") or {}
    if set(wanted) != set(sights):
        return False
    return all(
        sights[name].path == disk.get("path") and sights[name].evicting == evicts(node, disk)
        for name, disk in wanted.items()
    )
