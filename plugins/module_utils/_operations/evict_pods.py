# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evict the pods of a node: all that may go at once, a few requests at a time.

A refusal by a budget (429) is tried again, sooner when the budget changes, and told with its
reason; nothing free waits behind it. The list is followed all the time: a pod of the same name with
another uid is another pod. Instance managers go last: when no pod with a Longhorn volume is left,
and Kubernetes holds no volume on the node any more.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    evictions,
    node_detach,
    pod_filters,
    pod_volumes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker_history import (
    History,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import (
    Fate,
    Verdict,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.watching import (
    Watching,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rights
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_pods import (
    AT_ONCE,
    Asking,
)
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
STORAGE = (kinds.PERSISTENT_VOLUMES, kinds.NODE_ATTACHMENTS)
_ABOUT_TO_GO = "Longhorn is about to let go"


@dataclass
class Outcome:
    """What the eviction did; waits are seconds held by a budget, or for volumes to be detached;
    blockers: what held the pods when last seen, as data, none once they are gone; blocked: all
    that held them meanwhile, and how it ended.
    """

    evicted: list[str] = field(default_factory=list)
    around_budgets: list[str] = field(default_factory=list)
    waited: dict[str, float] = field(default_factory=dict)
    detach_seconds: float = 0.0
    unreadable: tuple[str, ...] = ()
    blockers: list[dict[str, Any]] = field(default_factory=list)
    blocked: list[dict[str, Any]] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        longest = max(self.waited.values(), default=0.0)
        return {
            "evicted": sorted(self.evicted),
            "deleted_around_budgets": sorted(self.around_budgets),
            "waited_for_budgets": {k: round(v, 1) for k, v in sorted(self.waited.items())},
            "longest_wait_seconds": round(longest, 1),
            "detach_wait_seconds": round(self.detach_seconds, 1),
            "unreadable": list(self.unreadable),
            "blockers": self.blockers,
            "blocked": self.blocked,
        }


class Eviction:
    """Empties one node of the pods that may go."""

    def __init__(self, work: Work, request: Request, grace: int | None) -> None:
        self._work = work
        self._request = request
        self._grace = grace
        self._seen: set[str] = set()
        self._watching = Watching(request.node)
        self._history = History()
        self._pods: tuple[Blocker, ...] = ()
        self._last: tuple[Blocker, ...] = ()
        self._managers: dict[str, tuple[Blocker, ...]] = {}
        self._refused: set[str] = set()
        self._began = False
        self._came_back: Counter[evictions.Owner] = Counter()
        self._detach_since: float | None = None
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Until no evictable pod is on the node. Raises Stopped for pods that need consent."""
        work, node = self._work, self._request.node
        readable, unreadable = rights.split_readable(work.client, STORAGE)
        self.outcome.unreadable = unreadable
        with (
            LiveCluster(
                work.client,
                work.longhorn,
                (*FOLLOWED, *readable),
                (kinds.PODS, kinds.BUDGETS),
                {kinds.PODS: f"spec.nodeName={node}"},
                unreadable,
            ) as live,
            ThreadPoolExecutor(max_workers=AT_ONCE) as pool,
        ):
            asking = Asking(work, pool, self._grace, self._request.consent.disable_eviction)
            try:
                self._follow(live, asking)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                asking.tell(self.outcome)
        return self.outcome

    def _follow(self, live: LiveCluster, asking: Asking) -> None:
        work, node = self._work, self._request.node
        while True:
            work.safe_point()
            cluster = live.picture()
            verdicts = pod_filters.judge_all(cluster.pods, node, self._request.consent)
            going = [v.pod for v in verdicts if v.fate is Fate.EVICT]
            asking.collect(cluster, going)
            self._count(going)
            held = node_detach.awaited(node_detach.held(cluster, node, verdicts))
            waiting = self._waits_for_detach(cluster, going, bool(held))
            self._last = evictions.last_replicas(cluster, node)
            self._look(cluster, verdicts, asking)
            self._tell(going, asking)
            if not going and not held and not asking.busy:
                self._check_blocked(verdicts, "every pod that may go is gone")
                return
            self._check_only_consent_is_left(verdicts, going, asking)
            asking.ask(cluster, self._askable(going, waiting or bool(self._last)))
            if work.deadline.expired:
                raise self._timed_out(going)
            live.next_change(min(asking.idle_seconds(), work.deadline.remaining()))

    def _count(self, going: list[Pod]) -> None:
        """Which pods there are, and whose came after the first look."""
        new = [pod for pod in going if pod.meta.uid not in self._seen]
        if self._began:
            self._came_back.update(evictions.owner_of(pod) for pod in new if pod.owner_kind)
        self._began = True
        self._seen |= {pod.meta.uid for pod in new}

    def _waits_for_detach(self, cluster: Cluster, going: list[Pod], held: bool) -> bool:
        """Whether instance managers have to wait: for pods with volumes, then for the volumes."""
        if any(pod_volumes.keeps_engines(cluster, pod) for pod in going):
            return True
        now = self._work.deadline.now()
        if held:
            self._detach_since = now if self._detach_since is None else self._detach_since
            self.outcome.detach_seconds = now - self._detach_since
        return held

    def _askable(self, going: list[Pod], waiting: bool) -> list[Pod]:
        return [pod for pod in going if not (waiting and pod_filters.is_instance_manager(pod))]

    def _check_only_consent_is_left(
        self, verdicts: tuple[Verdict, ...], going: list[Pod], asking: Asking
    ) -> None:
        """Instance managers that wait for a pod nobody is going to evict wait for nothing."""
        held = {pod.meta.uid for pod in asking.refused(going)}
        if going and all(
            pod_filters.is_instance_manager(pod) and pod.meta.uid in held for pod in going
        ):
            self._check_blocked(verdicts, "only instance managers are left beside them")

    def _check_blocked(self, verdicts: tuple[Verdict, ...], state: str) -> None:
        blocked = [v for v in verdicts if v.fate is Fate.BLOCK]
        if blocked:
            told = "; ".join(f"{v.pod.key}: {v.reason} ({v.remedy})" for v in blocked[:5])
            more = f" and {len(blocked) - 5} more" if len(blocked) > 5 else ""
            raise Stopped(
                f"{self._request.node} is cordoned and {state}, but these "
                f"need your word: {told}{more}. Then run the same command again."
            )

    # -- what is seen ------------------------------------------------------------------------------
    def _look(self, cluster: Cluster, verdicts: tuple[Verdict, ...], asking: Asking) -> None:
        """Ask all rules what holds the drain now."""
        work, bypass = self._work, self._request.consent.disable_eviction
        going = [v.pod for v in verdicts if v.fate is Fate.EVICT]
        now = work.deadline.elapsed()
        refused = asking.refused(going)
        self._refused = {pod.key for pod in refused}
        held = [pod for pod in refused if pod_filters.is_instance_manager(pod)]
        if held:
            self._watching.see(now, cluster, {pod.key for pod in going})
        self._managers = {
            pod.name: evictions.of_manager(
                cluster,
                pod,
                asking.asked[pod.meta.uid],
                self._watching.answers.get(pod.name),
                bypass,
            )
            for pod in held
        }
        self._pods = evictions.of_pods(
            cluster,
            self._request.node,
            verdicts,
            asking.asked,
            work.deadline.now(),
            bypass,
            self._came_back,
            self.outcome.detach_seconds,
        )
        # Of an instance manager the rule that Longhorn meets first stays in front.
        self._pods = (*self._pods, *self._last)
        found = (*self._pods, *(b for listed in self._managers.values() for b in listed))
        self._history.see(now, found)
        self.outcome.blockers = self._history.as_data(now, found)
        self.outcome.blocked = self._history.blocked(now, work.wall_clock() - now)

    def _tell(self, going: list[Pod], asking: Asking) -> None:
        work, total = self._work, len(self._seen)
        gone = total - len(going)
        work.where = f"{self._request.node} is cordoned; {gone} of {total} pods are gone."
        if not total:
            return
        text = f"pods {gone}/{total}"
        waits = self._waits()
        if waits:
            text += f"   waiting: {waits}"
        elif going:
            ending = [pod.key for pod in going if pod.meta.deleting]
            text += f"   ending: {names(ending, 3)}" if ending else ""
        work.progress.update(text, at_once=not going)

    def _waits(self) -> str:
        """One clause: the worst of what holds pods, else what holds an instance manager."""
        clause = self._history.clause(self._pods)
        managers = [
            f"{name} held by its budget: {self._history.clause(found) or _ABOUT_TO_GO}"
            for name, found in sorted(self._managers.items())
        ]
        if clause and managers:
            return f"{clause}; {count(len(managers), 'instance manager')} held by Longhorn"
        more = f" and {len(managers) - 1} more" if len(managers) > 1 else ""
        return clause or "".join(managers[:1]) + more

    def _timed_out(self, going: list[Pod]) -> TimedOut:
        work, node = self._work, self._request.node
        now = work.deadline.elapsed()
        lines = [
            f"{node} cannot be drained for '{self._request.intent.value}' yet. Nothing was lost; "
            f"{node} is cordoned; {len(self._seen) - len(going)} of {len(self._seen)} pods are "
            f"gone after {spell_seconds(now)} (limit pod_timeout)."
        ]
        lines += [f"  {line}" for line in self._history.lines(now, self._pods, 10)]
        for name, found in sorted(self._managers.items()):
            lines.append(f"  {name} on {node} held by its budget, because")
            told = self._history.lines(now, found) or [_ABOUT_TO_GO]
            lines += [f"    {line}" for line in told]
        if self._history.moved():
            lines.append(f"  cleared meanwhile: {self._history.moved()}")
        told_of = {blocker.name for blocker in self._pods} | self._refused
        rest = [p for p in going if p.key not in told_of]
        for pod in rest[:10]:
            state = "asked to end, still there" if pod.meta.deleting else "not gone yet"
            lines.append(f"  {pod.key}: {state}")
        lines.append("Run the same command again to go on.")
        return TimedOut("\n".join(lines))
