# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replica controller: starts and stops replica processes, after their image is there (F§9.2).

longhorn-manager controller/replica_controller.go, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import ClassVar

from tests.simulator.controller import Key, key_of
from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import names
from tests.simulator.longhorn.conditions import set_condition
from tests.simulator.longhorn.controller import LonghornController
from tests.simulator.longhorn.instances import REPLICA, Instances
from tests.simulator.longhorn.replica_image import image_file_there
from tests.simulator.longhorn.volume_scene import manager_of, reported, state_of
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, labels_of, name_of

WAITING = "WaitForBackingImage"
_COMPONENT = "longhorn-replica-controller"


class ReplicaController(LonghornController):
    """Reconciles replicas; the manager of the replica's node acts."""

    resource: ClassVar[str] = names.REPLICAS
    latency: ClassVar[tuple[float, float]] = (0.01, 0.12)

    def __init__(self, world: World, instances: Instances) -> None:
        super().__init__(world)
        self.instances = instances
        self._not_before: dict[Key, float] = {}
        self.watch(names.INSTANCE_MANAGERS, self._of_manager)
        self.watch(names.IMAGES, self._of_image)

    def prefer(self, obj: Object) -> str:
        """The node the replica is on."""
        return str(obj["spec"].get("nodeID") or "")

    def enqueue(self, key: Key, delay: float | None = None) -> None:
        """A manager that is known to be busy with others looks at a new replica no sooner."""
        busy = self._not_before.get(key, 0.0) - self.kernel.now()
        super().enqueue(key, delay if busy <= 0 else max(busy, delay or 0.0))

    def _on_event(self, event: WatchEvent) -> None:
        if event.res == names.REPLICAS and _to_run(event.obj) and not _to_run(event.old):
            known = self.world.choices.known_start(event.obj)
            if known is not None:
                self._hold(key_of(event.obj), self.kernel.now() + known)
        super()._on_event(event)

    def _hold(self, key: Key, until: float) -> None:
        self._not_before[key] = until
        queued = self._queued.get(key)
        if queued is not None and queued.at < until:
            queued.cancel()
            del self._queued[key]

    def _of_manager(self, event: WatchEvent) -> Iterable[Key]:
        node = event.obj["spec"].get("nodeID")
        for replica in self.store.list(names.REPLICAS, names.NAMESPACE):
            if replica["spec"].get("nodeID") == node:
                yield key_of(replica)

    def _of_image(self, event: WatchEvent) -> Iterable[Key]:
        """Replicas whose disk the map names, or named before the change."""
        selector = f"{names.LABEL_IMAGE}={name_of(event.obj)}"
        named: set[str] = set()
        for obj in (event.obj, event.old or {}):
            named.update((obj.get("spec") or {}).get(self.profile.map_field) or {})
        for replica in self.store.list(names.REPLICAS, names.NAMESPACE, selector):
            if replica["spec"].get("diskID") in named:
                yield key_of(replica)

    def reconcile(self, key: Key) -> float | None:
        """One pass over a replica."""
        old = self.get(key)
        if old is None:
            return None
        node = str(old["spec"].get("nodeID") or "")
        if is_terminating(old):
            self._delete(old, node)
            return None
        mine = self.own(old)
        if mine is None:
            return None
        base = clone(mine)
        status = mine.setdefault("status", {})
        manager = manager_of(self.store, node) if node else None
        self._observe(mine, status, manager)
        wanted = mine["spec"].get("desireState")
        if wanted == "stopped" and node:
            self.instances.stop(node, name_of(mine))
        self.save(mine, base)
        if wanted == "running" and node and not mine["spec"].get("failedAt"):
            self._start(name_of(mine), node, manager)
        return None

    def _delete(self, replica: Object, node: str) -> None:
        """End the process and let the object go; both at once (0.05 to 0.6 s were recorded)."""
        if node:
            self.instances.stop(node, name_of(replica))
        self.store.mutate(
            names.REPLICAS,
            names.NAMESPACE,
            name_of(replica),
            lambda obj: obj["metadata"].update(finalizers=[]),
        )

    def _observe(self, mine: Object, status: Object, manager: Object | None) -> None:
        """Take over what the instance manager reports."""
        status["currentState"] = self._state(mine, manager)
        if status["currentState"] == "stopped":
            status["instanceManagerName"] = ""
            status["started"] = False
        elif manager is not None:
            status["instanceManagerName"] = name_of(manager)
            status["started"] = True
        conditions = status.setdefault("conditions", [])
        set_condition(conditions, "InstanceCreation", True, self.kernel.timestamp())

    def _state(self, mine: Object, manager: Object | None) -> str:
        before, wanted = state_of(mine), mine["spec"].get("desireState")
        health = ((manager or {}).get("status") or {}).get("currentState")
        if health == "running":
            process = reported(manager, REPLICA, name_of(mine))
            if process in ("running", "error"):
                return process
            if before in ("running", "error") and wanted == "running":
                return "error"
            return "stopped"
        if health == "unknown":
            return "stopped" if wanted == "stopped" or before != "running" else "unknown"
        if before in ("running", "unknown") and wanted == "running":
            return "error"
        return before if before == "error" and wanted == "running" else "stopped"

    def _start(self, name: str, node: str, manager: Object | None) -> None:
        """Start the process, once the instance manager runs and the image is on the disk."""
        replica = self.store.find(names.REPLICAS, names.NAMESPACE, name)
        if replica is None or state_of(replica) != "stopped" or manager is None:
            return
        if (manager.get("status") or {}).get("currentState") != "running":
            return
        if self.instances.get(node, name) is not None:
            return
        if not self._image_ready(replica):
            return
        self.instances.start(
            node, name, REPLICA, functools.partial(image_file_there, self.world, replica)
        )

    def _image_ready(self, replica: Object) -> bool:
        """Ask for the image on the replica's disk, and say whether it is there."""
        image_name = replica["spec"].get("backingImage")
        if not image_name:
            return True
        image = self.store.find(names.IMAGES, names.NAMESPACE, image_name)
        if image is None:
            return False
        disk = str(replica["spec"].get("diskID"))
        present = image["spec"].get(self.profile.map_field) or {}
        if disk not in present:
            wait = self.world.choices.known_key(image_name, disk)
            if wait > 0.0:
                self._condition(replica, True)
                self.enqueue(key_of(replica), wait)
                return False
            try:
                self._ask(image, disk)
            except ApiError as error:
                if error.reason != "Conflict":
                    text = f"Error starting {name_of(replica)}: {error.message}"
                    self.world.event(replica, _COMPONENT, "FailedStarting", text, "Warning")
                raise
        entries = (image.get("status") or {}).get("diskFileStatusMap") or {}
        entry = entries.get(disk) if disk in present else None
        ready = entry is not None and entry.get("state") == names.READY
        self._condition(replica, not ready)
        return ready

    def _ask(self, image: Object, disk: str) -> None:
        """Put the replica's disk into the map; Longhorn writes the whole map back (F§1.2)."""
        field, profile = self.profile.map_field, self.profile

        def edit(obj: Object) -> None:
            entries = obj["spec"].get(field) or {}
            written = {uuid: profile.written_entry(entry) for uuid, entry in entries.items()}
            obj["spec"][field] = written | {disk: profile.new_entry()}

        self.store.mutate(names.IMAGES, names.NAMESPACE, name_of(image), edit)

    def _condition(self, replica: Object, waits: bool) -> None:
        def edit(obj: Object) -> None:
            conditions = obj.setdefault("status", {}).setdefault("conditions", [])
            reason = "Waiting" if waits else ""
            set_condition(conditions, WAITING, waits, self.kernel.timestamp(), reason)

        key = (names.NAMESPACE, name_of(replica))
        self.store.mutate(names.REPLICAS, *key, edit, subresource="status")


def _to_run(replica: Object | None) -> bool:
    """Whether a replica has its place and is to run there."""
    spec = (replica or {}).get("spec") or {}
    return spec.get("desireState") == "running" and bool(spec.get("diskID"))


def waits_for_image(replica: Object) -> bool:
    """Whether a replica that is to run waits for its image."""
    if replica["spec"].get("desireState") != "running":
        return False
    conditions = (replica.get("status") or {}).get("conditions") or []
    return any(c["type"] == WAITING and c["status"] == "True" for c in conditions)


def image_of(replica: Object) -> str:
    """The image label of a replica, empty without an image."""
    return labels_of(replica).get(names.LABEL_IMAGE, "")
