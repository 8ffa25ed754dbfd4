# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine of a volume: attach, stay attached, break, detach (F§9.3, F§15.3).

longhorn-manager controller/volume_controller.go, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from tests.simulator.longhorn import names
from tests.simulator.longhorn import volume_edits as edits
from tests.simulator.longhorn.instances import Instances
from tests.simulator.longhorn.volume_scene import (
    RW,
    Scene,
    is_failed,
    manager_state,
    state_of,
)
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, name_of

_COMPONENT = "longhorn-volume-controller"


class Attacher:
    """Drives one volume one step further, by what is wanted and what runs."""

    def __init__(self, world: World, instances: Instances) -> None:
        self.world = world
        self.store = world.store
        self.instances = instances

    def drive(self, mine: Object, scene: Scene, engine: Object) -> None:
        """One step of the state machine of F§9.3."""
        status, wanted = mine.setdefault("status", {}), mine["spec"].get("nodeID") or ""
        state = str(status.get("state") or "")
        if state == "":
            status["state"] = "creating"
            return
        if state == "creating":
            status.update(state="detaching", robustness="unknown", currentNodeID="")
            return
        if self._all_failed(scene):
            self._faulted(mine, scene, engine)
            return
        if wanted:
            self._attach(mine, scene, engine, wanted)
        else:
            self._detach(mine, scene, engine)

    def _all_failed(self, scene: Scene) -> bool:
        return bool(scene.replicas) and all(is_failed(r) for r in scene.replicas)

    def _faulted(self, mine: Object, scene: Scene, engine: Object) -> None:
        """Every replica failed: say so, let go; when detached, salvage."""
        status = mine["status"]
        if status.get("state") == "detached" and self.world.setting_bool("auto-salvage"):
            status["robustness"] = "unknown"
            self._salvage(scene)
            return
        status["robustness"] = "faulted"
        if not mine["spec"].get("nodeID"):  # the attachment controller takes that back first
            self._detach(mine, scene, engine)

    def _salvage(self, scene: Scene) -> None:
        """Clear the failure of replicas that had all data once."""
        for replica in scene.replicas:
            if replica["spec"].get("healthyAt"):
                name = f"Replica {name_of(replica)} of volume {scene.name}"
                text = f"{name} will be automatically salvaged"
                self.world.event(scene.volume, _COMPONENT, "AutoSalvaged", text, "Warning")
                self._edit(names.REPLICAS, name_of(replica), edits.unfail)

    def _attach(self, mine: Object, scene: Scene, engine: Object, node: str) -> None:
        status = mine["status"]
        if status.get("state") != "attached" and self._fail_stranded(scene):
            return
        for replica in scene.unfailed():
            if replica["spec"].get("nodeID") and replica["spec"].get("desireState") != "running":
                self._edit(names.REPLICAS, name_of(replica), edits.want_running)
        if status.get("state") != "attached":
            status.update(state="attaching", robustness="unknown")
            if not self._opened(scene, engine, node):
                return
        if state_of(engine) == "running":
            if status.get("state") != "attached":
                text = f"volume {scene.name} has been attached to {node}"
                self.world.event(mine, _COMPONENT, "Attached", text)
            status.update(state="attached", currentNodeID=node)
        if status.get("state") == "attached":
            if state_of(engine) in ("error", "stopped"):
                self._engine_lost(mine, engine)
                return
            self._sync_addresses(scene, engine)
            self._robustness(mine, scene)

    def _fail_stranded(self, scene: Scene) -> bool:
        """Fail replicas that nobody can launch: their instance manager is gone (F§15.3).

        With all of them stranded, salvage and this undo each other until the node is back.
        """
        stranded = [
            r
            for r in scene.unfailed()
            if r["spec"].get("nodeID")
            and state_of(r) == "stopped"
            and manager_state(self.store, r["spec"]["nodeID"]) not in ("running", "starting")
        ]
        for replica in stranded:
            stamp = self.world.kernel.timestamp()
            self._edit(
                names.REPLICAS,
                name_of(replica),
                functools.partial(edits.mark_failed, stamp=stamp),
            )
        return bool(stranded)

    def _opened(self, scene: Scene, engine: Object, node: str) -> bool:
        """Start the engine when all replicas that are not failed run (F§9.2)."""
        if engine["spec"].get("desireState") == "running":
            return True
        unfailed = [r for r in scene.unfailed() if r["spec"].get("nodeID")]
        if not unfailed or any(state_of(r) != "running" for r in unfailed):
            return False
        if engine["spec"].get("nodeID") or state_of(engine) != "stopped":
            return False
        addresses = {name_of(r): self._address(r) for r in unfailed}
        frontend = bool(scene.volume["spec"].get("disableFrontend"))

        def edit(obj: Object) -> None:
            obj["spec"].update(desireState="running", nodeID=node, replicaAddressMap=addresses)
            obj["spec"]["disableFrontend"] = frontend

        self._edit(names.ENGINES, name_of(engine), edit)
        return True

    def _engine_lost(self, mine: Object, engine: Object) -> None:
        """The engine died under an attached volume: it is let go, and starts anew."""
        mine["status"]["robustness"] = "unknown"
        self._edit(names.ENGINES, name_of(engine), edits.want_engine_stopped)
        mine["status"].update(state="attaching", currentNodeID="")

    def _address(self, replica: Object) -> str:
        node = str(replica["spec"]["nodeID"])
        instance = self.instances.get(node, name_of(replica))
        return f"{self._ip(node)}:{instance.port if instance else 0}"

    def _ip(self, node: str) -> str:
        found = self.store.find("nodes", None, node) or {}
        addresses = (found.get("status") or {}).get("addresses") or []
        internal = (a["address"] for a in addresses if a.get("type") == "InternalIP")
        return str(next(internal, "10.0.0.1"))

    def _sync_addresses(self, scene: Scene, engine: Object) -> None:
        """The engine's map follows its replicas: failed and deleted out, running ones in."""
        present = engine["spec"].get("replicaAddressMap") or {}
        wanted = {
            name_of(r): present.get(name_of(r)) or self._address(r)
            for r in scene.unfailed()
            if name_of(r) in present or state_of(r) == "running"
        }
        if wanted != present:
            self._edit(
                names.ENGINES,
                name_of(engine),
                lambda obj: obj["spec"].update(replicaAddressMap=wanted),
            )

    def _robustness(self, mine: Object, scene: Scene) -> None:
        modes, status = scene.modes, mine["status"]
        if not modes:
            return
        # counted as the engine lists them, which for some seconds is also a failed one (F§9.3)
        working = [mode for mode in modes.values() if mode == RW]
        now = "healthy" if len(working) >= scene.wanted else "degraded"
        before = status.get("robustness")
        if now != before:
            status["robustness"] = now
            if now == "degraded":
                status["lastDegradedAt"] = self.world.kernel.timestamp()
            reason = now.capitalize()
            text = f"volume {scene.name} became {now}"
            self.world.event(mine, _COMPONENT, reason, text)

    def _detach(self, mine: Object, scene: Scene, engine: Object) -> None:
        status = mine["status"]
        if status.get("state") == "detached":
            return
        status["state"] = "detaching"
        if status.get("robustness") != "faulted":
            status["robustness"] = "unknown"
        if engine["spec"].get("desireState") != "stopped" or engine["spec"].get("nodeID"):
            self._edit(names.ENGINES, name_of(engine), edits.want_engine_stopped)
            return
        if state_of(engine) != "stopped":
            return
        for replica in scene.replicas:
            if replica["spec"].get("desireState") != "stopped":
                self._edit(names.REPLICAS, name_of(replica), edits.want_stopped)
        if any(state_of(r) not in ("stopped", "error") for r in scene.replicas):
            return
        status.update(state="detached", currentNodeID="")
        text = f"volume {scene.name} has been detached"
        self.world.event(mine, _COMPONENT, "Detached", text)

    def _edit(self, resource: str, name: str, fn: Callable[[Object], None]) -> None:
        self.store.mutate(resource, names.NAMESPACE, name, fn)
