# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns watch events, recorded or simulated, into tracks: what one thing looked like over time.

A track has a readable name ("copy scn-a 2f10bb74", "budget n1") and changes of a short value. Both
sides of an examination go through this module, so they are looked at with the same eyes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulator.recordings.load import Event, parse_time

ABSENT = "absent"
_BIM_COMPONENT = "backing-image-manager"
_SOURCE_COMPONENT = "backing-image-data-source"


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """From ``t`` (seconds since the start) on the thing has ``value``."""

    t: float
    value: str


@dataclasses.dataclass(slots=True)
class Track:
    """``initial`` is what was there when the recording began; ``changes`` are what happened."""

    initial: str
    changes: list[Change]

    def at(self, t: float) -> str:
        """The value at ``t`` seconds."""
        value = self.initial
        for change in self.changes:
            if change.t > t:
                break
            value = change.value
        return value

    def between(self, first: float, last: float) -> set[str]:
        """Every value the thing had from ``first`` to ``last``, both included."""
        return {self.at(first)} | {c.value for c in self.changes if first < c.t <= last}


Tracks = dict[str, Track]


class Observer:
    """Collects tracks from events in time order. ``start``: epoch seconds of second 0."""

    def __init__(self, start: float) -> None:
        self.tracks: Tracks = {}
        self._start = start
        self._seen: set[str] = set()
        self._old = False
        self._incarnations: dict[str, list[str]] = {}
        self._slots: dict[tuple[str, str], dict[int, str]] = {}
        self._replica_track: dict[str, str] = {}
        self._keys: dict[str, set[str]] = {}
        self._looks: Mapping[str, Callable[[Event], None]] = {
            "backingimages.longhorn.io": self._image,
            "backingimagedatasources.longhorn.io": self._source,
            "pods": self._pod,
            "poddisruptionbudgets.policy": self._budget,
            "volumes.longhorn.io": self._volume,
            "replicas.longhorn.io": self._replica,
        }

    def see(self, event: Event) -> None:
        """Take one event in; kinds that no track shows are ignored."""
        look = self._looks.get(event.resource)
        if look is None:
            return
        uid = str(event.object["metadata"].get("uid"))
        self._old = uid not in self._seen and _was_there(event, self._start)
        self._seen.add(uid)
        look(event)

    def _set(self, name: str, value: str, event: Event) -> None:
        known = self.tracks.get(name)
        if known is None:
            if self._old:
                self.tracks[name] = Track(value, [])
                return
            known = self.tracks.setdefault(name, Track(ABSENT, []))
        t = event.t - self._start
        last = known.changes[-1].value if known.changes else known.initial
        if value == last:
            return
        if t < 0:
            known.initial = value
        else:
            known.changes.append(Change(t, value))

    def _image(self, event: Event) -> None:
        gone = event.type == "DELETED"
        spec, status = _parts(event)
        wanted = placement(spec)
        entries = {} if gone else status.get("diskFileStatusMap") or {}
        if gone:
            wanted = {}
        exists = "deleting" if event.object["metadata"].get("deletionTimestamp") else "present"
        self._set(f"image {event.name}", ABSENT if gone else exists, event)
        seen = self._keys.setdefault(event.name, set())
        for uuid in sorted(seen | set(wanted) | set(entries)):
            seen.add(uuid)
            evicting = (wanted.get(uuid) or {}).get("evictionRequested")
            key = ABSENT if uuid not in wanted else "wanted, evicting" if evicting else "wanted"
            state = entries[uuid].get("state") or "(empty)" if uuid in entries else ABSENT
            self._set(f"key {event.name} {uuid}", key, event)
            self._set(f"copy {event.name} {uuid}", state, event)

    def _source(self, event: Event) -> None:
        name, (spec, status) = f"data source {event.name}", _parts(event)
        uids = self._incarnations.setdefault(event.name, [])
        uid = str(event.object["metadata"].get("uid"))
        if uid not in uids:
            uids.append(uid)
        gone = event.type == "DELETED"
        state = status.get("currentState") or "(empty)"
        shown = {
            "": f"#{uids.index(uid) + 1}",
            " state": state,
            " disk": spec.get("diskUUID") or "(none)",
            " transferred": str(bool(spec.get("fileTransferred"))).lower(),
        }
        for suffix, value in shown.items():
            self._set(name + suffix, ABSENT if gone else value, event)

    def _pod(self, event: Event) -> None:
        labels = event.object["metadata"].get("labels") or {}
        component = labels.get("longhorn.io/component")
        if component == _SOURCE_COMPONENT:
            what = f"pod of data source {labels.get('longhorn.io/backing-image-data-source')}"
        elif component == _BIM_COMPONENT:
            what = f"pod of manager {labels.get('longhorn.io/disk-uuid')}"
        elif component == "instance-manager":
            what = f"pod of instance manager {labels.get('longhorn.io/node')}"
        else:
            return
        self._set(what, ABSENT if event.type == "DELETED" else "present", event)

    def _budget(self, event: Event) -> None:
        labels = (event.object["spec"].get("selector") or {}).get("matchLabels") or {}
        node = labels.get("longhorn.io/node")
        if node and event.name.startswith("instance-manager"):
            self._set(f"budget {node}", ABSENT if event.type == "DELETED" else "present", event)

    def _volume(self, event: Event) -> None:
        _spec, status = _parts(event)
        gone = event.type == "DELETED"
        for field in ("state", "robustness"):
            value = ABSENT if gone else status.get(field) or "(empty)"
            self._set(f"volume {event.name} {field}", value, event)

    def _replica(self, event: Event) -> None:
        spec, status = _parts(event)
        place = spec.get("diskID") or "unplaced"
        track = self._slot(f"replica {spec.get('volumeName')}", place, event)
        before = self._replica_track.get(event.name)
        if before not in (None, track):
            self._set(str(before), ABSENT, event)
        self._replica_track[event.name] = track
        if event.type == "DELETED":
            self._set(track, ABSENT, event)
            return
        state = status.get("currentState") or "stopped"
        self._set(track, f"{state}, failed" if spec.get("failedAt") else state, event)

    def _slot(self, volume: str, place: str, event: Event) -> str:
        """Track of this replica: two of a volume on one disk at once get separate tracks."""
        users = self._slots.setdefault((volume, place), {})
        for (owner, other), names in self._slots.items():
            if owner == volume and other != place:
                for index in [i for i, name in names.items() if name == event.name]:
                    del names[index]
        mine = next((i for i, name in users.items() if name == event.name), None)
        if mine is None:
            mine = next(i for i in range(1, len(users) + 2) if i not in users)
            users[mine] = event.name
        if event.type == "DELETED":
            del users[mine]
        return f"{volume} {place}" if mine == 1 else f"{volume} {place} (#{mine})"


def placement(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The live placement map of an image, of either generation (F§1.2)."""
    if "diskFileSpecMap" in spec:
        return {uuid: entry or {} for uuid, entry in (spec["diskFileSpecMap"] or {}).items()}
    return {uuid: {} for uuid in spec.get("disks") or {}}


def observe(events: Iterable[Event], start: float) -> Tracks:
    """The tracks that ``events`` (in time order) show."""
    observer = Observer(start)
    for event in events:
        observer.see(event)
    return observer.tracks


def _parts(event: Event) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return event.object.get("spec") or {}, event.object.get("status") or {}


def _was_there(event: Event, start: float) -> bool:
    """Whether the first sight of a thing shows something older than the start."""
    if event.type == "INITIAL" or event.t < start:
        return True
    return event.type == "MODIFIED" and _created(event) < start - 1


def _created(event: Event) -> float:
    created = event.object["metadata"].get("creationTimestamp")
    return parse_time(created) if created else event.t
