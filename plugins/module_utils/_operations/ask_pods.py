# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask pods to go, many at once, and keep the answers: who was granted, who was refused, by whom.

Requests run in a few threads; everything else happens in the thread that calls. A pod is known by
its uid. A refused one is asked again after 1, 2, 4, then every 5 s, or as soon as its budget lets
one go; one whose budget refuses may be deleted instead, where the operator allows it and no data is
at risk.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import around_budget
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.budget_blockers import (
    budgets_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.evictions import Asked, By
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

AT_ONCE = 16
FIRST_RETRY_SECONDS = 1.0
RETRY_SECONDS_MAX = 5.0
SEVERAL_BUDGETS = "more than one PodDisruptionBudget"
NAMESPACE_GOES = "because it is being terminated"


class Sink(Protocol):
    """Where the result goes."""

    evicted: list[str]
    around_budgets: list[str]
    waited: dict[str, float]


class Asking:
    """The requests of one node's eviction. asked: what is known of each pod, by uid."""

    def __init__(
        self, work: Work, pool: ThreadPoolExecutor, grace: int | None, bypass: bool
    ) -> None:
        self._work = work
        self._pool = pool
        # 0 would take the object away before the kubelet has ended the processes.
        self._grace = max(1, grace) if grace is not None and grace >= 0 else None
        self._bypass = bypass
        self._running: dict[Future[None], tuple[Pod, bool]] = {}
        self._budgets: dict[str, int] = {}
        self._unsure: dict[str, str] = {}
        self._evicted: dict[str, str] = {}
        self._around: dict[str, str] = {}
        self._waited: dict[str, float] = {}
        self.asked: dict[str, Asked] = {}

    @property
    def busy(self) -> bool:
        """Whether answers are outstanding."""
        return bool(self._running)

    def idle_seconds(self) -> float:
        """How long the caller may sleep before the next turn."""
        if self._running:
            return 0.1
        now = self._work.deadline.now()
        due = [a.next_try - now for a in self.asked.values() if a.held]
        return max(0.1, min([1.0, *due]))

    def refused(self, going: Iterable[Pod]) -> list[Pod]:
        """Those that were refused and are not ending."""
        return [
            pod
            for pod in going
            if not pod.meta.deleting and self.asked.get(pod.meta.uid, Asked()).held
        ]

    def ask(self, cluster: Cluster, pods: Iterable[Pod]) -> None:
        """Send the requests that are due, those that were never sent first."""
        now = self._work.deadline.now()
        self._wake(cluster, now)
        busy = {pod.meta.uid for pod, _around in self._running.values()}
        due = [
            pod
            for pod in pods
            if not pod.meta.deleting
            and pod.meta.uid not in busy
            and not self._of(pod).granted
            and self._of(pod).next_try <= now
        ]
        if not due:
            return
        self._work.irreversible()
        for pod in sorted(due, key=lambda pod: self._of(pod).refusals):
            around = self._may_go_around(cluster, pod)
            send = self._delete if around else self._evict
            self._running[self._pool.submit(send, pod)] = (pod, around)

    def _of(self, pod: Pod) -> Asked:
        return self.asked.setdefault(pod.meta.uid, Asked())

    def _may_go_around(self, cluster: Cluster, pod: Pod) -> bool:
        """Only after the budget has refused, and only with no data at risk at this moment."""
        refused = self._of(pod).by is By.BUDGET
        return self._bypass and refused and not around_budget.against(cluster, pod)

    def _evict(self, pod: Pod) -> None:
        self._work.interrupt.check(self._work.where)
        self._work.client.evict(
            pod.name, pod.meta.namespace, uid=pod.meta.uid, grace_seconds=self._grace
        )

    def _delete(self, pod: Pod) -> None:
        self._work.interrupt.check(self._work.where)
        self._work.client.delete(
            kinds.PODS,
            pod.name,
            pod.meta.namespace,
            uid=pod.meta.uid,
            grace_seconds=self._grace,
            once=True,
        )

    def collect(self, cluster: Cluster, going: Iterable[Pod]) -> None:
        """Take in the answers that have come, and which pods are ending."""
        now = self._work.deadline.now()
        for future in [future for future in self._running if future.done()]:
            pod, around = self._running.pop(future)
            asked = self._of(pod)
            try:
                future.result()
            except (errors.Unauthorized, errors.Untrusted):
                raise
            except errors.ApiError as error:
                if self._refused(pod, asked, error, now):
                    continue
            self._granted(pod, asked, around, now)
        for pod in going:
            if pod.meta.deleting and self._of(pod).ending_since is None:
                self._of(pod).ending_since = now
        there = {pod.meta.uid for pod in going if not pod.meta.deleting}
        for uid in set(self._unsure) - there:
            self._evicted[uid] = self._unsure.pop(uid)

    def _granted(self, pod: Pod, asked: Asked, around: bool, now: float) -> None:
        asked.granted = True
        self._evicted[pod.meta.uid] = pod.key
        if around:
            self._around[pod.meta.uid] = pod.key
        if asked.refused_since is not None and asked.by is By.BUDGET:
            self._waited[pod.key] = now - asked.refused_since

    def _refused(self, pod: Pod, asked: Asked, error: errors.ApiError, now: float) -> bool:
        """False when the answer means that the pod goes all the same. Raises what is final."""
        if isinstance(error, errors.NotFound):
            return False
        if isinstance(error, errors.Forbidden):
            if NAMESPACE_GOES in str(error):
                return False
            raise error
        if isinstance(error, errors.Conflict):
            # Another pod of that name by now; the list will say so. Else ask again.
            asked.next_try = now + FIRST_RETRY_SECONDS
            return True
        if isinstance(error, (errors.Unreachable, errors.ServerError)):
            self._unsure[pod.meta.uid] = pod.key
        asked.refusals += 1
        asked.refused_since = now if asked.refused_since is None else asked.refused_since
        asked.by = _by(error)
        asked.reason = "; ".join(error.causes) or error.message
        pause = min(RETRY_SECONDS_MAX, FIRST_RETRY_SECONDS * 2 ** min(asked.refusals - 1, 8))
        if self._bypass and asked.by is By.BUDGET and asked.refusals == 1:
            pause = 0.0
        asked.next_try = now + max(pause, min(error.retry_after_seconds or 0.0, 10.0))
        return True

    def _wake(self, cluster: Cluster, now: float) -> None:
        """A budget lets more go than before, or is gone: as many of its pods may be free now."""
        present = {budget.key: budget.allowed for budget in cluster.budgets}
        if present == self._budgets:
            return
        before, self._budgets = self._budgets, present
        room = {key: allowed for key, allowed in present.items() if allowed > before.get(key, 0)}
        gone = set(before) - set(present)
        for pod in cluster.pods:
            asked = self.asked.get(pod.meta.uid)
            if asked is None or not asked.held or asked.by is not By.BUDGET:
                continue
            mine = [budget.key for budget in budgets_of(cluster, pod)]
            free = not mine and bool(gone)
            for key in mine:
                if room.get(key, 0) > 0:
                    room[key] -= 1
                    free = True
            if free:
                asked.next_try = now

    def tell(self, sink: Sink) -> None:
        """Write down what came of it."""
        sink.evicted = list(self._evicted.values())
        sink.around_budgets = list(self._around.values())
        sink.waited = self._waited


def _by(error: errors.ApiError) -> By:
    if isinstance(error, errors.TooManyRequests) and error.causes:
        return By.BUDGET
    if isinstance(error, errors.ServerError) and SEVERAL_BUDGETS in str(error):
        return By.BUDGET
    return By.WEBHOOK if isinstance(error, errors.Refused) else By.NOBODY
