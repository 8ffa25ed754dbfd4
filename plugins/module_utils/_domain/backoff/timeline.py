# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attempts on a line of text, for the terminal."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.attempts import (
    DOWNLOAD,
    Series,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    NO_BACKOFF,
    Judgement,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_seconds,
)

WIDTH = 72
SHOWN_MAX = 8


def spell_clock(seconds: float) -> str:
    """Minutes and seconds since the first attempt: ``13:21``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def title(series: Series) -> str:
    """What was tried, how often, in which time."""
    where = "" if series.retries == DOWNLOAD else f" on disk {series.disk}"
    made = count(len(series.attempts), "attempt")
    if len(series.attempts) > 1:
        made += f" in {spell_seconds(series.attempts[-1].at - series.attempts[0].at)}"
    return f"{series.retries} retries of {series.image}{where} ({made})"


def draw(judgement: Judgement) -> str:
    """The judgement, the attempts with the windows before them, and a scale with a cross at each.

    Attempts that are not delayed at all have only the first line.
    """
    series = judgement.series
    first_line = f"{title(series)}: {judgement.summary}"
    if len(series.attempts) < 2 or judgement.verdict == NO_BACKOFF:
        return first_line
    begin = series.attempts[0].at
    words = ["0:00"]
    for attempt, window in zip(series.attempts[1:], judgement.windows, strict=True):
        words.append(f"{spell_clock(attempt.at - begin)} ({window.seconds:.0f} s)")
    more = " ..." if len(words) > SHOWN_MAX else ""
    return "\n".join(
        [first_line, "  " + "  |  ".join(words[:SHOWN_MAX]) + more, "  " + _scale(series)]
    )


def _scale(series: Series) -> str:
    begin, end = series.attempts[0].at, series.attempts[-1].at
    line = ["━"] * (WIDTH + 1)
    for attempt in series.attempts:
        line[round((attempt.at - begin) / max(end - begin, 1.0) * WIDTH)] = "X"
    return "".join(line)
