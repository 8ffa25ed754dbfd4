# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eviction: deleting a pod with the leave of the disruption budgets.

Source and texts: kubernetes pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from typing import Any

from tests.simulator.deletion import check_preconditions
from tests.simulator.errors import internal, too_many_requests
from tests.simulator.objects import Object, condition, is_terminating, labels_of, name_of
from tests.simulator.selectors import match_label_selector
from tests.simulator.store import Store, WriteOptions

BUDGETS = "poddisruptionbudgets.policy"
_BLOCKED = "Cannot evict pod as it would violate the pod's disruption budget."


def evict(store: Store, namespace: str, name: str, body: Object, options: WriteOptions) -> Object:
    """Evict a pod and return the success Status. Raises ApiError 404, 409, 429 or 500."""
    pod = store.get("pods", namespace, name)
    delete = body.get("deleteOptions") or {}
    if delete.get("dryRun"):
        options.dry_run = True
    preconditions = delete.get("preconditions") or {}
    check_preconditions(
        store.registry.get("pods"),
        pod,
        preconditions.get("uid"),
        preconditions.get("resourceVersion"),
    )
    if not _needs_no_leave(pod):
        _ask_budget(store, namespace, pod, options)
    if not options.dry_run and not is_terminating(pod):
        _note(store, namespace, pod)
    store.delete(
        "pods",
        namespace,
        name,
        grace=delete.get("gracePeriodSeconds"),
        options=options,
    )
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    }


def _needs_no_leave(pod: Object) -> bool:
    phase = pod.get("status", {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or is_terminating(pod)


def _ask_budget(store: Store, namespace: str, pod: Object, options: WriteOptions) -> None:
    budgets = [
        b
        for b in store.list(BUDGETS, namespace)
        if match_label_selector(b.get("spec", {}).get("selector"), labels_of(pod))
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        raise internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support."
        )
    budget = budgets[0]
    status: dict[str, Any] = budget.get("status") or {}
    ready = condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        always = budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        enough = status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0
        if always or enough:
            return
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        text = f"The disruption budget {name_of(budget)} is still being processed by the server."
        raise too_many_requests(_BLOCKED, [_cause(text)], retry=10)
    if status.get("disruptionsAllowed", 0) <= 0:
        raise too_many_requests(
            _BLOCKED,
            [
                _cause(
                    f"The disruption budget {name_of(budget)} needs "
                    f"{status.get('desiredHealthy', 0)} healthy pods and has "
                    f"{status.get('currentHealthy', 0)} currently"
                )
            ],
        )
    if not options.dry_run:
        _spend(store, namespace, budget, pod)


def _cause(text: str) -> dict[str, str]:
    return {"reason": "DisruptionBudget", "message": text}


def _spend(store: Store, namespace: str, budget: Object, pod: Object) -> None:
    def edit(obj: Object) -> None:
        obj["status"]["disruptionsAllowed"] -= 1
        disrupted = obj["status"].setdefault("disruptedPods", {})
        disrupted[name_of(pod)] = store.kernel.timestamp()

    store.mutate(BUDGETS, namespace, name_of(budget), edit, subresource="status")


def _note(store: Store, namespace: str, pod: Object) -> None:
    entry = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastTransitionTime": store.kernel.timestamp(),
    }

    def edit(obj: Object) -> None:
        conditions = obj["status"].setdefault("conditions", [])
        if not any(c.get("type") == "DisruptionTarget" for c in conditions):
            conditions.append(entry)

    store.mutate("pods", namespace, name_of(pod), edit, subresource="status")
