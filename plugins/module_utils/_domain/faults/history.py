# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of a test image while a fault was made in it, in the order in which it was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

POD_LABEL = "longhorn.io/backing-image-data-source"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an image's status."""

    state: str = ""
    message: str = ""


@dataclass
class History:
    """All that was seen of one image, its data source and its volume.

    ``images``: entries by disk UUID, one mapping per write that was seen. ``volumes``: (state,
    robustness). ``sources``: state and message of the data source. ``pods``: names of the data
    source's pods that were seen, ``pods_left`` of those that are still there. ``logs``: lines of
    the managers that name the image. ``managers``: (uid, ready) of the pods of the disk's manager;
    ``pressure``: status and reason of the disk's condition Schedulable, ``node_ready``: status of
    its node's condition Ready, each as often as it was seen.
    """

    images: list[Mapping[str, Entry]] = field(default_factory=list)
    wanted: frozenset[str] = frozenset()
    volumes: list[tuple[str, str]] = field(default_factory=list)
    sources: list[Entry] = field(default_factory=list)
    pods: set[str] = field(default_factory=set)
    pods_left: set[str] = field(default_factory=set)
    logs: list[str] = field(default_factory=list)
    logs_unread: str = ""
    managers: list[tuple[str, bool]] = field(default_factory=list)
    pressure: list[tuple[str, str]] = field(default_factory=list)
    node_ready: list[str] = field(default_factory=list)

    def of_disk(self, disk: str) -> list[Entry | None]:
        """The entry of one disk as it changed, None while there is none; equal ones in a row
        count once.
        """
        found: list[Entry | None] = []
        for entries in self.images:
            entry = entries.get(disk)
            if not found or found[-1] != entry:
                found.append(entry)
        return found

    def failures_of(self, disk: str) -> list[Entry]:
        """Each time the copy on this disk turned failed (message of the moment it did)."""
        found: list[Entry] = []
        before = ""
        for entry in self.of_disk(disk):
            state = entry.state if entry is not None else "absent"
            if entry is not None and state == "failed" and before != "failed":
                found.append(entry)
            before = state
        return found

    def lost(self, disk: str) -> bool:
        """Whether the copy on this disk was seen in another state than ready."""
        return any(entry is None or entry.state != "ready" for entry in self.of_disk(disk))

    @property
    def last(self) -> Mapping[str, Entry]:
        """The entries as they were seen last."""
        return self.images[-1] if self.images else {}


def entries_of(raw: Mapping[str, Any]) -> dict[str, Entry]:
    """The entries of a raw BackingImage."""
    status = (raw.get("status") or {}).get("diskFileStatusMap") or {}
    return {
        str(disk): Entry(str(entry.get("state") or ""), str(entry.get("message") or ""))
        for disk, entry in status.items()
    }


def wanted_of(raw: Mapping[str, Any], map_field: str) -> frozenset[str]:
    """The keys of a raw BackingImage's placement map."""
    return frozenset((raw.get("spec") or {}).get(map_field) or {})


def source_of(raw: Mapping[str, Any]) -> Entry:
    """The state of a raw BackingImageDataSource."""
    status = raw.get("status") or {}
    return Entry(str(status.get("currentState") or ""), str(status.get("message") or ""))


def volume_of(raw: Mapping[str, Any]) -> tuple[str, str]:
    """State and robustness of a raw Volume."""
    status = raw.get("status") or {}
    return str(status.get("state") or ""), str(status.get("robustness") or "")


def manager_of(raw: Mapping[str, Any]) -> tuple[str, bool]:
    """UID of a raw pod, and whether it is ready."""
    conditions = (raw.get("status") or {}).get("conditions") or []
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return str(raw["metadata"].get("uid") or ""), ready


def conditions_of(raw: Mapping[str, Any], disk: str) -> tuple[str, tuple[str, str] | None]:
    """Of a raw Longhorn Node: the status of its Ready, and status and reason of the Schedulable of
    a disk by UUID, None where it has no such disk.
    """
    status = raw.get("status") or {}
    ready = _condition(status.get("conditions") or [], "Ready")[0]
    for entry in (status.get("diskStatus") or {}).values():
        if entry.get("diskUUID") == disk:
            return ready, _condition(entry.get("conditions") or [], "Schedulable")
    return ready, None


def _condition(conditions: Iterable[Mapping[str, Any]], kind: str) -> tuple[str, str]:
    for one in conditions:
        if one.get("type") == kind:
            return str(one.get("status") or ""), str(one.get("reason") or "")
    return "", ""


def lines_about(image: str, text: str) -> Iterable[str]:
    """The lines of a log that name the image as a field or in quotes."""
    marks = (f"={image} ", f'"{image}"', f" {image},", f" {image} ", f"/{image}-")
    return (line for line in text.splitlines() if any(mark in f"{line} " for mark in marks))
