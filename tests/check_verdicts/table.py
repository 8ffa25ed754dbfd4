# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts of a recording in lines, and which rows of the answer key they contradict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.check_verdicts.agreement import against, understood
from tests.check_verdicts.answer_key import MARGIN_SECONDS, STEP_SECONDS, Phase
from tests.check_verdicts.judged import Judged, changes, word_of

TEXT_MAX = 100


def lines(judged: Sequence[Judged], rows: Sequence[Phase]) -> Iterator[str]:
    """For each image one line per change of its verdict, with the row of the key that holds."""
    for image in dict.fromkeys(each.image for each in judged):
        yield f"  {image}"
        own = [each for each in judged if each.image == image]
        about = [row for row in rows if row.image == image]
        marks: list[tuple[float, int, str]] = [
            (each.moment, 1, f"verdict {word_of(each)}: {_cut(_summary(each))}")
            for each in changes(own)
        ]
        marks += [
            (row.begin, 0, f"  key   [{row.name}] {_cut(row.tell)} / {_cut(row.redownload)}")
            for row in about
        ]
        for moment, _order, text in sorted(marks):
            yield f"  {moment:8.1f} s  {text}"


def disagreements(judged: Sequence[Judged], rows: Sequence[Phase]) -> dict[Phase, list[str]]:
    """The rows that some verdict contradicts, with each such moment; boundaries are left out.

    A row whose words the table does not have counts as contradicted: nobody has reviewed it.
    """
    found: dict[Phase, list[str]] = {}
    for row in rows:
        if not understood(row):
            found[row] = [f"[{row.name}]: {row.redownload!r} is not in the table"]
            continue
        inside = [
            each
            for each in judged
            if each.image == row.image
            and row.begin + MARGIN_SECONDS <= each.moment <= row.end - MARGIN_SECONDS
        ]
        if not any(each.verdict for each in inside) and _has_object(row):
            found[row] = [f"{row.image} [{row.name}]: the recording has no such image then"]
            continue
        told = [against(row, each.moment, each.verdict) for each in inside if each.verdict]
        if any(told):
            found[row] = [f"{row.image} {text}" for text in told if text]
    return found


def _has_object(row: Phase) -> bool:
    """Whether the row is long enough for a look, and about an image that exists."""
    long = row.end - row.begin >= 2 * MARGIN_SECONDS + STEP_SECONDS
    return long and not row.redownload.startswith("-")


def _summary(judged: Judged) -> str:
    return judged.verdict.summary if judged.verdict else ""


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
