# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a pod may run, and the scheduler that binds pods to nodes.

Only what drains need: readiness, cordon, taints, node selectors and required node affinity; the
node with the fewest pods wins. Source of the rules: kubernetes pkg/scheduler/framework/plugins.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from tests.simulator.controller import Controller, Key, key_of
from tests.simulator.kernel import Kernel
from tests.simulator.kube.defaults import copy_topology
from tests.simulator.objects import Object, condition, is_terminating, labels_of, name_of
from tests.simulator.store import Store


def tolerates(toleration: Object, taint: Object) -> bool:
    """Tell whether a toleration covers a taint."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def node_fits(pod: Object, node: Object) -> bool:
    """Tell whether a pod may be placed on a node now."""
    spec = pod["spec"]
    if is_terminating(node) or not selected(spec, node):
        return False
    ready = condition(node, "Ready")
    if ready is None or ready["status"] != "True":
        return False
    tolerations = spec.get("tolerations") or []
    taints = [t for t in node["spec"].get("taints") or [] if t["effect"] != "PreferNoSchedule"]
    if node["spec"].get("unschedulable"):
        cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        taints = [*taints, cordon]
    return all(any(tolerates(t, taint) for t in tolerations) for taint in taints)


def selected(spec: Object, node: Object) -> bool:
    """Tell whether a pod's node selector and required affinity choose a node."""
    labels = labels_of(node)
    if any(labels.get(k) != v for k, v in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not affinity:
        return True
    return any(_term(term, node) for term in affinity.get("nodeSelectorTerms") or [])


def _term(term: Object, node: Object) -> bool:
    fields = {"metadata.name": name_of(node)}
    return all(_matches(e, labels_of(node)) for e in term.get("matchExpressions") or []) and all(
        _matches(e, fields) for e in term.get("matchFields") or []
    )


def _matches(expression: Object, values: dict[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    wanted = expression.get("values") or []
    if operator == "In":
        return values.get(key) in wanted
    if operator == "NotIn":
        return values.get(key) not in wanted
    return (key in values) is (operator == "Exists")


class Scheduler(Controller):
    """Binds pods without a node to one that fits; those that fit nowhere wait for a change of a
    node.
    """

    resource = "pods"
    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.005, 0.02)

    def __init__(self, kernel: Kernel, store: Store) -> None:
        super().__init__(kernel, store)
        self._waiting: set[Key] = set()
        self.watch("nodes", lambda event: list(self._waiting))

    def reconcile(self, key: Key) -> float | None:
        """Bind one pod."""
        pod = self.store.find("pods", *key)
        if pod is None or pod["spec"].get("nodeName") or is_terminating(pod):
            self._waiting.discard(key)
            return None
        nodes = [n for n in self.store.list("nodes") if node_fits(pod, n)]
        if not nodes:
            self._waiting.add(key)
            self._unschedulable(key)
            return None
        self._waiting.discard(key)
        used = Counter(p["spec"].get("nodeName") for p in self.store.list("pods"))
        chosen = min(nodes, key=lambda n: (used[name_of(n)], name_of(n)))

        def bind(obj: Object) -> None:
            obj["spec"]["nodeName"] = name_of(chosen)
            copy_topology(chosen, obj)

        self.store.mutate("pods", *key, bind, subresource="binding")
        return None

    def _unschedulable(self, key: Key) -> None:
        total = len(self.store.list("nodes"))

        def note(obj: Object) -> None:
            if condition(obj, "PodScheduled") is None:
                obj["status"].setdefault("conditions", []).append(
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": f"0/{total} nodes are available.",
                        "lastProbeTime": None,
                        "lastTransitionTime": self.kernel.timestamp(),
                    }
                )

        self.store.mutate("pods", *key, note, subresource="status")


def owned_pods(store: Store, owner: Object) -> list[Object]:
    """Return the pods that an object controls."""
    uid = owner["metadata"]["uid"]
    return [
        p
        for p in store.list("pods", owner["metadata"]["namespace"])
        if any(
            r.get("uid") == uid and r.get("controller")
            for r in p["metadata"].get("ownerReferences") or []
        )
    ]


def owner_key(event_obj: Object, kind: str) -> list[Key]:
    """Return the key of the object of ``kind`` that controls another, none if there is none."""
    for reference in event_obj["metadata"].get("ownerReferences") or []:
        if reference.get("controller") and reference.get("kind") == kind:
            return [(key_of(event_obj)[0], reference["name"])]
    return []
