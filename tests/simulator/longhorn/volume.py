# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume controller: makes engine and replicas, attaches, detaches, salvages, deletes (F§9.3).

longhorn-manager controller/volume_controller.go, v1.6.4 and v1.12.1. What concerns the number and
place of replicas is in ``volume_rebuild.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from tests.simulator.controller import Key, key_of
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import names, volume_objects
from tests.simulator.longhorn.choices import Choices
from tests.simulator.longhorn.conditions import set_condition
from tests.simulator.longhorn.controller import LonghornController
from tests.simulator.longhorn.instances import Instances
from tests.simulator.longhorn.replica import waits_for_image
from tests.simulator.longhorn.replica_scheduling import Place, place
from tests.simulator.longhorn.volume_rebuild import Rebuilder
from tests.simulator.longhorn.volume_scene import (
    ERR,
    RW,
    Scene,
    is_failed,
    manager_state,
    scene_of,
    state_of,
    volume_of,
)
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, condition, is_terminating, name_of

_COMPONENT = "longhorn-volume-controller"
_SLOW_SHARE = 0.1
_SLOW = (4.5, 7.5)


class VolumeController(LonghornController):
    """Reconciles volumes; the manager of the node the volume is attached to acts."""

    resource: ClassVar[str] = names.VOLUMES
    latency: ClassVar[tuple[float, float]] = (0.03, 0.2)

    def __init__(self, world: World, instances: Instances, choices: Choices) -> None:
        super().__init__(world)
        self.instances = instances
        self.choices = choices
        self._rebuilder = Rebuilder(world, choices)
        self._due: dict[str, float] = {}
        for resource in (names.ENGINES, names.REPLICAS):
            self.watch(resource, lambda event: [(names.NAMESPACE, volume_of(event.obj))])
        self.watch(names.NODES, self._of_node)

    def prefer(self, obj: Object) -> str:
        """The node the volume is, or is to be, attached to."""
        return str(obj["spec"].get("nodeID") or "")

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        """A Longhorn Node wakes the volumes that look for a place for a replica."""
        for volume in self.store.list(names.VOLUMES, names.NAMESPACE):
            scheduled = condition(volume, "Scheduled")
            if scheduled is not None and scheduled.get("status") == "False":
                yield key_of(volume)

    def reconcile(self, key: Key) -> float | None:
        """One pass over a volume."""
        old = self.get(key)
        if old is None:
            return None
        mine = self.own(old)
        if mine is None:
            return None
        base = clone(mine)
        if is_terminating(mine):
            self._delete(mine, base)
            return None
        self._ensure_attachment(mine)
        scene = scene_of(self.store, mine)
        if scene.engine is None:
            return self._make(mine)
        self._settle_unplaced(scene)
        scene = scene_of(self.store, mine)
        self._take_modes(scene)
        scene = scene_of(self.store, mine)
        self._drive(mine, scene)
        self._rebuilder.run(mine, scene_of(self.store, mine))
        self._conditions(mine, scene_of(self.store, mine))
        self.save(mine, base)
        return None

    # Making and deleting

    def _ensure_attachment(self, volume: Object) -> None:
        if self.store.find(names.ATTACHMENTS, names.NAMESPACE, name_of(volume)) is None:
            self.store.create(names.ATTACHMENTS, volume_objects.attachment(volume))

    def _make(self, volume: Object) -> float | None:
        """Engine and replicas; places are found in the next pass.

        One volume in ten has to wait for them, nobody knows for what (F§9.3). Returns the seconds
        until they are to be tried again.
        """
        key = str(volume["metadata"]["uid"])
        if key not in self._due:
            slow = self.kernel.rng.random() < _SLOW_SHARE
            wait = self.kernel.rng.uniform(*_SLOW) if slow else 0.0
            self._due[key] = self.kernel.now() + wait
        left = self._due[key] - self.kernel.now()
        if left > 0.001:
            return left
        self.store.create(names.ENGINES, volume_objects.engine(self.world, volume))
        for _unused in range(int(volume["spec"].get("numberOfReplicas") or 0)):
            made = volume_objects.replica(self.world, volume, 0)
            self.store.create(names.REPLICAS, made)
        return None

    def _settle_unplaced(self, scene: Scene) -> None:
        """Give replicas without a disk one, where the scheduler finds one."""
        for replica in scene.replicas:
            if replica["spec"].get("nodeID") or is_terminating(replica):
                continue
            found = place(self.world, self.choices, scene_of(self.store, scene.volume))
            if found is None:
                return
            self._settle(replica, found)

    def _settle(self, replica: Object, found: Place) -> None:
        def edit(obj: Object) -> None:
            volume_objects.settle(self.world, obj, found)

        self._edit(names.REPLICAS, name_of(replica), edit)

    def _delete(self, mine: Object, base: Object) -> None:
        scene = scene_of(self.store, mine)
        mine["status"]["state"] = "deleting"
        self.save(mine, base)
        left = [o for o in (scene.engine, *scene.replicas) if o is not None]
        for obj in left:
            if not is_terminating(obj):
                resource = names.ENGINES if obj is scene.engine else names.REPLICAS
                self.store.delete(resource, names.NAMESPACE, name_of(obj))
        if not left:
            self._edit(
                names.VOLUMES, name_of(mine), lambda obj: obj["metadata"].update(finalizers=[])
            )

    # Attaching and detaching

    def _take_modes(self, scene: Scene) -> None:
        """Believe the engine: RW makes a replica healthy, ERR makes it fail."""
        stamp = self.kernel.timestamp()
        running = scene.engine is not None and state_of(scene.engine) == "running"
        modes = scene.modes if running else {}
        for replica in scene.replicas:
            mode, spec = modes.get(name_of(replica)), replica["spec"]
            if mode == RW and not spec.get("healthyAt") and not is_failed(replica):
                self._edit(names.REPLICAS, name_of(replica), lambda obj: _mark_healthy(obj, stamp))
            elif (
                mode == ERR
                and not is_failed(replica)
                or _broke(replica, scene)
                and not is_failed(replica)
            ):
                self._fail(replica, stamp)

    def _fail(self, replica: Object, stamp: str) -> None:
        self._edit(names.REPLICAS, name_of(replica), lambda obj: _mark_failed(obj, stamp))

    def _drive(self, mine: Object, scene: Scene) -> None:
        """One step of the state machine of F§9.3."""
        status, wanted = mine.setdefault("status", {}), mine["spec"].get("nodeID") or ""
        state = str(status.get("state") or "")
        if state == "":
            status["state"] = "creating"
            return
        if state == "creating":
            status.update(state="detaching", robustness="unknown", currentNodeID="")
            return
        if self._all_failed(scene) and self._faulted(mine, scene):
            return
        if wanted:
            self._attach(mine, scene, wanted)
        else:
            self._detach(mine, scene)

    def _all_failed(self, scene: Scene) -> bool:
        return bool(scene.replicas) and all(is_failed(r) for r in scene.replicas)

    def _faulted(self, mine: Object, scene: Scene) -> bool:
        """Every replica failed: say so, let go; when detached, salvage. True if that was it."""
        status = mine["status"]
        if status.get("state") == "detached" and self.world.setting_bool("auto-salvage"):
            status["robustness"] = "unknown"
            self._salvage(scene)
            return True
        status["robustness"] = "faulted"
        if mine["spec"].get("nodeID"):
            return True  # the attachment controller takes it back
        self._detach(mine, scene)
        return True

    def _salvage(self, scene: Scene) -> None:
        """Clear the failure of replicas that had all data once."""
        for replica in scene.replicas:
            if replica["spec"].get("healthyAt"):
                name = f"Replica {name_of(replica)} of volume {scene.name}"
                text = f"{name} will be automatically salvaged"
                self.world.event(scene.volume, _COMPONENT, "AutoSalvaged", text, "Warning")
                self._edit(names.REPLICAS, name_of(replica), _unfail)

    def _attach(self, mine: Object, scene: Scene, node: str) -> None:
        status, engine = mine["status"], scene.engine
        assert engine is not None
        if status.get("state") != "attached" and self._fail_stranded(scene):
            return
        for replica in scene.unfailed():
            if replica["spec"].get("nodeID") and replica["spec"].get("desireState") != "running":
                self._edit(names.REPLICAS, name_of(replica), _want_running)
        if status.get("state") != "attached":
            status.update(state="attaching", robustness="unknown")
            if not self._opened(scene, node):
                return
        if state_of(engine) == "running":
            if status.get("state") != "attached":
                text = f"volume {scene.name} has been attached to {node}"
                self.world.event(mine, _COMPONENT, "Attached", text)
            status.update(state="attached", currentNodeID=node)
        if status.get("state") == "attached":
            if state_of(engine) in ("error", "stopped"):
                self._engine_lost(mine, scene)
                return
            self._sync_addresses(scene)
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
            self._fail(replica, self.kernel.timestamp())
        return bool(stranded)

    def _opened(self, scene: Scene, node: str) -> bool:
        """Start the engine when all replicas that are not failed run (F§9.2)."""
        engine = scene.engine
        assert engine is not None
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

    def _engine_lost(self, mine: Object, scene: Scene) -> None:
        """The engine died under an attached volume: it is let go, and starts anew."""
        mine["status"]["robustness"] = "unknown"
        engine = scene.engine
        assert engine is not None
        self._edit(names.ENGINES, name_of(engine), _want_stopped)
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

    def _sync_addresses(self, scene: Scene) -> None:
        """The engine's map follows its replicas: failed and deleted out, running ones in."""
        engine = scene.engine
        assert engine is not None
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
                status["lastDegradedAt"] = self.kernel.timestamp()
            reason = now.capitalize()
            text = f"volume {scene.name} became {now}"
            self.world.event(mine, _COMPONENT, reason, text)

    def _detach(self, mine: Object, scene: Scene) -> None:
        status, engine = mine["status"], scene.engine
        assert engine is not None
        if status.get("state") == "detached":
            return
        status["state"] = "detaching"
        if status.get("robustness") != "faulted":
            status["robustness"] = "unknown"
        if engine["spec"].get("desireState") != "stopped" or engine["spec"].get("nodeID"):
            self._edit(names.ENGINES, name_of(engine), _want_stopped)
            return
        if state_of(engine) != "stopped":
            return
        for replica in scene.replicas:
            if replica["spec"].get("desireState") != "stopped":
                self._edit(names.REPLICAS, name_of(replica), _want_stopped_replica)
        if any(state_of(r) not in ("stopped", "error") for r in scene.replicas):
            return
        status.update(state="detached", currentNodeID="")
        text = f"volume {scene.name} has been detached"
        self.world.event(mine, _COMPONENT, "Detached", text)

    # Conditions

    def _conditions(self, mine: Object, scene: Scene) -> None:
        stamp = self.kernel.timestamp()
        conditions = mine["status"].setdefault("conditions", [])
        waits = any(waits_for_image(r) for r in scene.replicas)
        cause = "Waiting" if waits else ""
        set_condition(conditions, "WaitForBackingImage", waits, stamp, cause)
        unplaced = any(not r["spec"].get("nodeID") for r in scene.replicas)
        reason, text = self._rebuilder.blocked(scene)
        if unplaced and not reason:
            reason, text = "ReplicaSchedulingFailure", "replica scheduling failed"
        set_condition(conditions, "Scheduled", not reason, stamp, reason, text)

    def _edit(self, resource: str, name: str, fn: Callable[[Object], None]) -> None:
        self.store.mutate(resource, names.NAMESPACE, name, fn)


def _broke(replica: Object, scene: Scene) -> bool:
    """A replica whose process ended while it was to run."""
    if replica["spec"].get("desireState") != "running" or state_of(replica) != "error":
        return False
    return scene.state in ("attached", "attaching")


def _mark_healthy(obj: Object, stamp: str) -> None:
    obj["spec"].update(healthyAt=stamp, rebuildRetryCount=0)
    if "lastHealthyAt" in obj["spec"]:
        obj["spec"]["lastHealthyAt"] = stamp


def _mark_failed(obj: Object, stamp: str) -> None:
    obj["spec"].update(failedAt=stamp, desireState="stopped")


def _unfail(obj: Object) -> None:
    obj["spec"]["failedAt"] = ""


def _want_running(obj: Object) -> None:
    obj["spec"]["desireState"] = "running"


def _want_stopped(obj: Object) -> None:
    obj["spec"].update(desireState="stopped", nodeID="")


def _want_stopped_replica(obj: Object) -> None:
    obj["spec"]["desireState"] = "stopped"
