# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in kubelets under a recording did: an artefact of the rig, not of Longhorn.

The recordings were made with kubelets that start and stop pods in a fraction of a second to a few
seconds, differently in each series (F§14.5, F§15.6). The replay gives the simulated kubelets the
delays that the recording shows. They also posted their node's status every 30 s, each on its own
second; every post wakes Longhorn's node and instance manager controllers (F§0.1).

Several clusters shared one machine. While all volumes of a recording lost their image at once, the
five steps from "the engine has lost its replicas" to "attaching again" took 1.4 s where the machine
had time (v1.6.4/v3-.., and for each of five volumes in v1.12.1/w5-recover-five-ticket-removed-..),
and up to 9.4 s where another recording was made beside it. The replay makes each step slower by
what that comes to per step, drawn from the range of such volumes.
"""

from __future__ import annotations

import dataclasses

from tests.simulator.kube.kubelet import START, STOP
from tests.simulator.recordings.load import Recording, parse_time

Range = tuple[float, float]
POST = 30.0
#: Seconds and steps from lost replicas to "attaching" on a machine that has time for them.
_SALVAGE, _STEPS = 1.4, 5
_APART = 10.0
#: A simulated engine may notice so much sooner, by the phase of its looks.
_AHEAD = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Rig:
    """Seconds from a bound pod to running containers, and from a marked pod to a gone one."""

    start: Range = START
    stop: Range = STOP


def measure(recording: Recording) -> Rig:
    """The delays of a recording; the usual ones where it shows too few."""
    added: dict[str, float] = {}
    marked: dict[str, float] = {}
    starts: list[float] = []
    stops: list[float] = []
    for event in recording.of("pods"):
        meta = event.object["metadata"]
        uid, status = str(meta.get("uid")), event.object.get("status") or {}
        if event.type == "ADDED" and status.get("phase") == "Pending":
            added.setdefault(uid, event.t)
        elif status.get("phase") == "Running" and uid in added:
            starts.append(event.t - added.pop(uid))
        if event.type == "DELETED" and uid in marked:
            stops.append(event.t - marked.pop(uid))
        elif meta.get("deletionTimestamp") and status.get("phase") == "Running":
            marked.setdefault(uid, event.t)
    return Rig(_range(starts, START), _range([s for s in stops if s < 30], STOP))


def posts(recording: Recording) -> dict[str, float]:
    """On which second of each half minute each recorded node posts its status."""
    found: dict[str, float] = {}
    for event in recording.of("nodes"):
        for entry in (event.object.get("status") or {}).get("conditions") or []:
            if entry.get("type") == "Ready" and entry.get("lastHeartbeatTime"):
                found.setdefault(event.name, parse_time(entry["lastHeartbeatTime"]) % POST)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """From ``first`` to ``last`` (epoch seconds) each step of a volume took so much longer."""

    first: float
    last: float
    extra: Range


def loads(recording: Recording) -> tuple[Load, ...]:
    """When volumes that lost all replicas were salvaged more slowly than usual."""
    lost: dict[str, float] = {}
    stretches: list[list[tuple[float, float]]] = []
    for event in recording.events:
        spec, status = event.object.get("spec") or {}, event.object.get("status") or {}
        if event.resource == "engines.longhorn.io":
            modes = list((status.get("replicaModeMap") or {}).values())
            if modes and all(mode == "ERR" for mode in modes):
                lost.setdefault(str(spec.get("volumeName")), event.t)
        elif event.resource == "volumes.longhorn.io" and status.get("state") == "attaching":
            began = lost.pop(event.name, None)
            if began is None:
                continue
            if not stretches or began > max(last for first, last in stretches[-1]) + _APART:
                stretches.append([])
            stretches[-1].append((began, event.t))
    found: list[Load] = []
    for stretch in stretches:
        extra = [max(last - first - _SALVAGE, 0.0) / _STEPS for first, last in stretch]
        first, last = min(t for t, end in stretch), max(end for t, end in stretch)
        found.append(Load(first - _AHEAD, last, _range(extra, (extra[0], extra[0]))))
    return tuple(found)


def _range(values: list[float], usual: Range) -> Range:
    """From the lower to the upper quartile of the values."""
    if len(values) < 2:
        return usual
    values = sorted(values)
    quarter = len(values) // 4
    return values[quarter], values[-1 - quarter]
