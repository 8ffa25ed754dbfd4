# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data source controller (F§13.2): the pod of the first file, its watch, its retries."""

from __future__ import annotations

from collections.abc import Iterable

from tests.simulator.controller import Key
from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Timer
from tests.simulator.longhorn import names, pod_checks, pods
from tests.simulator.longhorn.backoff import Backoff
from tests.simulator.longhorn.controller import LonghornController, image_key
from tests.simulator.longhorn.placement import serves
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, labels_of, name_of

POLL = 3.0
FIRST_WINDOW = 60.0
LONGEST_WINDOW = 300.0
# The window is opened at the end of a pass: a check on a later beat finds it still open (F§3.1).
OPENED_LATE = 0.2
RETRIED = frozenset({"download", "export-from-volume"})
BEGUN = frozenset(
    {names.STARTING, names.IN_PROGRESS, names.FOR_TRANSFER, names.READY, names.UNKNOWN}
)
ENDED = frozenset({names.FAILED, names.CLEANED})
DELETED_TEXT = (
    "backing image is deleted, requesting manager to clean up the tmp file of backing image "
    "data source"
)
POD_IS = "the pod dedicated to prepare the first backing image file"


class DataSourceController(LonghornController):
    """Runs in every manager; a data source belongs to the manager of its node."""

    resource = names.DATA_SOURCES
    latency = (0.004, 0.025)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._polls: dict[str, Timer] = {}
        self.watch(names.IMAGES, lambda event: [image_key(name_of(event.obj))])
        self.watch(names.NODES, self._on_node)
        self.watch("pods", self._of_pod)

    def prefer(self, obj: Object) -> str:
        """The manager of the node on which the file is prepared."""
        return str(obj["spec"].get("nodeID", ""))

    def first_status(self, obj: Object) -> None:
        """A data source's first status carries every field of its type."""
        status = obj["status"]
        for name in ("currentState", "checksum", "message", "ip", "storageIP"):
            status.setdefault(name, "")
        status.setdefault("size", 0)
        status.setdefault("progress", 0)
        status.setdefault("runningParameters", None)

    def reconcile(self, key: Key) -> float | None:
        """One pass over a data source. Raises ApiError where a write is refused."""
        stored = self.get(key)
        if stored is None:
            self._stop_polling(key[1])
            return None
        mine = self.own(stored)
        if mine is None:
            return None
        old: Object = clone(mine)
        if is_terminating(mine):
            self._delete(mine, old)
            return None
        status, spec = mine["status"], mine["spec"]
        if status.get("runningParameters") is None:
            status["runningParameters"] = dict(spec.get("parameters") or {})
        if spec.get("fileTransferred"):
            status["currentState"] = names.READY
            self._drop_pod(mine)
        elif not serves(
            self.world, spec.get("diskUUID", ""), spec.get("nodeID", ""), spec.get("diskPath", "")
        ):
            status["currentState"] = names.UNKNOWN
            self._stop_polling(name_of(mine))
        else:
            self._want_own_key(mine)
            self._prepare(mine)
        self.save(mine, old)
        return None

    def forget_node(self, node: str) -> None:
        """Monitors end with their manager."""
        for name in list(self._polls):
            source = self.store.find(self.resource, names.NAMESPACE, name)
            if source is None or (source.get("status") or {}).get("ownerID") == node:
                self._stop_polling(name)

    # Deletion

    def _delete(self, mine: Object, old: Object) -> None:
        """F§2.9: at once where the file is taken over, else after the manager has cleaned up."""
        transferred = bool(mine["spec"].get("fileTransferred"))
        if not transferred and mine["status"].get("currentState") not in ENDED:
            mine["status"].update(currentState=names.FAILED, message=DELETED_TEXT)
        self._drop_pod(mine)
        if transferred or mine["status"].get("currentState") == names.CLEANED:
            finalizers = mine["metadata"].get("finalizers") or []
            mine["metadata"]["finalizers"] = [f for f in finalizers if f != names.FINALIZER]
            self.store.update(self.resource, mine)
            return
        self.save(mine, old)

    def _drop_pod(self, mine: Object) -> None:
        self._stop_polling(name_of(mine))
        mine["status"].update(ip="", storageIP="")
        pod = self._pod(mine)
        if pod is not None and not is_terminating(pod):
            self.store.delete("pods", names.NAMESPACE, name_of(pod))

    def _pod(self, mine: Object) -> Object | None:
        return self.store.find("pods", names.NAMESPACE, names.data_source_pod(name_of(mine)))

    # Preparation

    def _want_own_key(self, mine: Object) -> None:
        """A data source that prepares keeps its disk in the image's map."""
        name, uuid = name_of(mine), mine["spec"].get("diskUUID", "")
        image = self.store.find(names.IMAGES, names.NAMESPACE, name)
        if image is None or is_terminating(image):
            return
        field = self.profile.map_field
        if uuid in (image["spec"].get(field) or {}):
            return
        new: Object = clone(image)
        wanted = new["spec"].get(field) or {}
        entries = {key: self.profile.written_entry(value) for key, value in wanted.items()}
        new["spec"][field] = {**entries, uuid: self.profile.new_entry()}
        self.store.update(names.IMAGES, new)

    def _prepare(self, mine: Object) -> None:
        """Judge the pod, then end, watch or make one (F§2.4)."""
        status, pod = mine["status"], self._pod(mine)
        trouble = self._trouble(mine, pod)
        if trouble is not None and status.get("currentState") in BEGUN:
            status.update(currentState=names.FAILED, message=trouble)
        if pod is not None and pod_checks.phase(pod) == "Failed":
            status["currentState"] = names.FAILED
            status["message"] = f"{POD_IS} failed: {trouble}"
        if self._misplaced(mine, pod):
            status["currentState"] = names.FAILED
        if status.get("currentState") in ENDED:
            self._drop_pod(mine)
            pod = self._pod(mine)
        elif trouble is None and pod is not None:
            status.update(ip=pod_checks.pod_ip(pod), storageIP=pod_checks.pod_ip(pod))
            self._start_polling(name_of(mine))
        if pod is None:
            self._make_pod(mine)

    def _trouble(self, mine: Object, pod: Object | None) -> str | None:
        """Why the pod cannot be talked to, None if it can."""
        if pod is None:
            return f"cannot find {POD_IS}"
        if is_terminating(pod):
            return f"{POD_IS} is being deleted"
        image = pod["spec"]["containers"][0].get("image")
        if image != self.profile.image_of(names.COMPONENT_MANAGER):
            return "the pod image is not the default one"
        if pod_checks.phase(pod) != "Running":
            return f"pod phase {pod_checks.phase(pod)}"
        if not pod_checks.containers_ready(pod):
            return "pod phase Running but the containers not ready"
        return None

    def _misplaced(self, mine: Object, pod: Object | None) -> bool:
        if pod is None or not self.profile.has("replace_misplaced_pod"):
            return False
        spec, status = mine["spec"], mine["status"]
        node, disk = pod["spec"].get("nodeName", ""), labels_of(pod).get(names.LABEL_DISK, "")
        if node != spec.get("nodeID"):
            status["message"] = f"pod spec node ID {node} doesn't match the desired node ID"
            return True
        if disk != spec.get("diskUUID"):
            status["message"] = f"pod metadata disk UUID {disk} doesn't match the desired disk UUID"
            return True
        return False

    def _make_pod(self, mine: Object) -> None:
        """A new data source begins at once, an ended one after its window (F§3.1)."""
        status, name, now = mine["status"], name_of(mine), self.kernel.now()
        backoff = self._backoff(mine)
        state = status.get("currentState", "")
        if state in ENDED:
            retried = mine["spec"].get("sourceType") in RETRIED
            if not retried or backoff.closed_at(name, now) is not None:
                return
            status.update(currentState=names.NEW, progress=0, message="", checksum="")
        elif state != names.NEW:
            return
        parameters = status.get("runningParameters") or {}
        pod = pods.data_source_pod(self.profile, mine, parameters)
        backoff.open(name, now + OPENED_LATE)
        try:
            self.store.create("pods", pod)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            return
        self._log(mine, "info", "Creating backing image data source pod")

    def _log(self, mine: Object, level: str, message: str) -> None:
        self.world.manager_log(
            mine["status"]["ownerID"],
            level,
            message,
            backingImageDataSource=name_of(mine),
            controller="longhorn-backing-image-data-source",
            diskUUID=mine["spec"].get("diskUUID", ""),
        )

    def _backoff(self, mine: Object) -> Backoff:
        memory = self.world.managers.get(mine["status"]["ownerID"]).memory
        found: Backoff = memory.setdefault("data source", Backoff(FIRST_WINDOW, LONGEST_WINDOW))
        return found

    # The monitor

    def _start_polling(self, name: str) -> None:
        if name not in self._polls:
            self._polls[name] = self.kernel.call_later(POLL, lambda: self._poll(name))

    def _stop_polling(self, name: str) -> None:
        timer = self._polls.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _poll(self, name: str) -> None:
        self._polls[name] = self.kernel.call_later(POLL, lambda: self._poll(name))
        server = self.world.processes.server(names.data_source_pod(name))
        source = self.store.find(self.resource, names.NAMESPACE, name)
        if server is None or source is None:
            return
        server.look()
        if server.state in (names.FOR_TRANSFER, names.READY) and source.get("status"):
            owner = source["status"].get("ownerID", "")
            if self.world.managers.running(owner):
                self._backoff(source).forget(name)

        def note(obj: Object) -> None:
            obj["status"].update(
                currentState=server.state,
                progress=server.progress,
                size=server.size,
                checksum=server.checksum,
                message=server.message,
            )

        if server.message and (source.get("status") or {}).get("message") != server.message:
            text = "Failed to prepare the file for backing image data source, error message"
            self._log(source, "error", f"{text}: {server.message}")
        self.store.mutate(self.resource, names.NAMESPACE, name, note, subresource="status")

    # Edges

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        image = labels_of(event.obj).get(names.LABEL_DATA_SOURCE)
        return [image_key(image)] if image else []

    def _on_node(self, event: WatchEvent) -> Iterable[Key]:
        node = name_of(event.obj)
        found = self.store.list(self.resource, names.NAMESPACE)
        return [image_key(name_of(s)) for s in found if s["spec"].get("nodeID") == node]
