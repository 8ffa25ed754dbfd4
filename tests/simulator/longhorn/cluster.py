# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole simulated cluster: Kubernetes, Longhorn of one release, and the machines under them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.simulator import controls
from tests.simulator.builtins import builtin_registry
from tests.simulator.clock import VirtualClock, make_clock
from tests.simulator.errors import ApiError
from tests.simulator.http.eviction import evict
from tests.simulator.kernel import Kernel
from tests.simulator.kube.components import Kubernetes
from tests.simulator.longhorn import names, seed, webhooks
from tests.simulator.longhorn.backing_image import BackingImageController
from tests.simulator.longhorn.controller import LonghornController, image_key
from tests.simulator.longhorn.data_source import DataSourceController
from tests.simulator.longhorn.disk_folder import CAPACITY, DiskFolder
from tests.simulator.longhorn.disk_monitor import DiskMonitors
from tests.simulator.longhorn.manager import ManagerController
from tests.simulator.longhorn.manager_lives import ManagerLives
from tests.simulator.longhorn.node import NodeController
from tests.simulator.longhorn.profiles import profile_for
from tests.simulator.longhorn.schemas import resources_of
from tests.simulator.longhorn.source_proxy import SourceProxy
from tests.simulator.longhorn.sources import FAST, Sources
from tests.simulator.longhorn.volumes import Volumes
from tests.simulator.longhorn.workers import Workers
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, labels_of, lookup, name_of
from tests.simulator.pod_commands import PodCommands, Programs
from tests.simulator.podlogs import PodLogs
from tests.simulator.server import ApiServer
from tests.simulator.store import Store, WriteOptions
from tests.simulator.workers import make_roots

# A proxy that is not there: whoever is sent to it reaches nothing.
NOBODY = "http://127.0.0.1:9"


class Cluster:
    """Longhorn on a few nodes.

    ``longhorn``: "1.12", "1.12.1" or "v1.12.1". ``nodes``: how many, or their names. ``disks`` per
    node. ``start``: epoch seconds. ``root``: the folder of the disks (default: a temporary one).
    ``time``: "virtual", "real" or a factor, which counts from ``serve`` on; before that time is
    virtual, so that a cluster can be prepared in no time. ``beats``: per node, on which second of
    each half minute (0 to 30) the beats of its manager fall; drawn for the others. ``disk_size``:
    bytes that a disk is said to have.
    """

    def __init__(
        self,
        longhorn: str = "1.12.1",
        nodes: int | Sequence[str] = 3,
        disks: int = 1,
        seed: int = 0,
        start: float | None = None,
        root: Path | None = None,
        time: str | float = "virtual",
        beats: Mapping[str, float] | None = None,
        disk_size: int = CAPACITY,
    ) -> None:
        self.profile = profile_for(longhorn)
        self.time = time
        self.kernel = Kernel(VirtualClock(start), seed)
        self.store = Store(self.kernel, builtin_registry())
        for resource in resources_of(self.profile):
            self.store.registry.register(resource)
        self.workers = Workers(root, host_chattr=root is not None, capacity=disk_size)
        self.sources = Sources()
        self.source_proxy = ""
        #: Whether pods of ours, beside Longhorn's own, have a way to the sources.
        self.pods_reach_sources = True
        self.world = World(self.kernel, self.store, self.profile, self.workers, self.sources)
        self.choices = self.world.choices
        self.kubernetes = Kubernetes(self.kernel, self.store)
        self.machines = self.kubernetes.machines
        self.nodes = _node_names(nodes)
        self.logs = PodLogs(self.kernel)
        self._server: ApiServer | None = None
        self._commands: PodCommands | None = None
        self.world.log = self._log
        webhooks.register(self.world)
        self._monitors = DiskMonitors(self.kernel, self.store, self.workers)
        self._build()
        self._seed(disks, beats or {})

    def _build(self) -> None:
        self.node_controller = NodeController(self.world, self._monitors)
        self.controllers: tuple[LonghornController, ...] = (
            BackingImageController(self.world),
            DataSourceController(self.world),
            ManagerController(self.world),
            self.node_controller,
        )
        self.volumes = Volumes(self.world, self.choices)
        self.node_controller.flag_replicas = self.volumes.flag_replicas
        self._lives = ManagerLives(self.world, self._monitors, self._ensure_node)
        self.node_controller.crash = self._lives.crash
        self.world.processes.crash = self._crash_container

    def _seed(self, disks: int, beats: Mapping[str, float]) -> None:
        self.kubernetes.start()
        seed.seed_common(self.store, self.profile)
        for name in self.nodes:
            self.workers.add(name)
            self.machines.add(name)
            self.machines.kubelet(name).has_folder = self._has_folder(name)
            body = seed.longhorn_node(self.kernel, self.profile, self.workers, name, disks)
            self.store.create(names.NODES, body)
        self.store.create("daemonsets.apps", seed.manager_daemon_set(self.profile))
        image, status = seed.engine_image(self.profile, self.nodes)
        created = self.store.create(names.ENGINE_IMAGES, image)
        self.store.update(names.ENGINE_IMAGES, {**created, "status": status}, subresource="status")
        self.kernel.run_for(2.5)
        for controller in self.controllers:
            controller.start()
        self.volumes.start()
        for name in self.nodes:
            self._lives.adopt(name, beats.get(name))
        self._lives.begin()
        self.kernel.run_for(1.0)

    # Time and service

    def run_until_true(self, condition: Callable[[], bool], limit: float = 600.0) -> bool:
        """Run virtual time until a condition holds; False after ``limit`` seconds without it."""
        return self.kernel.run_until_true(condition, limit)

    def serve(self, port: int = 0, state_dir: Path | None = None) -> ApiServer:
        """Serve the cluster over HTTPS; time runs from now on as was asked for.

        Raises OSError when the port is taken.
        """
        if self.time != "virtual":
            self.kernel.clock = make_clock(self.time, self.kernel.now())
        folder = state_dir if state_dir is not None else self.workers.root / ".state"
        folder.mkdir(parents=True, exist_ok=True)
        self._server = ApiServer(self.store, folder, self.logs)
        roots = make_roots(self.workers, folder)
        self._commands = PodCommands(
            self.kernel,
            self.store,
            self.logs,
            roots,
            Programs(
                _fault_tool,
                _probe_script,
                self._proxy_of_pods,
                _look_scripts,
                self.workers.folder,
            ),
            self._end_container,
        )
        controls.register(self, self._server.control)
        proxy = SourceProxy(self.sources, lambda: getattr(self.kernel.clock, "scale", 1.0))
        self._server.companions.append(proxy)
        self._server.start(port)
        self.source_proxy = proxy.url
        (folder / "source-proxy").write_text(f"{proxy.url}\n")
        return self._server

    def close(self) -> None:
        """Stop serving and remove what was made."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._commands is not None:
            self._commands.close()
        self.workers.close()

    # Machines

    def power(self, node: str, on: bool) -> None:
        """Switch a machine on or off. Raises KeyError for an unknown one."""
        worker = self.workers[node]
        if worker.powered == on:
            return
        worker.powered = on
        if on:
            self.machines.power_on(node)
            return
        self.machines.power_off(node)
        self._lives.power_off(node)
        self.world.processes.power_off(node)

    def power_off(self, node: str) -> None:
        """Switch a machine off."""
        self.power(node, False)

    def power_on(self, node: str) -> None:
        """Switch a machine on."""
        self.power(node, True)

    def kill_pod(self, pod: str) -> None:
        """kill -9 of the process in a pod. Raises ApiError 404."""
        found = self.store.get("pods", names.NAMESPACE, pod)
        self.world.processes.kill(pod)
        self.machines.kubelet(found["spec"]["nodeName"]).stop_container(found)

    def _end_container(self, pod: Object, code: int, reason: str) -> None:
        self.machines.kubelet(pod["spec"]["nodeName"]).stop_container(pod, code, reason)

    def _has_folder(self, node: str) -> Callable[[str], bool]:
        """Whether a machine has a folder on one of its disks."""

        def has(path: str) -> bool:
            place = self.workers.folder(node, path)
            return place is not None and place.is_dir()

        return has

    def _proxy_of_pods(self) -> str:
        return self.source_proxy if self.pods_reach_sources else NOBODY

    def _log(self, node: str, text: str) -> None:
        """A line of the Longhorn manager of a node."""
        for pod in self.store.list("pods", names.NAMESPACE, "app=longhorn-manager"):
            if pod["spec"].get("nodeName") == node:
                self.logs.write(pod, text)

    def _crash_container(self, pod: Object) -> None:
        self.machines.kubelet(pod["spec"]["nodeName"]).stop_container(pod, 1)

    def kill_replica(self, node: str, volume: str) -> None:
        """kill -9 of the replica process of a volume on a node."""
        self.volumes.kill_replica(node, volume)

    def crash_manager_pod(self, node: str) -> None:
        """Let the Longhorn manager of a node crash; it is back after 11 s."""
        self._lives.crash(node)

    def limit_transfers(self, bytes_per_second: float | None) -> None:
        """Limit what a manager sends to another; None lifts the limit."""
        self.world.processes.send_rate = FAST if bytes_per_second is None else bytes_per_second

    def evict(self, namespace: str | None, name: str, body: Object) -> Object:
        """Evict a pod as the API does. Raises ApiError 404, 409 or 429."""
        return evict(self.store, namespace or names.NAMESPACE, name, body, WriteOptions())

    # Disks and files

    def disk_uuids(self, node: str | None = None) -> list[str]:
        """UUIDs of all disks, or of one node's, in the order of the disks' names."""
        found = []
        for obj in self.store.list(names.NODES):
            if node is None or name_of(obj) == node:
                known = lookup(obj, "status.diskStatus") or {}
                found += [entry["diskUUID"] for _unused, entry in sorted(known.items())]
        return found

    def folder_of(self, uuid: str) -> DiskFolder:
        """Folder of the disk with a UUID. Raises KeyError where there is none."""
        for worker in self.workers:
            for folder in worker.disks.values():
                config = folder.config()
                if config is not None and config.uuid == uuid:
                    return folder
        raise KeyError(uuid)

    def copy_dir(self, image: str, disk_uuid: str) -> Path:
        """Directory of an image's copy on a disk. Raises ApiError 404 or KeyError."""
        obj = self.store.get(names.IMAGES, names.NAMESPACE, image)
        uuid = str(lookup(obj, "status.uuid"))
        return self.folder_of(disk_uuid).image_dir(image, uuid)

    def remove_files(self, image: str, node: str | None = None) -> list[Path]:
        """Delete the files of an image's copies, on one node or all; the files that were there."""
        obj = self.store.get(names.IMAGES, names.NAMESPACE, image)
        uuid, removed = str(lookup(obj, "status.uuid")), []
        for worker in self.workers:
            if node is not None and worker.name != node:
                continue
            for folder in worker.disks.values():
                for path in sorted(folder.image_dir(image, uuid).glob("backing*")):
                    path.unlink()
                    removed.append(path)
        return removed

    def corrupt(self, image: str, disk_uuid: str) -> None:
        """Change a byte of a copy. Raises ApiError 404, KeyError or OSError."""
        with (self.copy_dir(image, disk_uuid) / "backing").open("r+b") as file:
            first = file.read(1) or b"\0"
            file.seek(0)
            file.write(bytes([first[0] ^ 0xFF]))

    def chattr(self, image: str, disk_uuid: str, immutable: bool) -> bool:
        """Make a copy's directory immutable or not; True if the host does it too."""
        folder = self.folder_of(disk_uuid)
        directory = self.copy_dir(image, disk_uuid)
        return folder.freeze(directory, immutable, self.workers.host_chattr)

    # Images

    def create_image(
        self,
        name: str,
        url: str = "http://images.local/f/raw8.img",
        source_type: str = "download",
        copies: int = 1,
        on: Sequence[str] = (),
        parameters: dict[str, str] | None = None,
        wait: bool = True,
    ) -> Object:
        """Make an image and, in virtual time, wait until all its copies are ready.

        ``on``: UUIDs of the disks that hold it (else Longhorn chooses ``copies`` of them; up to 1.6
        the others are added here). Raises TimeoutError where the copies do not come.
        """
        field = self.profile.map_field
        values = {"url": url} if source_type == "download" else {}
        spec: Object = {
            "sourceType": source_type,
            "sourceParameters": {**values, **(parameters or {})},
            field: {uuid: self.profile.new_entry() for uuid in on},
        }
        wanted = len(on) or copies
        if self.profile.has("file_spec_map"):
            spec["minNumberOfCopies"] = wanted
        metadata = {"name": name, "namespace": names.NAMESPACE}
        self.store.create(names.IMAGES, {"metadata": metadata, "spec": spec})
        if wait:
            self._await_image(name, source_type, wanted)
        return self.store.get(names.IMAGES, names.NAMESPACE, name)

    def _await_image(self, name: str, source_type: str, wanted: int) -> None:
        if source_type == "upload":
            pod = names.data_source_pod(name)
            self.run_until_true(lambda: self.world.processes.server(pod) is not None)
            server = self.world.processes.server(pod)
            if server is not None:
                server.upload(self.sources.get("http://images.local/f/raw8.img"))
        if not self.run_until_true(lambda: self.ready_copies(name) != []):
            raise TimeoutError(f"image {name} has no ready copy after 600 s")
        if not self.profile.has("file_spec_map"):
            self._add_keys(name, wanted)
        if not self.run_until_true(lambda: len(self.ready_copies(name)) >= wanted):
            found = len(self.ready_copies(name))
            raise TimeoutError(f"image {name} has {found} copies, not {wanted}")
        self.kernel.run_for(3.0)

    def _add_keys(self, name: str, wanted: int) -> None:
        def edit(obj: Object) -> None:
            keys = obj["spec"]["disks"]
            for uuid in self.disk_uuids():
                if len(keys) < wanted:
                    keys.setdefault(uuid, "")

        self.store.mutate(names.IMAGES, names.NAMESPACE, name, edit)

    def ready_copies(self, name: str) -> list[str]:
        """Disks with a ready copy that the placement map names."""
        image = self.store.find(names.IMAGES, names.NAMESPACE, name)
        if image is None:
            return []
        wanted = image["spec"].get(self.profile.map_field) or {}
        entries = lookup(image, "status.diskFileStatusMap") or {}
        return sorted(
            uuid
            for uuid, entry in entries.items()
            if uuid in wanted and entry.get("state") == names.READY
        )

    def manager_pods(self) -> list[Object]:
        """Pods of the backing image managers."""
        pods = self.store.list("pods", names.NAMESPACE)
        wanted = names.COMPONENT_MANAGER
        return [pod for pod in pods if labels_of(pod).get(names.LABEL_COMPONENT) == wanted]

    def _ensure_node(self, node: str) -> None:
        """A manager that starts makes the Longhorn Node where there is none."""
        if self.store.find(names.NODES, names.NAMESPACE, node) is not None:
            return
        body = seed.longhorn_node(self.kernel, self.profile, self.workers, node, 1)
        try:
            self.store.create(names.NODES, body)
        except ApiError as error:
            if error.status != 409:
                raise
        self.node_controller.enqueue(image_key(node))


def _fault_tool() -> str:
    """What a pod of a fault run may run: the program that the collection ships."""
    package = "ansible_collections.nodecare.longhorn.plugins.module_utils._worker.bundle"
    source: str = importlib.import_module(package).source()
    return source


def _probe_script() -> str:
    """What a pod that reads sources may run, likewise."""
    package = "ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source"
    script: str = importlib.import_module(f"{package}.probe_script").SCRIPT
    return script


def _look_scripts() -> tuple[str, ...]:
    """What a pod that looks at files may run, likewise, and one that keeps a file."""
    package = "ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery"
    module = importlib.import_module(f"{package}.look_pod")
    return module.SCRIPT, module.KEEP_SCRIPT


def _node_names(nodes: int | Sequence[str]) -> list[str]:
    if isinstance(nodes, int):
        return [f"node-{index + 1}" for index in range(nodes)]
    return list(nodes)
