# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of last replicas: one that counts has no protecting peer on another node.

What is missing decides the remedy: a peer that is complete but on a cordoned node, one whose
instance manager does not run, one that is still being built, or no peer at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import rebuild
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.counted import (
    stopped,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.holders import (
    PASS_SECONDS,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.protection import (
    Lack,
    Peer,
    peers,
)

_ALLOW_STOPPED = Policy.KEEP_LAST_RUNNING.value


def blocker(
    cluster: Cluster, replica: Replica, policy: Policy, pace: Mapping[str, float]
) -> Blocker:
    """Why this unprotected replica keeps the budget. Call it for a replica without protection."""
    if replica.meta.deleting:
        reason = f"of volume {replica.volume} is being deleted"
        return _made(replica, "replica_deleting", reason, "wait", Clears.BY_ITSELF, PASS_SECONDS)
    if policy is Policy.KEEP_LAST_RUNNING and replica.desire == "stopped":
        reason = f"of volume {replica.volume} is stopping, and this policy lets stopped ones go"
        return _made(replica, "replica_stopping", reason, "wait", Clears.BY_ITSELF, PASS_SECONDS)
    others = peers(cluster, replica)
    complete = [peer for peer in others if peer.lack is not Lack.DATA]
    if complete:
        return _unprotected_peer(replica, complete)
    building = rebuild.elsewhere(cluster, replica.volume, replica.node, pace)
    if building is not None and not replica.failed_at:
        reason = f"of volume {replica.volume} has no healthy peer yet ({building.words})"
        seconds = building.seconds
        remedy = "wait until it is complete"
        return _made(replica, "rebuild_elsewhere", reason, remedy, Clears.BY_ITSELF, seconds)
    if replica.failed_at:
        reason = f"has failed and volume {replica.volume} has no healthy one elsewhere"
        remedy = "salvage the volume or restore it from a backup first"
        return _made(replica, "volume_faulted", reason, remedy)
    return _last(cluster, replica, policy)


def _unprotected_peer(replica: Replica, complete: list[Peer]) -> Blocker:
    """There is a complete peer; the one whose protection is nearest tells what to do."""
    order = (Lack.BUDGET, Lack.MANAGER, Lack.OPEN_NODE)
    nearest = min(complete, key=lambda peer: (order.index(peer.lack), peer.replica.name))
    node, lack = nearest.replica.node, nearest.lack
    told = f"of volume {replica.volume} has a healthy peer on {node}, which does not protect it: "
    if lack is Lack.OPEN_NODE:
        reason = told + f"{node} is cordoned too"
        return _made(replica, "peer_cordoned", reason, f"uncordon {node}")
    if lack is Lack.MANAGER:
        reason = told + f"the instance manager of {node} does not run"
        remedy = f"wait until it runs; if it stays down, look at node {node}"
        return _made(replica, "peer_manager_down", reason, remedy, Clears.BY_ITSELF)
    reason = told + f"the budget of {node}'s instance manager is not there yet"
    remedy = "wait until Longhorn has made it"
    return _made(replica, "peer_budget_missing", reason, remedy, Clears.BY_ITSELF, PASS_SECONDS)


def _last(cluster: Cluster, replica: Replica, policy: Policy) -> Blocker:
    volume = cluster.volumes.get(replica.volume)
    reason = f"is the only healthy one of volume {replica.volume} (policy {policy.value})"
    if volume is not None and volume.data_locality == "strict-local":
        remedy = "set the volume's dataLocality to disabled or best-effort, then add a replica"
        return _made(replica, "strict_local", reason, remedy, Clears.NEVER)
    number = volume.replicas_wanted + 1 if volume is not None else 2
    if volume is not None and volume.state in ("detached", "detaching"):
        remedy = (
            f"stopped or not, it blocks; allow that for the time (node-drain-policy "
            f"{_ALLOW_STOPPED}), or move it: attach the volume and set its numberOfReplicas to "
            f"{number}"
        )
        return _made(replica, "last_replica", reason, remedy)
    remedy = f"set numberOfReplicas of volume {replica.volume} to {number} and wait for the rebuild"
    if policy is Policy.KEEP_LAST_RUNNING and not stopped(replica):
        remedy = f"stop what uses the volume (this policy lets stopped replicas go), or {remedy}"
    return _made(replica, "last_replica", reason, remedy)


def _made(
    replica: Replica,
    rule: str,
    reason: str,
    remedy: str,
    clears: Clears = Clears.NEEDS_ACTION,
    seconds: int | None = None,
) -> Blocker:
    return Blocker(rule, "replica", replica.name, reason, remedy, clears, seconds=seconds)
