# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the free-running clocks of a recorded cluster struck.

A manager's informers and its disk monitor all beat every 30 s from its start, and its disks turn
Ready for the first time on such a beat: the recorded time of that turn tells them all. A backing
image manager's process tells every 3 s from its start whether there is news; the monitor in the
Longhorn manager, which ticks every second, then lists the files and writes them down.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulator.recordings.actions import Machine, actions
from tests.simulator.recordings.load import Event, Recording, parse_time

BEAT = 30.0
#: The recorded time has a resolution of a second, and the beat comes somewhat later in it.
_WITHIN = 0.3
#: From the beat to the write of the node's status.
_PASS = 0.12


def beats(recording: Recording) -> dict[str, float]:
    """Seconds (0 to 30) by recorded node, for the nodes that tell.

    The latest turn counts that was made before the machine was switched off in the recording: a
    manager that starts again beats anew, and an older turn may be of a manager that is no more.
    """
    off = _first_off(recording)
    turns: dict[str, dict[float, float]] = {}
    for event in recording.of("nodes.longhorn.io"):
        if event.t > off.get(event.name, recording.end):
            continue
        known = turns.setdefault(event.name, {})
        for turned in _turns(event):
            # where the very event is recorded, its time says it better
            exact = 0 <= event.t - turned < 1.0
            known.setdefault(turned, event.t - _PASS if exact else turned + _WITHIN)
    return {node: known[max(known)] % BEAT for node, known in turns.items() if known}


def _turns(event: Event) -> Iterator[float]:
    """When the disks of a node turned Ready, as its status says: in whole seconds."""
    status = event.object.get("status") or {}
    for disk in (status.get("diskStatus") or {}).values():
        for entry in disk.get("conditions") or []:
            if entry.get("type") == "Ready" and entry.get("status") == "True":
                yield parse_time(str(entry["lastTransitionTime"]))


def _first_off(recording: Recording) -> dict[str, float]:
    """When each machine was first switched off."""
    found: dict[str, float] = {}
    for action in actions(recording):
        if isinstance(action, Machine) and action.what == "off":
            found.setdefault(action.node, action.t)
    return found


LOOK = 3.0
#: From the monitor's tick to the write of what it heard.
_WRITE = 0.01
#: How near to each other changes fall that were found by the same looks.
_NEAR = 0.3
_OWN_TIMING = ("", "unknown")


def looks(recording: Recording) -> dict[str, float]:
    """Seconds (0 to 3) by recorded disk, for the managers that were there at the start."""
    own = {event.name for event in recording.of("backingimages.longhorn.io")}
    shown: dict[str, list[float]] = {}
    files: dict[str, dict[str, tuple[str, int]]] = {}
    for event in recording.of("backingimagemanagers.longhorn.io"):
        uuid = str((event.object.get("spec") or {}).get("diskUUID"))
        created = parse_time(str(event.object["metadata"]["creationTimestamp"]))
        if created > recording.start - LOOK:
            continue
        listed = (event.object.get("status") or {}).get("backingImageFileMap") or {}
        now = {
            name: (str(f.get("state", "")), int(f.get("progress") or 0))
            for name, f in listed.items()
            if name in own
        }
        before = files.get(event.name)
        if before is not None and event.type != "DELETED":
            changed = [name for name in now if before.get(name) != now[name]]
            if changed and all(now[name][0] not in _OWN_TIMING for name in changed):
                shown.setdefault(uuid, []).append(event.t)
        files[event.name] = now
    return {uuid: found for uuid, times in shown.items() if (found := _phase(times)) is not None}


def _phase(times: list[float]) -> float | None:
    """The second of three on which most of the times fall, None if they do not agree."""

    def near(t: float) -> list[float]:
        offsets = [(other - t + LOOK / 2) % LOOK - LOOK / 2 for other in times]
        return [offset for offset in offsets if abs(offset) <= _NEAR]

    best = max(times, key=lambda t: len(near(t)))
    offsets = near(best)
    if len(offsets) * 2 < len(times):
        return None
    return (best + sum(offsets) / len(offsets) - _WRITE) % LOOK
