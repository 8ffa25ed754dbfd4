# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine controller: starts, stops and every 5 s polls engine processes (F§9.2, F§15.1).

longhorn-manager controller/engine_controller.go, v1.6.4 and v1.12.1. Rebuilding of an empty replica
takes 0.1 s up to 1.7 and 9 to 10 s in 1.12 (F§15.5, unexplained; releases between were not
recorded and are taken like 1.12 from 1.8 on).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tests.simulator.controller import Key, key_of
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Timer
from tests.simulator.longhorn import names
from tests.simulator.longhorn.controller import LonghornController
from tests.simulator.longhorn.engine_process import EngineProcess
from tests.simulator.longhorn.instances import ENGINE, Instances
from tests.simulator.longhorn.volume_scene import manager_of, reported, state_of
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, name_of

POLL = 5.0


class EngineController(LonghornController):
    """Reconciles engines; the manager of the engine's node acts."""

    resource: ClassVar[str] = names.ENGINES

    def __init__(self, world: World, instances: Instances) -> None:
        super().__init__(world)
        self.instances = instances
        self._processes: dict[str, EngineProcess] = {}
        self._polls: dict[str, Timer] = {}
        self.watch(names.INSTANCE_MANAGERS, self._of_manager)
        self.watch(names.REPLICAS, self._of_replica)

    def prefer(self, obj: Object) -> str:
        """The node the engine runs on."""
        return str(obj["spec"].get("nodeID") or "")

    def _of_manager(self, event: WatchEvent) -> Iterable[Key]:
        node = event.obj["spec"].get("nodeID")
        for engine in self.store.list(names.ENGINES, names.NAMESPACE):
            if node in (engine["spec"].get("nodeID"), _home(engine)):
                yield key_of(engine)

    def _of_replica(self, event: WatchEvent) -> Iterable[Key]:
        name = event.obj["spec"].get("engineName")
        if name:
            yield (names.NAMESPACE, str(name))

    def reconcile(self, key: Key) -> float | None:
        """One pass over an engine."""
        old = self.get(key)
        if old is None:
            self._stop_polling(key[1])
            return None
        node = str(old["spec"].get("nodeID") or "") or _home(old)
        if is_terminating(old):
            self._end(old, node)
            return None
        mine = self.own(old)
        if mine is None:
            return None
        base = clone(mine)
        manager = manager_of(self.store, node) if node else None
        if mine["spec"].get("desireState") == "stopped" and node:
            self.instances.stop(node, name_of(mine))
        self._observe(mine, manager)
        self.save(mine, base)
        if state_of(mine) == "running":
            self._poll_regularly(name_of(mine), node)
            self._processes[name_of(mine)].take_new(mine)
        else:
            self._stop_polling(name_of(mine))
            self._start(mine, node, manager)
        return None

    def _end(self, engine: Object, node: str) -> None:
        if node:
            self.instances.stop(node, name_of(engine))
        self._stop_polling(name_of(engine))
        self.store.mutate(
            names.ENGINES,
            names.NAMESPACE,
            name_of(engine),
            lambda obj: obj["metadata"].update(finalizers=[]),
        )

    def _observe(self, mine: Object, manager: Object | None) -> None:
        """Take over what the instance manager reports."""
        status = mine.setdefault("status", {})
        health = ((manager or {}).get("status") or {}).get("currentState")
        process = reported(manager, ENGINE, name_of(mine)) if health == "running" else None
        before, wanted = state_of(mine), mine["spec"].get("desireState")
        if process in ("running", "error"):
            state = process
        elif health == "unknown" and before == "running":
            state = "unknown"
        elif before in ("running", "unknown") and wanted == "running":
            state = "error"
        else:
            state = before if before == "error" and wanted == "running" else "stopped"
        status["currentState"] = state
        status["started"] = state == "running" and wanted == "running"
        status["instanceManagerName"] = name_of(manager) if manager and state != "stopped" else ""
        if state != "running":
            status["replicaModeMap"] = None if state == "stopped" else status.get("replicaModeMap")
            status["rebuildStatus"] = None

    def _start(self, mine: Object, node: str, manager: Object | None) -> None:
        spec = mine["spec"]
        if spec.get("desireState") != "running" or not node or manager is None:
            return
        if (manager.get("status") or {}).get("currentState") != "running":
            return
        if self.instances.get(node, name_of(mine)) is None:
            self.instances.start(node, name_of(mine), ENGINE)

    def _poll_regularly(self, name: str, node: str) -> None:
        """The monitor: first look 5 s after the engine is seen running (rec: */v1-..)."""
        if name in self._polls:
            return
        process = EngineProcess(self.world, self.instances, node, name)
        process.begin(self.store.get(names.ENGINES, names.NAMESPACE, name))
        self._processes[name] = process
        self._polls[name] = self.kernel.call_later(POLL, lambda: self._poll(name))

    def _poll(self, name: str) -> None:
        self._polls[name] = self.kernel.call_later(POLL, lambda: self._poll(name))
        engine = self.get((names.NAMESPACE, name))
        if engine is None or state_of(engine) != "running":
            return
        if not self.world.managers.running(self._processes[name].node):
            return
        modes, rebuild = self._processes[name].look(engine)

        def edit(obj: Object) -> None:
            obj["status"]["replicaModeMap"] = modes
            obj["status"]["rebuildStatus"] = rebuild or None

        self.store.mutate(names.ENGINES, names.NAMESPACE, name, edit, subresource="status")

    def _stop_polling(self, name: str) -> None:
        timer = self._polls.pop(name, None)
        if timer is not None:
            timer.cancel()
        process = self._processes.pop(name, None)
        if process is not None:
            process.end()


def _home(engine: Object) -> str:
    """The node whose instance manager the engine last ran in."""
    return str((engine.get("status") or {}).get("ownerID") or "")
