# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the cluster still holds everything once a node is gone for good (intent remove).

Not only what is on the node counts: every volume must find its numberOfReplicas on the nodes (or
zones) that remain, every image its minNumberOfCopies on their disks, and all that moves must fit
together. What was short before, and would be with the node too, does not stop its removal, nor
does an image that has a copy on every disk that it may use.

Where replicas may go: longhorn-manager scheduler/replica_scheduler.go (hard anti-affinity of nodes
unless replica-soft-anti-affinity, of zones unless replica-zone-soft-anti-affinity; nodes without a
zone count as one zone); where copies may go: design of placement.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    minimum,
    placement,
    replica_moves,
    space_without,
    volume_space,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.places_without import (
    Places,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.holders import title
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.remedies import (
    Change,
    Remedies,
    Way,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_bytes,
    spell_bytes_up,
)

NODES, ZONES, DISKS = "too_few_nodes", "too_few_zones", "too_few_disks"
SPACE = "too_little_space"
FEWER, NO_NODE = "fewer_copies", "no_node_for_replica"
SAID_WORSE = frozenset({"no_target_disk", "image_lost", "image_syncing"})
SHARE_NODE = "allow its replicas to share a node (replica-soft-anti-affinity)"
SHARE_ZONE = "allow its replicas to share a zone (replica-zone-soft-anti-affinity)"


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a volume can have without the node. possible: replicas at most; nodes: the open ones
    that could take one more, apart from those that hold one.
    """

    wanted: int
    held: int
    possible: int
    zoned: bool
    nodes: tuple[str, ...]


def shortfalls(
    cluster: Cluster, node: str, remedies: Remedies | None = None
) -> tuple[Blocker, ...]:
    """Everything that the cluster cannot hold without this node. remedies: of the plan, with what
    it gave away, where there is one.
    """
    places = Places(cluster, node)
    found: list[Blocker] = []
    moving: list[space_without.Wish] = []
    for name in sorted(cluster.volumes):
        volume = cluster.volumes[name]
        reach = _reach(cluster, volume, places)
        if reach is None:
            continue
        missing = min(reach.wanted, reach.possible) - reach.held
        if missing > 0:
            moving.append(_wish(cluster, volume, places, reach, missing))
        if reach.possible < reach.wanted:
            found.append(_volume_short(cluster, volume, places, reach))
    for name in sorted(cluster.images):
        found += _image_short(cluster, cluster.images[name], places, remedies)
    found += space_without.judge(places, moving)
    return tuple(found)


def merged(found: Iterable[Blocker], short: Sequence[Blocker]) -> Iterator[Blocker]:
    """Blockers of single objects and shortfalls, each matter told once.

    An image that has no other copy at all is told as that; of one that gets fewer copies the
    reasons of each disk are kept.
    """
    left = {(item.kind, item.name): item for item in short}
    for one in found:
        key = one.kind, one.name
        known = left.get(key)
        if known is not None and one.rule in SAID_WORSE:
            del left[key]
        elif known is not None and one.rule == FEWER:
            del left[key]
            yield replace(known, remedy=one.remedy, detail=one.detail, ways=one.ways)
            continue
        elif known is not None and known.stops and one.rule == NO_NODE:
            continue
        yield one
    yield from left.values()


def against(cluster: Cluster, node: str) -> tuple[str, ...]:
    """The same as reasons of a proof, in a line each; none where the cluster holds it all."""
    return tuple(
        f"{short.kind} {short.name} {short.reason}"
        for short in shortfalls(cluster, node)
        if short.stops
    )


def _reach(cluster: Cluster, volume: Volume, places: Places) -> _Reach | None:
    """None where the volume is whole without the node already."""
    if volume.meta.deleting or volume.data_locality == "strict-local":
        return None
    wanted = replica_moves.original_number(volume)
    alive = [
        replica
        for replica in cluster.replicas_of_volume.get(volume.name, ())
        if replica.node not in places.gone
        and replica.node in cluster.nodes
        and not replica.failed_at
        and not replica.meta.deleting
    ]
    zoned = not volume_space.zones_shared(cluster, volume)
    soft = volume_space.soft_anti_affinity(cluster, volume)
    nodes = {replica.node for replica in alive}
    zones = {cluster.nodes[name].zone for name in nodes}
    held = len(zones) if zoned else len(alive) if soft else len(nodes)
    if held >= wanted:
        return None
    fitting = places.nodes_for(volume)
    new = [name for name in fitting if name not in nodes]
    if zoned:
        new = [name for name in new if cluster.nodes[name].zone not in zones]
        more = len({cluster.nodes[name].zone for name in new})
    else:
        more = wanted if soft and fitting else len(new)
    return _Reach(wanted, held, min(wanted, held + more), zoned, tuple(new))


def _wish(
    cluster: Cluster, volume: Volume, places: Places, reach: _Reach, missing: int
) -> space_without.Wish:
    soft = volume_space.soft_anti_affinity(cluster, volume)
    names = places.nodes_for(volume) if soft and not reach.zoned else reach.nodes
    leaving = sum(
        replica.node == places.node for replica in cluster.replicas_of_volume.get(volume.name, ())
    )
    return space_without.Wish(title(volume), volume, missing, min(missing, leaving), tuple(names))


def _volume_short(cluster: Cluster, volume: Volume, places: Places, reach: _Reach) -> Blocker:
    rule = ZONES if reach.zoned else NODES
    what = "zone" if reach.zoned else "node"
    cramped = [] if reach.zoned else places.cramped(volume)
    room, label, lack = "", "", 0
    if cramped:
        rule, (lack, label) = SPACE, cramped[0]
        room = f"free {spell_bytes_up(lack)} on {label}"
    many = f"{what}s" if reach.possible != 1 else what
    reason = (
        f"asks for {count(reach.wanted, 'replica')} of {spell_bytes(volume.size)}, "
        f"without {places.node} only {reach.possible} {many} can hold one"
    )
    name = title(volume)
    changes = [Change("open_node", name, text) for text in places.openings(volume)][:1]
    if room:
        changes.append(Change("free_space", label, room, bytes=lack))
    if reach.possible:
        lower = f"lower its number of replicas from {reach.wanted} to {reach.possible}"
        changes.append(Change("lower_replicas", name, lower, str(reach.possible)))
    if places.nodes_for(volume):
        share = SHARE_ZONE if reach.zoned else SHARE_NODE
        setting = "replica-zone-soft-anti-affinity" if reach.zoned else "replica-soft-anti-affinity"
        changes.append(Change("change_setting", setting, share, "true"))
    more = f"add a {what} with room for {spell_bytes(volume.size)}"
    changes.append(Change("add_node", what, more, bytes=volume.size))
    return Blocker(
        rule,
        "volume",
        name,
        reason,
        changes[0].text,
        stops=_helps(cluster, volume, places, reach),
        detail=(*(f"or {change.text}" for change in changes[1:]), *places.refused(volume)),
        ways=tuple(Way((change,)).as_data() for change in changes),
    )


def _helps(cluster: Cluster, volume: Volume, places: Places, reach: _Reach) -> bool:
    """Whether the volume would have more with the node: its own state (closed, cordoned, its disks
    taken out) is our doing and is not looked at.
    """
    node = cluster.nodes.get(places.node)
    if node is None:
        return True
    if placement.tags_refused(cluster.settings, volume.node_selector, node.tags, "node"):
        return False
    if not reach.zoned:
        return True
    alive = [r for r in cluster.replicas_of_volume.get(volume.name, ()) if not r.failed_at]
    others = {r.node for r in alive if r.node in cluster.nodes} - places.gone
    return node.zone not in {cluster.nodes[name].zone for name in (*others, *reach.nodes)}


def _image_short(
    cluster: Cluster, image: Image, places: Places, remedies: Remedies | None
) -> Iterator[Blocker]:
    """An image whose minNumberOfCopies exceeds the disks that remain (1.7 and later; before there
    is no such number). Told, but no reason to stop: what counts is as many copies as there are
    disks (procedures.md P2.2 step 4).
    """
    source = cluster.data_sources.get(image.name)
    if not cluster.schema.replenishes or image.meta.deleting:
        return
    if source is None or not source.file_transferred:
        return
    wanted = minimum.original(image)
    there = [
        copy.disk
        for copy in image.wanted
        if copy.disk in cluster.disks and cluster.disks[copy.disk].node not in places.gone
    ]
    if len(there) >= wanted:
        return
    possible = len(there) + places.disks_for(image, set(there))
    if possible >= wanted:
        return
    ways = list(remedies.ways(image, possible)) if remedies else []
    if possible and not remedies:
        lower = f"lower minNumberOfCopies of {image.name} from {wanted} to {possible}"
        ways.append(Way((Change("lower_copies", image.name, lower, str(possible)),)))
    more = f"add a disk with room for {spell_bytes(image.file_bytes)}"
    ways.append(Way((Change("add_disk", image.name, more, bytes=image.file_bytes),)))
    yield Blocker(
        DISKS,
        "image",
        image.name,
        f"asks for {count(wanted, 'copy', 'copies')} of {spell_bytes(image.file_bytes)}, without "
        f"{places.node} only {count(possible, 'disk')} can hold one",
        ways[0].text,
        stops=False,
        detail=tuple(f"or {way.text}" for way in ways[1:]),
        ways=tuple(way.as_data() for way in ways),
    )
