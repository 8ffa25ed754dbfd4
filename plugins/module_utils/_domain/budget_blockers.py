# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruption budgets of workloads that refuse evictions: which, whose, and whether they ever will.

A budget that demands every pod it counts never allows one, however long anybody waits; one that is
short of healthy pods may. A pod under two budgets cannot be evicted at all (kubernetes
pkg/registry/core/pod/storage/eviction.go). Budgets of instance managers are `release`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import around_budget
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Budget, Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names

KIND = "budget"


def blockers(
    cluster: Cluster, pods: Iterable[Pod], bypass: bool, refused: bool = False
) -> Iterator[Blocker]:
    """One per budget that allows none of these pods to go now, and per pod under several.

    bypass: the operator allows deletion around budgets (disable_eviction); refused: the server has
    said no to each of these pods already, so nothing is guessed.
    """
    held: dict[str, tuple[Budget, list[Pod]]] = {}
    for pod in pods:
        found = budgets_of(cluster, pod)
        if len(found) > 1:
            yield _several(pod, found)
        elif found and (found[0].allowed <= 0 if refused else found[0].refuses(pod)):
            held.setdefault(found[0].key, (found[0], []))[1].append(pod)
    for _key, (budget, listed) in sorted(held.items()):
        yield _closed(cluster, budget, listed, bypass)


def budgets_of(cluster: Cluster, pod: Pod) -> list[Budget]:
    """The budgets that count this pod, by name."""
    return sorted((b for b in cluster.budgets if b.selects(pod)), key=lambda b: b.name)


def _several(pod: Pod, found: list[Budget]) -> Blocker:
    listed = names([budget.name for budget in found])
    return Blocker(
        "several_budgets",
        "pod",
        pod.key,
        f"is counted by {len(found)} budgets ({listed}); Kubernetes evicts no such pod",
        "delete all of them but one, or narrow their selectors",
        Clears.NEVER,
    )


def _closed(cluster: Cluster, budget: Budget, pods: list[Pod], bypass: bool) -> Blocker:
    who = names(sorted(pod.name for pod in pods))
    reason = f"lets no pod go, so {who} {'stays' if len(pods) == 1 else 'stay'}: {_state(budget)}"
    refused = [(pod, around_budget.against(cluster, pod)) for pod in pods] if bypass else []
    against = tuple(f"{pod.key} is not deleted around it: {why}" for pod, why in refused if why)
    if bypass and not against:
        remedy = f"{who} will be deleted around it (disable_eviction), no data is at risk"
        return Blocker(
            "budget_bypassed", KIND, budget.key, reason, remedy, Clears.BY_ITSELF, stops=False
        )
    if budget.never_allows:
        remedy = _loosen(budget)
        remedy += "" if bypass else "; or -e disable_eviction=true if no data is at risk"
        return Blocker(
            "budget_never", KIND, budget.key, reason, remedy, Clears.NEVER, detail=against
        )
    remedy = f"wait until {count(budget.desired + 1, 'of its pods is', 'of its pods are')} ready"
    return Blocker(
        "budget", KIND, budget.key, reason, remedy, Clears.BY_ITSELF, stops=False, detail=against
    )


def _state(budget: Budget) -> str:
    if budget.max_unavailable:
        wish = f"maxUnavailable {budget.max_unavailable}"
    else:
        wish = f"minAvailable {budget.min_available or '1'}"
    if budget.never_allows:
        return f"{wish} demands {budget.desired} of {count(budget.expected, 'pod')}"
    return f"{wish} leaves none to spare, {budget.healthy} of {budget.expected} are healthy"


def _loosen(budget: Budget) -> str:
    if budget.max_unavailable:
        return "set its maxUnavailable to at least 1"
    more = "give the workload one more replica"
    if budget.expected < 2:
        return more
    return f"{more}, or lower minAvailable to {budget.expected - 1}"
