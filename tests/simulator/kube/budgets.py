# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the healthy pods of PodDisruptionBudgets (kubernetes pkg/controller/disruption)."""

from __future__ import annotations

from math import ceil
from typing import Any, ClassVar

from tests.simulator.controller import Controller, Key, key_of
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Kernel, parse_rfc3339
from tests.simulator.objects import Object, condition, is_terminating, labels_of, name_of
from tests.simulator.selectors import match_label_selector
from tests.simulator.store import Store

BUDGETS = "poddisruptionbudgets.policy"
DISRUPTED_SECONDS = 120.0
_OWNERS = {
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
}


class Budgets(Controller):
    """Writes the status of every budget whenever one of its pods changes."""

    resource = BUDGETS
    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.0, 0.0)

    def __init__(self, kernel: Kernel, store: Store) -> None:
        super().__init__(kernel, store)
        self.watch("pods", self._of_pod)

    def _of_pod(self, event: WatchEvent) -> list[Key]:
        namespace = key_of(event.obj)[0]
        return [
            key_of(b)
            for b in self.store.list(BUDGETS, namespace)
            if match_label_selector(b.get("spec", {}).get("selector"), labels_of(event.obj))
        ]

    def reconcile(self, key: Key) -> float | None:
        """Count one budget's pods."""
        budget = self.store.find(BUDGETS, *key)
        if budget is None:
            return None
        selector = budget.get("spec", {}).get("selector")
        pods = [
            p
            for p in self.store.list("pods", key[0])
            if match_label_selector(selector, labels_of(p))
        ]
        disrupted = self._disrupted(budget, pods)
        expected, desired = self._wanted(budget["spec"], pods)
        healthy = sum(_healthy(p) and name_of(p) not in disrupted for p in pods)
        allowed = max(0, healthy - desired) if expected > 0 else 0
        status = self._status(budget, expected, desired, healthy, allowed, disrupted)
        self.store.mutate(
            BUDGETS, *key, lambda obj: obj.update(status=status), subresource="status"
        )
        return DISRUPTED_SECONDS if disrupted else None

    def _disrupted(self, budget: Object, pods: list[Object]) -> dict[str, str]:
        """Return the pods that were granted and are not seen going yet."""
        names = {name_of(p) for p in pods if not is_terminating(p)}
        granted: dict[str, str] = budget.get("status", {}).get("disruptedPods") or {}
        limit = self.kernel.now() - DISRUPTED_SECONDS
        return {n: t for n, t in granted.items() if n in names and parse_rfc3339(t) > limit}

    def _wanted(self, spec: Object, pods: list[Object]) -> tuple[int, int]:
        """Return how many pods are expected, and how many have to be healthy."""
        if "maxUnavailable" in spec:
            expected = self._scale(pods)
            return expected, max(0, expected - _share(spec["maxUnavailable"], expected))
        least = spec.get("minAvailable", 1)
        if isinstance(least, str):
            expected = self._scale(pods)
            return expected, _share(least, expected)
        return len(pods), int(least)

    def _scale(self, pods: list[Object]) -> int:
        """Return the sum of the replicas that the pods' owners want."""
        total, alone, seen = 0, 0, set()
        for pod in pods:
            references = pod["metadata"].get("ownerReferences") or []
            owner = next((r for r in references if r.get("controller")), None)
            if owner is None or owner["kind"] not in _OWNERS:
                alone += 1
            elif owner["uid"] not in seen:
                seen.add(owner["uid"])
                res = _OWNERS[owner["kind"]]
                found = self.store.find(res, key_of(pod)[0], owner["name"]) or {}
                total += int(found.get("spec", {}).get("replicas", 0))
        return total + alone

    def _status(
        self,
        budget: Object,
        expected: int,
        desired: int,
        healthy: int,
        allowed: int,
        disrupted: dict[str, str],
    ) -> dict[str, Any]:
        state = "True" if allowed > 0 else "False"
        old = condition(budget, "DisruptionAllowed")
        since = self.kernel.timestamp()
        if old is not None and old["status"] == state:
            since = old["lastTransitionTime"]
        generation = budget["metadata"]["generation"]
        entry = {
            "type": "DisruptionAllowed",
            "status": state,
            "observedGeneration": generation,
            "lastTransitionTime": since,
            "reason": "SufficientPods" if allowed > 0 else "InsufficientPods",
            "message": "",
        }
        status: dict[str, Any] = {
            "observedGeneration": generation,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "conditions": [entry],
        }
        if disrupted:
            status["disruptedPods"] = disrupted
        return status


def _healthy(pod: Object) -> bool:
    ready = condition(pod, "Ready")
    return not is_terminating(pod) and ready is not None and ready["status"] == "True"


def _share(value: int | str, of: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return ceil(int(value[:-1]) * of / 100)
    return int(value)
