# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas off a node by Longhorn's own eviction (mover=longhorn).

Our own image targets are in place before (else Longhorn adds copies of its own choice), then one
write closes the node and asks for the eviction. Longhorn looks at the flag with its next monitor
beat, so nothing happens for up to 30 s. The volumes stay healthy all the time.
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.move_replicas import (
    FOLLOWED,
    Outcome,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
    spec_of,
)

BEAT = "Longhorn looks at the flag with its next monitor beat, up to 30 s"


def evict(work: Work, request: Request) -> Outcome:
    """Ask Longhorn to evict the node and wait until no replica is left there.

    Raises Stopped where this version's eviction is not safe, TimedOut with what is left.
    """
    refused = work.longhorn.schema.eviction_flags_refused
    if refused or not request.intent.leaves:
        raise Stopped(f"mover=longhorn is refused: {refused or 'a reboot moves no replica'}.")
    outcome = Outcome()
    with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
        before = _names(live.picture(), request.node)
        if not before:
            return outcome
        work.irreversible()
        if work.patch(kinds.LONGHORN_NODES, request.node, _flags_on) is not None:
            outcome.writes += 1
        while True:
            work.safe_point()
            here = _names(live.picture(), request.node)
            work.where = f"{count(len(here), 'replica')} still on {request.node}."
            if not here:
                break
            flagged = any(
                r.eviction_requested
                for r in live.picture().replicas.values()
                if r.node == request.node
            )
            seen = f"{count(len(here), 'replica')} left" + ("" if flagged else f" ({BEAT})")
            work.progress.update(f"replicas {len(before) - len(here)}/{len(before)}   {seen}")
            if work.deadline.expired:
                raise TimedOut(
                    f"waited {spell_seconds(work.deadline.elapsed())} for Longhorn to evict "
                    f"{request.node}; last seen: {', '.join(here[:5])} still there."
                )
            live.next_change(min(1.0, work.deadline.remaining()))
    outcome.deleted = before
    outcome.writes += take_back(work, request.node)
    return outcome


def standing(cluster: Cluster, node: str) -> bool:
    """Whether the flag is on the node and was not there before our work: a run was killed while
    Longhorn evicted.
    """
    noted = memory.before(cluster.nodes[node].meta)
    return cluster.nodes[node].eviction_requested and noted.get("evictionRequested") is False


def take_back(work: Work, node: str) -> bool:
    """The flag off, once no replica is left that it could move; returns whether it was on."""
    work.irreversible()
    return work.patch(kinds.LONGHORN_NODES, node, _eviction_off) is not None


def _names(cluster: Cluster, node: str) -> list[str]:
    return sorted(r.name for r in cluster.replicas.values() if r.node == node)


def _flags_on(raw: Object) -> Ops | None:
    spec = spec_of(raw)
    ops: Ops = []
    if spec.get("allowScheduling"):
        ops.append({"op": "replace", "path": "/spec/allowScheduling", "value": False})
    if not spec.get("evictionRequested"):
        ops.append({"op": "add", "path": "/spec/evictionRequested", "value": True})
    return ops or None


def _eviction_off(raw: Object) -> Ops | None:
    """The node is empty and stays closed; the flag alone would go on pulling at image copies."""
    if not spec_of(raw).get("evictionRequested"):
        return None
    return [{"op": "replace", "path": "/spec/evictionRequested", "value": False}]
