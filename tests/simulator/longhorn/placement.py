# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disks exist, which are ready, and which Longhorn would pick (F§2.2, F§7.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.longhorn import names
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, condition, name_of


@dataclass(frozen=True, slots=True)
class DiskView:
    """A disk as Longhorn's Node object shows it."""

    node: Object
    name: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def uuid(self) -> str:
        """The disk's UUID, empty while unknown."""
        return str(self.status.get("diskUUID") or "")

    @property
    def node_name(self) -> str:
        """The node the disk belongs to."""
        return name_of(self.node)

    @property
    def path(self) -> str:
        """The disk's path on the host."""
        return str(self.spec.get("path", ""))

    def condition(self, kind: str) -> bool:
        """Whether a condition of the disk is True."""
        for entry in self.status.get("conditions") or []:
            if entry.get("type") == kind:
                return bool(entry.get("status") == "True")
        return False


def disks(world: World) -> Iterator[DiskView]:
    """Every disk that is both wanted and known."""
    for node in world.store.list(names.NODES):
        wanted = node["spec"].get("disks") or {}
        known = (node.get("status") or {}).get("diskStatus") or {}
        for name in sorted(set(wanted) & set(known)):
            yield DiskView(node, name, wanted[name], known[name])


def node_ready(node: Object) -> bool:
    """Whether the Longhorn node is Ready."""
    return (condition(node, "Ready") or {}).get("status") == "True"


def ready_disk(world: World, uuid: str) -> DiskView | None:
    """The disk of this UUID if it is "ready" (F§2.2): scheduling flags do not matter."""
    if not uuid:
        return None
    for disk in disks(world):
        if disk.uuid == uuid:
            return disk if node_ready(disk.node) and disk.condition("Ready") else None
    return None


def serves(world: World, uuid: str, node: str, path: str) -> bool:
    """Whether a disk is ready and still where an object says it is."""
    disk = ready_disk(world, uuid)
    return disk is not None and (disk.node_name, disk.path) == (node, path)


def exists(world: World, uuid: str) -> bool:
    """Whether the status of any node still shows a disk of this UUID.

    It does for up to 30 s after the disk left the spec (rec: v1.12.1/w8-return-wiped).
    """
    for node in world.store.list(names.NODES, names.NAMESPACE):
        known = (node.get("status") or {}).get("diskStatus") or {}
        if any(entry.get("diskUUID") == uuid for entry in known.values()):
            return True
    return False


def tags_fit(wanted: list[str] | None, tags: list[str] | None, allow_empty: bool) -> bool:
    """Longhorn's rule for selectors: every entry among the tags; an empty one may take any."""
    if not wanted:
        return allow_empty or not tags
    return set(wanted) <= set(tags or [])


def schedulable(world: World, disk: DiskView) -> bool:
    """Flags and conditions that let something new come to a disk."""
    return bool(
        disk.node["spec"].get("allowScheduling")
        and (condition(disk.node, "Schedulable") or {}).get("status") == "True"
        and disk.spec.get("diskType", "filesystem") == "filesystem"
        and disk.spec.get("allowScheduling")
        and disk.condition("Schedulable")
    )


def candidates(world: World, image: Object) -> list[str]:
    """Disks the picker of F§7.3 may return for a new copy; up to 1.6 the map is not looked at."""
    spec = image["spec"]
    modern = world.profile.has("file_spec_map")
    taken = set(spec.get(world.profile.map_field) or {}) if modern else set()
    any_node = world.setting_bool("allow-empty-node-selector-volume")
    any_disk = world.setting_bool("allow-empty-disk-selector-volume")
    found = []
    for disk in disks(world):
        if not disk.uuid or disk.uuid in taken or not schedulable(world, disk):
            continue
        if modern and not (
            tags_fit(spec.get("nodeSelector"), disk.node["spec"].get("tags"), any_node)
            and tags_fit(spec.get("diskSelector"), disk.spec.get("tags"), any_disk)
        ):
            continue
        found.append(disk.uuid)
    return found
