# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node was before its maintenance, and what must be written to make it so again.

The values come from the note that the drain left on the Longhorn node. Pure: from a node to the
operations of one JSON patch, and to the same in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Disk, Node
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope

NEW_NAME = re.compile(r"^(?P<base>.+)-r(?P<number>\d+)$")
EVICTED = "evict"
Ops = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class DiskBefore:
    """A disk as noted: its name, its UUID then, and its entry in spec.disks."""

    name: str
    uuid: str
    entry: Mapping[str, Any]

    @property
    def path(self) -> str:
        return str(self.entry.get("path") or "")

    def flag(self, name: str) -> bool:
        return bool(self.entry.get(name))

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(str(tag) for tag in self.entry.get("tags") or ())


@dataclass(frozen=True, slots=True)
class NodeBefore:
    """A node as noted. unschedulable: the operator himself had cordoned it. volumes, images: those
    that had a replica or a copy there.
    """

    intent: str
    allow_scheduling: bool
    eviction_requested: bool
    unschedulable: bool
    tags: tuple[str, ...]
    disks: tuple[DiskBefore, ...]
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: operations, and how a person reads the value now and afterwards."""

    what: str
    now: str
    then: str
    ops: tuple[dict[str, Any], ...]


def of(node: Node) -> NodeBefore | None:
    """The note on a node; None where there is none."""
    noted = memory.before(node.meta)
    if not noted:
        return None
    disks = noted.get("disks")
    return NodeBefore(
        intent=str(noted.get("intent") or ""),
        allow_scheduling=bool(noted.get("allowScheduling", True)),
        eviction_requested=bool(noted.get("evictionRequested")),
        unschedulable=bool(noted.get("unschedulable")),
        tags=tuple(str(tag) for tag in noted.get("tags") or ()),
        disks=tuple(
            DiskBefore(
                name, str(disk.get("uuid") or ""), {k: v for k, v in disk.items() if k != "uuid"}
            )
            for name, disk in sorted((disks if isinstance(disks, dict) else {}).items())
            if isinstance(disk, dict)
        ),
        volumes=tuple(str(name) for name in noted.get("volumes") or ()),
        images=tuple(str(name) for name in noted.get("images") or ()),
    )


def of_scope(node: Node, scope: Scope) -> NodeBefore | None:
    """The note on the node; on one of its disks for a scope of one disk: then everything else of
    the node reads as it is.
    """
    if not scope.disk:
        return of(node)
    noted = memory.before(node.meta, memory.DISKS_BEFORE).get(scope.disk)
    if not isinstance(noted, dict):
        return None
    held = noted.get("held") or {}
    entry = {key: value for key, value in noted.items() if key not in ("name", "held")}
    return NodeBefore(
        intent=EVICTED,
        allow_scheduling=node.allow_scheduling,
        eviction_requested=node.eviction_requested,
        unschedulable=False,
        tags=node.tags,
        disks=(DiskBefore(str(noted.get("name") or ""), scope.disk, entry),),
        volumes=tuple(str(name) for name in held.get("volumes") or ()),
        images=tuple(str(name) for name in held.get("images") or ()),
    )


def forgetting(node: Node) -> tuple[str, ...]:
    """Disks that the status still shows though their entry has gone (for up to 30 s)."""
    return tuple(disk.name for disk in node.disks if disk.in_status and not disk.in_spec)


def eviction_off(node: Node, before: NodeBefore) -> tuple[Change, ...]:
    """Eviction flags that were not there before. They go first and alone: with scheduling given
    back in the same write Longhorn 1.6 makes a replica too many (rec: v1.6.4/v12, v14).
    """
    changes: list[Change] = []
    if node.eviction_requested and not before.eviction_requested:
        changes.append(_set("eviction", "true", "false", "/spec/evictionRequested", False))
    for noted, disk in _present(node, before):
        if disk.eviction_requested and not noted.flag("evictionRequested"):
            path = f"/spec/disks/{escape(disk.name)}/evictionRequested"
            changes.append(_set(f"disk {disk.name} eviction", "true", "false", path, False))
    return tuple(changes)


def opening(node: Node, before: NodeBefore, *, same_names: bool) -> tuple[Change, ...]:
    """Everything else that differs: scheduling, tags, disk entries that were taken out.

    same_names: a missing disk entry gets its old name back (its disk was not wiped), else a new
    one, which avoids confusion with what the status remembers of the old one.
    """
    changes: list[Change] = []
    if node.allow_scheduling != before.allow_scheduling:
        changes.append(
            _set(
                "schedulable",
                _word(node.allow_scheduling),
                _word(before.allow_scheduling),
                "/spec/allowScheduling",
                before.allow_scheduling,
            )
        )
    if before.eviction_requested and not node.eviction_requested:
        changes.append(_set("eviction", "false", "true", "/spec/evictionRequested", True))
    if set(node.tags) != set(before.tags):
        changes.append(
            _set("tags", _tags(node.tags), _tags(before.tags), "/spec/tags", list(before.tags))
        )
    for noted, disk in _present(node, before):
        changes += _disk_changes(noted, disk)
    return tuple(changes) + missing(node, before, same_names=same_names)


def missing(node: Node, before: NodeBefore, *, same_names: bool) -> tuple[Change, ...]:
    """Disk entries to put in: path, type, reserved space, flags and tags as before."""
    have = {_path(disk.path) for disk in node.disks if disk.in_spec}
    taken = {disk.name for disk in node.disks}
    changes: list[Change] = []
    for noted in before.disks:
        if _path(noted.path) in have:
            continue
        name = noted.name if same_names else new_name(noted.name, taken)
        taken.add(name)
        op = {"op": "add", "path": f"/spec/disks/{escape(name)}", "value": dict(noted.entry)}
        changes.append(Change(f"disk {name}", "not in Longhorn", f"at {noted.path}", (op,)))
    return tuple(changes)


def new_name(old: str, taken: set[str]) -> str:
    """nvme0 -> nvme0-r2 -> nvme0-r3: a name for the disk's next life that nothing has."""
    found = NEW_NAME.match(old)
    base, number = (found["base"], int(found["number"])) if found else (old, 1)
    while True:
        number += 1
        name = f"{base}-r{number}"
        if name not in taken:
            return name


def _present(node: Node, before: NodeBefore) -> list[tuple[DiskBefore, Disk]]:
    """Noted disks whose entry is in the spec, by its path (its name may be a new one)."""
    by_path = {_path(disk.path): disk for disk in node.disks if disk.in_spec}
    return [(d, by_path[_path(d.path)]) for d in before.disks if _path(d.path) in by_path]


def _disk_changes(noted: DiskBefore, disk: Disk) -> list[Change]:
    root = f"/spec/disks/{escape(disk.name)}"
    changes: list[Change] = []
    wanted = noted.flag("allowScheduling")
    if disk.allow_scheduling != wanted:
        changes.append(
            _set(
                f"disk {disk.name} schedulable",
                _word(disk.allow_scheduling),
                _word(wanted),
                f"{root}/allowScheduling",
                wanted,
            )
        )
    if noted.flag("evictionRequested") and not disk.eviction_requested:
        what = f"disk {disk.name} eviction"
        changes.append(_set(what, "false", "true", f"{root}/evictionRequested", True))
    if set(disk.tags) != set(noted.tags):
        what = f"disk {disk.name} tags"
        now, then = _tags(disk.tags), _tags(noted.tags)
        changes.append(_set(what, now, then, f"{root}/tags", list(noted.tags)))
    return changes


def _set(what: str, now: str, then: str, path: str, value: Any) -> Change:
    """`add` replaces a member that exists and makes one that a version has left out."""
    return Change(what, now, then, ({"op": "add", "path": path, "value": value},))


def _path(path: str) -> str:
    return path.rstrip("/") or "/"


def _word(value: bool) -> str:
    return "true" if value else "false"


def _tags(tags: tuple[str, ...]) -> str:
    return ", ".join(sorted(tags)) or "none"
