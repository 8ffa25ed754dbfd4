# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which second of each half minute the beats of a recorded manager fell.

A manager's informers and its disk monitor all beat every 30 s from its start, and its disks turn
Ready for the first time on such a beat: the recorded time of that turn tells them all.
"""

from __future__ import annotations

from tests.simulator.recordings.load import Recording, parse_time

BEAT = 30.0
#: The recorded time has a resolution of a second, and the beat comes somewhat later in it.
_WITHIN = 0.3


def beats(recording: Recording) -> dict[str, float]:
    """Seconds (0 to 30) by recorded node, for the nodes that tell."""
    found: dict[str, float] = {}
    for event in recording.of("nodes.longhorn.io"):
        if event.name in found:
            continue
        status = event.object.get("status") or {}
        for disk in (status.get("diskStatus") or {}).values():
            for entry in disk.get("conditions") or []:
                if entry.get("type") == "Ready" and entry.get("status") == "True":
                    turned = parse_time(str(entry["lastTransitionTime"]))
                    found[event.name] = (turned + _WITHIN) % BEAT
    return found
