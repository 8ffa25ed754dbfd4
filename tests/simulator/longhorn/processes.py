# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes inside Longhorn's pods: started, stopped and killed with their containers."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.longhorn import names
from tests.simulator.longhorn.data_source_server import Course, DataSourceServer, Order
from tests.simulator.longhorn.file_service import Clocks, FileService
from tests.simulator.longhorn.image_content import answer_for
from tests.simulator.longhorn.sources import FAST, Answer, Sources
from tests.simulator.longhorn.workers import Workers
from tests.simulator.objects import Object, labels_of, name_of, uid_of
from tests.simulator.store import Store

#: Seconds a manager's process lives on a disk that is not its own.
_WRONG_DISK = 0.1


class Processes:
    """What runs where: a file service per manager pod, a server per data source pod.

    ``send_rate``: what a manager sends, in bytes per second. ``known_clocks``: what is known
    of the clocks of a file service that starts now on a disk (UUID, time in epoch seconds).
    """

    def __init__(self, kernel: Kernel, store: Store, workers: Workers, sources: Sources) -> None:
        self.kernel = kernel
        self.store = store
        self.workers = workers
        self.sources = sources
        self.send_rate = FAST
        self.crash: Callable[[Object], None] | None = None
        self.known_clocks: Callable[[str, float], Clocks] = lambda uuid, now: Clocks()
        self.known_course: Callable[[str, float], Course | None] = lambda image, now: None
        self._services: dict[str, tuple[str, str, FileService]] = {}
        self._servers: dict[str, tuple[str, str, DataSourceServer]] = {}
        store.subscribe(self._on_event)

    def service(self, pod: str) -> FileService | None:
        """The file service in a pod of this name, if it runs."""
        found = self._services.get(pod)
        return found[2] if found is not None else None

    def server(self, pod: str) -> DataSourceServer | None:
        """The data source server in a pod of this name, if it runs."""
        found = self._servers.get(pod)
        return found[2] if found is not None else None

    def kill(self, pod: str) -> None:
        """End what runs in a pod, whatever the API says about the pod."""
        service = self._services.pop(pod, None)
        if service is not None:
            service[2].stop()
        server = self._servers.pop(pod, None)
        if server is not None:
            server[2].stop()

    def power_off(self, node: str) -> None:
        """End everything on a machine."""
        for table in (self._services, self._servers):
            for pod in [pod for pod, entry in table.items() if entry[1] == node]:
                self.kill(pod)

    def on_node(self, node: str) -> list[str]:
        """Names of the pods with a running process on a machine."""
        tables = (self._services, self._servers)
        return [pod for table in tables for pod, entry in table.items() if entry[1] == node]

    def _on_event(self, event: WatchEvent) -> None:
        if event.res != "pods":
            return
        component = labels_of(event.obj).get(names.LABEL_COMPONENT)
        if component not in (names.COMPONENT_MANAGER, names.COMPONENT_DATA_SOURCE):
            return
        pod = event.obj
        phase = pod.get("status", {}).get("phase")
        ended = event.type == DELETED or pod["metadata"].get("deletionTimestamp")
        if ended or phase in ("Failed", "Succeeded"):
            self._end(name_of(pod), uid_of(pod))
        elif phase == "Running":
            self._begin(pod, component)

    def _end(self, pod: str, uid: str) -> None:
        for table in (self._services, self._servers):
            if pod in table and table[pod][0] == uid:
                self.kill(pod)

    def _begin(self, pod: Object, component: str) -> None:
        name, uid, node = name_of(pod), uid_of(pod), pod["spec"].get("nodeName", "")
        worker = self.workers.get(node)
        running = name in self._services or name in self._servers
        if running or worker is None or not worker.powered:
            return
        disk = self.workers.disk(node, _host_path(pod))
        if disk is None:
            return
        if component == names.COMPONENT_MANAGER:
            address = f"{pod['status'].get('podIP', '')}:8000"
            uuid = labels_of(pod).get(names.LABEL_DISK, "")
            config = disk.config()
            if config is None or config.uuid != uuid:
                # another disk is mounted there: the process ends at once (rec: */w8-..)
                self.kernel.call_later(_WRONG_DISK, lambda: self._crash(name, uid))
                return
            clocks = self.known_clocks(uuid, self.kernel.now())
            service = FileService(self.kernel, disk, address, lambda: self.send_rate, clocks)
            self._services[name] = (uid, node, service)
            return
        order = self._order(pod)
        if order is not None:
            course = self.known_course(order.name, self.kernel.now())
            server = DataSourceServer(self.kernel, disk, order, self._asker(order.name), course)
            self._servers[name] = (uid, node, server)

    def _crash(self, pod: str, uid: str) -> None:
        present = self.store.find("pods", names.NAMESPACE, pod)
        if self.crash is not None and present is not None and uid_of(present) == uid:
            self.crash(present)

    def _order(self, pod: Object) -> Order | None:
        image = labels_of(pod).get(names.LABEL_DATA_SOURCE, "")
        source = self.store.find(names.DATA_SOURCES, names.NAMESPACE, image)
        if source is None:
            return None
        spec = source["spec"]
        upload = spec.get("sourceType") == "upload"
        return Order(image, spec.get("uuid", ""), spec.get("checksum", ""), upload)

    def _asker(self, image: str) -> Callable[[], Answer]:
        return lambda: answer_for(self.store, self.sources, image)


def _host_path(pod: Object) -> str:
    for volume in pod["spec"].get("volumes") or []:
        if volume.get("name") == "disk-path":
            path: str = volume["hostPath"]["path"]
            return path
    return names.HOST_PATH
