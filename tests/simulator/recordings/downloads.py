# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which second recorded data sources began to download, and in which they had the file.

Three nodes of a recording share one machine: a process takes 1.2 to 3.5 s to begin there, and five
downloads at once take a second more than one alone (an artefact of the rig, as in ``rig.py``). The
log of a process tells whole seconds; within them the moment is drawn.
"""

from __future__ import annotations

import dataclasses
import random
import re

from tests.simulator.longhorn.data_source_server import BEGINS_AFTER, Course
from tests.simulator.recordings.load import Recording, parse_time

#: A process that began further away than this is another one.
_REACH = 3.0
_SOONEST, _SHORTEST = 0.5, 0.05
_LINE = re.compile(r'^(\S+) .*time="([^"]+)".* msg="([^"]+)"')
_FILE = re.compile(r"initializing sync file \S*/tmp/(\S+)-[0-9a-f]{8}$")


@dataclasses.dataclass(slots=True)
class _Download:
    image: str = ""
    began: float = 0.0
    ended: float = 0.0


class RecordedDownloads:
    """The downloads of a recording, for the simulated process that starts now."""

    def __init__(self, recording: Recording, rng: random.Random) -> None:
        self._rng = rng
        self.taken = 0
        self._found = [d for d in _downloads(recording) if d.image and d.began and d.ended]

    def course(self, image: str, now: float) -> Course | None:
        """How the download of the process that starts at ``now`` goes, None if it is not told."""
        expected = now + BEGINS_AFTER - 0.5
        near = [d for d in self._found if d.image == image and abs(d.began - expected) <= _REACH]
        if not near:
            return None
        known = min(near, key=lambda d: abs(d.began - expected))
        first, last = max(known.began, now + _SOONEST), known.began + 1.0
        if first >= last:
            return None
        began = self._rng.uniform(first, last)
        ended = self._rng.uniform(max(known.ended, began + _SHORTEST), known.ended + 1.0)
        self.taken += 1
        return Course(began - now, max(ended - began, _SHORTEST))


def _downloads(recording: Recording) -> list[_Download]:
    """One per process that told of it."""
    found: dict[str, _Download] = {}
    path = recording.path / "log-backing-image-ds.txt"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            told = _LINE.match(line)
            if told is None:
                continue
            process = found.setdefault(told.group(1), _Download())
            t, text = parse_time(told.group(2)), told.group(3)
            if (name := _FILE.search(text)) is not None:
                process.image = name.group(1)
            elif "start to download" in text:
                process.began = t
            elif "succeeded processing file" in text or "has been modified while" in text:
                process.ended = t
    return list(found.values())
