# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order recorded backing image managers were served, pass by pass.

Longhorn's backing image manager controller walks three maps, and Go begins anywhere in a map:
files to delete, files to get, and all files when a manager ends (deleteInvalidBackingImages,
prepareBackingImageFiles, cleanupBackingImageManager of
controller/backing_image_manager_controller.go, v1.6.4 and v1.12.1). The logs tell each walk. Where
they were not kept, the events of the deletions do.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence

from tests.simulator.longhorn.choices import CLEAN_UP, DELETION, PREPARATION, Known, Walk, around
from tests.simulator.recordings.load import Recording, notices, parse_time

#: From the beginning of a deletion to the event that tells its end.
_TOLD = 1.0
#: Seconds that the deletion of a file takes, and an estimate may be off.
_TAKES, _SLACK = 1.01, 0.2
#: Each file of a pass takes a second to delete; the logs of 1.6 tell whole seconds.
_SAME_PASS = 1.4
_SAME_PASS_COARSE = 2.1
_SAME_WALK = 0.2
_DELETED = re.compile(r"Deleted backing image (\S+) in disk (\S+) on node")
_TIME = re.compile(r'time="([^"]+)"')
_DISK = re.compile(r"diskUUID=(\S+)")
_INVALID = re.compile(r"Deleting the file for invalid backing image ([^\s,]+),")
_REQUEST = re.compile(r"prepareBackingImageFiles.*? backingImage=(\S+)")
_SERVED = re.compile(r"^(\S+?) .*prepare to delete backing image.*? biName=(\S+)")

Step = tuple[float, str, str]


@dataclasses.dataclass(slots=True)
class Pass:
    """A walk over the map of a disk's manager: its beginning (epoch seconds), the names in order.

    ``times``: when each was come to; and after them the end, where it is known. ``coarse``: the
    times are known to half a second only.
    """

    t: float
    names: list[str] = dataclasses.field(default_factory=list)
    times: list[float] = dataclasses.field(default_factory=list)
    coarse: bool = False
    used: bool = False

    def takes(self) -> dict[str, float]:
        """Seconds from each name to the next step, where the times are exact."""
        pairs = zip(self.names, self.times, self.times[1:], strict=False)
        return {} if self.coarse else {name: after - t for name, t, after in pairs}


Passes = dict[tuple[str, str], list[Pass]]


Ends = dict[str, list[float]]


def ends(recording: Recording) -> Ends:
    """When the managers of each disk were marked as deleted (epoch seconds)."""
    found: Ends = {}
    known: set[str] = set()
    for event in recording.of("backingimagemanagers.longhorn.io"):
        uid = str(event.object["metadata"].get("uid"))
        if event.object["metadata"].get("deletionTimestamp") and uid not in known:
            known.add(uid)
            disk = str((event.object.get("spec") or {}).get("diskUUID"))
            found.setdefault(disk, []).append(event.t)
    return found


def passes(recording: Recording) -> Passes:
    """The recorded walks by what they were for and the disk."""
    deletions, requests = _of_managers(recording)
    found: Passes = {}
    _collect(found, DELETION, deletions or _of_events(recording), requests)
    _add_ends(found, recording)
    _collect(found, PREPARATION, requests, ())
    _collect(found, CLEAN_UP, _of_clean_ups(recording, deletions), ())
    return found


#: A recorded walk further away than this is not the one that begins now.
_REACH = {DELETION: 5.0, PREPARATION: 1.0, CLEAN_UP: 10.0}
#: A pass began this long before the deletion that its log tells of, at most.
_SOON = 0.5
#: A manager was marked as deleted this long after its list was empty, at most; and what follows.
_MARKED, _LATER = 1.0, 0.03


class RecordedPasses:
    """The walks of a recording, for the simulated one that begins now."""

    def __init__(self, found: Passes, ends: Ends | None = None) -> None:
        self._found = found
        self._ends = ends or {}

    def walk(
        self, what: str, disk: str, now: float, listed: Sequence[str], open_: Walk
    ) -> Known | None:
        """The order of the recorded walk next to ``now`` on the recorded ``disk``.

        None where it tells nothing of the names that are open now. All names are left out where
        the recorded pass began with another and the news of these had only just come.
        """
        firm = set(open_.names) - set(open_.late)
        near = [
            p
            for p in self._found.get((what, disk), ())
            if not p.used and abs(p.t - now) <= _REACH[what]
        ]
        for known in sorted(near, key=lambda p: abs(p.t - now)):
            mine = [name for name in known.names if name in open_.names]
            after = known.t - now
            if mine:
                order = _order(listed, open_, known.names, mine)
                if what == DELETION and not known.coarse and 0.002 < after <= _SOON:
                    return Known(order, after)
                known.used = what != PREPARATION
                return Known(order, takes=known.takes() if what == DELETION else {})
            if not firm and what == DELETION and abs(after) <= _SOON:
                return Known([])
        end = self.end(disk, now) if what == DELETION else None
        return Known([], end + _LATER) if end is not None and end <= _SOON else None

    def end(self, disk: str, now: float) -> float | None:
        """Seconds until the disk's manager was marked as deleted, if that was soon after now.

        Its own controller then begins no other pass than the clean-up.
        """
        left = [t - now for t in self._ends.get(disk, ()) if -_LATER < t - now <= _MARKED]
        return max(left[0], 0.0) if left else None


def _order(listed: Sequence[str], open_: Walk, known: Sequence[str], mine: list[str]) -> list[str]:
    """``listed``, begun so that the ``known`` names come in their order."""
    others = [name for name in open_.names if name not in known]
    if all(name in open_.late for name in others) and known[-1] in listed:
        after = around(listed, known[-1])[1:] + [known[-1]]
        return [name for name in after if name not in others]
    return around(listed, mine[0])


def _of_managers(recording: Recording) -> tuple[list[Step], list[Step]]:
    """Deletions and requests for files in the managers' log: time, disk, image."""
    deletions: list[Step] = []
    requests: list[Step] = []
    for line in _log(recording.path / "log-longhorn-manager.txt"):
        if "BackingImageManagerController)." not in line:
            continue
        told, disk = _TIME.search(line), _DISK.search(line)
        if told is None or disk is None:
            continue
        t = parse_time(told.group(1))
        if (deletion := _INVALID.search(line)) is not None:
            deletions.append((t, disk.group(1), deletion.group(1)))
        elif (request := _REQUEST.search(line)) is not None:
            requests.append((t, disk.group(1), request.group(1)))
    return deletions, requests


def _of_events(recording: Recording) -> list[Step]:
    found: list[Step] = []
    for event in notices(recording):
        told = _DELETED.match(str(event.object.get("message", "")))
        if told is not None:
            found.append((event.t - _TOLD, told.group(2), told.group(1)))
    return found


def _of_clean_ups(recording: Recording, deletions: Iterable[Step]) -> list[Step]:
    """What ending managers deleted, as their processes tell: what no ordinary pass asked for."""
    disks: dict[str, str] = {}
    ends: dict[str, list[tuple[float, float]]] = {}
    marked: dict[str, float] = {}
    for event in recording.of("backingimagemanagers.longhorn.io"):
        disk = str((event.object.get("spec") or {}).get("diskUUID"))
        disks[event.name] = disk
        if event.object["metadata"].get("deletionTimestamp"):
            marked.setdefault(disk, event.t)
        if event.type == "DELETED":
            ends.setdefault(disk, []).append((marked.pop(disk, event.t), event.t))
    asked = [(int(t), disk, image) for t, disk, image in deletions]
    found: list[Step] = []
    for line in _log(recording.path / "log-bim.txt"):
        served, told = _SERVED.search(line), _TIME.search(line)
        if served is None or told is None:
            continue
        disk = next((d for name, d in disks.items() if served.group(1).startswith(name[:29])), "")
        t = parse_time(told.group(1))
        ordinary = next((a for a in asked if a[1:] == (disk, served.group(2)) and a[0] == t), None)
        if ordinary is not None:
            asked.remove(ordinary)
        elif any(first - 1 <= t <= last for first, last in ends.get(disk, ())):
            found.append((t, disk, served.group(2)))
    return found


def _add_ends(found: Passes, recording: Recording) -> None:
    """Times of passes that are known to the second, by the write that ended them.

    A pass writes its manager's file map when it has deleted what it came to: files of images that
    the recording does not follow too, a second each.
    """
    own = {event.name for event in recording.of("backingimages.longhorn.io")}
    before: dict[str, set[str]] = {}
    for event in recording.of("backingimagemanagers.longhorn.io"):
        disk = str((event.object.get("spec") or {}).get("diskUUID"))
        listed = (event.object.get("status") or {}).get("backingImageFileMap") or {}
        gone = before.get(disk, set()) - set(listed)
        before[disk] = set(listed)
        row = found.get((DELETION, disk), [])
        walk = next((w for w in row if gone and _ended(w, gone, gone & own, event.t)), None)
        if walk is None:
            continue
        done = sum(name in gone for name in walk.names)
        if done < len(walk.names):
            rest = Pass(walk.times[done] + 0.5, walk.names[done:], walk.times[done:], True)
            row.insert(row.index(walk) + 1, rest)
            del walk.names[done:], walk.times[done:]
        first = event.t - len(gone) * _TAKES
        walk.t, walk.coarse = min(max(first, walk.times[0]), walk.times[0] + 0.999), False
        walk.times = [walk.t + index * _TAKES for index in range(done)] + [event.t]


def _ended(walk: Pass, gone: set[str], own: set[str], t: float) -> bool:
    """Whether a write at ``t`` that shows no more of ``gone`` ended a pass, or a part of one.

    ``own``: those of them that the recording follows.
    """
    done = sum(name in gone for name in walk.names)
    if not walk.coarse or not done or set(walk.names[:done]) != own:
        return False
    if done < len(walk.names) and walk.times[done] + 1.0 < t:
        return False
    first = t - len(gone) * _TAKES
    return walk.times[0] - _SLACK <= first <= walk.times[0] + 1.0 + _SLACK


def _log(path: pathlib.Path) -> Iterator[str]:
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file


def _collect(found: Passes, what: str, steps: Iterable[Step], others: Iterable[Step]) -> None:
    """Join the steps of each disk to passes; one of ``others`` in between parts them."""
    last: dict[str, float] = {}
    parts: dict[str, list[float]] = {}
    for t, disk, _image in others:
        parts.setdefault(disk, []).append(t)
    for t, disk, image in sorted(steps, key=lambda step: step[0]):
        coarse = t == int(t)
        longest = _SAME_PASS_COARSE if coarse else _SAME_PASS
        before = last.get(disk, 0.0)
        row = found.setdefault((what, disk), [])
        longest = _SAME_WALK if what == PREPARATION else longest
        apart = any(before < other < t for other in parts.get(disk, ()))
        begins = not row or t - before > longest or apart
        known = row[-1].names if row else []
        if begins or image in (known if what == DELETION else known[:-1]):
            row.append(Pass(t + 0.5 if coarse else t, coarse=coarse))
        if image not in row[-1].names:
            row[-1].names.append(image)
            row[-1].times.append(t)
        last[disk] = t
    for (kind, disk), row in found.items():
        for walk in row if kind == what else ():
            end = min((t for t in parts.get(disk, ()) if t > walk.times[-1]), default=math.inf)
            if end - walk.times[-1] <= _SAME_PASS:
                walk.times.append(end)
