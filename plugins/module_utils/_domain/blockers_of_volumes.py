# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons in the volumes of a node why it cannot go yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    replica_moves,
    setting,
    volume_space,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Ticket,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import Step
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes

DETACH_SETTING = "detach-manually-attached-volumes-when-cordoned"


def title(volume: Volume) -> str:
    """The volume with the pod that uses it, as a person looks for it."""
    pods = [work.pod for work in volume.workloads if work.pod]
    return f"{volume.name} ({pods[0]})" if pods else volume.name


def of_volume(
    cluster: Cluster,
    volume: Volume,
    node: str,
    intent: Intent,
    closed: Mapping[str, str],
    move_single: bool,
) -> Iterator[Blocker]:
    """What is wrong with one volume that has a replica on the node or is noted by us."""
    here = [r for r in cluster.replicas_of_volume.get(volume.name, ()) if r.node == node]
    if volume.meta.deleting:
        yield Blocker(
            "volume_deleting", "volume", title(volume), "is being deleted", "wait", Clears.BY_ITSELF
        )
        return
    step = replica_moves.decide(cluster, volume, node, intent)
    if not here or step.step is Step.DONE:
        return
    healthy = [r for r in cluster.replicas_of_volume.get(volume.name, ()) if r.healthy]
    served = any(replica.healthy_at or replica.failed_at for replica in here)
    if served and (volume.robustness == "faulted" or not healthy):
        yield Blocker(
            "volume_faulted",
            "volume",
            title(volume),
            f"is faulted: no replica has complete data, and {node} holds one of what is left",
            "salvage it or restore it from a backup first",
        )
        return
    if volume.data_locality == "strict-local":
        yield Blocker(
            "strict_local",
            "volume",
            title(volume),
            f"may only have one replica, beside its engine on {node}",
            "set its dataLocality to disabled or best-effort",
            Clears.NEVER,
        )
        return
    if step.original == 1 and not move_single:
        yield Blocker(
            "single_replica",
            "volume",
            title(volume),
            f"1 replica, only on {node}",
            "allow a second replica for the time (-e single_replica_volumes=move)",
        )
        return
    yield from _room(cluster, volume, node, step, closed)


def _room(
    cluster: Cluster, volume: Volume, node: str, step: replica_moves.Move, closed: Mapping[str, str]
) -> Iterator[Blocker]:
    if step.step not in (Step.RAISE, Step.ATTACH):
        return
    refused = volume_space.refusals(cluster, volume, closed)
    missing = step.original - len(
        [
            r
            for r in cluster.replicas_of_volume.get(volume.name, ())
            if r.node != node and not r.failed_at
        ]
    )
    if missing > 0 and len(cluster.nodes) - len(refused) < 1:
        yield Blocker(
            "no_node_for_replica",
            "volume",
            title(volume),
            f"its replica on {node} has no other node to go to",
            f"make room for {spell_bytes(volume.size)} on another node, add a node, "
            "or lower its number of replicas",
            detail=tuple(f"{name}: {why}" for name, why in refused.items()),
        )


def manual_attachment(cluster: Cluster, volume: Volume, node: str) -> Iterator[Blocker]:
    """A ticket of type longhorn-api on the node holds the engine there; nobody takes it away."""
    attachment = cluster.attachments.get(volume.name)
    for ticket in attachment.tickets.values() if attachment else ():
        if ticket.type == "longhorn-api" and ticket.node == node:
            yield _by_hand(cluster, volume, node, ticket)


def _by_hand(cluster: Cluster, volume: Volume, node: str, ticket: Ticket) -> Blocker:
    reason = f"attached to {node} by hand (ticket {ticket.id})"
    if ticket.id == memory.TICKET:
        remedy = "it is ours and goes with the next run"
        return Blocker(
            "manual_attachment", "volume", title(volume), reason, remedy, Clears.BY_ITSELF
        )
    if setting.flag(cluster.settings, DETACH_SETTING, False):
        remedy = f"Longhorn detaches it after the cordon ({DETACH_SETTING} is true)"
        return Blocker(
            "manual_attachment", "volume", title(volume), reason, remedy, Clears.BY_ITSELF
        )
    remedy = f"detach it, or set {DETACH_SETTING} to true"
    return Blocker("manual_attachment", "volume", title(volume), reason, remedy)


def engine_holders(cluster: Cluster, node: str, pods: frozenset[str]) -> Iterator[Blocker]:
    """CSI attachments on the node whose pod is not among the pods that will be evicted."""
    for name, attachment in sorted(cluster.attachments.items()):
        volume = cluster.volumes.get(name)
        csi = [
            t for t in attachment.tickets.values() if t.type == "csi-attacher" and t.node == node
        ]
        if volume is None or not csi:
            continue
        users = {f"{work.namespace}/{work.pod}" for work in volume.workloads if work.pod}
        stuck = sorted(users - pods)
        if stuck and not users & pods:
            yield Blocker(
                "held_by_pod",
                "volume",
                title(volume),
                f"attached to {node} for {', '.join(stuck)}, which this drain does not evict",
                "stop that workload",
                stops=False,
            )
