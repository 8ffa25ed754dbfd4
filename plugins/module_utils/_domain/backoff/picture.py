# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attempts as a picture (SVG) for a report: one line per series, a mark per attempt."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import wrap

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    NO_BACKOFF,
    Judgement,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.rule import (
    EARLY,
    FITS,
    FREE,
    LATE,
    LATE_SECONDS,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.timeline import (
    spell_clock,
    title,
)

WIDTH = 960
MARGIN = 20
LINE = 16
# From the last line of words to the next row: the line of time, and the times below it.
UNDER = 68
LETTERS = 125
CLOCK_WIDTH = 36
COLOURS = {FITS: "#2b7a3f", EARLY: "#b3261e", LATE: "#b3261e"}
LABELLED_MAX = 20
LEGEND = (
    "Grey: where the rule allows the next attempt. Green: in it. Red: outside of it. "
    "Dark: not measured by the rule."
)


def draw(judgements: Sequence[Judgement]) -> str:
    """An SVG document; all rows have the same scale of time."""
    longest = max((_length(one) for one in judgements), default=0.0)
    scale = (WIDTH - 2 * MARGIN) / (max(longest, 1.0) + LATE_SECONDS)
    top, rows = MARGIN, []
    for one in judgements:
        lines = [*wrap(f"{title(one.series)}:", LETTERS), *wrap(one.summary, LETTERS)]
        rows += [_words(line, top + n * LINE) for n, line in enumerate(lines)]
        top += LINE * len(lines)
        rows.append(_row(one, top + UNDER // 4, scale))
        top += UNDER
    rows.append(_words(LEGEND, top))
    height = top + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n' + "\n".join(rows) + "\n</svg>\n"
    )


def _length(judgement: Judgement) -> float:
    attempts = judgement.series.attempts
    return attempts[-1].at - attempts[0].at if attempts else 0.0


def _words(text: str, y: float, x: float = MARGIN) -> str:
    return f'<text x="{x:.1f}" y="{y:.0f}">{escape(text)}</text>'


def _row(judgement: Judgement, line: int, scale: float) -> str:
    parts = [f'<path d="M{MARGIN} {line}H{WIDTH - MARGIN}" stroke="#888"/>']
    attempts = judgement.series.attempts
    standings = [FITS, *(window.standing for window in judgement.windows)]
    places = [MARGIN + (attempt.at - attempts[0].at) * scale for attempt in attempts]
    labelled = len(attempts) <= LABELLED_MAX
    for x, window in zip(places, judgement.windows, strict=False):
        if labelled and window.standing != FREE and judgement.verdict != NO_BACKOFF:
            parts.append(
                f'<rect x="{x + window.expected * scale:.1f}" y="{line - 8}" '
                f'width="{LATE_SECONDS * scale:.1f}" height="16" fill="#ddd"/>'
            )
    last_label = -float(CLOCK_WIDTH)
    for x, standing, attempt in zip(places, standings, attempts, strict=False):
        colour = COLOURS.get(standing, "#555")
        parts.append(f'<circle cx="{x:.1f}" cy="{line}" r="4" fill="{colour}"/>')
        if labelled and x - last_label >= CLOCK_WIDTH:
            parts.append(_words(spell_clock(attempt.at - attempts[0].at), line + 22, x))
            last_label = x
    return "\n".join(parts)
