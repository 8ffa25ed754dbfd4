# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step for one volume of a node that is drained: one replica more, wait, one less.

No eviction flag is used: the number is raised, Longhorn builds the new replica, the number goes
back, and the replica on the node is deleted by uid. That works on every version, waits for no
monitor beat, and can be stopped between any two steps. Number first, then delete: the other way
round Longhorn would build yet another one.

Everything is decided from what is there now; only the old number comes from our note.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    proven,
    volume_space,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import rebuild
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope


class Step(str, Enum):
    """What to do next."""

    DONE = "done"
    ATTACH = "attach"
    RAISE = "raise"
    WAIT = "wait"
    LOWER = "lower"
    DELETE = "delete"
    DETACH = "detach"


@dataclass(frozen=True, slots=True)
class Move:
    """The decision for one volume.

    original: numberOfReplicas as the operator set it; number: the one to write (RAISE, LOWER).
    victims: replicas to delete (DELETE); attach_to: node of our ticket (ATTACH).
    why: what is waited for or done, in words. forget: our note goes with the number (LOWER): it
    stays until the replica that was one too many is gone. rebuild: what is seen of a rebuild of
    Longhorn's own that is waited for instead of asking for one more replica (WAIT).
    """

    volume: str
    step: Step
    original: int
    number: int = 0
    victims: tuple[Replica, ...] = ()
    attach_to: str = ""
    why: str = ""
    forget: bool = False
    rebuild: str = ""


def original_number(volume: Volume) -> int:
    """numberOfReplicas before we raised it; the operator's own where he has changed it since."""
    noted = memory.before(volume.meta)
    number = noted.get("numberOfReplicas")
    if not isinstance(number, int):
        return volume.replicas_wanted
    raised = noted.get("raised")
    his = isinstance(raised, int) and volume.replicas_wanted not in (number, raised)
    return volume.replicas_wanted if his else number


def reliable(cluster: Cluster, replica: Replica) -> bool:
    """Complete, not failed, and on a node and disk that can be believed."""
    disk = cluster.disks.get(replica.disk)
    if not replica.healthy or disk is None:
        return False
    return not proven.why_unreliable(cluster, disk)


def good_elsewhere(cluster: Cluster, volume: Volume, scope: Scope) -> tuple[Replica, ...]:
    """Replicas out of the scope that serve now: running, healthy, and RW in the engine."""
    engine = cluster.engine(volume.name)
    modes = engine.modes if engine else {}
    return tuple(
        replica
        for replica in cluster.replicas_of_volume.get(volume.name, ())
        if not scope.holds(replica)
        and replica.running
        and modes.get(replica.name) == "RW"
        and reliable(cluster, replica)
    )


def protected_elsewhere(cluster: Cluster, volume: Volume, scope: Scope) -> tuple[Replica, ...]:
    """Replicas off the node that let Longhorn release its budget there: complete, not failed, on
    a node that is not cordoned and whose instance manager runs (longhorn-manager
    datastore/longhorn.go ListVolumePDBProtectedHealthyReplicasRO).
    """
    serving = {
        manager.node for manager in cluster.instance_managers.values() if manager.state == "running"
    }
    return tuple(
        replica
        for replica in cluster.replicas_of_volume.get(volume.name, ())
        if not scope.holds(replica)
        and reliable(cluster, replica)
        and _schedulable(cluster, replica.node)
        and replica.node in serving
    )


def concerned(cluster: Cluster, scope: Scope) -> tuple[Volume, ...]:
    """Volumes with a replica in the scope, and those that still carry something of ours for it."""
    found = {replica.volume for replica in cluster.replicas.values() if scope.holds(replica)}
    found |= {
        name
        for name, attachment in cluster.attachments.items()
        if memory.TICKET in attachment.tickets
    }
    found |= {
        name for name, volume in cluster.volumes.items() if scope.marks(memory.before(volume.meta))
    }
    return tuple(cluster.volumes[name] for name in sorted(found) if name in cluster.volumes)


def closes_node(cluster: Cluster, scope: Scope, intent: Intent) -> bool:
    """Whether nothing new may come to the node while replicas move.

    reinstall, remove: always. reboot: only where replicas may share a node, so that the new one
    could land on the very node that goes; it is opened again when the new one is there.
    """
    if scope.disk:
        return False
    if intent.leaves:
        return True
    return any(
        volume_space.soft_anti_affinity(cluster, volume)
        and decide(cluster, volume, scope, intent).step in (Step.RAISE, Step.ATTACH)
        for volume in concerned(cluster, scope)
    )


def opens_node(cluster: Cluster, scope: Scope, intent: Intent) -> bool:
    """Whether a node that is to reboot is still closed although it was open before our work."""
    known = cluster.nodes[scope.node]
    was_open = memory.before(known.meta).get("allowScheduling") is True
    return was_open and not known.allow_scheduling and not closes_node(cluster, scope, intent)


def decide(
    cluster: Cluster, volume: Volume, scope: Scope, intent: Intent, tired: bool = False
) -> Move:
    """What this volume needs next so that the node can go for this intent.

    tired: a rebuild of Longhorn's own has stood still for too long to be waited for any more.
    """
    on_node = [r for r in cluster.replicas_of_volume.get(volume.name, ()) if scope.holds(r)]
    here = [replica for replica in on_node if not replica.meta.deleting]
    if on_node and not here:
        why = f"for replica {on_node[0].name} to be gone"
        return Move(volume.name, Step.WAIT, original_number(volume), why=why)
    if intent.leaves:
        return _leave(cluster, volume, scope, here)
    return _stay(cluster, volume, scope, here, tired)


def _stay(cluster: Cluster, volume: Volume, scope: Scope, here: list[Replica], tired: bool) -> Move:
    """Reboot: one complete replica elsewhere is enough; the number stays raised until the
    return. Where Longhorn is already building one, one more would only make another copy.
    """
    original = original_number(volume)
    safe = not here or protected_elsewhere(cluster, volume, scope)
    if safe:
        return _put_away(cluster, volume, original)
    if volume.migrates_to:
        return _migrating(volume, original)
    if volume.state != "attached":
        return attach(cluster, volume, scope, original)
    why = _building(cluster, volume, scope, 1)
    if volume.replicas_wanted <= original:
        coming = "" if tired else _rebuild(cluster, volume, scope)
        if coming:
            return Move(volume.name, Step.WAIT, original, why=why, rebuild=coming)
        number = original + 1
        return Move(volume.name, Step.RAISE, original, number=number, why="its last replica")
    return Move(volume.name, Step.WAIT, original, why=why)


def _migrating(volume: Volume, original: int) -> Move:
    """While a volume migrates it has a second engine and each replica twice, and Longhorn neither
    makes nor evicts one (longhorn-manager controller/volume_controller.go replenishReplicas,
    cleanupReplicas, v1.12.1): nothing can be told from their number.
    """
    why = f"for its live migration to {volume.migrates_to} to end"
    return Move(volume.name, Step.WAIT, original, why=why)


def _rebuild(cluster: Cluster, volume: Volume, scope: Scope) -> str:
    """A rebuild that will make the volume independent of the node, in words; "" where none is."""
    found = rebuild.elsewhere(cluster, volume.name, scope.node, {})
    disk = cluster.disks.get(found.replica.disk) if found is not None else None
    if found is None or disk is None or proven.why_unreliable(cluster, disk):
        return ""
    return found.words


def _leave(cluster: Cluster, volume: Volume, scope: Scope, here: list[Replica]) -> Move:
    """Reinstall and remove: no replica stays, the wanted number is complete elsewhere."""
    original = original_number(volume)
    good = good_elsewhere(cluster, volume, scope)
    noted = "numberOfReplicas" in memory.before(volume.meta)
    if not here:
        if noted:
            return Move(
                volume.name, Step.LOWER, original, number=original, why="moved", forget=True
            )
        if own_ticket(cluster, volume) and len(good) < original:
            why = _building(cluster, volume, scope, original)
            return Move(volume.name, Step.WAIT, original, why=why)
        return _put_away(cluster, volume, original)
    if volume.migrates_to:
        return _migrating(volume, original)
    safe = any(
        not scope.holds(replica) and reliable(cluster, replica)
        for replica in cluster.replicas_of_volume.get(volume.name, ())
    )
    if safe and all(_wiped(cluster, replica) for replica in here):
        why = "its disk is another one now"
        return Move(volume.name, Step.DELETE, original, victims=tuple(here), why=why)
    if volume.state != "attached":
        return attach(cluster, volume, scope, original)
    why = "complete" if len(good) >= original else ""
    if not why and good and all(replica.failed_at for replica in here):
        why = "it has failed; Longhorn builds another elsewhere"
    if why:
        if volume.replicas_wanted > original:
            return Move(volume.name, Step.LOWER, original, number=original, why=why)
        return Move(volume.name, Step.DELETE, original, victims=tuple(here), why=why)
    wanted = original + len(here)
    if volume.replicas_wanted < wanted:
        return Move(volume.name, Step.RAISE, original, number=wanted, why="to move it")
    why = _building(cluster, volume, scope, original)
    return Move(volume.name, Step.WAIT, original, why=why)


def _wiped(cluster: Cluster, replica: Replica) -> bool:
    """A replica whose disk has been wiped or replaced holds nothing, whatever it reads; Longhorn
    takes it up again and again, and builds no other while it is there.
    """
    disk = cluster.disks.get(replica.disk)
    return disk is not None and proven.is_another(disk)


def own_ticket(cluster: Cluster, volume: Volume) -> bool:
    """Whether our own attachment ticket is on the volume."""
    attachment = cluster.attachments.get(volume.name)
    return attachment is not None and memory.TICKET in attachment.tickets


def _put_away(cluster: Cluster, volume: Volume, original: int) -> Move:
    if own_ticket(cluster, volume):
        return Move(volume.name, Step.DETACH, original, why="no longer needed")
    return Move(volume.name, Step.DONE, original)


def attach(cluster: Cluster, volume: Volume, scope: Scope, original: int) -> Move:
    """A detached volume builds nothing: attach it by a ticket of our own, frontend disabled."""
    attachment = cluster.attachments.get(volume.name)
    if attachment is not None and attachment.tickets:
        why = f"to be attached (now {volume.state}){_image_awaited(cluster, volume)}"
        return Move(volume.name, Step.WAIT, original, why=why)
    if volume.state not in ("detached", ""):
        return Move(volume.name, Step.WAIT, original, why=f"to be detached (now {volume.state})")
    places = [
        name
        for name, candidate in sorted(cluster.nodes.items())
        if (scope.disk or name != scope.node) and candidate.ready and _schedulable(cluster, name)
    ]
    holders = {
        replica.node
        for replica in cluster.replicas_of_volume.get(volume.name, ())
        if reliable(cluster, replica)
    }
    chosen = next((name for name in places if name in holders), places[0] if places else "")
    if not chosen:
        return Move(volume.name, Step.WAIT, original, why="for a node to attach it to")
    return Move(
        volume.name, Step.ATTACH, original, attach_to=chosen, why="detached volumes do not build"
    )


def _schedulable(cluster: Cluster, node: str) -> bool:
    kube_node = cluster.kube_nodes.get(node)
    return kube_node is not None and kube_node.ready and not kube_node.unschedulable


def last_seen(cluster: Cluster, volume: Volume, scope: Scope) -> str:
    """What is seen of a volume's replicas, for the end of a wait."""
    return _building(cluster, volume, scope, original_number(volume))


def _building(cluster: Cluster, volume: Volume, scope: Scope, wanted: int) -> str:
    """What is seen of the replicas that are being built, for a progress line."""
    good = good_elsewhere(cluster, volume, scope)
    engine = cluster.engine(volume.name)
    modes = engine.modes if engine else {}
    behind = [
        f"{replica.name} {modes.get(replica.name) or replica.state or 'not started'}"
        for replica in cluster.replicas_of_volume.get(volume.name, ())
        if not scope.holds(replica) and replica not in good
    ]
    seen = f" ({', '.join(behind)})" if behind else ""
    if _unplaced(cluster, volume, scope, wanted):
        seen += ", one more has no node to go to"
    built = sorted(engine.rebuilding.values(), reverse=True) if engine else []
    seen += f", rebuild {', '.join(f'{percent} %' for percent in built)}" if built else ""
    seen += _image_awaited(cluster, volume)
    return f"{len(good)} of {wanted} replicas complete elsewhere{seen}"


def _image_awaited(cluster: Cluster, volume: Volume) -> str:
    """Which copy of its image a replica waits for before it starts, and what is wrong with that
    copy where images are among what was read; "" where none waits. The condition stays True when
    the volume is detached, so it is believed only of replicas that are to run (longhorn-manager
    controller/replica_controller.go; rec: v1.12.1/v2-*).
    """
    for replica in cluster.replicas_of_volume.get(volume.name, ()):
        found = condition(replica.conditions, "WaitForBackingImage")
        if found is None or not found.true or replica.desire != "running":
            continue
        told = f", {replica.name} on {replica.node} waits for image {replica.image}"
        image = cluster.images.get(replica.image)
        copy = image.copies.get(replica.disk) if image is not None else None
        if copy is not None:
            told += f" (its copy there: {copy.state or 'not begun'}"
            told += f", {copy.message})" if copy.message else ")"
        return told + (f": {found.message}" if found.message else "")
    return ""


def _unplaced(cluster: Cluster, volume: Volume, scope: Scope, wanted: int) -> bool:
    """Whether a replica is missing elsewhere and nothing has room for it."""
    placed = [
        replica
        for replica in cluster.replicas_of_volume.get(volume.name, ())
        if replica.node and not scope.holds(replica)
    ]
    closed = {scope.disk or scope.node: "it is being emptied"}
    return len(placed) < wanted and not volume_space.somewhere(cluster, volume, closed)
