# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas off a node by Longhorn's own eviction (mover=longhorn).

Our own image targets are in place before (else Longhorn adds copies of its own choice), then one
write closes the node and asks for the eviction. Longhorn looks at the flag with its next monitor
beat, so nothing happens for up to 30 s. The volumes stay healthy all the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.move_replicas import (
    FOLLOWED,
    Mover,
    Outcome,
    with_images,
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
    outcome, scope = Outcome(), request.scope
    with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
        before = _names(live.picture(), scope)
        if not before:
            return outcome
        work.irreversible()
        if work.patch(kinds.LONGHORN_NODES, request.node, partial(_flags_on, scope)) is not None:
            outcome.writes += 1
        while True:
            work.safe_point()
            here = _names(live.picture(), scope)
            work.where = f"{count(len(here), 'replica')} still on {scope.label}."
            if not here:
                break
            if _only_failed(live.picture(), request):
                outcome.writes += Mover(work, request).run().writes
            flagged = any(
                r.eviction_requested for r in live.picture().replicas.values() if scope.holds(r)
            )
            seen = f"{count(len(here), 'replica')} left" + ("" if flagged else f" ({BEAT})")
            work.progress.update(f"replicas {len(before) - len(here)}/{len(before)}   {seen}")
            if work.deadline.expired:
                raise TimedOut(
                    f"waited {spell_seconds(work.deadline.elapsed())} for Longhorn to evict "
                    f"{scope.label}; last seen: {_last_seen(work, live.picture(), scope)}."
                )
            live.next_change(min(1.0, work.deadline.remaining()))
    outcome.deleted = before
    outcome.writes += take_back(work, scope)
    return outcome


def _only_failed(cluster: Cluster, request: Request) -> bool:
    """Whether all that is left has failed and is whole elsewhere. Longhorn deletes an evicted
    replica only when there is one too many, and a failed one counts for none: it would stay until
    it is stale, by default two days.
    """
    left = [r for r in cluster.replicas.values() if request.scope.holds(r)]
    moves = (
        replica_moves.decide(cluster, cluster.volumes[name], request.scope, request.intent)
        for name in sorted({r.volume for r in left})
        if name in cluster.volumes
    )
    return all(replica.failed_at for replica in left) and all(
        move.step is replica_moves.Step.DELETE for move in moves
    )


def standing(cluster: Cluster, scope: Scope) -> bool:
    """Whether the flag is on and was not there before our work: a run was killed while Longhorn
    evicted.
    """
    node = cluster.nodes[scope.node]
    if not scope.disk:
        noted = memory.before(node.meta)
        return node.eviction_requested and noted.get("evictionRequested") is False
    known = memory.before(node.meta, memory.DISKS_BEFORE).get(scope.disk) or {}
    flagged = any(disk.uuid == scope.disk and disk.eviction_requested for disk in node.disks)
    return flagged and known.get("evictionRequested") is False


def take_back(work: Work, scope: Scope) -> bool:
    """The flag off, once no replica is left that it could move; returns whether it was on."""
    work.irreversible()
    return work.patch(kinds.LONGHORN_NODES, scope.node, partial(_eviction_off, scope)) is not None


def _last_seen(work: Work, known: Cluster, scope: Scope) -> str:
    """The first replicas that are still there, and how their volumes stand."""
    cluster = with_images(work, known)
    left = [r for r in cluster.replicas.values() if scope.holds(r) and r.volume in cluster.volumes]
    told = [
        f"{r.name} ({replica_moves.last_seen(cluster, cluster.volumes[r.volume], scope)})"
        for r in sorted(left, key=lambda replica: replica.name)
    ]
    return "; ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def _names(cluster: Cluster, scope: Scope) -> list[str]:
    return sorted(r.name for r in cluster.replicas.values() if scope.holds(r))


def _flags(scope: Scope, raw: Object) -> tuple[Mapping[str, Any] | None, str]:
    """Where the flags of the scope are: the node's spec or the disk's entry in it; and the path."""
    if not scope.disk:
        return spec_of(raw), "/spec"
    entry = (spec_of(raw).get("disks") or {}).get(scope.name)
    return entry, f"/spec/disks/{escape(scope.name)}"


def _flags_on(scope: Scope, raw: Object) -> Ops | None:
    """Both flags in one write; scheduling first, or the webhook refuses the eviction."""
    flags, path = _flags(scope, raw)
    ops: Ops = []
    if flags is None:
        return None
    if flags.get("allowScheduling"):
        ops.append({"op": "replace", "path": f"{path}/allowScheduling", "value": False})
    if not flags.get("evictionRequested"):
        ops.append({"op": "add", "path": f"{path}/evictionRequested", "value": True})
    return ops or None


def _eviction_off(scope: Scope, raw: Object) -> Ops | None:
    """All is away and the scope stays closed; the flag alone would go on pulling at copies."""
    flags, path = _flags(scope, raw)
    if flags is None or not flags.get("evictionRequested"):
        return None
    return [{"op": "replace", "path": f"{path}/evictionRequested", "value": False}]
