# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to one image when a node comes back: which keys were not in its map before, and
whether they may go.

An extra copy goes when the image is whole again, nothing uses that copy, and as many proven copies
remain as the map had before (and as Longhorn would make again). The key of a copy that has
replaced one which left the node stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    guards,
    living,
    memory,
    minimum,
    proven,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope

# Refusals of the guard that time heals; `disk_open` is the race that the caller looks for.
PASSING = frozenset({"being_read", "being_cloned", "first_file"})
ACCEPTED = frozenset({"disk_open"})


@dataclass(frozen=True, slots=True)
class Return:
    """The decision for one image.

    remove: keys that go. kept: extra keys that stay, with the reason. moved: keys of before that
    are no longer there. waits: what must be true first ("" when nothing). held: why the note stays
    beyond this run ("" when it goes).
    """

    image: Image
    remove: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    moved: tuple[str, ...] = ()
    waits: str = ""
    held: str = ""

    @property
    def forget(self) -> bool:
        return not self.waits and not self.held


def concerned(cluster: Cluster, scope: Scope) -> tuple[Image, ...]:
    """Images with a note for this scope; for a node also one whose node is back already or gone."""
    away = proven.under_maintenance(cluster) - {scope.node}
    noted = [(image, memory.before(image.meta)) for _name, image in sorted(cluster.images.items())]
    return tuple(
        image
        for image, note in noted
        if "map" in note
        and (scope.marks(note) or (not scope.disk and note.get("node") not in away))
    )


def map_before(image: Image) -> frozenset[str]:
    """Keys of the map as noted."""
    noted = memory.before(image.meta).get("map")
    return frozenset(noted) if isinstance(noted, dict) else frozenset()


def flagged(cluster: Cluster, scope: Scope) -> dict[str, tuple[str, ...]]:
    """Copies of the scope whose eviction flag Longhorn has left behind, by image.

    Clearing the last flag of a node does not clear its copies' flags (longhorn-manager
    controller/node_controller.go syncBackingImageEvictionRequested, v1.7.4 to v1.12.1).
    """
    uuids = {scope.disk} if scope.disk else cluster.disk_uuids(scope.node)
    found: dict[str, tuple[str, ...]] = {}
    for name, image in sorted(cluster.images.items()):
        noted = memory.before(image.meta).get("map")
        entries = noted if isinstance(noted, dict) else {}
        stale = tuple(
            copy.disk
            for copy in image.wanted
            if copy.disk in uuids
            and copy.eviction_requested
            and not _was_flagged(entries.get(copy.disk))
        )
        if stale:
            found[name] = stale
    return found


def _was_flagged(entry: object) -> bool:
    return isinstance(entry, dict) and bool(entry.get("evictionRequested"))


def decide(cluster: Cluster, image: Image, node: str, *, keep_extra: bool = False) -> Return:
    """What to do with this image now."""
    before, present = map_before(image), {copy.disk for copy in image.wanted}
    moved = tuple(sorted(before - present))
    extra = sorted(present - before)
    if image.meta.deleting or not extra:
        return Return(image, moved=moved)
    if keep_extra:
        return Return(image, moved=moved, kept=tuple((disk, "as asked") for disk in extra))
    away = proven.under_maintenance(cluster) - {node}
    behind = [(c, _why_behind(cluster, c, node)) for c in image.wanted if c.disk in before]
    for copy, why in behind:
        if not why:
            continue
        disk = cluster.disks.get(copy.disk)
        if disk is not None and disk.node in away:
            return Return(image, moved=moved, held=f"node {disk.node} is under maintenance")
        place = disk.label if disk is not None else copy.disk
        return Return(image, moved=moved, waits=f"its copy on {place}: {why}")
    return _judge(cluster, image, away, extra, moved)


def _why_behind(cluster: Cluster, copy: Copy, node: str) -> str:
    why = proven.why_unproven(cluster, copy, proven.under_maintenance(cluster) - {node})
    if not why and copy.disk in cluster.disk_uuids(node):
        why = living.why_stale(cluster, copy, node)
    return why


def _judge(
    cluster: Cluster, image: Image, away: frozenset[str], extra: list[str], moved: tuple[str, ...]
) -> Return:
    whole = {copy.disk for copy in proven.proven(cluster, image, away)}
    floor = minimum.original(image) if cluster.schema.replenishes else 1
    needed = max(1, len(map_before(image)), floor)
    extra = sorted(extra, key=lambda disk: (_in_use(cluster, image, disk), disk in whole, disk))
    remove: list[str] = []
    kept: list[tuple[str, str]] = []
    for disk in extra:
        against = [
            refusal
            for refusal in guards.against_removal(cluster, image, disk, maintenance=away)
            if refusal.rule not in ACCEPTED
        ]
        users = guards.users_of_copy(cluster, image.name, disk)
        if any(_for_the_time(cluster, user.volume) or user.meta.deleting for user in users):
            return Return(image, moved=moved, held=f"replica {users[0].name} still uses a copy")
        if any(refusal.rule in PASSING for refusal in against):
            return Return(image, moved=moved, waits=against[0].text)
        rest = whole - set(remove) - {disk}
        if against:
            kept.append((disk, against[0].text))
        elif len(rest) < needed:
            kept.append((disk, _why_needed(len(rest), floor, moved)))
        else:
            remove.append(disk)
    return Return(image, tuple(remove), tuple(kept), moved)


def _why_needed(rest: int, floor: int, moved: tuple[str, ...]) -> str:
    if moved:
        return "it has replaced a copy that moved away"
    if rest < floor:
        return f"minNumberOfCopies is {floor}"
    return f"only {rest} proven copies would remain"


def _in_use(cluster: Cluster, image: Image, disk: str) -> bool:
    return bool(guards.users_of_copy(cluster, image.name, disk))


def _for_the_time(cluster: Cluster, volume: str) -> bool:
    """Whether this volume still carries a replica of the maintenance."""
    found = cluster.volumes.get(volume)
    return found is not None and "numberOfReplicas" in memory.before(found.meta)
