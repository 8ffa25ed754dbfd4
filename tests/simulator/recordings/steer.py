# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Longhorn drew at random in a recording, offered to the simulator's own random picks.

The simulator still decides which disks are eligible; among those it takes the one that the
recording shows at about that time. Where the recording shows none of them, it draws as ever.

Chance, too, is which of several controllers that write one object gets the conflict: the loser
tries again 5 ms to a few seconds later (79 such failures in the managers' log of
v1.12.1/w5-recover-five-ticket-in-place, "Failed to sync Longhorn backing image .. the object has
been modified"). Such a write is made when the recorded one was, if that was soon after.

``taken`` counts what was used, by what it is.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from tests.simulator.kernel import Kernel
from tests.simulator.longhorn.backing_image import SLOW_WRITE
from tests.simulator.longhorn.choices import Known, Walk
from tests.simulator.recordings.load import Recording
from tests.simulator.recordings.names import Names
from tests.simulator.recordings.observe import placement
from tests.simulator.recordings.passes import RecordedPasses, ends, passes

_Told = TypeVar("_Told")
#: A recorded pick further away than this is not the one being made now.
_REACH = 120.0
#: Seconds after which a write that met conflicts has been made; half of what is tolerated.
_RETRIES = 2.5
_SOON = 0.002
_MARGIN = 0.05
#: Seconds from a volume to its engine where nothing holds it up.
_NO_WAIT = 0.4
#: The same from an image to its data source.
_NO_IMAGE_WAIT = 0.03


@dataclasses.dataclass(slots=True)
class _Pick:
    t: float
    disk: str
    used: bool = False


class RecordedChoices:
    """What a recording shows, as a preference for ``Choices``."""

    def __init__(self, recording: Recording, kernel: Kernel, names: Names) -> None:
        self._kernel, self._names = kernel, names
        self.taken: Counter[str] = Counter()
        self._held: set[tuple[float, str]] = set()
        self._picks = _picks(recording)
        self._disks: dict[str, str] = {}
        self._lists = _lists(recording)
        self._passes = RecordedPasses(passes(recording), ends(recording))
        self._waits = _waits(recording)
        self._image_waits = _image_waits(recording)

    def known_wait(self, volume: str) -> float | None:
        """Seconds a volume waited for its engine in the recording, None where it does not tell."""
        return self._told("delays", self._waits.get(volume))

    def known_image_wait(self, image: str) -> float | None:
        """Seconds from an image to its data source, None where the recording does not tell."""
        return self._told("delays", self._image_waits.get(image))

    def walk(self, what: str, disk: str, listed: Sequence[str], open_: Walk) -> Known | None:
        """In which order a manager's files were looked at, None where it is not told."""
        now = self._kernel.now()
        known = self._passes.walk(what, self._back(disk), now, listed, open_)
        if known is not None and known.order and not known.after:
            self.taken["orders of files"] += 1
        return known

    def known_end(self, disk: str) -> float | None:
        """Seconds until a manager without images is marked as deleted."""
        return self._told("delays", self._passes.end(self._back(disk), self._kernel.now()))

    def known_key(self, image: str, disk: str) -> float:
        """Seconds until the disk's key came into the image's map, where that was soon after now.

        Who wants to write it meets conflicts with the other controllers, and tries again: chance.
        """
        keys = self._picks.get(("copy", image), [])
        uuid = self._back(disk)
        return self._wait([pick.t for pick in keys if pick.disk == uuid], image)

    def known_listing(self, image: str, disk: str, listed: bool) -> float:
        """Seconds until a manager's list took in (or lost) an image, where that was soon after now.

        An image that had its key again before its manager forgot it was not forgotten at all; and
        a manager that was about to end took in none.
        """
        row = self._lists.get((image, self._back(disk)), [])
        wait = self._wait([t for t, present in row if present == listed], image)
        end = self._passes.end(self._back(disk), self._kernel.now()) if listed else None
        if wait <= 0.0 and end and not self._near([t for t, p in row if p]):
            return end + _MARGIN
        if wait <= 0.0 and not listed and not self._near([t for t, p in row if not p]):
            key = self.known_key(image, disk)
            return max(key + _MARGIN, SLOW_WRITE + _MARGIN) if key else 0.0
        return wait

    def _near(self, times: Sequence[float]) -> float | None:
        """The one of ``times`` next to now, if a write that met conflicts may have been then."""
        now = self._kernel.now()
        return min(
            (t for t in times if abs(t - now) < _RETRIES), key=lambda t: abs(t - now), default=None
        )

    def _wait(self, times: Sequence[float], image: str) -> float:
        nearest = self._near(times)
        if nearest is None or nearest - self._kernel.now() <= _SOON:
            return 0.0
        if (nearest, image) not in self._held:
            self._held.add((nearest, image))
            self.taken["writes that came later"] += 1
        return nearest - self._kernel.now()

    def _told(self, what: str, known: _Told | None) -> _Told | None:
        if known is not None:
            self.taken[what] += 1
        return known

    def _back(self, disk: str) -> str:
        if disk not in self._disks:
            self._disks[disk] = self._names.back(disk)
        return self._disks[disk]

    def prefer(self, what: str, owner: str, candidates: Sequence[str]) -> str | None:
        """The recorded one of ``candidates`` (UUIDs or names), None where there is none."""
        now = self._kernel.now()
        best: _Pick | None = None
        for pick in self._picks.get((what, owner), []):
            disk = self._names.forward(pick.disk, now)
            if pick.used or disk not in candidates or abs(pick.t - now) > _REACH:
                continue
            if best is None or abs(pick.t - now) < abs(best.t - now):
                best = pick
        if best is None:
            return None
        best.used = True
        self.taken["picks"] += 1
        return str(self._names.forward(best.disk, now))


def _waits(recording: Recording) -> dict[str, float]:
    """Seconds from a volume to its engine, less what that takes without any wait."""
    made: dict[str, float] = {}
    found: dict[str, float] = {}
    for event in recording.events:
        if event.type != "ADDED":
            continue
        if event.resource == "volumes.longhorn.io":
            made[event.name] = event.t
        elif event.resource == "engines.longhorn.io":
            volume = str((event.object.get("spec") or {}).get("volumeName"))
            if volume in made:
                found[volume] = max(event.t - made[volume] - _NO_WAIT, 0.0)
    return found


def _image_waits(recording: Recording) -> dict[str, float]:
    """Seconds from a new image to its data source, less what that takes without any wait."""
    made: dict[str, float] = {}
    found: dict[str, float] = {}
    for event in recording.events:
        if event.type != "ADDED":
            continue
        if event.resource == "backingimages.longhorn.io":
            made[event.name] = event.t
        elif event.resource == "backingimagedatasources.longhorn.io" and event.name in made:
            found[event.name] = max(event.t - made.pop(event.name) - _NO_IMAGE_WAIT, 0.0)
    return found


def _lists(recording: Recording) -> dict[tuple[str, str], list[tuple[float, bool]]]:
    """When each image came onto the list of a disk's manager, and when it left it."""
    found: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    before: dict[str, set[str]] = {}
    for event in recording.of("backingimagemanagers.longhorn.io"):
        spec = event.object.get("spec") or {}
        disk = str(spec.get("diskUUID"))
        now = set(spec.get("backingImages") or {}) if event.type != "DELETED" else set()
        known = before.get(event.name, now)
        for image in sorted(now ^ known):
            found.setdefault((image, disk), []).append((event.t, image in now))
        before[event.name] = now
    return found


def _picks(recording: Recording) -> dict[tuple[str, str], list[_Pick]]:
    """Recorded picks per purpose and owner, in time order."""
    found: dict[tuple[str, str], list[_Pick]] = {}

    def add(what: str, owner: str, t: float, disk: str) -> None:
        found.setdefault((what, owner), []).append(_Pick(t, disk))

    keys: dict[str, set[str]] = {}
    owners: dict[str, str] = {}
    source: dict[str, tuple[str, str, bool]] = {}
    replica: dict[str, str] = {}
    for event in recording.events:
        spec = event.object.get("spec") or {}
        if event.type == "DELETED":
            continue
        if event.resource == "backingimages.longhorn.io":
            owner = (event.object.get("status") or {}).get("ownerID") or ""
            if owner and owners.get(event.name) != owner:
                add("owner", event.name, event.t, owner)
                owners[event.name] = owner
            present = set(placement(spec))
            for uuid in sorted(present - keys.get(event.name, set())):
                add("copy", event.name, event.t, uuid)
            keys[event.name] = present
        elif event.resource == "backingimagedatasources.longhorn.io":
            uid, turned = event.object["metadata"].get("uid"), bool(spec.get("fileTransferred"))
            before = source.get(event.name)
            now = (str(uid), str(spec.get("diskUUID") or ""), turned)
            again = before is not None and before[2] and not turned
            if now[1] and (before is None or before[:2] != now[:2] or again):
                add("first file", event.name, event.t, now[1])
            source[event.name] = now
        elif event.resource == "replicas.longhorn.io":
            disk = spec.get("diskID") or ""
            if disk and replica.get(event.name) != disk:
                add("replica", spec.get("volumeName", ""), event.t, disk)
            replica[event.name] = disk
    return found
