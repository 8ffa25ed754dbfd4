# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons in the volumes of a node why it cannot go yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    replica_moves,
    volume_space,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import rebuild
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.evaluate import (
    NO_PACE,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.holders import title
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import Step
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes

SAME_NODE = (
    "; Longhorn moves no replica between the disks of a node, unless replica-soft-anti-affinity "
    "is true for the time"
)

# The replica that leaves counts for its zone until the new one is complete.
SHARE_ZONE = "; or let its replicas share a zone for the time (replica-zone-soft-anti-affinity)"


def of_volume(
    cluster: Cluster,
    volume: Volume,
    scope: Scope,
    intent: Intent,
    closed: Mapping[str, str],
    move_single: bool,
) -> Iterator[Blocker]:
    """What is wrong with one volume that has a replica in the scope or is noted by us."""
    here = [r for r in cluster.replicas_of_volume.get(volume.name, ()) if scope.holds(r)]
    if volume.meta.deleting:
        yield Blocker(
            "volume_deleting", "volume", title(volume), "is being deleted", "wait", Clears.BY_ITSELF
        )
        return
    step = replica_moves.decide(cluster, volume, scope, intent)
    if not here or step.step is Step.DONE:
        return
    if volume.migrates_to:
        yield Blocker(
            "volume_migrating",
            "volume",
            title(volume),
            f"is in the middle of its live migration to {volume.migrates_to}, during which "
            "Longhorn makes no replica",
            "wait until it is done",
            Clears.BY_ITSELF,
        )
    building = rebuild.elsewhere(cluster, volume.name, scope.node, NO_PACE)
    if building is not None:
        yield rebuild_elsewhere(volume, building.words, building.seconds)
    healthy = [r for r in cluster.replicas_of_volume.get(volume.name, ()) if r.healthy]
    served = any(replica.healthy_at or replica.failed_at for replica in here)
    if served and (volume.robustness == "faulted" or not healthy):
        yield Blocker(
            "volume_faulted",
            "volume",
            title(volume),
            f"is faulted: no replica has complete data; {scope.label} holds one of what is left",
            "salvage it or restore it from a backup first",
        )
        return
    if volume.data_locality == "strict-local":
        yield Blocker(
            "strict_local",
            "volume",
            title(volume),
            f"may only have one replica, beside its engine on {scope.node}",
            "set its dataLocality to disabled or best-effort",
            Clears.NEVER,
        )
        return
    if step.original == 1 and not move_single:
        yield Blocker(
            "single_replica",
            "volume",
            title(volume),
            f"1 replica, only on {scope.label}",
            "allow a second replica for the time (-e single_replica_volumes=move)",
        )
        return
    yield from _room(cluster, volume, scope, step, closed)


def rebuild_elsewhere(volume: Volume, words: str, seconds: int | None = None) -> Blocker:
    """A replica is being built on another node; words: what is seen of it."""
    return Blocker(
        "rebuild_elsewhere",
        "volume",
        title(volume),
        f"has a replica in the making ({words})",
        "wait until it is complete",
        Clears.BY_ITSELF,
        seconds=seconds,
    )


def _room(
    cluster: Cluster,
    volume: Volume,
    scope: Scope,
    step: replica_moves.Move,
    closed: Mapping[str, str],
) -> Iterator[Blocker]:
    """A replica that no other node can take: before the number is raised, and while it is raised
    and Longhorn has not found a place (a failed one that has its place may be taken up again).
    """
    waiting = step.step is Step.WAIT
    if not waiting and step.step not in (Step.RAISE, Step.ATTACH):
        return
    refused = volume_space.refusals(cluster, volume, closed)
    missing = step.original - len(
        [
            r
            for r in cluster.replicas_of_volume.get(volume.name, ())
            if not scope.holds(r) and r.node and (waiting or not r.failed_at)
        ]
    )
    if missing > 0 and len(cluster.nodes) - len(refused) < 1:
        yield Blocker(
            "no_node_for_replica",
            "volume",
            title(volume),
            f"its replica on {scope.label} has no other node to go to",
            f"make room for {spell_bytes(volume.size)} on another node, add a node, "
            "or lower its number of replicas"
            + SAME_NODE * bool(scope.disk)
            + SHARE_ZONE * (not volume_space.zones_shared(cluster, volume)),
            detail=tuple(f"{name}: {why}" for name, why in refused.items()),
        )
