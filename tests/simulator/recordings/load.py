# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a recording of real Longhorn: a folder of watch events and of what the operator did.

A recording says nothing about what was there before it, except through its first events, so this
module also says which nodes, disks and foreign images (of scenarios that shared the cluster) were
there. Everything after the last line of ``timeline.txt`` belongs to the next scenario and is cut.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: File of a kind in a recording -> name of the resource in the cluster.
KINDS: Mapping[str, str] = {
    "backingimages": "backingimages.longhorn.io",
    "backingimagedatasources": "backingimagedatasources.longhorn.io",
    "backingimagemanagers": "backingimagemanagers.longhorn.io",
    "lhnodes": "nodes.longhorn.io",
    "k8snodes": "nodes",
    "pods": "pods",
    "pdbs": "poddisruptionbudgets.policy",
    "instancemanagers": "instancemanagers.longhorn.io",
    "volumes": "volumes.longhorn.io",
    "volumeattachments": "volumeattachments.longhorn.io",
    "engines": "engines.longhorn.io",
    "replicas": "replicas.longhorn.io",
}
_LINE_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z? ")


class RecordingError(Exception):
    """The folder is not a recording, or a file in it cannot be read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One watch event. ``t`` in epoch seconds; ``type`` ADDED, MODIFIED, DELETED or INITIAL."""

    t: float
    resource: str
    type: str
    object: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])


@dataclasses.dataclass(frozen=True, slots=True)
class Disk:
    """A disk as first seen. ``name`` is its key in spec.disks of the Longhorn Node."""

    node: str
    uuid: str
    path: str = "/var/lib/longhorn/"
    name: str = ""
    reserved: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Recording:
    """A recording, cut at its end. Times in epoch seconds, events in time order."""

    path: pathlib.Path
    version: str
    start: float
    end: float
    events: tuple[Event, ...]
    actions: tuple[Mapping[str, Any], ...]
    nodes: tuple[str, ...]
    disks: tuple[Disk, ...]

    @property
    def name(self) -> str:
        return self.path.name

    def of(self, resource: str) -> Iterator[Event]:
        """The events of one resource."""
        return (event for event in self.events if event.resource == resource)


def parse_time(text: str) -> float:
    """RFC 3339 time (no zone means UTC) -> epoch seconds. Raises ValueError."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def load(path: pathlib.Path) -> Recording:
    """Read the recording in ``path``; the parent folder names the version (``v1.12.1``).

    Raises RecordingError when the folder has no actions or no timeline, or names no version.
    """
    path = path.resolve()
    version = path.parent.name.removeprefix("v")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise RecordingError(f"{path}: the parent folder must name the version, e.g. v1.12.1")
    actions = tuple(_lines(path / "actions.jsonl"))
    if not actions:
        raise RecordingError(f"{path}: no actions")
    start = parse_time(str(actions[0]["t"]))
    end = _end(path / "timeline.txt")
    events = tuple(event for event in _events(path) if event.t <= end)
    kept = tuple(action for action in actions if parse_time(str(action["t"])) <= end + 0.001)
    disks = _disks(events)
    nodes = {disk.node for disk in disks} | {e.name for e in events if e.resource == "nodes"}
    nodes |= {e.name for e in events if e.resource == "nodes.longhorn.io"}
    return Recording(path, version, start, end, events, kept, tuple(sorted(nodes)), disks)


def notices(recording: Recording) -> Iterator[Event]:
    """The Event objects of a recording, in time order; none where it has not kept them."""
    file = recording.path / "events.jsonl"
    found = _lines(file) if file.exists() else iter(())
    events = [
        Event(parse_time(line["t"]), "events", line["type"], line["object"]) for line in found
    ]
    return iter(sorted((e for e in events if e.t <= recording.end), key=lambda event: event.t))


def _lines(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        for line in text.splitlines():
            if line.strip():
                yield json.loads(line)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: {error}") from error


def _events(path: pathlib.Path) -> list[Event]:
    found: list[Event] = []
    for stem, resource in KINDS.items():
        file = path / f"{stem}.jsonl"
        if not file.exists():
            continue
        for line in _lines(file):
            found.append(Event(parse_time(line["t"]), resource, line["type"], line["object"]))
    found.sort(key=lambda event: event.t)
    return found


def _end(path: pathlib.Path) -> float:
    """Time of the last line of the timeline that starts with one (texts span several lines)."""
    last = None
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                match = _LINE_TIME.match(line)
                if match:
                    last = match.group(1)
    except OSError as error:
        raise RecordingError(f"{path}: {error}") from error
    if last is None:
        raise RecordingError(f"{path}: no timed line")
    return parse_time(last) + 0.001  # the timeline is cut to milliseconds


def _disks(events: tuple[Event, ...]) -> tuple[Disk, ...]:
    """Every disk any event names, in the order in which they appear."""
    found: dict[str, Disk] = {}
    for event in events:
        for disk in _disks_named(event):
            known = found.get(disk.uuid)
            if known is None or (not known.name and disk.name):
                found[disk.uuid] = disk
    return tuple(found.values())


def _disks_named(event: Event) -> Iterator[Disk]:
    spec = event.object.get("spec") or {}
    if event.resource == "nodes.longhorn.io":
        status = (event.object.get("status") or {}).get("diskStatus") or {}
        for name, disk in (spec.get("disks") or {}).items():
            uuid = (status.get(name) or {}).get("diskUUID")
            if uuid:
                reserved = int(disk.get("storageReserved") or 0)
                yield Disk(event.name, uuid, disk.get("path") or "", name, reserved)
    elif event.resource.startswith("backingimage") and spec.get("diskUUID") and spec.get("nodeID"):
        yield Disk(spec["nodeID"], spec["diskUUID"], spec.get("diskPath") or "/var/lib/longhorn/")
    elif event.resource == "replicas.longhorn.io" and spec.get("diskID") and spec.get("nodeID"):
        yield Disk(spec["nodeID"], spec["diskID"], spec.get("diskPath") or "/var/lib/longhorn/")
