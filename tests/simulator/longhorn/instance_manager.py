# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance manager controller: its pod, what runs in it, and its disruption budget (F§8.2).

longhorn-manager controller/instance_manager_controller.go, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import ClassVar

from tests.simulator.controller import Key
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import names
from tests.simulator.longhorn.budget import BUDGETS, blocked_by
from tests.simulator.longhorn.conditions import set_condition
from tests.simulator.longhorn.controller import LonghornController
from tests.simulator.longhorn.instances import ENGINE, REPLICA, Instance, Instances
from tests.simulator.longhorn.volume_scene import core_schedulable, manager_of, node_is
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, name_of, owner_reference

COMPONENT = "instance-manager"
#: Seconds from a ready pod to state running: 1.3 to 17 were seen, unexplained (F§15.6).
_UP = (1.2, 10.0)


class InstanceManagerController(LonghornController):
    """Reconciles instance managers; the manager of the same node acts."""

    resource: ClassVar[str] = names.INSTANCE_MANAGERS

    def __init__(self, world: World, instances: Instances) -> None:
        super().__init__(world)
        self.instances = instances
        self._ready_since: dict[str, float] = {}
        instances.subscribe(self._report)
        self.watch("pods", self._of_pod)
        self.watch("nodes", self._of_node)
        self.watch(names.NODES, self._of_node)

    def prefer(self, obj: Object) -> str:
        """The node it is on."""
        return str(obj["spec"].get("nodeID") or "")

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        labels = event.obj["metadata"].get("labels") or {}
        if labels.get(names.LABEL_COMPONENT) == COMPONENT:
            yield (names.NAMESPACE, name_of(event.obj))

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        found = manager_of(self.store, name_of(event.obj))
        if found is not None:
            yield (names.NAMESPACE, name_of(found))

    def ensure(self, node: Object) -> None:
        """Make the instance manager of a Longhorn Node, if it has none."""
        if manager_of(self.store, name_of(node)) is None:
            self.store.create(names.INSTANCE_MANAGERS, instance_manager(self.world, node))

    def reconcile(self, key: Key) -> float | None:
        """One pass over an instance manager."""
        old = self.get(key)
        if old is None:
            self._drop_budget(key[1])
            return None
        mine = self.own(old)
        if mine is None:
            return None
        base, node = clone(mine), self.prefer(mine)
        pod = self.store.find("pods", *key)
        status = mine.setdefault("status", {})
        again = self._step(mine, pod, node)
        if status["currentState"] != "running":
            if status["currentState"] == "error":
                self.instances.clear(node)
            status.update(instanceEngines={}, instanceReplicas={})
        if self.profile.has("disk_health"):
            self._conditions(mine, pod, node)
        if _ready(pod):
            self._budget(mine, node)
        self.save(mine, base)
        return again

    def _step(self, mine: Object, pod: Object | None, node: str) -> float | None:
        """The pod's fate decides the state. Returns seconds to the next pass."""
        status = mine["status"]
        before = status.get("currentState") or "stopped"
        if not node_is(self.store, node, "Ready"):
            status["currentState"] = "unknown" if before == "running" else before
            return None
        if pod is None:
            status["currentState"] = "stopped" if before == "stopped" else "error"
            if core_schedulable(self.store, node):
                self.store.create("pods", pod_of(self.world, mine))
                status["currentState"] = "starting"
            return None
        if is_terminating(pod) or (pod.get("status") or {}).get("phase") == "Failed":
            status["currentState"] = "error"
            if not is_terminating(pod):
                self.store.delete("pods", names.NAMESPACE, name_of(pod), grace=0)
            return None
        if not _ready(pod):
            status["currentState"] = "starting"
            self._ready_since.pop(name_of(mine), None)
            return None
        if before in ("running", "unknown"):
            status["currentState"] = "running"
            return None
        status["currentState"] = "starting"
        now = self.kernel.now()
        due = self._ready_since.setdefault(
            f"{name_of(mine)} {pod['metadata']['uid']}", now + self.kernel.rng.uniform(*_UP)
        )
        if now >= due - 0.001:
            status["currentState"] = "running"
            status["ip"] = (pod.get("status") or {}).get("podIP", "")
            return 0.01
        return due - now

    def _report(self, node: str) -> None:
        """The second's beat: what runs now becomes visible."""
        found = manager_of(self.store, node)
        worker = self.world.workers.get(node)
        if found is None or worker is None or not worker.powered:
            return
        if (found.get("status") or {}).get("currentState") != "running":
            return
        running = [i for i in self.instances.of(node) if i.state != "starting"]

        def edit(obj: Object) -> None:
            for kind, field in ((ENGINE, "instanceEngines"), (REPLICA, "instanceReplicas")):
                obj["status"][field] = {i.name: _entry(i) for i in running if i.kind == kind}

        key = (names.NAMESPACE, name_of(found))
        self.store.mutate(names.INSTANCE_MANAGERS, *key, edit, subresource="status")

    # The budget

    def _budget(self, mine: Object, node: str) -> None:
        """Made on a schedulable node; on a cordoned one taken away as soon as nothing blocks."""
        present = self.store.find(BUDGETS, names.NAMESPACE, name_of(mine)) is not None
        schedulable = core_schedulable(self.store, node)
        if schedulable and self.world.setting_bool("kubernetes-cluster-autoscaler-enabled"):
            schedulable = bool(blocked_by(self.world, mine))
        if schedulable and not present:
            self.store.create(BUDGETS, budget_of(mine))
        elif not schedulable and present and not blocked_by(self.world, mine):
            self.store.delete(BUDGETS, names.NAMESPACE, name_of(mine))

    def _drop_budget(self, name: str) -> None:
        if self.store.find(BUDGETS, names.NAMESPACE, name) is not None:
            self.store.delete(BUDGETS, names.NAMESPACE, name)

    def _conditions(self, mine: Object, pod: Object | None, node: str) -> None:
        """1.11 and later say why (F§8.2)."""
        stamp = self.kernel.timestamp()
        conditions = mine["status"].setdefault("conditions", [])
        reason = text = ""
        if not node_is(self.store, node, "Ready"):
            reason, text = "Down", f"Instance manager node {node} is down"
        elif not core_schedulable(self.store, node):
            reason, text = "Unschedulable", f"Instance manager node {node} is unschedulable"
        set_condition(conditions, "NodeReady", not reason, stamp, reason, text)
        reason = _pod_reason(pod)
        set_condition(conditions, "PodReady", reason == "Running", stamp, reason)


def _pod_reason(pod: Object | None) -> str:
    if pod is None:
        return "NotFound"
    if is_terminating(pod):
        return "Deleting"
    if (pod.get("status") or {}).get("phase") == "Failed":
        return "Failed"
    return "Running" if _ready(pod) else "Starting"


def manager_labels(world: World, node: str) -> dict[str, str]:
    """Labels of an instance manager, its pod and its budget's selector."""
    image = world.profile.image_of("longhorn-instance-manager")
    digest = hashlib.sha512(image.encode()).hexdigest()[:8]
    found = {
        names.LABEL_COMPONENT: COMPONENT,
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_NODE: node,
        "longhorn.io/instance-manager-image": f"imi-{digest}",
        "longhorn.io/instance-manager-type": "aio",
    }
    if world.profile.has("restore_source"):
        found["longhorn.io/data-engine"] = "v1"
    return found


def instance_manager(world: World, node: Object) -> Object:
    """A new InstanceManager for a Longhorn Node."""
    image = world.profile.image_of("longhorn-instance-manager")
    seed = f"{name_of(node)}-{image}-v1"
    spec = {"image": image, "nodeID": name_of(node), "type": "aio", "dataEngine": "v1"}
    return {
        "apiVersion": names.API_VERSION,
        "kind": "InstanceManager",
        "metadata": {
            "name": f"instance-manager-{hashlib.md5(seed.encode()).hexdigest()}",
            "namespace": names.NAMESPACE,
            "labels": manager_labels(world, name_of(node)),
            "ownerReferences": [owner_reference(node, controller=False)],
        },
        "spec": spec,
    }


def pod_of(world: World, manager: Object) -> Object:
    """The pod of an instance manager; nodeName is set, so a cordon alone does not keep it away."""
    container = {"name": COMPONENT, "image": manager["spec"]["image"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name_of(manager),
            "namespace": names.NAMESPACE,
            "labels": manager_labels(world, manager["spec"]["nodeID"]),
            "ownerReferences": [owner_reference(manager)],
        },
        "spec": {
            "nodeName": manager["spec"]["nodeID"],
            "restartPolicy": "Never",
            "containers": [container],
        },
    }


def budget_of(manager: Object) -> Object:
    """minAvailable 1 over the one pod: while it is there, no eviction is granted."""
    labels = dict(manager["metadata"].get("labels") or {})
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name_of(manager), "namespace": names.NAMESPACE},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}},
    }


def _ready(pod: Object | None) -> bool:
    if pod is None or is_terminating(pod):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _entry(instance: Instance) -> Object:
    return {
        "spec": {"name": instance.name},
        "status": {
            "state": instance.state,
            "type": instance.kind,
            "portStart": instance.port,
            "portEnd": instance.port,
            "errorMsg": "signal: killed" if instance.state == "error" else "",
        },
    }
