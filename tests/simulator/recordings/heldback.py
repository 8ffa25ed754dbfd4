# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The back-off that a recording's backing image managers brought along (1.10 and later, F§4.1).

Each creation of a manager's pod opens a window in which no other is made: 1, 2, 4 .. 64, 120 s. The
row goes on across scenarios, so at the start of a recording it may stand anywhere. Pods that came
later than they were needed tell where it stood.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tests.simulator.recordings.load import Recording

ROW = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0)
#: The row begins anew after this rest (twice the longest window).
_REST = 240.0
#: A pod that came later than this was held back.
_HELD = 2.0
#: A window nobody had to wait for ended this long before, at least.
_SPARE = 3.0
_COMPONENT = "backing-image-manager"


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    """Before the recording the pod of ``disk``'s manager was last made at ``opened`` (epoch s)."""

    disk: str
    node: str
    seconds: float
    opened: float


@dataclasses.dataclass(slots=True)
class _Pods:
    node: str
    needed: list[float]
    made: list[float]


def histories(recording: Recording) -> tuple[History, ...]:
    """What must have gone before, per disk; nothing for disks whose pods came at once."""
    found = []
    for disk, pods in _pods(recording).items():
        if not pods.made or len(pods.needed) < len(pods.made):
            continue
        gap = pods.made[0] - pods.needed[0]
        steps = [step for step in range(-1, len(ROW)) if gap < _HELD or _length(step) > gap - 1]
        best = min(steps, key=lambda step: (round(_error(pods, step), 1), step))
        if best >= 0:
            end = pods.made[0] - 0.2 if gap > _HELD else pods.needed[0] - _SPARE
            opened = end - _length(best)
            found.append(History(disk, pods.node, _length(best), opened))
    return tuple(found)


def _length(step: int) -> float:
    """Seconds of the window before the first pod; -1 means that there was none."""
    return ROW[step] if step >= 0 else 0.0


def _pods(recording: Recording) -> dict[str, _Pods]:
    """When a pod was needed (new manager, or the one before gone), and when it was made."""
    found: dict[str, _Pods] = {}
    alive: set[str] = set()
    for event in recording.events:
        meta, spec = event.object["metadata"], event.object.get("spec") or {}
        labels = meta.get("labels") or {}
        if event.resource == "backingimagemanagers.longhorn.io":
            disk = str(spec["diskUUID"])
            pods = found.setdefault(disk, _Pods(str(spec["nodeID"]), [], []))
            if event.type == "DELETED" or meta.get("deletionTimestamp"):
                alive.discard(disk)
                del pods.needed[len(pods.made) :]
                continue
            if event.type == "ADDED" and len(pods.needed) == len(pods.made):
                pods.needed.append(event.t)
            alive.add(disk)
        elif event.resource == "pods" and labels.get("longhorn.io/component") == _COMPONENT:
            disk, node = str(labels["longhorn.io/disk-uuid"]), str(labels["longhorn.io/node"])
            pods = found.setdefault(disk, _Pods(node, [], []))
            idle = len(pods.needed) == len(pods.made)
            if event.type == "ADDED":
                if idle:
                    pods.needed.append(event.t)
                pods.made.append(event.t)
            elif event.type == "DELETED" and idle and disk in alive:
                pods.needed.append(event.t)
    for pods in found.values():
        del pods.needed[len(pods.made) :]
    return found


def _error(pods: _Pods, step: int) -> float:
    """Seconds by which the row, standing at ``step`` before the first pod, misses the pods."""
    return sum(abs(a - b) for a, b in zip(_predict(pods, step), pods.made, strict=True))


def _predict(pods: _Pods, step: int) -> Sequence[float]:
    """When the pods would have been made; each counts from when the one before really was."""
    held = pods.made[0] - pods.needed[0] > _HELD
    times = [pods.made[0] if step >= 0 or not held else pods.needed[0]]
    at = min(step + 1, len(ROW) - 1)
    for index, needed in enumerate(pods.needed[1:]):
        last = pods.made[index]
        if needed - last > _REST:
            at = 0
            times.append(needed)
            continue
        end = last + ROW[at]
        times.append(max(needed, end))
        at = min(at + 1, len(ROW) - 1)
    return times
