# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a node again: eviction flags, scheduling, tags, disks, cordon, as they were.

Scheduling goes back together with the cordon and before anything is waited for: as long as
allowScheduling is false Longhorn does not take up the node's failed replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    living,
    node_before,
    parse,
    restore_plan,
    return_images,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Node
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.node_before import (
    Change,
    NodeBefore,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import Request
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    cordon as cordoning,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.await_return import (
    check_there,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
    spec_of,
)

FOLLOWED = (kinds.LONGHORN_NODES, kinds.NODES, kinds.REPLICAS, kinds.BACKING_IMAGES)


@dataclass
class Outcome:
    """What was changed on the node, in words."""

    actions: list[str] = field(default_factory=list)
    disks_added: list[str] = field(default_factory=list)
    flags_cleared: list[str] = field(default_factory=list)
    uncordoned: bool = False

    def as_data(self) -> dict[str, Any]:
        return {
            "actions": self.actions,
            "disks_added": self.disks_added,
            "flags_cleared": self.flags_cleared,
            "uncordoned": self.uncordoned,
        }


class Opening:
    """Gives one node its values back."""

    def __init__(self, work: Work, request: Request, before: NodeBefore) -> None:
        self._work = work
        self._request = request
        self._before = before
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Wait for the machine, then write. Raises Stopped for other disks than before."""
        node = self._request.node
        self._work.where = f"{self._request.scope.label} is still closed."
        with LiveCluster(self._work.client, self._work.longhorn, FOLLOWED) as live:
            self._wait(live, _not_ready(node), "Switch the machine on")
            drift = living.drifted(live.picture(), node, self._before)
            if drift:
                raise Stopped(restore_plan.drift_text(node, drift))
            self._change(lambda found: node_before.eviction_off(found, self._before))
            # Twice: a flag that stands takes its copy away as soon as another is ready, so it goes
            # at once; and Longhorn may have been setting flags at that very moment.
            self._clear_copy_flags()
            self._wait(
                live, _evicting(self._request.scope, self._before), "Its Longhorn manager must run"
            )
            self._clear_copy_flags()
            self._wait(live, _forgetting(node), "Its Longhorn manager must run for that")
        before, same = self._before, self._request.cancel
        self._change(lambda found: node_before.opening(found, before, same_names=same))
        if self._request.disk:
            return self.outcome
        if cordoning.uncordon(self._work, node):
            self.outcome.uncordoned = True
            self.outcome.actions.append("uncordoned")
        elif cordoning.is_cordoned(self._work, node):
            self.outcome.actions.append("your own cordon is kept")
        return self.outcome

    def _clear_copy_flags(self) -> None:
        """Flags of copies outlive the node's (see return_images.flagged); from a fresh reading."""
        before, work = self._before, self._work
        wanted = before.eviction_requested or any(
            disk.flag("evictionRequested") for disk in before.disks
        )
        if wanted:
            return
        cluster = read_cluster(
            work.client, work.longhorn, (kinds.BACKING_IMAGES, kinds.LONGHORN_NODES)
        )
        schema = work.longhorn.schema
        for name, disks in return_images.flagged(cluster, self._request.scope).items():

            def decide(raw: Object, disks: tuple[str, ...] = disks) -> Ops | None:
                entries = spec_of(raw).get(schema.map_field) or {}
                ops: Ops = [
                    {
                        "op": "replace",
                        "path": f"{schema.key_path(disk)}/evictionRequested",
                        "value": False,
                    }
                    for disk in disks
                    if isinstance(entries.get(disk), dict)
                    and entries[disk].get("evictionRequested")
                ]
                return ops or None

            work.irreversible()
            cleared = work.patch(kinds.BACKING_IMAGES, name, decide) is not None
            if cleared and name not in self.outcome.flags_cleared:
                self.outcome.flags_cleared.append(name)

    def _change(self, decide: Callable[[Node], tuple[Change, ...]]) -> None:
        """One patch of the Longhorn node with all changes, decided on what it is now."""
        decided: list[Change] = []

        def ops(raw: Object) -> Ops | None:
            decided[:] = decide(parse.node(raw))
            return [op for change in decided for op in change.ops] or None

        self._work.irreversible()
        if self._work.patch(kinds.LONGHORN_NODES, self._request.node, ops) is None:
            return
        for change in decided:
            self.outcome.actions.append(f"{change.what} {change.now} -> {change.then}")
            path = str(change.ops[0]["path"]).split("/")
            if path[2:3] == ["disks"] and len(path) == 4:
                self.outcome.disks_added.append(change.what.removeprefix("disk "))

    def _wait(self, live: LiveCluster, missing: Callable[[Cluster], str], remedy: str) -> None:
        work = self._work
        while True:
            work.safe_point()
            cluster = live.picture()
            check_there(cluster, self._request.node)
            waiting = missing(cluster)
            if not waiting:
                return
            work.progress.update(f"waiting: {waiting}")
            if work.deadline.expired:
                raise TimedOut(
                    f"waited {spell_seconds(work.deadline.elapsed())}; last seen: {waiting}. "
                    f"{remedy}, then run the same command again. {work.where}"
                )
            live.next_change(min(1.0, work.deadline.remaining()))


def _not_ready(node: str) -> Callable[[Cluster], str]:
    def missing(cluster: Cluster) -> str:
        found = cluster.kube_nodes.get(node)
        return "" if found is not None and found.ready else f"Kubernetes node {node} is not Ready"

    return missing


def _forgetting(node: str) -> Callable[[Cluster], str]:
    """Longhorn takes the status of a removed disk out after 5 to 30 s and refuses writes before."""

    def missing(cluster: Cluster) -> str:
        held = node_before.forgetting(cluster.nodes[node])
        return f"Longhorn still forgets disk {', '.join(held)} (up to 30 s)" if held else ""

    return missing


def _evicting(scope: Scope, before: NodeBefore) -> Callable[[Cluster], str]:
    def missing(cluster: Cluster) -> str:
        found = cluster.nodes[scope.node]
        pending = before.allow_scheduling and not found.allow_scheduling
        if scope.disk:
            pending = any(d.uuid == scope.disk and not d.allow_scheduling for d in found.disks)
        if not pending or before.eviction_requested or found.auto_evicting:
            return ""
        held = sorted(
            replica.name
            for replica in cluster.replicas.values()
            if scope.holds(replica) and replica.eviction_requested and not replica.meta.deleting
        )
        return f"Longhorn still evicts {', '.join(held[:3])} (its beat, up to 30 s)" if held else ""

    return missing
