# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings made up for the tests: a folder like a real one, with the events a test names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.simulator.recordings.load import Recording, load

ZERO = datetime(2026, 11, 20, 20, 0, 0, tzinfo=UTC).timestamp()
NODES = ("rec-n1", "rec-n2", "rec-n3")
DISKS = tuple(f"{digit * 8}-1111-4111-8111-111111111111" for digit in "abc")
Object = dict[str, Any]


def at(seconds: float) -> str:
    """A time of the recording, as it is written there."""
    return datetime.fromtimestamp(ZERO + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def meta(name: str, created: float = 0.0, **more: Any) -> Object:
    """Metadata of an object."""
    stamp = at(created)[:19] + "Z"
    base = {"name": name, "namespace": "longhorn-system", "uid": f"uid-{name}"}
    return base | {"creationTimestamp": stamp, "resourceVersion": "7"} | more


def image(name: str, keys: Iterable[str], files: dict[str, str], **more: Any) -> Object:
    """An image of 1.12 with its map and the states of its copies."""
    spec = {
        "sourceType": "download",
        "sourceParameters": {"url": "http://images.rig:8080/f/raw16.img"},
        "minNumberOfCopies": 1,
        "diskFileSpecMap": {key: {"dataEngine": "v1", "evictionRequested": False} for key in keys},
    }
    status = {"diskFileStatusMap": {uuid: {"state": state} for uuid, state in files.items()}}
    return {
        "apiVersion": "longhorn.io/v1beta2",
        "kind": "BackingImage",
        "metadata": meta(name),
        "spec": spec | more,
        "status": status,
    }


def nodes() -> list[tuple[float, str, Object]]:
    """The three Longhorn Nodes as a recording shows them first."""
    found = []
    for node, disk in zip(NODES, DISKS, strict=True):
        name = f"default-disk-{node}"
        spec = {
            "allowScheduling": True,
            "evictionRequested": False,
            "disks": {name: {"path": "/var/lib/longhorn/", "allowScheduling": True}},
        }
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": at(-47)[:19] + "Z"}
        status = {"diskStatus": {name: {"diskUUID": disk, "conditions": [ready]}}}
        obj = {"metadata": meta(node, -500), "spec": spec, "status": status}
        found.append((-0.1, "INITIAL", obj))
    return found


def write(
    folder: Path,
    actions: list[Object],
    events: dict[str, list[tuple[float, str, Object]]],
    end: float,
    version: str = "v1.12.1",
) -> Path:
    """Write a recording below ``folder`` and return its own folder."""
    path = folder / version / "x-made"
    path.mkdir(parents=True)
    start = {"t": at(0), "note": "scenario start: made up"}
    lines = [json.dumps(action) for action in [start, *actions]]
    (path / "actions.jsonl").write_text("\n".join(lines) + "\n")
    for kind, listed in ({"lhnodes": nodes()} | events).items():
        rows = [json.dumps({"t": at(t), "type": type_, "object": o}) for t, type_, o in listed]
        (path / f"{kind}.jsonl").write_text("\n".join(rows) + "\n")
    text = f"# made\n{at(0)[:-4]} ACT    note: start\n{at(end)[:-4]} ACT    note: end\nand more\n"
    (path / "timeline.txt").write_text(text)
    return path


def made(folder: Path, actions: list[Object], end: float = 60.0, **events: Any) -> Recording:
    """Write and load a recording."""
    return load(write(folder, actions, events, end))
