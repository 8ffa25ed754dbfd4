# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disk of a node is meant: by its name in Longhorn, its path, or its UUID."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Node

NOT_NAMED = "(not named)"
"""What the playbook evict_disk asks for when nobody named a disk."""


def resolved(cluster: Cluster, request: Request) -> Request:
    """The request with the disk's UUID and name; unchanged where no single disk is meant.

    A disk that was taken out of Longhorn is found by the note on its node.
    """
    node = cluster.nodes.get(request.node)
    if not request.disk or node is None:
        return request
    found = _matches(_present(node), request.disk) or _matches(_noted(node), request.disk)
    if len(found) != 1:
        return request
    uuid, name, _path = found[0]
    return dataclasses.replace(request, disk=uuid, disk_name=name)


def unknown(cluster: Cluster, request: Request) -> str:
    """Why the disk that was asked for could not be found, with what there is."""
    node = cluster.nodes[request.node]
    known = [f"{disk.name} at {disk.path}" for disk in node.disks]
    waiting = [d.name for d in node.disks if not d.uuid and request.disk in (d.name, d.path)]
    if waiting:
        return (
            f"Disk {waiting[0]} of {node.name} has no UUID yet: Longhorn has not taken it up. "
            "Wait until it is Ready, or remove its entry by hand: nothing can be on it."
        )
    several = len(_matches(_noted(node), request.disk)) > 1
    why = "Several disks were taken out under this name; give the UUID. " if several else ""
    told = "; ".join(known) or "no disk"
    if request.disk == NOT_NAMED:
        return f"Name the disk of {node.name}: -e disk=NAME, its path or its UUID. It has: {told}."
    return (
        f"{node.name} has no disk {request.disk!r}. {why}It has: {told}. Give its name, its path "
        "or its UUID (-e disk=…)."
    )


def _present(node: Node) -> Iterator[tuple[str, str, str]]:
    for disk in node.disks:
        if disk.uuid:
            yield disk.uuid, disk.name, disk.path


def _noted(node: Node) -> Iterator[tuple[str, str, str]]:
    for uuid, disk in memory.before(node.meta, memory.DISKS_BEFORE).items():
        if isinstance(disk, dict):
            yield uuid, str(disk.get("name") or ""), str(disk.get("path") or "")


def _matches(disks: Iterator[tuple[str, str, str]], asked: str) -> list[tuple[str, str, str]]:
    """Those with this UUID or name; else those at this path."""
    rows = list(disks)
    named = [row for row in rows if asked in row[:2]]
    path = asked.rstrip("/") or "/"
    return named or [row for row in rows if (row[2].rstrip("/") or "/") == path and row[2]]
