# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole drain as a value: what moves where, what goes, what is left, what is in the way.

It is made from one reading of the cluster, before anything is written, and again after each step;
a plan that has no work left is a finished drain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    blocker,
    blockers_of_images,
    blockers_of_node,
    blockers_of_volumes,
    held_without,
    image_needs,
    memory,
    minimum,
    pod_filters,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.image_needs import Need
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import (
    Left,
    left_on,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import Placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import planned
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.remedies import Remedies
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import (
    Move,
    Step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count


@dataclass(frozen=True, slots=True)
class CopyMove:
    """One copy to make: image, bytes, from which disks of the node (as a person names them) to
    which disk; why is the reason in a few words.
    """

    image: str
    bytes: int
    source: str
    target: Disk
    why: str


@dataclass(frozen=True, slots=True)
class KeyOut:
    """One key that leaves an image's map."""

    image: str
    disk: str
    label: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The drain of one node, from what is there now."""

    request: Request
    version: str
    copies: tuple[CopyMove, ...]
    keys_out: tuple[KeyOut, ...]
    needs: tuple[Need, ...]
    moves: tuple[Move, ...]
    pods: tuple[pod_filters.Verdict, ...]
    blockers: tuple[Blocker, ...]
    left: Left
    incomplete: tuple[str, ...]
    close: bool
    cordon: bool
    remember: bool
    disks_out: tuple[str, ...]
    free: tuple[tuple[str, int, int, int], ...]
    replicas_here: int
    substitutes: tuple[minimum.Lowering, ...]
    stale_notes: tuple[str, ...]

    @property
    def bytes_to_copy(self) -> int:
        return sum(move.bytes for move in self.copies)

    @property
    def to_evict(self) -> tuple[pod_filters.Verdict, ...]:
        return tuple(v for v in self.pods if v.fate is pod_filters.Fate.EVICT)

    @property
    def to_move(self) -> tuple[Move, ...]:
        return tuple(move for move in self.moves if move.step is not Step.DONE)

    @property
    def to_lower(self) -> tuple[minimum.Lowering, ...]:
        """Images whose minNumberOfCopies is lowered for the time."""
        lowers = self.request.lowers
        return tuple(item for item in self.substitutes if lowers and not item.why_not)

    @property
    def stopping(self) -> tuple[Blocker, ...]:
        return blocker.stopping(self.blockers)

    @property
    def work(self) -> bool:
        """Whether anything is to be written for this drain."""
        parts = (
            *(self.copies, self.keys_out, self.to_move, self.to_evict, self.disks_out),
            *(self.to_lower, self.stale_notes),
        )
        repair = self.request.repair_entries and self.incomplete
        return any(parts) or self.close or self.cordon or self.remember or bool(repair)


def make(cluster: Cluster, request: Request) -> Plan:
    """The plan. The node must be known to Longhorn and Kubernetes (preflight looks at that)."""
    scope, intent = request.scope, request.intent
    needs, placement = image_needs.assess(cluster, scope, intent, request.next_nodes)
    moves = tuple(
        replica_moves.decide(cluster, volume, scope, intent)
        for volume in replica_moves.concerned(cluster, scope)
    )
    pods = pod_filters.judge_all(cluster.pods, request.node, request.consent)
    if scope.disk:
        pods = ()
    copies = tuple(copy for need in needs for copy in _copies(cluster, scope.label, need))
    remedies = Remedies(cluster, placement)
    found = tuple(_blockers(cluster, request, needs, placement, remedies, moves, pods))
    # Where the node does not come back, the cluster must hold everything without it.
    short = held_without.shortfalls(cluster, request.node, remedies) if request.removes else ()
    return Plan(
        request=request,
        version=str(cluster.schema.version),
        copies=tuple(sorted(copies, key=lambda c: (c.target.label, -c.bytes, c.image))),
        keys_out=_keys_out(cluster, needs) if intent.leaves else (),
        needs=needs,
        moves=moves,
        pods=pods,
        blockers=blocker.worst_first(held_without.merged(found, short)),
        left=left_on(cluster, scope),
        incomplete=tuple(
            sorted(i.name for i in cluster.images.values() if any(not c.complete for c in i.wanted))
        ),
        close=_closes(cluster, request),
        cordon=not scope.disk and not cluster.kube_nodes[request.node].unschedulable,
        remember=_remembers(cluster, request),
        disks_out=_disks_out(cluster, request),
        free=_free(cluster, copies, placement),
        replicas_here=sum(1 for r in cluster.replicas.values() if scope.holds(r)),
        substitutes=() if intent.leaves else minimum.needed(cluster, scope),
        stale_notes=_stale_notes(cluster, request),
    )


def _closes(cluster: Cluster, request: Request) -> bool:
    """Whether the node, or the disk, is open and must not be while replicas move."""
    scope, node = request.scope, cluster.nodes[request.node]
    if scope.disk:
        return any(disk.uuid == scope.disk and disk.allow_scheduling for disk in node.disks)
    return node.allow_scheduling and replica_moves.closes_node(cluster, scope, request.intent)


def _remembers(cluster: Cluster, request: Request) -> bool:
    """Whether a note is still to be written, or the node's scheduling to be given back."""
    scope, meta = request.scope, cluster.nodes[request.node].meta
    if scope.disk:
        return scope.disk not in memory.before(meta, memory.DISKS_BEFORE)
    return memory.before(meta).get("intent") != request.intent.value or replica_moves.opens_node(
        cluster, scope, request.intent
    )


def _stale_notes(cluster: Cluster, request: Request) -> tuple[str, ...]:
    """Images that carry a note though nothing of theirs is left to move or to give back."""
    if not request.intent.leaves:
        return ()
    return tuple(image.name for image in image_needs.noted_only(cluster, request.scope))


def _disks_out(cluster: Cluster, request: Request) -> tuple[str, ...]:
    """Names of the disk entries to take out of Longhorn."""
    if not request.intent.leaves or not request.remove_disks:
        return ()
    return left_on(cluster, request.scope).disks


def _copies(cluster: Cluster, place: str, need: Need) -> Iterator[CopyMove]:
    senders = [cluster.disks[c.disk].label for c in (need.sources or need.proven)]
    source = senders[0] if senders else place
    volumes = len(cluster.volumes_of_image.get(need.image.name, ()))
    for number, target in enumerate(need.targets, start=1):
        have = len(need.proven) + len(need.coming) + number
        if need.proven or need.coming or number > 1:
            why = f"{have} of {need.wanted} wanted"
        else:
            users = count(volumes, "volume uses", "volumes use")
            why = "only copy" if len(need.here) == 1 else f"only on {place}"
            why += f", {users} it" if volumes else ""
        yield CopyMove(need.image.name, need.image.file_bytes, source, target, why)


def _keys_out(cluster: Cluster, needs: tuple[Need, ...]) -> tuple[KeyOut, ...]:
    return tuple(
        KeyOut(
            need.image.name,
            copy.disk,
            cluster.disks[copy.disk].label if copy.disk in cluster.disks else copy.disk,
        )
        for need in needs
        for copy in need.here
    )


def _free(
    cluster: Cluster, copies: tuple[CopyMove, ...], placement: Placement
) -> tuple[tuple[str, int, int, int], ...]:
    """(disk, free now, free after, images to come) of each target disk."""
    targets = {copy.target.uuid: copy.target for copy in copies}
    numbers = Counter(copy.target.uuid for copy in copies)
    rows = []
    for uuid, disk in targets.items():
        after = placement.free(disk)
        rows.append((disk.label, after + placement.booked(disk), after, numbers[uuid]))
    return tuple(sorted(rows))


def _blockers(
    cluster: Cluster,
    request: Request,
    needs: tuple[Need, ...],
    placement: Placement,
    remedies: Remedies,
    moves: tuple[Move, ...],
    pods: tuple[pod_filters.Verdict, ...],
) -> Iterator[Blocker]:
    """What is in the way of the drain itself."""
    scope = request.scope
    closed = image_needs.closed_places(cluster, scope, request.next_nodes)
    yield from blockers_of_node.of_node(cluster, request)
    for need in needs:
        yield from blockers_of_images.of_need(cluster, need, scope.label, placement, remedies)
    yield from blockers_of_images.first_files(cluster, scope)
    touched = {need.image.name for need in needs}
    for move in moves:
        volume = cluster.volumes[move.volume]
        touched.add(volume.image)
        yield from blockers_of_volumes.of_volume(
            cluster, volume, scope, request.intent, closed, request.move_single
        )
    yield from blockers_of_images.incomplete_entries(cluster, touched, request.repair_entries)
    if scope.disk:
        return
    evicted = frozenset(v.pod.key for v in pods if v.fate is pod_filters.Fate.EVICT)
    staying = {move.volume for move in moves if move.step is Step.DONE}
    yield from planned.planned(cluster, request.node, staying, evicted)
    yield from blockers_of_node.of_pods(cluster, request, pods)
