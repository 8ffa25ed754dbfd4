# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attempts as a picture (SVG) for a report: one line per series, a mark per attempt."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    Judgement,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.rule import (
    EARLY,
    FITS,
    LATE,
    LATE_SECONDS,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.timeline import (
    spell_clock,
    title,
)

WIDTH = 960
MARGIN = 20
ROW = 84
COLOURS = {FITS: "#2b7a3f", EARLY: "#b3261e", LATE: "#b3261e"}
LABELLED_MAX = 20


def draw(judgements: Sequence[Judgement]) -> str:
    """An SVG document. Grey bars are where the rule allows the next attempt, red marks where it
    came outside of them; all rows have the same scale of time.
    """
    longest = max((_length(one) for one in judgements), default=0.0)
    scale = (WIDTH - 2 * MARGIN) / (max(longest, 1.0) + LATE_SECONDS)
    height = ROW * max(1, len(judgements)) + MARGIN
    rows = [_row(one, MARGIN + n * ROW, scale) for n, one in enumerate(judgements)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12">\n' + "\n".join(rows) + "\n</svg>\n"
    )


def _length(judgement: Judgement) -> float:
    attempts = judgement.series.attempts
    return attempts[-1].at - attempts[0].at if attempts else 0.0


def _row(judgement: Judgement, top: int, scale: float) -> str:
    line = top + 46
    text = escape(f"{title(judgement.series)}: {judgement.summary}")
    parts = [
        f'<text x="{MARGIN}" y="{top + 12}">{text}</text>',
        f'<path d="M{MARGIN} {line}H{WIDTH - MARGIN}" stroke="#888"/>',
    ]
    attempts = judgement.series.attempts
    standings = [FITS, *(window.standing for window in judgement.windows)]
    labelled = len(attempts) <= LABELLED_MAX
    for n, attempt in enumerate(attempts):
        x = MARGIN + (attempt.at - attempts[0].at) * scale
        if labelled and n < len(judgement.windows):
            opens = x + judgement.windows[n].expected * scale
            parts.append(
                f'<rect x="{opens:.1f}" y="{line - 8}" width="{LATE_SECONDS * scale:.1f}" '
                'height="16" fill="#ddd"/>'
            )
        colour = COLOURS.get(standings[n], "#555")
        parts.append(f'<circle cx="{x:.1f}" cy="{line}" r="4" fill="{colour}"/>')
        if labelled:
            clock = spell_clock(attempt.at - attempts[0].at)
            parts.append(f'<text x="{x:.1f}" y="{line + 22}">{clock}</text>')
    return "\n".join(parts)
