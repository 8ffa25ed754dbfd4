# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds the pods of a node while they are being evicted, as one list, worst first.

The same lists are the progress line's, the failure message's and the task's result: pods that need
the operator's word, budgets, pods that do not end, volumes that Kubernetes still holds on the
node, and what Longhorn waits for before it lets an instance manager go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    around_budget,
    budget_blockers,
    node_detach,
    pod_filters,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
    worst_first,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import (
    Fate,
    Verdict,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import policy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Answer
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.counted import (
    counted,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    names,
    spell_seconds,
)

#: A pod that ends is not mentioned before this, and is stuck so long after its own time.
ENDING_SECONDS = 10.0
STUCK_SECONDS = 30.0
#: So many new pods of one controller on a cordoned node are no accident.
CAME_BACK_TIMES = 3
CONSENT_RULES = {
    pod_filters.BARE: "bare_pod",
    pod_filters.LOCAL_DATA: "empty_dir",
    pod_filters.FIRST_FILE_POD: "first_file_pod",
    pod_filters.DAEMON_SET: "daemon_set_pod",
}


Owner = tuple[str, str, str]
NOBODY_CAME: Mapping[Owner, int] = MappingProxyType({})


class By(str, Enum):
    """Who refused an eviction; `nobody`: the server was busy, failed, or did not answer."""

    NOBODY = ""
    BUDGET = "budget"
    WEBHOOK = "webhook"


@dataclass
class Asked:
    """One pod that was asked to go. Times are seconds of one clock.

    refused_since: when it was first refused; by: who refused last; reason: in the server's words;
    ending_since: when it was first seen with a deletion time.
    """

    next_try: float = 0.0
    refusals: int = 0
    refused_since: float | None = None
    by: By = By.NOBODY
    reason: str = ""
    granted: bool = False
    ending_since: float | None = None

    @property
    def held(self) -> bool:
        """Refused so far."""
        return bool(self.refusals) and not self.granted


def needs_word(verdict: Verdict) -> Blocker:
    """A pod that is not evicted without the operator's word."""
    rule = CONSENT_RULES[verdict.reason]
    return Blocker(rule, "pod", verdict.pod.key, verdict.reason, verdict.remedy)


def of_pods(
    cluster: Cluster,
    node: str,
    verdicts: Iterable[Verdict],
    asked: Mapping[str, Asked],
    now: float,
    bypass: bool = False,
    came_back: Mapping[Owner, int] = NOBODY_CAME,
    attached_for: float = 0.0,
) -> tuple[Blocker, ...]:
    """What holds the pods, and when they are all ending, the volumes that are still attached.

    asked: by uid; bypass: disable_eviction; came_back: how many pods each controller has started
    here since the eviction began; attached_for: seconds that volumes have been attached since the
    last pod with one was gone.
    """
    listed = tuple(verdicts)
    found = [needs_word(v) for v in listed if v.fate is Fate.BLOCK]
    going = [v.pod for v in listed if v.fate is Fate.EVICT]
    workloads = [p for p in going if not pod_filters.is_instance_manager(p)]
    refused = [p for p in workloads if not p.meta.deleting and _asked(asked, p).held]
    budgets = [p for p in refused if _asked(asked, p).by is By.BUDGET]
    found += budget_blockers.blockers(cluster, budgets, bypass, refused=True)
    found += [_refused(p, _asked(asked, p)) for p in refused if p not in budgets]
    owners = {owner_of(pod) for pod in going}
    found += [
        _comes_back(node, owner, number)
        for owner, number in sorted(came_back.items())
        if owner in owners and number >= CAME_BACK_TIMES
    ]
    for pod in going:
        if pod.meta.deleting:
            found += _ending(cluster, pod, now - (_asked(asked, pod).ending_since or now))
    if all(pod.meta.deleting or _asked(asked, pod).granted for pod in workloads):
        held = node_detach.held(cluster, node, listed)
        found += node_detach.blockers(cluster, node, held, attached_for)
    return worst_first(found)


def of_manager(
    cluster: Cluster, pod: Pod, asked: Asked, answer: Answer | None, bypass: bool
) -> tuple[Blocker, ...]:
    """What holds an instance manager that was refused, the rule that Longhorn meets first in
    front.
    """
    if asked.by is not By.BUDGET:
        return (_refused(pod, asked),)
    found = answer.blockers if answer is not None else ()
    if bypass and (against := around_budget.against(cluster, pod)):
        found += (
            Blocker(
                "not_around_budget",
                "pod",
                pod.key,
                f"is not deleted around its budget, whatever disable_eviction says: {against}",
                "solve what is named; its budget goes by itself then",
                Clears.BY_ITSELF,
            ),
        )
    return found


def last_replicas(cluster: Cluster, node: str) -> tuple[Blocker, ...]:
    """Replicas of the node that no complete one elsewhere stands for, under a policy that lets
    their instance manager go all the same. The drain has made each volume safe before it cordoned
    the node; what has failed or come since is looked at here, because no budget does.
    """
    rule = policy.policy_of(cluster.settings)
    if not rule.risks_last:
        return ()
    scope = Scope(node)
    return tuple(
        Blocker(
            "last_replica",
            "replica",
            replica.name,
            f"of volume {replica.volume} has no complete peer on another node; policy {rule.value} "
            "would let it go, the drain does not",
            "wait if a peer is being rebuilt; else run the same command again: it makes one",
        )
        for replica in counted(cluster, node, Policy.KEEP_LAST)
        if replica.volume in cluster.volumes
        and not replica_moves.protected_elsewhere(cluster, cluster.volumes[replica.volume], scope)
    )


def owner_of(pod: Pod) -> Owner:
    """Namespace, kind and name of its controller."""
    return pod.meta.namespace, pod.owner_kind, pod.owner_name


def _comes_back(node: str, owner: Owner, number: int) -> Blocker:
    namespace, kind, name = owner
    return Blocker(
        "comes_back",
        kind,
        f"{namespace}/{name}",
        f"has started {number} pods on {node} since it was cordoned: they tolerate it, or name it",
        f"scale it down, or take the toleration of node.kubernetes.io/unschedulable or the node's "
        f"name {node} out of its pods",
    )


def _asked(asked: Mapping[str, Asked], pod: Pod) -> Asked:
    return asked.get(pod.meta.uid) or Asked()


def _refused(pod: Pod, asked: Asked) -> Blocker:
    """Not a budget: a webhook, or a server that had no time or failed."""
    reason = f"could not be evicted: {asked.reason}"
    if asked.by is By.WEBHOOK:
        remedy = "do what the webhook asks for; it is tried again"
        return Blocker("webhook_refuses", "pod", pod.key, reason, remedy)
    remedy = "it is tried again"
    return Blocker("server_refuses", "pod", pod.key, reason, remedy, Clears.BY_ITSELF)


def _ending(cluster: Cluster, pod: Pod, seconds: float) -> Iterator[Blocker]:
    """A pod that was told to end, and whether it will."""
    kube_node = cluster.kube_nodes.get(pod.node)
    if kube_node is not None and not kube_node.ready:
        yield Blocker(
            "pod_unreachable",
            "pod",
            pod.key,
            f"is to end, but {pod.node} is not Ready, so nobody there can say that it has",
            f"bring {pod.node} back; if the machine is off for good, taint it with "
            "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
        )
    elif pod.finalizers and (pod.finished or seconds > pod.grace):
        yield Blocker(
            "pod_finalizers",
            "pod",
            pod.key,
            f"has ended, but is kept by its finalizers ({names(list(pod.finalizers))})",
            "see why what has set them does not take them away; removing them by hand is the last "
            "way",
        )
    elif seconds > pod.grace + STUCK_SECONDS:
        yield Blocker(
            "pod_stuck",
            "pod",
            pod.key,
            f"had {spell_seconds(pod.grace)} to end and is still there",
            f"kubectl -n {pod.meta.namespace} describe pod {pod.name}: a process that does not "
            "die, or a volume that cannot be unmounted",
        )
    elif seconds > ENDING_SECONDS:
        left = max(0, round(pod.grace - seconds))
        yield Blocker(
            "pod_ending",
            "pod",
            pod.key,
            f"is ending; it has {spell_seconds(pod.grace)} for it",
            "wait",
            Clears.BY_ITSELF,
            seconds=left,
        )
