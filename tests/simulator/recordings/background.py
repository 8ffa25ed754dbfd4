# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of other scenarios that shared the cluster with a recording.

They keep backing image managers alive, which decides how fast an image forgets a removed copy
(F§2.9): a manager that goes with its last image takes the entry along, one that stays does not.
A stand-in image per disk does the same in the simulated cluster for as long as a foreign one was
there.
"""

from __future__ import annotations

import dataclasses

from tests.simulator.recordings.load import Recording, parse_time

#: Seconds that a stand-in's manager needs to come up.
_LEAD = 25.0
#: Seconds until a stand-in, an upload that nobody makes, has given up and is quiet for good.
_QUIET = 85.0


@dataclasses.dataclass(frozen=True, slots=True)
class Stay:
    """Foreign images were on the disk ``uuid`` from ``first`` to ``last`` (epoch seconds)."""

    uuid: str
    first: float
    last: float


def stays(recording: Recording) -> tuple[Stay, ...]:
    """When the managers of which disks served images that the recording does not follow."""
    own = {event.name for event in recording.of("backingimages.longhorn.io")}
    found: list[Stay] = []
    since: dict[str, float] = {}
    for event in recording.of("backingimagemanagers.longhorn.io"):
        spec = event.object.get("spec") or {}
        uuid = str(spec.get("diskUUID"))
        foreign = event.type != "DELETED" and bool(set(spec.get("backingImages") or {}) - own)
        if foreign and uuid not in since:
            created = parse_time(event.object["metadata"]["creationTimestamp"])
            seen = any(stay.uuid == uuid for stay in found)
            early = not seen and created < recording.start
            new = event.type == "ADDED" and created >= event.t - 2
            lead = recording.start - _QUIET if early else event.t - _LEAD
            since[uuid] = event.t - 0.3 if new else lead
        elif not foreign and uuid in since:
            found.append(Stay(uuid, since.pop(uuid), event.t))
    found.extend(Stay(uuid, first, recording.end + 60) for uuid, first in since.items())
    return tuple(sorted(found, key=lambda stay: (stay.first, stay.uuid)))


@dataclasses.dataclass(frozen=True, slots=True)
class Wake:
    """A foreign image's record changed on the manager of the disk ``uuid`` (epoch seconds)."""

    t: float
    uuid: str


def wakes(recording: Recording) -> tuple[Wake, ...]:
    """When foreign images woke which managers, and with them the images that these name."""
    own = {event.name for event in recording.of("backingimages.longhorn.io")}
    found: list[Wake] = []
    before: dict[str, dict[str, object]] = {}
    for event in recording.of("backingimagemanagers.longhorn.io"):
        spec, status = event.object.get("spec") or {}, event.object.get("status") or {}
        listed = status.get("backingImageFileMap") or {}
        foreign = {name: listed[name] for name in sorted(set(listed) - own)}
        known = before.get(event.name)
        if event.type != "DELETED" and known is not None and foreign != known:
            found.append(Wake(event.t, str(spec.get("diskUUID"))))
        before[event.name] = foreign
    return tuple(found)
