# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume controller: makes engine and replicas, believes the engine, deletes (F§9.3).

longhorn-manager controller/volume_controller.go, v1.6.4 and v1.12.1. Attaching is in
``volume_attach.py``, the number and place of replicas in ``volume_rebuild.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import ClassVar

from tests.simulator.controller import Key, key_of
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import names, volume_objects
from tests.simulator.longhorn import volume_edits as edits
from tests.simulator.longhorn.choices import Choices
from tests.simulator.longhorn.conditions import set_condition
from tests.simulator.longhorn.controller import LonghornController
from tests.simulator.longhorn.instances import Instances
from tests.simulator.longhorn.replica import waits_for_image
from tests.simulator.longhorn.replica_scheduling import Place, place
from tests.simulator.longhorn.volume_attach import Attacher
from tests.simulator.longhorn.volume_rebuild import Rebuilder
from tests.simulator.longhorn.volume_scene import (
    ERR,
    RW,
    Scene,
    is_failed,
    scene_of,
    state_of,
    volume_of,
)
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, condition, is_terminating, name_of

_COMPONENT = "longhorn-volume-controller"


class VolumeController(LonghornController):
    """Reconciles volumes; the manager of the node the volume is attached to acts."""

    resource: ClassVar[str] = names.VOLUMES
    latency: ClassVar[tuple[float, float]] = (0.02, 0.12)

    def __init__(self, world: World, instances: Instances, choices: Choices) -> None:
        super().__init__(world)
        self.choices = choices
        self._rebuilder = Rebuilder(world, choices)
        self._attacher = Attacher(world, instances)
        self._due: dict[str, float] = {}
        for resource in (names.ENGINES, names.REPLICAS):
            self.watch(resource, lambda event: [(names.NAMESPACE, volume_of(event.obj))])
        self.watch(names.NODES, self._of_node)

    def prefer(self, obj: Object) -> str:
        """The node the volume is, or is to be, attached to."""
        return str(obj["spec"].get("nodeID") or "")

    def enqueue(self, key: Key, delay: float | None = None) -> None:
        """On a loaded machine each pass over a volume comes later."""
        if delay is None:
            delay = self.kernel.rng.uniform(*self.latency) + self.choices.known_load()
        super().enqueue(key, delay)

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
        if scene.engine is not None:
            self._attacher.drive(mine, scene, scene.engine)
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

        Some volumes have to wait for them. Returns the seconds until they are to be tried again.
        """
        key = str(volume["metadata"]["uid"])
        if key not in self._due:
            self._due[key] = self.kernel.now() + self.choices.wait(name_of(volume))
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

    def _take_modes(self, scene: Scene) -> None:
        """Believe the engine: RW makes a replica healthy, ERR makes it fail."""
        stamp = self.kernel.timestamp()
        running = scene.engine is not None and state_of(scene.engine) == "running"
        modes = scene.modes if running else {}
        for replica in scene.replicas:
            mode, spec = modes.get(name_of(replica)), replica["spec"]
            if mode == RW and not spec.get("healthyAt") and not is_failed(replica):
                self._edit(
                    names.REPLICAS,
                    name_of(replica),
                    functools.partial(edits.mark_healthy, stamp=stamp),
                )
            elif (
                mode == ERR
                and not is_failed(replica)
                or _broke(replica, scene)
                and not is_failed(replica)
            ):
                self._fail(replica, stamp)

    def _fail(self, replica: Object, stamp: str) -> None:
        self._edit(
            names.REPLICAS, name_of(replica), functools.partial(edits.mark_failed, stamp=stamp)
        )

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
