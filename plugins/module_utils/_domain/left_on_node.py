# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof: what a node still holds, from objects and never from the sums on its disks.

`scheduledReplica` and `scheduledBackingImage` lag by 0.1 to 30 s in both directions; the objects
themselves do not. A node holds nothing of value when every list here is empty.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import data_source_end
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count


@dataclass(frozen=True, slots=True)
class Left:
    """Names of what is left, by kind, in the order in which the proof reads them."""

    replicas: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    manager_records: tuple[str, ...] = ()
    first_files: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    disks: tuple[str, ...] = field(default=())

    @property
    def data(self) -> bool:
        """Whether anything of value is left (disk entries alone are none)."""
        held = (self.replicas, self.images, self.manager_records, self.first_files, self.entries)
        return any(held) or bool(self.engines)

    def words(self, chosen: Collection[str] = (), joint: str = ", ") -> str:
        """One line: `2 replicas, 1 copy`; `nothing` when empty. chosen: only these, by their
        plurals, in their order ("" when there are none).
        """
        parts = (
            (self.replicas, "replica", "replicas"),
            (self.engines, "engine", "engines"),
            (self.images, "copy", "copies"),
            (self.manager_records, "file record", "file records"),
            (self.first_files, "first file in the making", "first files in the making"),
            (self.entries, "status entry", "status entries"),
        )
        told = {many: count(len(names), one, many) for names, one, many in parts if names}
        if chosen:
            return joint.join(told[many] for many in chosen if many in told)
        return joint.join(told.values()) or "nothing"


def left_on(cluster: Cluster, scope: Scope, uuids: Collection[str] = ()) -> Left:
    """What is left in a scope. uuids: disks of it that its node may not show any more. Engines need
    no disk: they count only for a whole node.
    """
    node = cluster.nodes.get(scope.node)
    disks = frozenset(uuids) | scope.uuids(cluster)
    return Left(
        replicas=_names(
            r.name for r in cluster.replicas.values() if scope.holds(r) or r.disk in disks
        ),
        engines=_names(
            e.name for e in cluster.engines.values() if e.node == scope.node and not scope.disk
        ),
        images=_names(
            image.name
            for image in cluster.images.values()
            if any(copy.disk in disks for copy in image.wanted)
        ),
        manager_records=_names(
            f"{file}@{manager.name}"
            for manager in cluster.managers.values()
            if manager.disk in disks and manager.running
            for file in manager.files
        ),
        first_files=_names(
            source.name
            for source in cluster.data_sources.values()
            if source.disk in disks and data_source_end.in_the_making(cluster, source)
        ),
        entries=_names(
            image.name
            for image in cluster.images.values()
            if any(copy.disk in disks and copy.reported for copy in image.copies.values())
        ),
        disks=_names(disk.name for disk in node.disks if not scope.disk or disk.uuid == scope.disk)
        if node
        else (),
    )


def _names(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(found))
