# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step for one volume of a node that comes back: the old number, then the extra replica.

The volume was raised by the drain, and its note says from which number. What stays are the
replicas of before, the node's own first; what goes is one that the maintenance made, only when all
that stay serve. The note goes last, so a killed run knows what was one too many.
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import (
    Move,
    Step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope


def concerned(cluster: Cluster, scope: Scope) -> tuple[Volume, ...]:
    """Volumes that carry something of ours for the scope: the note, or our attachment ticket."""
    return tuple(
        volume
        for _name, volume in sorted(cluster.volumes.items())
        if noted_for(volume, scope) or replica_moves.own_ticket(cluster, volume)
    )


def noted_for(volume: Volume, scope: Scope) -> bool:
    """Whether this volume was raised for the maintenance of the node or disk."""
    noted = memory.before(volume.meta)
    return "numberOfReplicas" in noted and scope.marks(noted)


def decide(cluster: Cluster, volume: Volume, scope: Scope) -> Move:
    """What this volume needs next so that it is as before the maintenance."""
    original = replica_moves.original_number(volume)
    if not noted_for(volume, scope):
        step = Step.DETACH if replica_moves.own_ticket(cluster, volume) else Step.DONE
        return Move(volume.name, step, original, why="no longer needed")
    replicas = cluster.replicas_of_volume.get(volume.name, ())
    going = [replica.name for replica in replicas if replica.meta.deleting]
    if going:
        return Move(volume.name, Step.WAIT, original, why=f"for replica {going[0]} to be gone")
    keep, extra = _split(volume, replicas, scope, original)
    behind = [replica for replica in keep if not _serves(cluster, volume, replica)]
    if extra and behind:
        if volume.state != "attached":
            return replica_moves.attach(cluster, volume, scope, original)
        why = f"for {behind[0].name} on {behind[0].node} to serve again"
        return Move(volume.name, Step.WAIT, original, why=why)
    if volume.replicas_wanted != original:
        return Move(volume.name, Step.LOWER, original, number=original, why="whole again")
    if extra:
        return Move(volume.name, Step.DELETE, original, victims=tuple(extra), why="one too many")
    why = "as before"
    return Move(volume.name, Step.LOWER, original, number=original, why=why, forget=True)


def held_by_cordon(cluster: Cluster, move: Move) -> bool:
    """Whether this step cannot be taken while the node stays cordoned: a replica there would have
    to serve first, and none starts.
    """
    replicas = cluster.replicas_of_volume.get(move.volume, ())
    going = any(replica.meta.deleting for replica in replicas)
    return move.step in (Step.WAIT, Step.ATTACH) and not going


def _split(
    volume: Volume, replicas: tuple[Replica, ...], scope: Scope, number: int
) -> tuple[list[Replica], list[Replica]]:
    """What stays and what goes. Failed replicas are Longhorn's to take up or to remove; they count
    as staying for as long as the volume is not whole without them.
    """
    noted = set(memory.before(volume.meta).get("replicas") or ())
    usable = [r for r in replicas if not (r.failed_at and volume.robustness == "healthy")]

    def rank(replica: Replica) -> tuple[bool, bool, str, str]:
        old = replica.name in noted
        return not old, not scope.holds(replica), replica.meta.created, replica.name

    ranked = sorted(usable, key=rank)
    return ranked[:number], ranked[number:]


def _serves(cluster: Cluster, volume: Volume, replica: Replica) -> bool:
    """Attached: it runs and the engine reads and writes it. Detached: its data are complete."""
    if not replica_moves.reliable(cluster, replica):
        return False
    if volume.state == "detached":
        return True
    engine = cluster.engine(volume.name)
    modes = engine.modes if engine else {}
    return volume.state == "attached" and replica.running and modes.get(replica.name) == "RW"
