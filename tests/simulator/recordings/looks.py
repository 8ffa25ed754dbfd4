# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the two clocks of the recorded backing image managers' processes struck, and in which order.

A process tells every 3 s from its start whether there is news (``file_service.py``); the monitor in
the Longhorn manager, which ticks every second, then lists the files and writes down what changed.
So the times of those writes tell the phase, for each process by itself; and how soon the removal of
a file showed tells which of the two clocks comes first.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

from tests.simulator.longhorn.file_service import Clocks
from tests.simulator.recordings.actions import Files, actions
from tests.simulator.recordings.load import Event, Recording, parse_time

LOOK = 3.0
#: From the monitor's tick to the write of what it heard.
_WRITE = 0.01
#: How near to each other changes fall that were told by the same clock.
_NEAR = 0.3
#: The first tick of a monitor lists in any case.
_FIRST = 1.5
#: From the start of a process to its manager's "running" (the readiness probe of its pod).
_READY = 3.05
#: A process that starts further away than this is another one.
_REACH = 10.0
#: A removal that shows sooner than this was told by the look that found it (if nothing was news in
#: the seconds before); one that shows later than the other hardly was.
_PROMPT, _LATE, _QUIET = 3.0, 3.3, 7.0
#: A monitor hears up to a second after it was told.
_SOONEST, _LATEST = 0.02, 0.98
_OWN_TIMING = ("", "unknown")

States = dict[str, tuple[str, int]]


@dataclasses.dataclass(slots=True)
class _Life:
    """A process, from its start (epoch seconds; -inf: before the recording began)."""

    since: float
    shown: list[float] = dataclasses.field(default_factory=list)
    written: float = -math.inf
    prompt: bool | None = None
    heard: tuple[float, float] = (_SOONEST, _LATEST)

    def clocks(self) -> Clocks:
        return Clocks(_phase(self.shown), self.prompt, self.heard)

    def bound(self, took: float) -> None:
        """The look that found a removal came after it, and the look before that did not."""
        after_look = took - (0.0 if self.prompt else LOOK)
        first = max(self.heard[0], after_look - LOOK)
        last = min(self.heard[1], after_look)
        if first < last:
            self.heard = first, last


class RecordedLooks:
    """The clocks of a recording, for the simulated process that starts now."""

    def __init__(self, recording: Recording, disk_of: Callable[[str], str]) -> None:
        self._start = recording.start
        self._lives = _lives(recording)
        self._disk_of = disk_of

    def clocks(self, uuid: str, now: float) -> Clocks:
        """What the recording tells of the process on a simulated disk that starts at ``now``."""
        lives = self._lives.get(self._disk_of(uuid), [])
        if now < self._start:
            old = [life for life in lives if life.since == -math.inf]
            return old[0].clocks() if old else Clocks()
        near = [life for life in lives if abs(life.since - now) <= _REACH]
        if not near:
            return Clocks()
        return min(near, key=lambda life: abs(life.since - now)).clocks()


def _lives(recording: Recording) -> dict[str, list[_Life]]:
    """The processes of each recorded disk, in time order."""
    own = {event.name for event in recording.of("backingimages.longhorn.io")}
    removals = [a for a in actions(recording) if isinstance(a, Files) and a.what == "remove"]
    found: dict[str, list[_Life]] = {}
    before: dict[str, States] = {}
    running: set[str] = set()
    for event in recording.of("backingimagemanagers.longhorn.io"):
        spec, status = event.object.get("spec") or {}, event.object.get("status") or {}
        uuid = str(spec.get("diskUUID"))
        first = uuid not in found
        lives = found.setdefault(uuid, [])
        if event.type == "DELETED" or status.get("currentState") != "running":
            running.discard(uuid)
            before.pop(uuid, None)
            continue
        if uuid not in running:
            lives.append(_Life(_began(event, recording, first)))
            running.add(uuid)
        now = _states(event)
        _take_in(lives[-1], event, before.get(uuid), now, own)
        _judge(lives[-1], event, before.get(uuid), now, removals)
        if now != before.get(uuid):
            lives[-1].written = event.t
        before[uuid] = now
    return found


def _began(event: Event, recording: Recording, first: bool) -> float:
    """When a process began whose manager is now seen to run (``first``: now first seen at all)."""
    created = parse_time(str(event.object["metadata"]["creationTimestamp"]))
    return -math.inf if first and created < recording.start - LOOK else event.t - _READY


def _states(event: Event) -> States:
    listed = (event.object.get("status") or {}).get("backingImageFileMap") or {}
    return {
        name: (str(file.get("state", "")), int(file.get("progress") or 0))
        for name, file in listed.items()
    }


def _take_in(life: _Life, event: Event, before: States | None, now: States, own: set[str]) -> None:
    """Note the time of a write that the monitor must have made."""
    if before is None or event.t < life.since + _READY + _FIRST:
        return
    changed = [name for name in now if name in own and before.get(name) != now[name]]
    if changed and all(now[name][0] not in _OWN_TIMING for name in changed):
        life.shown.append(event.t)


def _judge(
    life: _Life, event: Event, before: States | None, now: States, removals: list[Files]
) -> None:
    """Tell the order of the clocks by the first removal that came upon a quiet process."""
    if before is None or life.prompt is not None:
        return
    lost = [n for n in now if before.get(n, ("",))[0] == "ready" and now[n][0] == "failed"]
    delays = list(_delays(lost, event, removals))
    for took in delays:
        if took >= _LATE:
            life.prompt = False
        elif took <= _PROMPT and life.written < event.t - took - _QUIET:
            life.prompt = True
    if life.prompt is not None:
        for took in delays:
            life.bound(took)


def _delays(lost: list[str], event: Event, removals: list[Files]) -> Iterator[float]:
    node = (event.object.get("spec") or {}).get("nodeID")
    for removal in removals:
        image = removal.folder.rpartition("-")[0]
        if removal.node == node and image in lost and 0 < event.t - removal.t < _REACH:
            yield event.t - removal.t


def _phase(times: list[float]) -> float | None:
    """The second of three on which most of the times fall, None if they do not agree."""
    if not times:
        return None

    def near(t: float) -> list[float]:
        offsets = [(other - t + LOOK / 2) % LOOK - LOOK / 2 for other in times]
        return [offset for offset in offsets if abs(offset) <= _NEAR]

    best = max(times, key=lambda t: len(near(t)))
    offsets = near(best)
    if len(offsets) * 2 < len(times):
        return None
    return (best + sum(offsets) / len(offsets) - _WRITE) % LOOK
