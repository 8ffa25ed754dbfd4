# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes may be away at the same time: only those whose drains have nothing to move, together.

A batch is proven, not hoped for. Without all of its nodes every image that one of them holds still
has a proven copy, and every volume a replica that Longhorn's budgets accept: complete, on an open
node with a running instance manager and its budget (cordoned peers do not protect, longhorn-manager
datastore/longhorn.go ListVolumePDBProtectedHealthyReplicasRO). Then the drain of each node is
planned as if the others were gone already; it must move nothing and meet nothing new in the way.

So no drain of a batch writes a replica, and an image at most once: nothing has to be undone for one
node while another is still away. A node whose drain moves something is a batch of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_plan,
    image_needs,
    memory,
    minimum,
    proven,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_plan import (
    Plan as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import left_on
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import protection
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import marks
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names

# Candidates that are tried for one batch: with thousands of nodes the next best will do.
LOOKS = 40
PEER = frozenset({"other_maintenance", "other_cordoned", "maintenance_running"})


@dataclass(frozen=True, slots=True)
class Batch:
    """Nodes that are away at the same time, in the order of their drains.

    cut: why it is not larger, in words: one reason for each node that was tried and left out.
    """

    nodes: tuple[str, ...]
    cut: tuple[str, ...] = ()


def grouped(
    cluster: Cluster,
    request: Request,
    waiting: Sequence[str],
    limit: int,
    drains: Mapping[str, Drain],
) -> tuple[Batch, ...]:
    """Nodes that wait, in batches of at most *limit*; every batch is proven by `why_not`.

    drains: the drain of each, as if it were the only one. The order is kept but where a node of the
    same zone fits into a batch before others.
    """
    if limit < 2:
        return tuple(Batch((node,)) for node in waiting)
    rest, found = list(waiting), []
    alone = {node: _why_alone(cluster, request, drains[node]) for node in rest}
    while rest:
        batch = [rest.pop(0)]
        if alone[batch[0]]:
            cut = [f"{batch[0]} goes alone: {alone[batch[0]]}"]
        else:
            cut = _fill(cluster, request, batch, rest, alone, limit)
        found.append(Batch(tuple(batch), tuple(cut)))
    return tuple(found)


def _fill(
    cluster: Cluster,
    request: Request,
    batch: list[str],
    rest: list[str],
    alone: Mapping[str, str],
    limit: int,
) -> list[str]:
    """Move what fits from the rest into the batch; why the others were left out."""
    zone = cluster.nodes[batch[0]].zone
    fitting = [node for node in rest if not alone[node]]
    fitting.sort(key=lambda node: cluster.nodes[node].zone != zone)
    cut: list[str] = []
    for node in fitting[:LOOKS]:
        if len(batch) >= limit:
            return []
        why = why_not(cluster, request, (*batch, node))
        if why:
            cut.append(f"{node} not together with {names(batch)}: {why}")
        else:
            batch.append(node)
            rest.remove(node)
    return cut if len(batch) < limit else []


def drain_of(cluster: Cluster, request: Request, node: str) -> Drain:
    """The drain of one node, from what is there."""
    return drain_plan.make(cluster, replace(request, node=node, next_nodes=()))


def _why_alone(cluster: Cluster, request: Request, drain: Drain) -> str:
    """Empty for a node that can share a batch at all: its drain moves nothing and nothing that
    needs action is in its way. Else the first reason in words.
    """
    node = drain.request.node
    if cluster.kube_nodes[node].unschedulable:
        return "it is cordoned already and stays so, and what it holds would not come back"
    left = left_on(cluster, Scope(node))
    if request.intent is not Intent.REBOOT:
        held = (left.replicas, left.images, left.manager_records, left.first_files, left.entries)
        if any(held):
            return f"for '{request.intent.value}' it still has to be emptied ({left.words()})"
    if drain.copies:
        return f"image {drain.copies[0].image} needs another copy first"
    if drain.to_move:
        return f"volume {drain.to_move[0].volume} needs another replica first"
    if drain.incomplete and request.repair_entries:
        return f"map entries of image {drain.incomplete[0]} are repaired first"
    for found in drain.blockers:
        if found.rule == "policy_evicts":
            return f"Longhorn itself moves replicas off it ({found.reason})"
        if found.rule not in PEER and found in drain.stopping:
            return f"{found.kind} {found.name} {found.reason}"
    return ""


def why_not(cluster: Cluster, request: Request, batch: Sequence[str]) -> str:
    """Empty when these nodes may be away at the same time, else the first reason against it.

    cluster: a reading with the pods and budgets of all nodes. A single node has no peers to be
    proven against; its own drain judges it.
    """
    if len(batch) < 2:
        return ""
    unknown = [n for n in batch if n not in cluster.nodes or n not in cluster.kube_nodes]
    if unknown:
        return f"node {unknown[0]} is not there any more"
    for why in (*_images(cluster, batch), *_volumes(cluster, batch)):
        return why
    for node in batch:
        alone = drain_of(cluster, request, node)
        why = _why_alone(cluster, request, alone)
        if not why:
            others = [peer for peer in batch if peer != node]
            without = drain_of(absent(cluster, request.intent, others), request, node)
            why = _why_alone(cluster, request, without) or _new(alone, without)
        if why:
            return f"{why} (drain of {node})"
    return ""


def _new(alone: Drain, without: Drain) -> str:
    """What is in the way of a drain only while its peers are away."""
    before = {(found.rule, found.kind, found.name) for found in alone.blockers if found.stops}
    for found in without.blockers:
        known = (found.rule, found.kind, found.name) in before
        if found.stops and not known and found.rule not in PEER:
            return f"{found.kind} {found.name} {found.reason}"
    return ""


def absent(cluster: Cluster, intent: Intent, nodes: Iterable[str]) -> Cluster:
    """The cluster as it is while these nodes are drained: noted, and cordoned."""
    gone = frozenset(nodes)
    return replace(
        cluster,
        nodes={
            name: _noted(node, intent) if name in gone else node
            for name, node in cluster.nodes.items()
        },
        kube_nodes={
            name: replace(node, unschedulable=True) if name in gone else node
            for name, node in cluster.kube_nodes.items()
        },
    )


def _noted(node: Node, intent: Intent) -> Node:
    annotations = {**node.meta.annotations, memory.BEFORE: f'{{"intent":"{intent.value}"}}'}
    return replace(node, meta=replace(node.meta, annotations=annotations))


def _images(cluster: Cluster, batch: Sequence[str]) -> Iterator[str]:
    """Images without a proven copy off the batch, and those of which Longhorn would make another
    copy while several of its nodes are away (each image is noted for one node only).
    """
    away = proven.under_maintenance(cluster) | frozenset(batch)
    images = {
        image.name: image for node in batch for image in image_needs.concerned(cluster, Scope(node))
    }
    for name, image in sorted(images.items()):
        safe = proven.proven(cluster, image, away)
        if not safe:
            yield f"image {name} would have no proven copy left"
            continue
        here = [n for n in batch if _holds(cluster, n, image.copies)]
        short = len(safe) < minimum.original(image)
        if short and len(here) > 1 and cluster.schema.replenishes:
            yield (
                f"image {name} would have {len(safe)} of {minimum.original(image)} copies left, "
                "and Longhorn would make more"
            )


def _holds(cluster: Cluster, node: str, copies: Collection[str]) -> bool:
    return not cluster.disk_uuids(node).isdisjoint(copies)


def _volumes(cluster: Cluster, batch: Sequence[str]) -> Iterator[str]:
    """Volumes with a replica in the batch and none outside that Longhorn's budgets accept."""
    away = frozenset(batch)
    volumes = {r.volume for r in cluster.replicas.values() if r.node in away}
    for name in sorted(volumes):
        if not any(
            replica.node not in away and protects(cluster, replica.name)
            for replica in cluster.replicas_of_volume.get(name, ())
        ):
            yield f"volume {name} would have no replica left that Longhorn's budgets accept"


def protects(cluster: Cluster, name: str) -> bool:
    """Whether this replica keeps its volume alone: complete, believable, and counted by the
    budgets of its peers.
    """
    replica = cluster.replicas[name]
    kube_node = cluster.kube_nodes.get(replica.node)
    return (
        replica_moves.reliable(cluster, replica)
        and replica.node not in proven.under_maintenance(cluster)
        and kube_node is not None
        and kube_node.ready
        and protection.lack(cluster, replica) is protection.Lack.NOTHING
    )


def peers(cluster: Cluster, node: str, run: str, holder: str) -> tuple[str, ...]:
    """Nodes that are under maintenance together with this one, in the same batch of the same run
    and under the lock that the run holds; () where any of that is not so.

    run: name of the run that asks; holder: name under which it holds the lock.
    """
    mark = _mark(cluster, node)
    if not run or not holder or cluster.lock_holder != holder:
        return ()
    if mark is None or mark.run != run or not mark.stage.middle or node not in mark.batch:
        return ()
    found = []
    for name in mark.batch:
        other = _mark(cluster, name)
        same = other is not None and (other.run, other.intent) == (run, mark.intent)
        if other is None or not same or name == node or other.batch != mark.batch:
            continue
        noted = memory.before(cluster.nodes[name].meta).get("intent")
        if other.stage.middle and noted == mark.intent:
            found.append(name)
    return tuple(found)


def _mark(cluster: Cluster, node: str) -> marks.Mark | None:
    found = cluster.nodes.get(node)
    return marks.of(found.meta) if found is not None else None
