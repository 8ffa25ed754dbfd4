# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backing image manager controller (F§13.3): pod, files to delete, files to get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.simulator.controller import Key
from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import manager_rules, names, pod_checks, pods
from tests.simulator.longhorn.backoff import Backoff
from tests.simulator.longhorn.choices import CLEAN_UP, DELETION, Known, Walk
from tests.simulator.longhorn.controller import LonghornController, image_key
from tests.simulator.longhorn.file_service import FileService
from tests.simulator.longhorn.manager_files import Preparation
from tests.simulator.longhorn.manager_monitor import Monitors
from tests.simulator.longhorn.placement import exists, serves
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, labels_of, name_of

COMPONENT = "longhorn-backing-image-manager-controller"
POD_FIRST = 1.0
POD_LONGEST = 120.0
#: Seconds that a request for a file takes, and the pass with it (a pass over five failed images
#: came every 30 ms: v1.6.4/w5-recover-five-.., log-bim.txt).
REQUEST_TAKES = 0.006
#: What an image told less than this many seconds ago may not have reached a controller's cache: a
#: pass that began 0.03 to 0.09 s after it did not know it (v1.12.1/w5-recover-five-..-in-place).
CACHE_LAG = 0.15
#: The news come, and with them the next pass.
NEWS_AFTER = 0.03


@dataclass(slots=True)
class _Deleting:
    """A pass that waits for the service to delete files, one after the other.

    ``left``: the files it has not come to yet. Each is judged when its turn comes, a second or more
    after the one before, by what the image says then.
    """

    mine: Object
    old: Object
    walk: Known
    ending: bool
    service: FileService
    done: list[str] = field(default_factory=list)
    awaited: set[str] = field(default_factory=set)
    begun: bool = False
    left: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.left = list(self.walk.order)


def pod_backoff(world: World, node: str) -> Backoff:
    """The back-off of managers' pods, by manager name, that a node's process keeps (F§4.1).

    KeyError where the process does not run.
    """
    memory = world.managers.get(node).memory
    found: Backoff = memory.setdefault("manager pod", Backoff(POD_FIRST, POD_LONGEST))
    return found


class ManagerController(LonghornController):
    """Runs in every Longhorn manager; a backing image manager belongs to that of its node."""

    resource = names.MANAGERS
    latency = (0.002, 0.012)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.monitors = Monitors(world)
        self.preparation = Preparation(world, self.monitors)
        self._deleting: dict[Key, _Deleting] = {}
        self._again: set[Key] = set()
        self._busy: dict[Key, float] = {}
        self._told: dict[str, float] = {}
        self.watch(names.IMAGES, self._of_image)
        self.watch(names.NODES, self._of_node)
        self.watch("pods", self._of_pod)

    def prefer(self, obj: Object) -> str:
        """The Longhorn manager of the node."""
        return str(obj["spec"].get("nodeID", ""))

    def first_status(self, obj: Object) -> None:
        """A manager's first status carries every field of its type."""
        status = obj["status"]
        for name in ("currentState", "ip", "storageIP"):
            status.setdefault(name, "")
        status.setdefault("backingImageFileMap", None)
        status.setdefault("apiMinVersion", 0)
        status.setdefault("apiVersion", 0)

    def reconcile(self, key: Key) -> float | None:
        """One pass over a backing image manager. Raises ApiError where a write is refused."""
        if key in self._deleting:
            self._again.add(key)
            return None
        busy = self._busy.get(key, 0.0) - self.kernel.now()
        if busy > 0.0005:
            return busy
        stored = self.get(key)
        if stored is None:
            self._forget(key[1])
            return None
        mine = self.own(stored)
        if mine is None:
            return None
        old: Object = clone(mine)
        if mine["status"].get("backingImageFileMap") is None:
            mine["status"]["backingImageFileMap"] = {}
        if is_terminating(mine):
            self._end(key, mine, old)
            return None
        self._follow_pod(mine)
        service = self._service(mine)
        if service is not None:
            walk, overlooked = self._to_delete(mine)
            if walk.after:
                return walk.after
            if self._delete_next(key, _Deleting(mine, old, walk, False, service)):
                if overlooked:
                    self._again.add(key)
                return None
            asked = self.preparation.run(mine, service)
            self._busy[key] = self.kernel.now() + asked * REQUEST_TAKES
            if overlooked:
                self.enqueue(key, NEWS_AFTER)
        self.save(mine, old)
        return None

    def forget_node(self, node: str) -> None:
        """Monitors and deletions under way end with their manager."""
        for key, work in list(self._deleting.items()):
            if work.mine["status"].get("ownerID") == node:
                del self._deleting[key]
        for manager in self.store.list(self.resource):
            if (manager.get("status") or {}).get("ownerID") == node:
                self.monitors.stop(name_of(manager))

    # The pod

    def _follow_pod(self, mine: Object) -> None:
        """Judge disk and pod, and make a pod where one is missing."""
        spec, status = mine["spec"], mine["status"]
        if not serves(self.world, spec["diskUUID"], spec["nodeID"], spec["diskPath"]):
            self._lose_disk(mine)
            return
        pod = self.store.find("pods", names.NAMESPACE, name_of(mine))
        before = status.get("currentState", "")
        status["currentState"] = manager_rules.pod_state(
            before,
            pod is not None,
            pod_checks.phase(pod) if pod is not None else "",
            pod_checks.running(pod),
            pod is not None and is_terminating(pod),
        )
        if status["currentState"] == names.RUNNING and pod is not None:
            address = pod_checks.pod_ip(pod)
            status.update(ip=address, storageIP=address, apiVersion=3, apiMinVersion=3)
            self.monitors.start(name_of(mine))
            return
        if status["currentState"] != names.STARTING:
            self._mark_unknown(mine, names.POD_NOT_RUNNING, add=False)
            status.update(ip="", storageIP="", apiVersion=0, apiMinVersion=0)
            self.monitors.stop(name_of(mine))
            self._backoffs(mine).pop(name_of(mine), None)
            self._renew_pod(mine, pod)

    def _renew_pod(self, mine: Object, pod: Object | None) -> None:
        if pod is not None:
            if not is_terminating(pod):
                self.store.delete("pods", names.NAMESPACE, name_of(pod))
            return
        if self._held_back(mine):
            return
        mine["status"]["currentState"] = names.STARTING
        try:
            self.store.create("pods", pods.manager_pod(self.profile, mine))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    def _held_back(self, mine: Object) -> bool:
        """1.10+: whether the window of the pod before is open (F§4.1); else the next one opens.

        Nothing wakes the manager at its end: the try comes with the next event or beat.
        """
        if not self.profile.has("manager_backoff"):
            return False
        backoff = pod_backoff(self.world, mine["status"]["ownerID"])
        now = self.kernel.now()
        if backoff.closed_at(name_of(mine), now) is not None:
            return True
        backoff.open(name_of(mine), now)
        return False

    def _lose_disk(self, mine: Object) -> None:
        """The disk is not ready, or elsewhere: nothing is known of its files (F§4.5)."""
        status, before = mine["status"], mine["status"].get("currentState")
        status.update(currentState=names.UNKNOWN, ip="", storageIP="", apiVersion=0)
        status["apiMinVersion"] = 0
        self._mark_unknown(mine, None, add=True)
        self.monitors.stop(name_of(mine))
        self._backoffs(mine).pop(name_of(mine), None)
        if before != names.UNKNOWN:
            text = f"Backing image manager {name_of(mine)} is unknown"
            self.world.event(mine, COMPONENT, "Unknown", text)
        if self.profile.has("evict_missing_disk"):
            self._evict_missing(mine)

    def _evict_missing(self, mine: Object) -> None:
        """A disk no node has any more: its keys are to go (F§4.5)."""
        uuid = mine["spec"]["diskUUID"]
        if exists(self.world, uuid):
            return
        for name in sorted(mine["spec"].get("backingImages") or {}):
            image = self.store.find(names.IMAGES, names.NAMESPACE, name)
            wanted = (image or {"spec": {}})["spec"].get(self.profile.map_field) or {}
            if image is None or uuid not in wanted or wanted[uuid].get("evictionRequested"):
                continue
            new: Object = clone(image)
            written = self.profile.written_entry
            entries = {key: written(value) for key, value in wanted.items()}
            entries[uuid]["evictionRequested"] = True
            new["spec"][self.profile.map_field] = entries
            self.store.update(names.IMAGES, new)

    def _mark_unknown(self, mine: Object, message: str | None, add: bool) -> None:
        files = mine["status"]["backingImageFileMap"]
        for file in files.values():
            if file.get("state") != names.FAILED:
                file["state"] = names.UNKNOWN
                if message is not None:
                    file["message"] = message
        if not add:
            return
        for name, uuid in (mine["spec"].get("backingImages") or {}).items():
            if name not in files:
                files[name] = {"name": name, "uuid": uuid, "state": names.UNKNOWN}

    def _backoffs(self, mine: Object) -> dict[str, Backoff]:
        return self.preparation.backoffs(mine)

    def _service(self, mine: Object) -> FileService | None:
        if mine["status"].get("currentState") != names.RUNNING:
            return None
        return self.world.processes.service(name_of(mine))

    # Deleting files

    def _to_delete(self, mine: Object) -> tuple[Known, bool]:
        """In which order a pass comes to a manager's files, to delete the invalid ones.

        And whether it overlooks one whose news has not come yet: another pass follows then.
        """
        files = sorted(mine["status"]["backingImageFileMap"])
        invalid = [name for name in files if self._invalid(mine, name)]
        if not invalid:
            return Known([]), False
        now = self.kernel.now()
        late = [name for name in invalid if now - self._told.get(name, 0.0) < CACHE_LAG]
        disk = mine["spec"]["diskUUID"]
        known = self.world.choices.walk(DELETION, disk, files, Walk(invalid, late))
        return known, not set(invalid) <= set(known.order)

    def _invalid(self, mine: Object, name: str) -> bool:
        """Whether a file is to go (F§4.5 step 1), by what the image says now."""
        listed = mine["spec"].get("backingImages") or {}
        file = mine["status"]["backingImageFileMap"][name]
        uuid = mine["spec"]["diskUUID"]
        return manager_rules.invalid(name, file, listed.get(name), self._image(name), uuid)

    def _image(self, name: str) -> Object | None:
        return self.store.find(names.IMAGES, names.NAMESPACE, name)

    def _delete_next(self, key: Key, work: _Deleting) -> bool:
        """Ask for the next deletion; the request takes a second, and the pass with it.

        False where none is left.
        """
        while work.left:
            name = work.left.pop(0)
            if not work.ending and not self._invalid(work.mine, name):
                if work.begun and name in work.walk.takes and name not in work.awaited:
                    self._await_news(key, work, name)
                    return True
                continue
            work.begun = True
            self._deleting[key] = work
            file = work.mine["status"]["backingImageFileMap"].get(name) or {}
            seconds = work.service.delete(name, file.get("uuid", ""))
            seconds = max(seconds, work.walk.takes.get(name, 0.0))
            work.done.append(name)
            self.kernel.call_later(seconds, lambda: self._deleted(key, work))
            return True
        return False

    def _await_news(self, key: Key, work: _Deleting, name: str) -> None:
        """Come to a file once more that is known to have been deleted: its news are due."""
        work.awaited.add(name)
        work.left.insert(0, name)
        self.kernel.call_later(NEWS_AFTER, lambda: self._deleted(key, work))

    def _deleted(self, key: Key, work: _Deleting) -> None:
        if self._deleting.get(key) is not work:
            return
        if work.service.alive and self._delete_next(key, work):
            return
        del self._deleting[key]
        mine = work.mine
        for name in work.done:
            mine["status"]["backingImageFileMap"].pop(name, None)
            self.preparation.forget(mine, name)
            self.world.event(mine, COMPONENT, "Delete", f"Deleted backing image {name}")
        try:
            if work.ending:
                self._finish(mine)
            else:
                if work.service.alive:
                    self.preparation.run(mine, work.service)
                self.save(mine, work.old)
        except ApiError:
            self.enqueue(key, self.first_retry)
        if key in self._again:
            self._again.discard(key)
            self.enqueue(key)

    # The end of a manager

    def _end(self, key: Key, mine: Object, old: Object) -> None:
        """F§13.3 step 1: files, if it runs, then the pod, then the finalizer."""
        service = self._service(mine)
        files = sorted(mine["status"]["backingImageFileMap"])
        if service is not None and files:
            disk = mine["spec"]["diskUUID"]
            walk = self.world.choices.walk(CLEAN_UP, disk, files, Walk(files))
            self._delete_next(key, _Deleting(mine, old, walk, True, service))
            return
        self._finish(mine)

    def _finish(self, mine: Object) -> None:
        name = name_of(mine)
        self._forget(name)
        pod = self.store.find("pods", names.NAMESPACE, name)
        if pod is not None and not is_terminating(pod):
            self.store.delete("pods", names.NAMESPACE, name)

        def release(obj: Object) -> None:
            finalizers = obj["metadata"].get("finalizers") or []
            obj["metadata"]["finalizers"] = [f for f in finalizers if f != names.FINALIZER]

        if self.store.find(self.resource, names.NAMESPACE, name) is not None:
            self.store.mutate(self.resource, names.NAMESPACE, name, release)

    def _forget(self, name: str) -> None:
        self.monitors.stop(name)
        for node in self.world.managers.nodes():
            memory = self.world.managers.get(node).memory
            memory.get("copies", {}).pop(name, None)

    # Edges

    def _of_image(self, event: WatchEvent) -> Iterable[Key]:
        """An image wakes the managers that list it (enqueueForBackingImage)."""
        name = name_of(event.obj)
        self._told[name] = self.kernel.now()
        found = self.store.list(self.resource, names.NAMESPACE)
        return [
            image_key(name_of(m)) for m in found if name in (m["spec"].get("backingImages") or {})
        ]

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        node = name_of(event.obj)
        found = self.store.list(self.resource, names.NAMESPACE)
        return [image_key(name_of(m)) for m in found if m["spec"].get("nodeID") == node]

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        if labels_of(event.obj).get(names.LABEL_COMPONENT) != names.COMPONENT_MANAGER:
            return []
        return [image_key(name_of(event.obj))]
