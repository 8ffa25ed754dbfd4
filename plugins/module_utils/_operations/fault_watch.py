# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a test image under a fault until every expectation is met, or the time is over."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.watch import LiveView
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults import (
    copies,
    expectations,
    history,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.expectations import (
    MET,
    Expectation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.fault_images import (
    Order,
    create_image,
    name_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

TICK_SECONDS = 0.5
LOG_SECONDS = 2.0
MANAGER_LABEL = "app=longhorn-manager"
MANAGER_CONTAINER = "longhorn-manager"
KINDS = (kinds.BACKING_IMAGES, kinds.DATA_SOURCES, kinds.VOLUMES, kinds.PODS)
COPY_PHASES = ("copy_fault", "copy_repair")
COPY_KINDS = (kinds.BACKING_IMAGES, kinds.LONGHORN_NODES, kinds.PODS)
MANAGER_COMPONENT, MANAGER_NAME = "longhorn.io/component", "backing-image-manager"
MANAGER_DISK = "longhorn.io/disk-uuid"


@dataclass(frozen=True)
class Wanted:
    """What to look for: the phase (sync_failure, sync_repair, download_failure, copy_fault,
    copy_repair), the kind of fault, the disk of the copy, disks with other copies, and whether a
    volume is there. ``since``: the resourceVersion of images from which on changes count.
    """

    phase: str
    run: str
    kind: str = ""
    disk: str = ""
    others: Collection[str] = ()
    volume: bool = False
    order: Order | None = None
    loopback: bool = False
    seconds: float = 120.0
    since: str = ""


class Recorder:
    """Keeps every state that the watches bring, also those that are over at once."""

    def __init__(self, image: str, map_field: str, disk: str = "") -> None:
        self.history = history.History()
        self._image = image
        self._disk = disk
        self._map_field = map_field

    def record(self, kind: Kind, raw: Object) -> None:
        """Called by the followers' threads; one append is one step."""
        metadata = raw["metadata"]
        if kind is kinds.PODS:
            labels = metadata.get("labels") or {}
            if labels.get(history.POD_LABEL) == self._image:
                self.history.pods.add(str(metadata["name"]))
            if self._disk and labels.get(MANAGER_DISK) == self._disk:
                self._record_manager(labels, raw)
            return
        if kind is kinds.LONGHORN_NODES:
            self._record_node(raw)
            return
        if metadata["name"] != self._image:
            return
        if kind is kinds.BACKING_IMAGES:
            self.history.images.append(history.entries_of(raw))
            self.history.wanted = history.wanted_of(raw, self._map_field)
        elif kind is kinds.VOLUMES:
            self.history.volumes.append(history.volume_of(raw))
        else:
            self.history.sources.append(history.source_of(raw))

    def _record_manager(self, labels: Object, raw: Object) -> None:
        if labels.get(MANAGER_COMPONENT) == MANAGER_NAME:
            self.history.managers.append(history.manager_of(raw))

    def _record_node(self, raw: Object) -> None:
        ready, pressure = history.conditions_of(raw, self._disk)
        if pressure is not None:
            self.history.node_ready.append(ready)
            self.history.pressure.append(pressure)


def watch(work: Work, wanted: Wanted) -> list[Expectation]:
    """Look until all is met or the time is over, and judge. A download's image is created here,
    when the watches are open, because its pod lives only for seconds.
    """
    image = name_of(wanted.run)
    of_copy = wanted.phase in COPY_PHASES
    recorder = Recorder(image, work.longhorn.schema.map_field, wanted.disk)
    limit = work.deadline.within(wanted.seconds)
    with LiveView(
        work.client,
        COPY_KINDS if of_copy else KINDS,
        keep=lambda kind, raw: _keep(recorder, kind, raw),
        since={kinds.BACKING_IMAGES: wanted.since} if wanted.since else None,
    ) as view:
        before: list[Expectation] = []
        if wanted.kind == "manager_killed" and wanted.phase == "copy_fault":
            kill_manager(work.client, wanted.disk)
        if wanted.order is not None:
            refusal = create_image(work, wanted.order)
            expected = expectations.refused_at_creation(
                work.longhorn.schema, wanted.kind, wanted.loopback
            )
            before = [expectations.creation(refusal, expected)]
            if refusal:
                return before
        next_logs = work.deadline.now() + LOG_SECONDS
        while True:
            recorder.history.pods_left = {
                str(pod["metadata"]["name"]) for pod in view.all(kinds.PODS)
            } & recorder.history.pods
            found = [*before, *judge(recorder.history, wanted)]
            open_ones = [one.name for one in found if one.outcome != MET]
            if work.deadline.now() >= next_logs or limit.expired:
                _read_logs(work.client, image, recorder.history)
                found = [*before, *judge(recorder.history, wanted)]
                next_logs = work.deadline.now() + LOG_SECONDS
            if expectations.complete(found) or limit.expired:
                return found
            work.safe_point()
            work.progress.update(f"still to be seen: {', '.join(open_ones)}")
            view.next_change(min(TICK_SECONDS, limit.remaining()))


def kill_manager(client: Client, disk: str) -> str:
    """Delete the pod of the manager that keeps the files of a disk, by its UID; the pod's name.

    Raises Failure where there is none to delete.
    """
    selector = f"{MANAGER_COMPONENT}={MANAGER_NAME},{MANAGER_DISK}={disk}"
    for pod in client.list(kinds.PODS, label_selector=selector).items:
        metadata = pod["metadata"]
        if history.manager_of(pod)[1] and not metadata.get("deletionTimestamp"):
            client.delete(kinds.PODS, metadata["name"], uid=metadata["uid"])
            return str(metadata["name"])
    raise Failure(f"The disk {disk} has no manager that is ready, so none can be killed.")


def _keep(recorder: Recorder, kind: Kind, raw: Object) -> Object:
    recorder.record(kind, raw)
    return {"metadata": {key: raw["metadata"].get(key) for key in ("name", "namespace")}}


def judge(seen: history.History, wanted: Wanted) -> list[Expectation]:
    """The expectations of a phase."""
    phases: dict[str, Callable[[], list[Expectation]]] = {
        "sync_failure": lambda: expectations.sync_failure(
            seen, wanted.disk, wanted.others, wanted.kind, wanted.volume
        ),
        "sync_repair": lambda: expectations.sync_repair(seen, wanted.disk, wanted.volume),
        "download_failure": lambda: expectations.download_failure(seen, wanted.kind),
        "copy_fault": lambda: copies.copy_fault(seen, wanted.disk, wanted.others, wanted.kind),
        "copy_repair": lambda: copies.copy_repair(seen, wanted.disk, wanted.kind),
    }
    return phases[wanted.phase]()


def _read_logs(client: Client, image: str, seen: history.History) -> None:
    """The managers' lines about the image; what cannot be read is told, not failed on."""
    lines: list[str] = []
    try:
        pods = client.list(
            kinds.PODS, lambda raw: str(raw["metadata"]["name"]), label_selector=MANAGER_LABEL
        )
        for pod in pods.items:
            lines += history.lines_about(image, client.pod_log(pod, MANAGER_CONTAINER))
    except errors.ApiError as error:
        seen.logs_unread = f"the logs cannot be read: {error}"
        return
    seen.logs = lines
