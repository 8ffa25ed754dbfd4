# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the free-running clocks of a recorded cluster struck.

A manager's informers and its disk monitor all beat every 30 s from its start, and its disks turn
Ready for the first time on such a beat: the recorded time of that turn tells them all.
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
