# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an examination found, for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.simulator.recordings.load import Disk
from tests.simulator.recordings.replay import Examination

_LONGEST = 60


def lines(examination: Examination) -> Iterator[str]:
    """One line per disagreement, then how it was found, last the result in one line."""
    verdict, recording = examination.verdict, examination.recording
    yield f"# {recording.version} {recording.name}"
    for item in verdict.disagreements[:_LONGEST]:
        yield f"{item.t:8.1f} s  {_short(item.track, recording.disks)}: " + _short(
            item.text, recording.disks
        )
    if len(verdict.disagreements) > _LONGEST:
        yield f"... and {len(verdict.disagreements) - _LONGEST} more"
    if not verdict.refusals_agree:
        yield "an answer to the operator differs"
    yield f"(beats of seed {examination.seed}, best of {examination.tried} tried)"
    yield f"({read(examination)})"
    yield result(examination)


def read(examination: Examination) -> str:
    """What was taken from the recording, as it is chance in real Longhorn or on the rig."""
    counts = ", ".join(f"{number} {what}" for what, number in sorted(examination.taken.items()))
    return f"read from the recording: {counts or 'nothing'}"


def result(examination: Examination) -> str:
    """``N of M transitions agree, final state agrees|differs``."""
    verdict = examination.verdict
    final = "agrees" if verdict.final_agrees else "differs"
    return f"{verdict.agreed} of {verdict.total} transitions agree, final state {final}"


def table(examinations: Sequence[Examination]) -> Iterator[str]:
    """One line per recording, and a sum."""
    width = max((len(e.recording.name) for e in examinations), default=0)
    for examination in examinations:
        verdict, recording = examination.verdict, examination.recording
        mark = "pass" if verdict.passed else "FAIL"
        answers = "" if verdict.refusals_agree else ", an answer differs"
        yield (
            f"{mark}  v{recording.version:<7} {recording.name:<{width}} "
            f"{100 * verdict.share:5.1f} %  {result(examination)}{answers}, "
            f"{sum(examination.taken.values())} choices read"
        )
    passed = sum(e.verdict.passed for e in examinations)
    agreed = sum(e.verdict.agreed for e in examinations)
    total = sum(e.verdict.total for e in examinations)
    yield f"{passed} of {len(examinations)} recordings pass, {agreed} of {total} transitions agree"


def _short(text: str, disks: Sequence[Disk]) -> str:
    for disk in disks:
        text = text.replace(disk.uuid, f"{disk.uuid[:8]}@{disk.node}")
    return text
