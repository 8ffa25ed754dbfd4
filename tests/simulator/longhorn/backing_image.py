# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backing image controller (F§13.1): data source, managers, status, replenishment, eviction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.simulator.controller import Key
from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import image_managers, image_rules, image_source, image_status, names
from tests.simulator.longhorn.controller import LonghornController, image_key
from tests.simulator.longhorn.placement import candidates
from tests.simulator.longhorn.replica_use import disks_in_use, uses
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, labels_of, name_of

COMPONENT = "longhorn-backing-image-controller"
#: Seconds that a write takes at most, with the wait until the writer's own cache shows it, which it
#: looks at every 0.1 s (datastore/longhorn.go verifyUpdate).
SLOW_WRITE = 0.2


class BackingImageController(LonghornController):
    """Runs in every manager; an image belongs to any of them."""

    resource = names.IMAGES
    latency = (0.004, 0.025)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._new: dict[Key, float] = {}
        self._midway: set[Key] = set()
        self._again: set[Key] = set()
        self.watch(names.DATA_SOURCES, lambda event: [image_key(name_of(event.obj))])
        self.watch(names.MANAGERS, self._named_by_manager)
        self.watch(names.REPLICAS, self._named_by_replica)

    def reconcile(self, key: Key) -> float | None:
        """One pass over an image. Raises ApiError where a write is refused."""
        if key in self._midway:
            self._again.add(key)
            return None
        stored = self.get(key)
        if stored is None or (mine := self.own(stored)) is None:
            return None
        if not mine["status"].get("uuid"):
            mine = self._give_uuid(mine)
            wait = self.world.choices.image_wait(key[1])
            self._new[key] = self.kernel.now() + wait
        left = self._new.get(key, 0.0) - self.kernel.now()
        if left > 0.0005:
            return left
        self._new.pop(key, None)
        self._fill_maps(mine)
        if is_terminating(mine):
            self._delete(mine)
            return None
        old: Object = clone(mine)
        image_source.handle(self, mine)
        return self._second_half(key, mine, old)

    def _second_half(self, key: Key, mine: Object, old: Object) -> float | None:
        """A pass from the managers on. A write to one may be slow, or meet a conflict.

        A slow one holds the pass up; a conflict ends it, and it is tried again.
        """
        if wait := image_managers.handle(self.world, mine):
            if wait > SLOW_WRITE:
                return wait
            self._midway.add(key)
            self.kernel.call_later(wait, lambda: self._go_on(key, mine, old))
            return None
        image_status.sync(self.world, mine)
        image_status.note_references(self.world, mine)
        if (again := self._replenish(mine)) > 0.0:
            self.enqueue(key, again)
        self._evict(mine)
        self.save(mine, old)
        return None

    def _go_on(self, key: Key, mine: Object, old: Object) -> None:
        self._midway.discard(key)
        if self.get(key) is None:
            return
        try:
            again = self._second_half(key, mine, old)
        except ApiError as error:
            self._retry(key, error)
            return
        if again is not None or key in self._again:
            self._again.discard(key)
            self.enqueue(key, again)

    def wanted(self, image: Object) -> dict[str, Any]:
        """The placement map of an image, to be edited in place."""
        found: dict[str, Any] = image["spec"].setdefault(self.profile.map_field, {})
        return found

    def first_status(self, obj: Object) -> None:
        """An image's first status carries every field of its type."""
        status = obj["status"]
        for name in ("uuid", "checksum"):
            status.setdefault(name, "")
        for name in ("size", "virtualSize"):
            status.setdefault(name, 0)
        for name in ("diskFileStatusMap", "diskLastRefAtMap"):
            status.setdefault(name, None)
        if self.profile.has("real_size"):
            status.setdefault("realSize", 0)
            status.setdefault("v2FirstCopyDisk", "")
            status.setdefault("v2FirstCopyStatus", "")

    def _fill_maps(self, mine: Object) -> None:
        """Read the object as the controller's types do: every field of every entry is there."""
        wanted = mine["spec"].get(self.profile.map_field) or {}
        written = self.profile.written_entry
        mine["spec"][self.profile.map_field] = {k: written(v) for k, v in wanted.items()}
        for name in ("diskFileStatusMap", "diskLastRefAtMap"):
            if mine["status"].get(name) is None:
                mine["status"][name] = {}

    def _give_uuid(self, mine: Object) -> Object:
        mine["status"]["uuid"] = self.kernel.new_uid()[:8]
        saved: Object = clone(self.store.update(self.resource, mine, subresource="status"))
        text = f"Initialized UUID to {mine['status']['uuid']}"
        self.world.event(saved, COMPONENT, "Update", text)
        return saved

    def _delete(self, mine: Object) -> None:
        """F§2.10: replicas, then the data source, then the managers, then the finalizer."""
        name = name_of(mine)
        if uses(self.store, name):
            return
        source = self.store.find(names.DATA_SOURCES, names.NAMESPACE, name)
        if source is not None and not _settled(source):
            return
        image_managers.leave_all(self.world, mine)
        finalizers = mine["metadata"].get("finalizers") or []
        mine["metadata"]["finalizers"] = [f for f in finalizers if f != names.FINALIZER]
        self.store.update(self.resource, mine)

    def _replenish(self, mine: Object) -> float:
        """F§2.7 Replenishment: at most one more copy per pass; or seconds until it is tried."""
        if not self.profile.has("file_spec_map"):
            return 0.0
        if not self.world.setting_int("concurrent-backing-image-replenish-per-node-limit"):
            return 0.0
        if not self._transferred(mine):
            return 0.0
        wanted, entries = self.wanted(mine), mine["status"]["diskFileStatusMap"]
        minimum = mine["spec"].get("minNumberOfCopies") or 0
        if not image_rules.wants_one_more(wanted, entries, minimum):
            return 0.0
        found = candidates(self.world, mine)
        if not found:
            return 0.0
        choices, name = self.world.choices, name_of(mine)
        wait = min(choices.known_key(name, uuid) for uuid in found)
        if wait <= 0.0:
            wanted[choices.pick("copy", name, found)] = self.profile.new_entry()
        return wait

    def _evict(self, mine: Object) -> None:
        """F§7.2: evicting keys go once another ready copy exists."""
        if not self.profile.has("file_spec_map") or not self._transferred(mine):
            return
        wanted = self.wanted(mine)
        name = name_of(mine)
        used = disks_in_use(self.store, name) if self.profile.has("guard_replicas") else ()
        leaving, kept = image_rules.evictable(wanted, mine["status"]["diskFileStatusMap"], used)
        if kept is not None:
            text = (
                f"Failed to evict backing image copy on disk {kept} for now since there is no "
                "other healthy backing image copy"
            )
            self.world.event(mine, COMPONENT, "FailedDeleting", text)
        for uuid in leaving:
            del wanted[uuid]

    def _transferred(self, mine: Object) -> bool:
        source = self.store.find(names.DATA_SOURCES, names.NAMESPACE, name_of(mine))
        return source is not None and bool(source["spec"].get("fileTransferred"))

    def _named_by_manager(self, event: WatchEvent) -> Iterable[Key]:
        """Only images that the manager's new object still names are woken (F§0.1 (a))."""
        spec = event.obj["spec"].get("backingImages") or {}
        files = (event.obj.get("status") or {}).get("backingImageFileMap") or {}
        return [image_key(name) for name in sorted(set(spec) | set(files))]

    def _named_by_replica(self, event: WatchEvent) -> Iterable[Key]:
        name = labels_of(event.obj).get(names.LABEL_IMAGE)
        return [image_key(name)] if name else []


def _settled(source: Object) -> bool:
    """Whether a data source has nothing left to do for its image."""
    if source["spec"].get("fileTransferred"):
        return True
    return bool((source.get("status") or {}).get("currentState") == names.CLEANED)
