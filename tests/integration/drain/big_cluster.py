# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large Longhorn at rest: objects only, no controllers. For requests, seconds and memory."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.simulator.builtins import builtin_registry
from tests.simulator.clock import VirtualClock
from tests.simulator.kernel import Kernel
from tests.simulator.longhorn import seed
from tests.simulator.longhorn.profiles import profile_for
from tests.simulator.longhorn.schemas import resources_of
from tests.simulator.server import ApiServer
from tests.simulator.store import Store

SPACE = "longhorn-system"
GIB = 2**30
TRUE = [
    {"type": kind, "status": "True", "reason": "", "message": ""}
    for kind in ("Ready", "Schedulable")
]


class BigCluster:
    """Nodes with one disk each, images of three copies, a volume of two replicas per fourth
    image.
    """

    def __init__(self, version: str, nodes: int, images: int) -> None:
        self.random = random.Random(7)
        self.kernel = Kernel(VirtualClock(None), 0)
        self.store = Store(self.kernel, builtin_registry())
        self.profile = profile_for(version)
        for resource in resources_of(self.profile):
            self.store.registry.register(resource)
        seed.seed_common(self.store, self.profile)
        self.nodes = [f"worker-{n}" for n in range(nodes)]
        self.disks = {name: str(uuid.UUID(int=self.random.getrandbits(128))) for name in self.nodes}
        for name in self.nodes:
            self._add_node(name)
        for number in range(images):
            self._add_image(f"image-{number:04}")
            if number % 4 == 0:
                self._add_volume(f"pvc-{number:04}", f"image-{number:04}")

    def _create(self, res: str, name: str, spec: Any, status: Any, namespace: str = SPACE) -> None:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        made = self.store.create(res, {"metadata": metadata, "spec": spec})
        self.store.update(res, {**made, "status": status}, subresource="status")

    def _add_node(self, name: str) -> None:
        conditions = [{"type": "Ready", "status": "True"}]
        self._create("nodes", name, {}, {"conditions": conditions}, namespace="")
        disk = {
            "path": "/var/lib/longhorn/",
            "diskType": "filesystem",
            "allowScheduling": True,
            "evictionRequested": False,
            "storageReserved": 100 * GIB,
            "tags": [],
        }
        spec = {
            "name": name,
            "allowScheduling": True,
            "evictionRequested": False,
            "disks": {"nvme0": disk},
            "tags": [],
        }
        seen = {
            "diskUUID": self.disks[name],
            "diskType": "filesystem",
            "storageMaximum": 1000 * GIB,
            "storageAvailable": 800 * GIB,
            "storageScheduled": 50 * GIB,
            "scheduledReplica": {},
            "conditions": TRUE,
        }
        status = {"conditions": TRUE, "diskStatus": {"nvme0": seen}, "zone": f"zone-{name[-1]}"}
        self._create("nodes.longhorn.io", name, spec, status)

    def _add_image(self, name: str) -> None:
        uuids = [self.disks[node] for node in self.random.sample(self.nodes, 3)]
        size = self.random.randint(1, 8) * GIB
        spec: dict[str, Any] = {
            "sourceType": "download",
            "sourceParameters": {"url": f"https://images.example.org/{name}.qcow2"},
            self.profile.map_field: {disk: self.profile.new_entry() for disk in uuids},
        }
        if self.profile.has("file_spec_map"):
            spec["minNumberOfCopies"] = 3
        entry = {"state": "ready", "progress": 100, "message": ""}
        status = {
            "uuid": name[-4:] * 2,
            "size": size,
            "virtualSize": size,
            "checksum": "a" * 128,
            "diskFileStatusMap": {disk: entry for disk in uuids},
        }
        self._create("backingimages.longhorn.io", name, spec, status)
        source = {
            "nodeID": self.nodes[0],
            "diskUUID": uuids[0],
            "sourceType": "download",
            "fileTransferred": True,
            "parameters": {},
        }
        self._create("backingimagedatasources.longhorn.io", name, source, {"currentState": "ready"})

    def _add_volume(self, name: str, image: str) -> None:
        nodes = self.random.sample(self.nodes, 3)
        spec = {"size": str(10 * GIB), "numberOfReplicas": 2, "backingImage": image}
        status = {"state": "attached", "robustness": "healthy", "currentNodeID": nodes[0]}
        self._create("volumes.longhorn.io", name, spec, status)
        replicas = {f"{name}-r-{n}": node for n, node in enumerate(nodes[1:])}
        engine = {"volumeName": name, "nodeID": nodes[0], "active": True}
        modes = {"currentState": "running", "replicaModeMap": dict.fromkeys(replicas, "RW")}
        self._create("engines.longhorn.io", f"{name}-e-0", engine, modes)
        self._create("volumeattachments.longhorn.io", name, {"volume": name}, {})
        for replica, node in replicas.items():
            spec = {
                "volumeName": name,
                "nodeID": node,
                "diskID": self.disks[node],
                "backingImage": image,
                "healthyAt": "2026-01-05T08:00:00Z",
            }
            self._create("replicas.longhorn.io", replica, spec, {"currentState": "running"})

    @contextmanager
    def served(self, folder: Path) -> Iterator[ApiServer]:
        """Serve it until the end of the block."""
        server = ApiServer(self.store, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
