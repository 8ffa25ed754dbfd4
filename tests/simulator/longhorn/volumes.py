# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume side of a simulated Longhorn, put together: what a cluster starts and asks of it."""

from __future__ import annotations

from tests.simulator.controller import Controller
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import names
from tests.simulator.longhorn.attachment import AttachmentController
from tests.simulator.longhorn.choices import Choices
from tests.simulator.longhorn.csi import CsiAttacher, KubernetesStatus
from tests.simulator.longhorn.engine import EngineController
from tests.simulator.longhorn.instance_manager import InstanceManagerController
from tests.simulator.longhorn.instances import Instances
from tests.simulator.longhorn.replica import ReplicaController
from tests.simulator.longhorn.replica_eviction import sync_replica_evictions
from tests.simulator.longhorn.volume import VolumeController
from tests.simulator.longhorn.volume_admission import VolumeAdmission
from tests.simulator.longhorn.volume_eviction import VolumeEvictionController
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, is_terminating, name_of


class Volumes:
    """Controllers, processes and admission of volumes."""

    def __init__(self, world: World, choices: Choices) -> None:
        self.world = world
        self.instances = Instances(world.kernel)
        self._managers = InstanceManagerController(world, self.instances)
        self.controllers: tuple[Controller, ...] = (
            self._managers,
            ReplicaController(world, self.instances),
            EngineController(world, self.instances),
            VolumeController(world, self.instances, choices),
            AttachmentController(world),
            VolumeEvictionController(world),
            CsiAttacher(world),
            KubernetesStatus(world),
        )
        VolumeAdmission(world).register()

    def start(self) -> None:
        """Begin to work; every Longhorn Node, present or to come, gets an instance manager."""
        self.world.store.subscribe(self._on_event)
        for node in self.world.store.list(names.NODES, names.NAMESPACE):
            self._managers.ensure(node)
        for controller in self.controllers:
            controller.start()

    def stop(self) -> None:
        """Stop working."""
        for controller in self.controllers:
            controller.stop()

    def flag_replicas(self, node: Object) -> bool:
        """The node controller's step for replicas; returns whether the drain policy evicts any."""
        return sync_replica_evictions(self.world, node)

    def kill_replica(self, node: str, volume: str) -> None:
        """kill -9 of the replica processes of a volume on a node."""
        for replica in self.world.store.list(names.REPLICAS, names.NAMESPACE):
            spec = replica["spec"]
            if spec.get("nodeID") == node and spec.get("volumeName") == volume:
                self.instances.kill(node, name_of(replica))

    def _on_event(self, event: WatchEvent) -> None:
        if event.res == names.NODES and event.type != "DELETED":
            # the node controller makes it once it has seen the disks
            if (event.obj.get("status") or {}).get("diskStatus"):
                self._managers.ensure(event.obj)
        elif event.res == names.INSTANCE_MANAGERS and event.type == "DELETED":
            # the one of a Node object of the same name that was there before
            key = (names.NAMESPACE, str(event.obj["spec"].get("nodeID")))
            self.world.kernel.call_later(1.0, lambda: self._ensure(key))

    def _ensure(self, key: tuple[str, str]) -> None:
        node = self.world.store.find(names.NODES, *key)
        disks = ((node or {}).get("status") or {}).get("diskStatus")
        if node is not None and disks and not is_terminating(node):
            self._managers.ensure(node)
