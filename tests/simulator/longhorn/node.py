# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node controller (F§13.4): conditions, disks, copies to clean up, flags to carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.simulator.controller import Key
from tests.simulator.errors import ApiError
from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.longhorn import (
    default_disks,
    names,
    node_conditions,
    node_disks,
    node_images,
)
from tests.simulator.longhorn.conditions import set_condition
from tests.simulator.longhorn.controller import BEAT_LATENCY, LonghornController, image_key
from tests.simulator.longhorn.disk_monitor import DiskMonitors, agrees
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, labels_of, lookup, name_of

GONE_RETRY = 10.0
# The monitor has to look first, so the other controllers' beats come before this pass.
MONITOR_LATENCY = 0.09
# A flag set on a replica by hand is looked at after 0.3 s (rec: v1.7.3/w2-leave-replica).
FLAG_LATENCY = 0.2
ReplicaFlags = Callable[[Object], bool]


class NodeController(LonghornController):
    """Runs in every manager; each does the whole pass for its own node only.

    ``flag_replicas`` is set by the volume side: it carries eviction flags to the replicas of a
    node and returns whether any of them is evicted by the drain policy. ``crash`` is called with
    the node whose manager dies.
    """

    resource = names.NODES

    def __init__(self, world: World, monitors: DiskMonitors) -> None:
        super().__init__(world)
        self.monitors = monitors
        self.flag_replicas: ReplicaFlags | None = None
        self.crash: Callable[[str], None] = lambda node: None
        monitors.changed = lambda node: self.enqueue(image_key(node), MONITOR_LATENCY)
        self.watch("nodes", lambda event: [image_key(name_of(event.obj))])
        self.watch("pods", self._of_manager_pod)
        self.watch(names.REPLICAS, self._of_replica)
        self.watch(names.SETTINGS, self._of_setting)

    def reconcile(self, key: Key) -> float | None:
        """One pass over a node. Raises ApiError where a write is refused."""
        stored = self.get(key)
        if stored is None:
            return None
        name = key[1]
        if is_terminating(stored):
            self._release(stored)
            return None
        own = self.world.managers.running(name)
        if not own and not self.world.managers.nodes():
            return None
        mine: Object = clone(stored)
        self._fill(mine)
        old: Object = clone(mine)
        core = self.store.find("nodes", None, name)
        self._conditions(mine, core)
        if core is None:
            self.save(mine, stored)
            return self._node_gone(mine)
        if not own:
            if self.profile.has("mark_unready_disks") and node_conditions.ready_reason(mine):
                node_disks.mark_unready(self.world, mine, self.kernel.timestamp())
            self.save(mine, stored)
            return None
        sights = self.monitors.seen(name)
        if agrees(mine, sights) and sights is not None:
            node_disks.refresh(self.world, mine, sights)
            self._work(mine)
        if mine != old or "status" not in stored:
            self.save(mine, stored)
        default_disks.put_in(self.world, mine, core)
        return None

    def _work(self, mine: Object) -> None:
        """The steps after the disks; a crash or an error leaves the status unwritten."""
        try:
            node_images.clean_up(self.world, mine)
            if self.flag_replicas is not None:
                mine["status"]["autoEvicting"] = self.flag_replicas(mine)
            node_images.flag_copies(self.world, mine)
        except node_images.ManagerCrash as error:
            self.crash(name_of(mine))
            text = f"manager of {name_of(mine)} crashed over image {error}"
            raise ApiError(500, "InternalError", text) from error

    def _fill(self, mine: Object) -> None:
        status = mine.setdefault("status", {})
        status.setdefault("conditions", [])
        status.setdefault("diskStatus", {})
        status.setdefault("autoEvicting", False)
        status.setdefault("region", "")
        status.setdefault("zone", "")
        status.setdefault("snapshotCheckStatus", {})
        if self.profile.has("cpu_policy"):
            status.setdefault("cpuPolicy", "unknown")
        for name in ("conditions", "diskStatus"):
            if status[name] is None:
                status[name] = [] if name == "conditions" else {}

    def _conditions(self, mine: Object, core: Object | None) -> None:
        name, stamp = name_of(mine), self.kernel.timestamp()
        conditions = mine["status"]["conditions"]
        pods = node_conditions.manager_pods(self.store.list("pods", names.NAMESPACE))
        value, reason, text = node_conditions.readiness(name, core, pods, self.kernel.now())
        set_condition(conditions, "Ready", value, stamp, reason, text)
        respects = self.world.setting_bool("disable-scheduling-on-cordoned-node")
        value, reason, text = node_conditions.schedulable(name, core, respects)
        set_condition(conditions, "Schedulable", value, stamp, reason, text)
        node_conditions.host_conditions(conditions, self.profile, stamp)
        if core is not None:
            labels = labels_of(core)
            mine["status"]["region"] = labels.get("topology.kubernetes.io/region", "")
            mine["status"]["zone"] = labels.get("topology.kubernetes.io/zone", "")

    # The end of a node

    def _node_gone(self, mine: Object) -> float | None:
        """The core node is gone: Longhorn deletes its own, if its webhook lets it (F§6.4)."""
        try:
            self.store.delete(self.resource, names.NAMESPACE, name_of(mine))
        except ApiError as error:
            return None if error.status == 404 else GONE_RETRY
        return None

    def _release(self, stored: Object) -> None:
        mine: Object = clone(stored)
        finalizers = mine["metadata"].get("finalizers") or []
        mine["metadata"]["finalizers"] = [f for f in finalizers if f != names.FINALIZER]
        self.store.update(self.resource, mine)

    # Edges and beats

    def _on_node_beat(self, node: str) -> None:
        self.enqueue(image_key(node), MONITOR_LATENCY)
        for other in self.store.list(self.resource, names.NAMESPACE):
            if not self.world.managers.running(name_of(other)):
                self.enqueue(image_key(name_of(other)), BEAT_LATENCY)
        self._arm_beat(node)

    def _of_manager_pod(self, event: WatchEvent) -> Iterable[Key]:
        if labels_of(event.obj).get("app") != "longhorn-manager":
            return []
        return [image_key(str(lookup(event.obj, "spec.nodeName") or ""))]

    def _of_replica(self, event: WatchEvent) -> Iterable[Key]:
        nodes = {lookup(event.obj, "spec.nodeID"), lookup(event.old, "spec.nodeID")}
        flags = {bool(lookup(obj, "spec.evictionRequested")) for obj in (event.obj, event.old)}
        if len(flags) > 1 and event.old is not None:
            for node in sorted(n for n in nodes if n):
                self.enqueue(image_key(str(node)), FLAG_LATENCY)
        if event.type == DELETED or event.old is None or len(nodes) > 1:
            return [image_key(str(node)) for node in sorted(n for n in nodes if n)]
        return []

    def _of_setting(self, event: WatchEvent) -> Iterable[Key]:
        return [image_key(name_of(n)) for n in self.store.list(self.resource, names.NAMESPACE)]
