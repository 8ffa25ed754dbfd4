# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two policies that move replicas away by themselves on a cordoned node: moving, or stuck.

Longhorn flags a replica when the node is cordoned, builds another elsewhere, and deletes the old
one when the new one is complete; a detached volume is attached for it. It cannot where no node
takes a replica, and does not where the disk is not Ready, the volume is faulted, or the volume is
a linked clone (longhorn-manager controller/node_controller.go shouldEvictReplica and
controller/volume_eviction_controller.go, v1.9.3 and v1.12.1).
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import volume_space
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import rebuild
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.holders import (
    PASS_SECONDS,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy

DETAILS_MAX = 12


def blocker(
    cluster: Cluster, replica: Replica, policy: Policy, pace: Mapping[str, float]
) -> Blocker:
    """How far the automatic eviction of this replica is, or why it does not come about."""
    volume = cluster.volumes.get(replica.volume)
    if volume is None or replica.meta.deleting:
        reason = f"of volume {replica.volume} is being deleted"
        return _moving(replica, reason, "wait", PASS_SECONDS)
    hindered = _hindered(cluster, volume, replica)
    if hindered is not None:
        return hindered
    building = rebuild.elsewhere(cluster, volume.name, replica.node, pace)
    moves = f"of volume {volume.name} is moved away by Longhorn (policy {policy.value}): "
    if building is not None:
        return _moving(replica, moves + building.words, "wait until it is gone", building.seconds)
    nowhere = _nowhere(cluster, volume, replica)
    if nowhere is not None:
        return nowhere
    if replica.eviction_requested:
        remedy = "wait until Longhorn has built another one elsewhere"
        return _moving(replica, moves + "its eviction is requested", remedy)
    remedy = "wait: Longhorn begins within 30 s of the cordon"
    return _moving(replica, moves + "not begun yet", remedy)


def _hindered(cluster: Cluster, volume: Volume, replica: Replica) -> Blocker | None:
    """What no waiting ends: Longhorn does not even try."""
    told = f"of volume {volume.name} is not moved by Longhorn: "
    if replica.failed_at or volume.robustness == "faulted":
        reason = told + ("it has failed" if replica.failed_at else "the volume is faulted")
        others = [r for r in cluster.replicas_of_volume[volume.name] if r.node != replica.node]
        if any(other.healthy for other in others):
            remedy = f"delete replica {replica.name}: a healthy one is elsewhere"
            return _stuck(replica, "replica_failed", reason, remedy)
        remedy = "salvage the volume or restore it from a backup first"
        return _stuck(replica, "volume_faulted", reason, remedy)
    if volume.clone_mode == "linked-clone":
        reason = told + "replicas of linked clones are never evicted"
        remedy = "delete the clone, or set node-drain-policy to another value for the time"
        return _stuck(replica, "linked_clone", reason, remedy, Clears.NEVER)
    if volume.data_locality == "strict-local":
        reason = told + "it may only have one replica, beside its engine"
        remedy = "set its dataLocality to disabled or best-effort"
        return _stuck(replica, "strict_local", reason, remedy, Clears.NEVER)
    disk = cluster.disks.get(replica.disk)
    if disk is None or not disk.ready:
        reason = told + f"its disk on {replica.node} is not Ready"
        return _stuck(replica, "disk_not_ready", reason, "repair the disk first")
    return None


def _nowhere(cluster: Cluster, volume: Volume, replica: Replica) -> Blocker | None:
    """No other node takes a replica of this volume; why, node by node."""
    closed = {replica.node: "it is the node being drained"}
    closed |= {n: "it is cordoned" for n, k in cluster.kube_nodes.items() if k.unschedulable}
    if volume_space.somewhere(cluster, volume, closed):
        return None
    refused = volume_space.refusals(cluster, volume, closed)
    scheduled = condition(volume.conditions, "Scheduled")
    message = scheduled.message if scheduled is not None and not scheduled.true else ""
    return Blocker(
        "eviction_nowhere",
        "replica",
        replica.name,
        f"of volume {volume.name} has no other node to go to",
        "make room on another node or add one; or set replica-soft-anti-affinity to true for the "
        "time",
        detail=_few([f"{name}: {why}" for name, why in refused.items()])
        + ((f"Longhorn: {message}",) if message else ()),
    )


def _few(lines: list[str]) -> tuple[str, ...]:
    """As many as a person reads."""
    more = [f"and {len(lines) - DETAILS_MAX} more nodes"] if len(lines) > DETAILS_MAX else []
    return tuple(lines[:DETAILS_MAX] + more)


def _stuck(
    replica: Replica,
    rule: str,
    reason: str,
    remedy: str,
    clears: Clears = Clears.NEEDS_ACTION,
) -> Blocker:
    return Blocker(rule, "replica", replica.name, reason, remedy, clears)


def _moving(replica: Replica, reason: str, remedy: str, seconds: int | None = None) -> Blocker:
    return Blocker(
        "replica_evicting",
        "replica",
        replica.name,
        reason,
        remedy,
        Clears.BY_ITSELF,
        seconds=seconds,
    )
