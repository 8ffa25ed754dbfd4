# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of sights from a recording, at moments of the reviewed answer key (EXPECTED.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from tests.material import shared
from tests.unit import recorded

WINDOW_SECONDS = 10.0
STEP_SECONDS = 0.5
MARGIN_SECONDS = 0.6
KINDS = (
    "lhnodes",
    "k8snodes",
    "backingimages",
    "backingimagedatasources",
    "backingimagemanagers",
    "volumes",
    "replicas",
    "volumeattachments",
)
_READY = [{"type": kind, "status": "True"} for kind in ("Ready", "Schedulable")]


@dataclass(frozen=True)
class Phase:
    """One row of the answer key: an image between two moments, and what may be done then."""

    scenario: str
    image: str
    name: str
    begin: float
    end: float
    redownload: str

    @property
    def moments(self) -> list[float]:
        """Beginning, middle and end, away from the boundaries."""
        points = (self.begin + MARGIN_SECONDS, (self.begin + self.end) / 2, self.end)
        last = self.end - MARGIN_SECONDS
        return sorted({round(min(p, last), 2) for p in points if self.begin < min(p, last)})


def phases() -> dict[str, list[Phase]]:
    """All rows about images, by scenario."""
    found: dict[str, list[Phase]] = {}
    text = (shared("recordings/EXPECTED.md")).read_text(encoding="utf-8")
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if not line.startswith("| v1.") or len(cells) < 10:
            continue
        scenario, image, name, begin, end = cells[:5]
        if image.startswith(("vol", "(")) or not _is_number(begin) or not _is_number(end):
            continue
        phase = Phase(scenario, image, name, float(begin), float(end), cells[9])
        found.setdefault(scenario, []).append(phase)
    return found


def windows(folder: Path, rows: list[Phase]) -> Iterator[tuple[Phase, float, list[Sight]]]:
    """(row, moment, window that ends there) for every row of one recording."""
    wanted = [(phase, moment) for phase in rows for moment in phase.moments]
    steps = int(WINDOW_SECONDS / STEP_SECONDS)
    grid = {
        round(moment - step * STEP_SECONDS, 2)
        for _phase, moment in wanted
        for step in range(steps + 1)
    }
    at_moment = clusters(folder, sorted(grid))
    for phase, moment in wanted:
        window = []
        for step in range(steps, -1, -1):
            at = round(moment - step * STEP_SECONDS, 2)
            image = at_moment[at].images.get(phase.image)
            if image is not None:
                window.append(see(at_moment[at], image, at))
        yield phase, moment, window


def clusters(folder: Path, moments: list[float]) -> dict[float, Cluster]:
    """The cluster at each of these moments (seconds from the scenario's start, ascending)."""
    start = start_of(folder)
    events = [
        (seconds(time) - start, kind, what, raw)
        for time, kind, what, raw in recorded.events(folder)
        if kind in KINDS
    ]
    held = _nodes_at_the_beginning(events)
    schema = recorded.schema_of(folder)
    found, position = {}, 0
    for moment in moments:
        while position < len(events) and events[position][0] <= moment:
            _time, kind, what, raw = events[position]
            name = raw["metadata"]["name"]
            if what == "DELETED":
                held[kind].pop(name, None)
            else:
                held[kind][name] = raw
            position += 1
        found[moment] = recorded.assemble(schema, held)
    return found


def start_of(folder: Path) -> float:
    """Epoch seconds of the scenario's start."""
    return seconds(actions(folder)[0]["t"])


def actions(folder: Path) -> list[dict[str, Any]]:
    """What the operator did, in order."""
    lines = (folder / "actions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _nodes_at_the_beginning(events: list[Any]) -> dict[str, dict[str, Any]]:
    """Recordings keep node lines only where something changed: before that, nodes were well."""
    held: dict[str, dict[str, Any]] = {kind: {} for kind in recorded.KINDS}
    disks: dict[str, str] = {}
    for _time, kind, _what, raw in events:
        if kind in ("lhnodes", "k8snodes"):
            held[kind].setdefault(raw["metadata"]["name"], raw)
        elif kind == "backingimagemanagers":
            disks.setdefault(raw["spec"]["diskUUID"], raw["spec"]["nodeID"])
    for uuid, node in disks.items():
        held["lhnodes"].setdefault(node, _well_node(node, uuid))
    for node in held["lhnodes"]:
        well = {"metadata": {"name": node}, "status": {"conditions": _READY}}
        held["k8snodes"].setdefault(node, well)
    return held


def _well_node(name: str, uuid: str) -> Mapping[str, Any]:
    disk = {"diskUUID": uuid, "conditions": _READY}
    return {
        "metadata": {"name": name},
        "spec": {"allowScheduling": True, "disks": {"d": {"path": "/d", "allowScheduling": True}}},
        "status": {"conditions": _READY, "diskStatus": {"d": disk}},
    }


def seconds(time: str) -> float:
    """Epoch seconds of a time stamp."""
    return datetime.fromisoformat(time).timestamp()


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
