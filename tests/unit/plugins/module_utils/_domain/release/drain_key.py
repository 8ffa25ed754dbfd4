# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the reviewed drain key (EXPECTED.md), and the answers at moments of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.check_blockers.play import Sample, samples
from tests.material import shared
from tests.simulator.recordings.load import Recording, load

HEADING = "## Drain key"
#: Seconds at both ends of a row that may follow the neighbouring one.
MARGIN_SECONDS = 0.6


@dataclass(frozen=True)
class Row:
    """One step of a drain. begin, end: seconds from the start of the recording; node as n1..n3."""

    scenario: str
    volume: str
    node: str
    step: str
    begin: float
    end: float
    blocks: str
    clears: str
    remedy: str

    @property
    def text(self) -> str:
        return f"{self.scenario} {self.volume} {self.begin}: {self.step}"


def rows() -> dict[str, list[Row]]:
    """All rows, by scenario."""
    text = shared("recordings/EXPECTED.md").read_text(encoding="utf-8")
    found: dict[str, list[Row]] = {}
    for line in text[text.index(HEADING) :].splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if line.startswith("| v1.") and len(cells) == 10:
            scenario, volume, node, step, begin, end, blocks, clears, remedy, _real = cells
            row = Row(
                scenario, volume, node, step, float(begin), float(end), blocks, clears, remedy
            )
            found.setdefault(scenario, []).append(row)
    return found


class Played:
    """A recording and its samples, to be asked for the answer in force at a moment."""

    def __init__(self, folder: Path) -> None:
        self.recording: Recording = load(folder)
        self._samples = list(samples(self.recording))

    def in_force(self, row: Row) -> Iterator[Sample]:
        """The answers for the row's node from its first moment to its last."""
        start = self.recording.start
        begin, end = start + row.begin + MARGIN_SECONDS, start + row.end - MARGIN_SECONDS
        if begin > end:
            begin = end = start + (row.begin + row.end) / 2
        mine = [s for s in self._samples if s.node.endswith(f"-{row.node}")]
        yield from [s for s in mine if s.t <= begin][-1:]
        yield from (s for s in mine if begin < s.t <= end)
