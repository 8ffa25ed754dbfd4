# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evict the pods of a node: all that may go at once, a few requests at a time.

A refusal by a budget (429) is tried again, sooner when a budget changes, and told with its reason;
nothing free waits behind it. The list is followed all the time: a pod of the same name with
another uid is another pod. Instance managers go last, when no pod with a volume is left.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    pod_filters,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import Fate
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.watching import (
    Watching,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Stopped,
    Work,
)

FOLLOWED = (
    kinds.VOLUMES,
    kinds.REPLICAS,
    kinds.ENGINES,
    kinds.INSTANCE_MANAGERS,
    kinds.ATTACHMENTS,
    kinds.LONGHORN_NODES,
    kinds.NODES,
    kinds.SETTINGS,
)
AT_ONCE = 10
FIRST_RETRY_SECONDS = 1.0
RETRY_SECONDS_MAX = 5.0


@dataclass
class Asked:
    """One pod that was asked to go. `refused_since` is when its budget first said no."""

    next_try: float = 0.0
    refusals: int = 0
    refused_since: float | None = None
    reason: str = ""
    granted: bool = False


@dataclass
class Outcome:
    """What the eviction did; waits are seconds held by a budget; blockers are what held the
    instance managers when last seen, none once they are gone.
    """

    evicted: list[str] = field(default_factory=list)
    waited: dict[str, float] = field(default_factory=dict)
    blockers: tuple[Blocker, ...] = ()

    def as_data(self) -> dict[str, Any]:
        longest = max(self.waited.values(), default=0.0)
        return {
            "evicted": sorted(self.evicted),
            "waited_for_budgets": {k: round(v, 1) for k, v in sorted(self.waited.items())},
            "longest_wait_seconds": round(longest, 1),
            "blockers": [blocker.as_data() for blocker in self.blockers],
        }


class Eviction:
    """Empties one node of the pods that may go."""

    def __init__(self, work: Work, request: Request, grace: int | None) -> None:
        self._work = work
        self._request = request
        self._grace = grace
        self._asked: dict[str, Asked] = {}
        self._running: dict[Future[None], Pod] = {}
        self._budgets: tuple[Any, ...] = ()
        self._seen: set[str] = set()
        self._watching = Watching(request.node)
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Until no evictable pod is on the node. Raises Stopped for pods that need consent."""
        work, node = self._work, self._request.node
        with (
            LiveCluster(
                work.client,
                work.longhorn,
                FOLLOWED,
                (kinds.PODS, kinds.BUDGETS),
                {kinds.PODS: f"spec.nodeName={node}"},
            ) as live,
            ThreadPoolExecutor(max_workers=AT_ONCE) as pool,
        ):
            while True:
                work.safe_point()
                self._collect()
                cluster = live.picture()
                verdicts = pod_filters.judge_all(cluster.pods, node, self._request.consent)
                going = [v.pod for v in verdicts if v.fate is Fate.EVICT]
                self._seen |= {pod.meta.uid for pod in going}
                self._tell(cluster, going)
                if not going and not self._running:
                    self._check_blocked(verdicts)
                    return self.outcome
                self._wake_on_budgets(cluster)
                self._ask(pool, going)
                if work.deadline.expired:
                    raise self._timed_out(cluster, going)
                live.next_change(min(self._idle_seconds(), work.deadline.remaining()))

    def _idle_seconds(self) -> float:
        return 0.1 if self._running else 1.0

    def _check_blocked(self, verdicts: tuple[pod_filters.Verdict, ...]) -> None:
        blocked = [v for v in verdicts if v.fate is Fate.BLOCK]
        if blocked:
            told = "; ".join(f"{v.pod.key}: {v.reason} ({v.remedy})" for v in blocked[:5])
            more = f" and {len(blocked) - 5} more" if len(blocked) > 5 else ""
            raise Stopped(
                f"{self._request.node} is cordoned and every pod that may go is gone, but these "
                f"need your word: {told}{more}. Then run the same command again."
            )

    def _ask(self, pool: ThreadPoolExecutor, going: list[Pod]) -> None:
        """Send the evictions that are due."""
        now = self._work.deadline.now()
        volumes_used = any(pod.claims and not pod_filters.is_instance_manager(pod) for pod in going)
        busy = {pod.meta.uid for pod in self._running.values()}
        for pod in going:
            asked = self._asked.setdefault(pod.meta.uid, Asked())
            if pod.meta.deleting or asked.granted or pod.meta.uid in busy:
                continue
            if asked.next_try > now or len(self._running) >= AT_ONCE:
                continue
            if volumes_used and pod_filters.is_instance_manager(pod):
                continue
            self._work.irreversible()
            self._running[pool.submit(self._evict, pod)] = pod

    def _evict(self, pod: Pod) -> None:
        self._work.client.evict(
            pod.name, pod.meta.namespace, uid=pod.meta.uid, grace_seconds=self._grace
        )

    def _collect(self) -> None:
        """Take in the answers that have come."""
        now = self._work.deadline.now()
        for future in [future for future in self._running if future.done()]:
            pod = self._running.pop(future)
            asked = self._asked[pod.meta.uid]
            try:
                future.result()
            except errors.TooManyRequests as error:
                asked.refusals += 1
                asked.refused_since = asked.refused_since or now
                asked.reason = "; ".join(error.causes) or error.message
                pause = min(RETRY_SECONDS_MAX, FIRST_RETRY_SECONDS * 2 ** (asked.refusals - 1))
                asked.next_try = now + max(pause, error.retry_after_seconds or 0.0)
                continue
            except (errors.NotFound, errors.Conflict):
                pass  # gone, or another pod of that name by now
            asked.granted = True
            self.outcome.evicted.append(pod.key)
            if asked.refused_since is not None:
                self.outcome.waited[pod.key] = now - asked.refused_since

    def _wake_on_budgets(self, cluster: Cluster) -> None:
        """A budget changed: what waits may be free now."""
        if cluster.budgets != self._budgets:
            self._budgets = cluster.budgets
            for asked in self._asked.values():
                asked.next_try = 0.0

    def _held(self, going: list[Pod]) -> list[tuple[Pod, Asked]]:
        held = [(pod, self._asked.get(pod.meta.uid)) for pod in going]
        return [
            (pod, asked) for pod, asked in held if asked and asked.refusals and not asked.granted
        ]

    def _held_by(self, cluster: Cluster, pod: Pod) -> str:
        budgets = [b.name for b in cluster.budgets if b.selects(pod)]
        return f"held by its budget{'s' if len(budgets) > 1 else ''} {names(budgets)}"

    def _reason(self, cluster: Cluster, pod: Pod, asked: Asked) -> str:
        """In one line: which budget, and for an instance manager what Longhorn waits for."""
        if not pod_filters.is_instance_manager(pod):
            return f"{pod.key} {self._held_by(cluster, pod)}: {asked.reason}"
        why = self._watching.line(pod.name)
        return f"{pod.name} held by its budget: {why or 'Longhorn is about to let go'}"

    def _reasons(self, cluster: Cluster, pod: Pod, asked: Asked) -> list[str]:
        """The same for a failure: every reason, its remedy and whether waiting helps."""
        why = []
        if pod_filters.is_instance_manager(pod):
            why = self._watching.lines(self._work.deadline.elapsed(), pod.name)
        if not why:
            return [self._reason(cluster, pod, asked)]
        return [f"{pod.key} {self._held_by(cluster, pod)}, because", *(f"    {w}" for w in why)]

    def _tell(self, cluster: Cluster, going: list[Pod]) -> None:
        work, total = self._work, len(self._seen)
        gone = total - len(going)
        work.where = f"{self._request.node} is cordoned; {gone} of {total} pods are gone."
        if not total:
            return
        held = self._held(going)
        managers = [pod.name for pod, _asked in held if pod_filters.is_instance_manager(pod)]
        self._watch(cluster, going, managers)
        text = f"pods {gone}/{total}"
        if held:
            text += f"   waiting: {self._reason(cluster, *held[0])}"
            text += f" and {len(held) - 1} more" if len(held) > 1 else ""
        elif going:
            ending = [pod.key for pod in going if pod.meta.deleting]
            text += f"   ending: {names(ending, 3)}" if ending else ""
        work.progress.update(text, at_once=not going)

    def _watch(self, cluster: Cluster, going: list[Pod], managers: list[str]) -> None:
        """Ask the release rules for the instance managers whose eviction was refused."""
        if managers:
            now = self._work.deadline.elapsed()
            self._watching.see(now, cluster, {pod.key for pod in going})
        answers = self._watching.answers
        self.outcome.blockers = tuple(
            blocker for name in managers if name in answers for blocker in answers[name].blockers
        )

    def _timed_out(self, cluster: Cluster, going: list[Pod]) -> TimedOut:
        work, node = self._work, self._request.node
        limit = spell_seconds(work.deadline.elapsed())
        lines = [
            f"{node} cannot be drained for '{self._request.intent.value}' yet. Nothing was lost; "
            f"{node} is cordoned; {len(self._seen) - len(going)} of {len(self._seen)} pods are "
            f"gone after {limit} (limit pod_timeout)."
        ]
        now = work.deadline.now()
        held = {pod.meta.uid: (pod, asked) for pod, asked in self._held(going)}
        for pod, asked in list(held.values())[:10]:
            since = spell_seconds(now - (asked.refused_since or now))
            head, *why = self._reasons(cluster, pod, asked)
            lines += [f"  blocked for {since}: {head}", *why]
        if self._watching.moved():
            lines.append(f"  cleared meanwhile: {self._watching.moved()}")
        for pod in [pod for pod in going if pod.meta.uid not in held][:10]:
            ending = "asked to end, still there" if pod.meta.deleting else "not asked yet"
            kept = f" (finalizers {', '.join(pod.finalizers)})" if pod.finalizers else ""
            lines.append(f"  {pod.key}: {ending}{kept}")
        lines.append("Run the same command again to go on.")
        return TimedOut("\n".join(lines))
