# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workload controllers, as far as drains and Longhorn need them: pods come back elsewhere.

Deployment -> ReplicaSet -> pods; StatefulSet -> pods by number; DaemonSet -> a pod on every node,
cordoned ones too. Source: kubernetes pkg/controller/{deployment,replicaset,statefulset,daemon}.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar

from tests.simulator.controller import Controller, Key
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.kube.scheduling import owned_pods, owner_key, selected
from tests.simulator.kube.taints import delete_quietly
from tests.simulator.objects import (
    Object,
    clone,
    condition,
    is_terminating,
    name_of,
    owner_reference,
)
from tests.simulator.store import Store

DAEMON_TOLERATIONS: list[Object] = [
    {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
    for name, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


def template_hash(template: Object) -> str:
    """Return the short hash by which a Deployment names its ReplicaSet."""
    text = json.dumps(template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:9]


def _ready(pod: Object) -> bool:
    entry = condition(pod, "Ready")
    return not is_terminating(pod) and entry is not None and entry["status"] == "True"


def _finished(pod: Object) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


class _Workload(Controller):
    """What the kinds have in common: edges from pods, pods from a template, a status of counts."""

    kind: ClassVar[str] = ""
    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.005, 0.05)

    def __init__(self, kernel: Kernel, store: Store) -> None:
        super().__init__(kernel, store)
        self.watch("pods", self._of_pod)

    def _of_pod(self, event: WatchEvent) -> list[Key]:
        return owner_key(event.obj, self.kind)

    def _make_pod(self, owner: Object, name: str = "", **spec: Any) -> None:
        template = clone(owner["spec"].get("template") or {})
        metadata = template.setdefault("metadata", {})
        metadata["namespace"] = owner["metadata"]["namespace"]
        metadata["ownerReferences"] = [owner_reference(owner)]
        if name:
            metadata["name"] = name
        else:
            metadata["generateName"] = f"{name_of(owner)}-"
        template.setdefault("spec", {}).update(spec)
        self.store.create("pods", {"metadata": metadata, "spec": template["spec"]})

    def _set_status(self, owner: Object, **values: int) -> None:
        values["observedGeneration"] = owner["metadata"].get("generation", 1)
        namespace, name = owner["metadata"]["namespace"], name_of(owner)

        def edit(obj: Object) -> None:
            obj.setdefault("status", {}).update(values)

        self.store.mutate(self.resource, namespace, name, edit, subresource="status")


class ReplicaSets(_Workload):
    """Keeps the wanted number of pods."""

    resource = "replicasets.apps"
    kind = "ReplicaSet"

    def reconcile(self, key: Key) -> float | None:
        """Make missing pods, delete surplus ones, count."""
        owner = self.store.find(self.resource, *key)
        if owner is None or is_terminating(owner):
            return None
        pods = [p for p in owned_pods(self.store, owner) if not is_terminating(p)]
        alive = [p for p in pods if not _finished(p)]
        wanted = int(owner["spec"].get("replicas", 1))
        for _unused in range(wanted - len(alive)):
            self._make_pod(owner)
        surplus = sorted(alive, key=lambda p: (_ready(p), name_of(p)))
        for pod in surplus[: max(0, len(alive) - wanted)]:
            delete_quietly(self.store, pod)
        ready = sum(_ready(p) for p in alive)
        self._set_status(owner, replicas=wanted, readyReplicas=ready, availableReplicas=ready)
        return None


class Deployments(_Workload):
    """Keeps one ReplicaSet for the present template, and none for older ones."""

    resource = "deployments.apps"
    kind = "Deployment"

    def __init__(self, kernel: Kernel, store: Store) -> None:
        super().__init__(kernel, store)
        self.watch("replicasets.apps", lambda event: owner_key(event.obj, "Deployment"))

    def reconcile(self, key: Key) -> float | None:
        """Make or scale the ReplicaSet, pass on its counts."""
        owner = self.store.find(self.resource, *key)
        if owner is None or is_terminating(owner):
            return None
        spec = owner["spec"]
        digest = template_hash(spec.get("template") or {})
        name, replicas = f"{key[1]}-{digest}", int(spec.get("replicas", 1))
        found = self.store.find("replicasets.apps", key[0], name)
        if found is None:
            self._make_set(owner, name, digest, replicas)
            return None
        if found["spec"].get("replicas") != replicas:
            self.store.mutate(
                "replicasets.apps", key[0], name, lambda o: o["spec"].update(replicas=replicas)
            )
        for other in self.store.list("replicasets.apps", key[0]):
            if other["metadata"]["uid"] != found["metadata"]["uid"] and _controls(owner, other):
                self.store.delete("replicasets.apps", key[0], name_of(other))
        ready = int(found.get("status", {}).get("readyReplicas", 0))
        self._set_status(
            owner,
            replicas=replicas,
            updatedReplicas=replicas,
            readyReplicas=ready,
            availableReplicas=ready,
        )
        return None

    def _make_set(self, owner: Object, name: str, digest: str, replicas: int) -> None:
        template = clone(owner["spec"].get("template") or {})
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels["pod-template-hash"] = digest
        selector = clone(owner["spec"].get("selector") or {})
        selector.setdefault("matchLabels", {})["pod-template-hash"] = digest
        self.store.create(
            "replicasets.apps",
            {
                "metadata": {
                    "name": name,
                    "namespace": owner["metadata"]["namespace"],
                    "labels": dict(labels),
                    "ownerReferences": [owner_reference(owner)],
                },
                "spec": {"replicas": replicas, "selector": selector, "template": template},
            },
        )


class StatefulSets(_Workload):
    """Keeps pods ``name-0`` to ``name-(n-1)``; a number is given again only when its pod
    is gone.
    """

    resource = "statefulsets.apps"
    kind = "StatefulSet"

    def reconcile(self, key: Key) -> float | None:
        """Make the pods that are missing, delete those that have too high a number."""
        owner = self.store.find(self.resource, *key)
        if owner is None or is_terminating(owner):
            return None
        pods = {name_of(p): p for p in owned_pods(self.store, owner)}
        wanted = [f"{key[1]}-{n}" for n in range(int(owner["spec"].get("replicas", 1)))]
        for name in wanted:
            pod = pods.get(name)
            if pod is None:
                self._make_pod(owner, name)
            elif _finished(pod) and not is_terminating(pod):
                delete_quietly(self.store, pod)
        for name, pod in pods.items():
            if name not in wanted and not is_terminating(pod):
                delete_quietly(self.store, pod)
        ready = sum(_ready(p) for p in pods.values())
        self._set_status(owner, replicas=len(wanted), readyReplicas=ready, availableReplicas=ready)
        return None


class DaemonSets(_Workload):
    """Keeps a pod on every node that the template selects, cordoned or not."""

    resource = "daemonsets.apps"
    kind = "DaemonSet"

    def __init__(self, kernel: Kernel, store: Store) -> None:
        super().__init__(kernel, store)
        self.watch("nodes", self._of_node)

    def _of_node(self, event: WatchEvent) -> list[Key]:
        return [(o["metadata"]["namespace"], name_of(o)) for o in self.store.list(self.resource)]

    def reconcile(self, key: Key) -> float | None:
        """Make the pods that are missing, delete those of nodes that are no longer selected."""
        owner = self.store.find(self.resource, *key)
        if owner is None or is_terminating(owner):
            return None
        template = (owner["spec"].get("template") or {}).get("spec") or {}
        nodes = [name_of(n) for n in self.store.list("nodes") if selected(template, n)]
        pods = owned_pods(self.store, owner)
        covered = {p["spec"].get("nodeName") for p in pods}
        for pod in pods:
            gone = pod["spec"].get("nodeName") not in nodes
            if (gone or _finished(pod)) and not is_terminating(pod):
                delete_quietly(self.store, pod)
        tolerations = [*(template.get("tolerations") or []), *DAEMON_TOLERATIONS]
        for node in nodes:
            if node not in covered:
                self._make_pod(owner, nodeName=node, tolerations=clone(tolerations))
        ready = sum(_ready(p) for p in pods)
        self._set_status(
            owner,
            desiredNumberScheduled=len(nodes),
            currentNumberScheduled=len(covered & set(nodes)),
            numberReady=ready,
            numberAvailable=ready,
            numberMisscheduled=0,
            updatedNumberScheduled=len(nodes),
        )
        return None


def _controls(owner: Object, other: Object) -> bool:
    references = other["metadata"].get("ownerReferences") or []
    return any(r.get("uid") == owner["metadata"]["uid"] for r in references)
