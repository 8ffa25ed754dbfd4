# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a backing image manager gets the files it should have (F§4.5 step 2, F§3.2)."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.longhorn import manager_rules, names
from tests.simulator.longhorn.backoff import Backoff
from tests.simulator.longhorn.choices import PREPARATION, Walk
from tests.simulator.longhorn.file_service import MAX_SENDS, AlreadyExists, FileService
from tests.simulator.longhorn.manager_monitor import Monitors
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, name_of

COMPONENT = "longhorn-backing-image-manager-controller"
FIRST_WINDOW = 60.0
LONGEST_WINDOW = 300.0


class Preparation:
    """The second half of a pass over a running manager."""

    def __init__(self, world: World, monitors: Monitors) -> None:
        self.world = world
        self.monitors = monitors
        self._cleaning: set[str] = set()
        self._asked = 0

    def backoffs(self, manager: Object) -> dict[str, Backoff]:
        """Back-offs by manager name, in the memory of the owner."""
        owner = manager["status"].get("ownerID", "")
        memory = self.world.managers.get(owner).memory
        found: dict[str, Backoff] = memory.setdefault("copies", {})
        return found

    def forget(self, manager: Object, image: str) -> None:
        """A file was deleted: its next try is not held back (F§3.2, the trap)."""
        backoff = self.backoffs(manager).get(name_of(manager))
        if backoff is not None:
            backoff.forget(image)

    def run(self, manager: Object, service: FileService) -> int:
        """Ask for every file that is missing or failed; at most one sync per pass from 1.7.

        Returns how many requests that took.
        """
        before = self._asked
        files = manager["status"]["backingImageFileMap"]
        one_per_pass = self.world.profile.has("file_spec_map")
        for image in self._in_map_order(manager):
            source = self.world.store.find(names.DATA_SOURCES, names.NAMESPACE, image)
            if source is None:
                continue
            state = (source.get("status") or {}).get("currentState", "")
            missing = _missing(files, image)
            if not source["spec"].get("fileTransferred"):
                if missing or state == names.FAILED:
                    self._first_file(manager, service, image, source, state)
            elif missing and self._copy(manager, service, image) and one_per_pass:
                break
        return self._asked - before

    def _in_map_order(self, manager: Object) -> list[str]:
        listed = sorted(manager["spec"].get("backingImages") or {})
        files = manager["status"]["backingImageFileMap"]
        wanted = [image for image in listed if _missing(files, image)]
        if len(wanted) < 2:
            return listed
        disk = manager["spec"]["diskUUID"]
        return self.world.choices.walk(PREPARATION, disk, listed, Walk(wanted)).order

    # The first file

    def _first_file(
        self, manager: Object, service: FileService, image: str, source: Object, state: str
    ) -> None:
        if state == names.FAILED:
            self._clean_up(service, image, source)
            return
        here = source["spec"].get("diskUUID") == manager["spec"]["diskUUID"]
        if state != names.FOR_TRANSFER or not here:
            return
        server = self.world.processes.server(names.data_source_pod(image))
        if server is None:
            return
        try:
            service.fetch(image, source["spec"].get("uuid", ""), server.hand_over)
        except AlreadyExists:
            return
        text = f"Fetched the first file for backing image {image}"
        self.world.event(manager, COMPONENT, "Fetching", text)

    def _clean_up(self, service: FileService, image: str, source: Object) -> None:
        """Have the leftovers of a failed first file removed, then say so (F§2.4)."""
        uid = source["metadata"]["uid"]
        if uid in self._cleaning:
            return
        self._cleaning.add(uid)
        seconds = service.delete(image, source["spec"].get("uuid", ""))

        def done(obj: Object) -> None:
            if obj["status"].get("currentState") == names.FAILED:
                obj["status"]["currentState"] = names.CLEANED

        def later() -> None:
            self._cleaning.discard(uid)
            store = self.world.store
            found = store.find(names.DATA_SOURCES, names.NAMESPACE, image)
            if found is not None and found["metadata"]["uid"] == uid and service.alive:
                store.mutate(names.DATA_SOURCES, names.NAMESPACE, image, done, "status")

        self.world.kernel.call_later(seconds, later)

    # Copies

    def _copy(self, manager: Object, service: FileService, image: str) -> bool:
        """Ask for a copy; True if a sync was requested."""
        name, now = name_of(manager), self.world.kernel.now()
        backoff = self.backoffs(manager).setdefault(name, Backoff(FIRST_WINDOW, LONGEST_WINDOW))
        if backoff.closed_at(image, now) is not None or self._node_is_busy(manager):
            return False
        obj = self.world.store.find(names.IMAGES, names.NAMESPACE, image)
        if obj is None:
            return False
        uuid = manager["spec"]["backingImages"][image]
        status = obj.get("status") or {}
        size, checksum = status.get("size") or 0, status.get("checksum") or ""
        ready = self._ready_managers(manager, image)
        if not ready:
            return self._ask(
                lambda: service.reuse(image, uuid, size, checksum), backoff, image, False
            )
        free = {n: m for n, m in ready.items() if self._sends(m, image) < MAX_SENDS}
        if not free:
            return False
        sender = self.world.choices.pick("sender", image, sorted(free))
        process = self.world.processes.service(sender)
        if process is None:
            return False
        done = self._ask(
            lambda: service.sync(image, uuid, process, size, checksum), backoff, image, True
        )
        if done:
            text = f"Syncing backing image {image} from {sender}({process.address})"
            self.world.event(manager, COMPONENT, "Syncing", text)
            self.world.manager_log(
                manager["spec"]["nodeID"],
                "info",
                "Requesting syncing backing image",
                backingImage=image,
                backingImageManager=name,
                controller="longhorn-backing-image-manager",
                diskUUID=manager["spec"]["diskUUID"],
                size=size,
            )
        return done

    def _ask(
        self, request: Callable[[], None], backoff: Backoff, image: str, is_sync: bool
    ) -> bool:
        """Send a request; "already exists" opens no window and ends no pass (F§3.2)."""
        self._asked += 1
        try:
            request()
        except AlreadyExists:
            return False
        backoff.open(image, self.world.kernel.now())
        return is_sync

    def _ready_managers(self, manager: Object, image: str) -> dict[str, Object]:
        """Running managers whose record of the image reads ready, whatever is on their disk."""
        current = self.world.profile.image_of(names.COMPONENT_MANAGER)
        found = {}
        for other in self.world.store.list(names.MANAGERS, names.NAMESPACE):
            status = other.get("status") or {}
            if is_terminating(other) or other["spec"].get("image") != current:
                continue
            if status.get("currentState") != names.RUNNING or name_of(other) == name_of(manager):
                continue
            file = (status.get("backingImageFileMap") or {}).get(image) or {}
            if file.get("state") == names.READY:
                found[name_of(other)] = other
        return found

    def _sends(self, manager: Object, image: str) -> int:
        files = manager["status"].get("backingImageFileMap") or {}
        return int((files.get(image) or {}).get("sendingReference") or 0)

    def _node_is_busy(self, manager: Object) -> bool:
        if not self.world.profile.has("file_spec_map"):
            return False
        limit = self.world.setting_int("concurrent-backing-image-replenish-per-node-limit")
        if limit == 0:
            return False
        node = manager["spec"]["nodeID"]
        others = self.world.store.list(names.MANAGERS, names.NAMESPACE)
        count = 0
        for other in others:
            if other["spec"].get("nodeID") == node:
                status = clone(other.get("status") or {})
                count += manager_rules.moving(status.get("backingImageFileMap") or {})
        return count >= limit


def _missing(files: Object, image: str) -> bool:
    return image not in files or files[image].get("state") == names.FAILED
