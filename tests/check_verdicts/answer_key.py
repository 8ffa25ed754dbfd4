# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of sights from a recording, at moments of the reviewed answer key (EXPECTED.md)."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
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
TimedEvent = tuple[float, str, str, dict[str, Any]]
Events = list[TimedEvent]
_LINE_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z? ", re.MULTILINE)
_READY = [{"type": kind, "status": "True"} for kind in ("Ready", "Schedulable")]


@dataclass(frozen=True)
class Phase:
    """One row of the answer key: an image between two moments, and what may be done then."""

    scenario: str
    image: str
    name: str
    begin: float
    end: float
    tell: str
    redownload: str
    waiting: str = ""

    @property
    def moments(self) -> list[float]:
        """Beginning, middle and end, away from the boundaries."""
        points = (self.begin + MARGIN_SECONDS, (self.begin + self.end) / 2, self.end)
        last = self.end - MARGIN_SECONDS
        return sorted({round(min(p, last), 2) for p in points if self.begin < min(p, last)})


def phases() -> dict[str, list[Phase]]:
    """All rows about images of the shared key, by scenario."""
    return phases_of(shared("recordings/EXPECTED.md").read_text(encoding="utf-8"))


def phases_of(text: str) -> dict[str, list[Phase]]:
    """All rows about images of a key, by scenario (``v1.12.1/b-404``).

    Rows about volumes, about drains, and those inside of another row ("each retry") are left out.
    """
    found: dict[str, list[Phase]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("| v1.") or len(cells) != 10:
            continue
        scenario, image, name, begin, end = cells[:5]
        told, waiting, redownload = cells[7], cells[8], cells[9]
        about_image = redownload != "-" and not image.startswith("(")
        if about_image and _is_number(begin) and _is_number(end):
            phase = Phase(
                scenario, image, name, float(begin), float(end), told, redownload, waiting
            )
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
    return dict(Moments(folder, timed_events(folder)).at(moments))


class Moments:
    """Plays the events of a recording; a cluster is only made anew where something changed.

    *held* are the raw objects by kind and name at the moment that was asked for last.
    """

    def __init__(self, folder: Path, events: list[TimedEvent]) -> None:
        self._schema = recorded.schema_of(folder)
        self._events = events
        self.held = _nodes_at_the_beginning(events)
        self._position = 0

    def at(self, moments: Iterable[float]) -> Iterator[tuple[float, Cluster]]:
        """(moment, cluster) at each of these moments, ascending."""
        cluster: Cluster | None = None
        for moment in moments:
            if self._play(moment) or cluster is None:
                cluster = recorded.assemble(self._schema, self.held)
            yield moment, cluster

    def _play(self, moment: float) -> bool:
        before = self._position
        while self._position < len(self._events) and self._events[self._position][0] <= moment:
            _time, kind, what, raw = self._events[self._position]
            name = raw["metadata"]["name"]
            if what == "DELETED":
                self.held[kind].pop(name, None)
            else:
                self.held[kind][name] = raw
            self._position += 1
        return self._position > before


def end_of(folder: Path, events: list[TimedEvent]) -> float:
    """Seconds from the start to the last line of the timeline: what follows it belongs to the next
    scenario of the same cluster. Without a timeline, the last event or action.
    """
    start = start_of(folder)
    last = [events[-1][0] if events else 0.0, seconds(actions(folder)[-1]["t"]) - start]
    timeline = folder / "timeline.txt"
    if timeline.is_file():
        found = _LINE_TIME.findall(timeline.read_text(encoding="utf-8"))
        if found:
            return seconds(f"{found[-1]}Z") - start
    return max(last)


def timed_events(folder: Path) -> list[TimedEvent]:
    """(seconds from the scenario's start, kind, type, object) of what verdicts are made of."""
    start = start_of(folder)
    return [
        (seconds(time) - start, kind, what, raw)
        for time, kind, what, raw in recorded.events(folder)
        if kind in KINDS
    ]


def start_of(folder: Path) -> float:
    """Epoch seconds of the scenario's start."""
    return seconds(actions(folder)[0]["t"])


def actions(folder: Path) -> list[dict[str, Any]]:
    """What the operator did, in order."""
    lines = (folder / "actions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _nodes_at_the_beginning(events: list[Any]) -> dict[str, dict[str, Any]]:
    """Recordings keep node lines only where something changed: before that, nodes were well."""
    held: dict[str, dict[str, Any]] = {kind: {} for kind in recorded.KINDS}
    disks: dict[str, str] = {}
    for _time, kind, what, raw in events:
        if kind in ("lhnodes", "k8snodes"):
            before = _as_well(raw) if what == "MODIFIED" else raw
            held[kind].setdefault(raw["metadata"]["name"], before)
        elif kind == "backingimagemanagers":
            disks.setdefault(raw["spec"]["diskUUID"], raw["spec"]["nodeID"])
    for uuid, node in disks.items():
        held["lhnodes"].setdefault(node, _well_node(node, uuid))
    for node in held["lhnodes"]:
        well = {"metadata": {"name": node}, "status": {"conditions": _READY}}
        held["k8snodes"].setdefault(node, well)
    return held


def _as_well(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a node was before its first change that is recorded: Ready, and nothing asked of it."""
    before: dict[str, Any] = copy.deepcopy(dict(raw))
    spec, status = before.setdefault("spec", {}), before.setdefault("status", {})
    status["conditions"] = _READY
    for part in (spec, *(spec.get("disks") or {}).values()):
        if "evictionRequested" in part:
            part.update(evictionRequested=False, allowScheduling=True)
    spec.pop("unschedulable", None)
    for disk in (status.get("diskStatus") or {}).values():
        disk["conditions"] = _READY
    return before


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
