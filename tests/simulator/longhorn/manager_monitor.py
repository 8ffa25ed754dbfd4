# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor of a running backing image manager carries its records into the API (F§3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.simulator.kernel import Timer
from tests.simulator.longhorn import names
from tests.simulator.longhorn.file_service import FileService
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object

TICK = 1.0
LIST_EVERY = 60.0


@dataclass(slots=True)
class _Watch:
    service: FileService
    started: float
    timer: Timer


class Monitors:
    """One monitor per manager: a tick per second, which lists only after news, or after 60 s."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kernel = world.kernel
        self._watches: dict[str, _Watch] = {}

    def start(self, name: str) -> None:
        """Watch a manager's service; the first tick lists in any case."""
        service = self.world.processes.service(name)
        watch = self._watches.get(name)
        if service is None or (watch is not None and watch.service is service):
            return
        self.stop(name)
        now = self.kernel.now()
        if service.phase is not None:
            now -= (now - service.phase) % TICK
        timer = self.kernel.call_at(now + TICK, lambda: self._tick(name))
        self._watches[name] = _Watch(service, now, timer)
        service.listener = lambda: self._news(name, service)

    def stop(self, name: str) -> None:
        """Stop watching."""
        watch = self._watches.pop(name, None)
        if watch is not None:
            watch.timer.cancel()
            watch.service.listener = None

    def _news(self, name: str, service: FileService) -> None:
        watch = self._watches.get(name)
        if watch is None or watch.service is not service:
            return
        passed = self.kernel.now() - watch.started
        at = watch.started + (math.floor(passed / TICK) + 1) * TICK
        if at < watch.timer.at:
            watch.timer.cancel()
            watch.timer = self.kernel.call_at(at, lambda: self._tick(name))

    def _tick(self, name: str) -> None:
        watch = self._watches[name]
        watch.timer = self.kernel.call_later(LIST_EVERY, lambda: self._tick(name))
        if not watch.service.alive:
            return
        files = watch.service.list(self.world.profile.has("real_size"))
        store = self.world.store
        if store.find(names.MANAGERS, names.NAMESPACE, name) is None:
            return

        def note(obj: Object) -> None:
            obj.setdefault("status", {})["backingImageFileMap"] = files

        store.mutate(names.MANAGERS, names.NAMESPACE, name, note, subresource="status")
        for image, file in files.items():
            if file["state"] == names.READY:
                self.ready(name, image)

    def ready(self, name: str, image: str) -> None:
        """A copy is ready: its back-off begins anew (F§3.2)."""
        for node in self.world.managers.nodes():
            copies = self.world.managers.get(node).memory.get("copies", {})
            if name in copies:
                copies[name].forget(image)
