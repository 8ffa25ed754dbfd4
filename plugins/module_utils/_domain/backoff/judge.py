# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a series of attempts. What was not seen is never taken for a pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.attempts import (
    DOWNLOAD,
    SYNC,
    Series,
    series_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    ENTRY,
    Observation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.rule import (
    EARLY,
    FITS,
    FREE,
    LATE_SECONDS,
    Fit,
    Window,
    fit,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count

FOLLOWS = "follows_rule"
DEVIATES = "deviates"
NO_BACKOFF = "no_backoff"
NO_EVIDENCE = "no_evidence"
VERDICTS = (NO_EVIDENCE, DEVIATES, NO_BACKOFF, FOLLOWS)

CERTAIN = "certain"
LIKELY = "likely"
NONE = "none"
CERTAIN_WINDOWS = 3
# Retries that come this much faster than the shortest window are not delayed at all.
FAST_SECONDS = 15.0
FAST_WINDOWS = 3


@dataclass(frozen=True)
class Judgement:
    """What is true of the retries of one thing. *confidence*: certain, likely or none."""

    series: Series
    verdict: str
    summary: str
    confidence: str
    windows: tuple[Window, ...] = ()
    first_deviation: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module; times are RFC 3339 in UTC, lengths in seconds."""
        series = self.series
        return {
            "image": series.image,
            "retries": series.retries,
            "disk": series.disk,
            "verdict": self.verdict,
            "summary": self.summary,
            "confidence": self.confidence,
            "first_deviation": self.first_deviation,
            "attempts": [
                {"at": moment.spell(one.at), "seen_in": list(one.seen_in), "manager": one.manager}
                for one in series.attempts
            ],
            "windows": [
                {
                    "seconds": round(window.seconds, 1),
                    "expected": window.expected,
                    "standing": window.standing,
                    "why": window.why,
                }
                for window in self.windows
            ],
            "clock_skew": {clock: round(skew, 1) for clock, skew in series.skews},
        }


def judge(series: Series) -> Judgement:
    """The verdict on one series."""
    fitted = fit(series)
    measured = [window for window in fitted.windows if window.standing != FREE]
    if not measured:
        seen = count(len(series.attempts), "attempt")
        text = f"no evidence: {seen} seen, and no window between two of them"
        return Judgement(series, NO_EVIDENCE, text, NONE, fitted.windows)
    if series.retries == SYNC and len(measured) == 1 and measured[0].standing == FITS:
        text = (
            f"no evidence: one window of {measured[0].seconds:.0f} s, which the minute that "
            "Longhorn waits for a sync to begin explains as well"
        )
        return Judgement(series, NO_EVIDENCE, text, NONE, fitted.windows)
    middle = median(window.seconds for window in measured)
    if len(measured) >= FAST_WINDOWS and middle <= FAST_SECONDS:
        return Judgement(series, NO_BACKOFF, _fast_text(series, middle), CERTAIN, fitted.windows, 0)
    if series.retries == SYNC and not _retried(series, fitted.first_deviation):
        text = (
            "no evidence: nothing shows that the syncs failed that came before others, so each may "
            "have a cause of its own; watch the cluster while it retries"
        )
        return Judgement(series, NO_EVIDENCE, text, NONE, fitted.windows)
    confidence = _confidence(series, fitted, len(measured))
    if fitted.first_deviation is None:
        text = f"follows the rule (1 min doubling to 5 min; each up to {LATE_SECONDS:.0f} s late)"
        return Judgement(series, FOLLOWS, text, confidence, fitted.windows)
    text = _deviation_text(fitted, fitted.first_deviation)
    return Judgement(series, DEVIATES, text, confidence, fitted.windows, fitted.first_deviation)


def judge_image(observations: Iterable[Observation], image: str) -> list[Judgement]:
    """The verdict on everything of an image that was tried more than once, or did not succeed.

    An image of which nothing was tried again has one judgement: no_evidence.
    """
    found = [judge(series) for series in series_of(observations, image) if _tried_again(series)]
    if found:
        return found
    text = "no evidence: no failed attempt and no retry was seen"
    return [Judgement(Series(image, DOWNLOAD, "", ()), NO_EVIDENCE, text, NONE)]


def _retried(series: Series, deviation: int | None) -> bool:
    """Whether the attempt after the window that leaves the rule is for sure a retry of the one
    before: that one was seen to fail.
    """
    if deviation is None:
        return True
    before, after = series.attempts[deviation : deviation + 2]
    return ENTRY in before.seen_in or any(before.at < at <= after.at for at in series.failures)


def _tried_again(series: Series) -> bool:
    return len(series.attempts) > 1 or not series.successes


def _confidence(series: Series, fitted: Fit, measured: int) -> str:
    """Certain with three windows; with two, if the row was seen from its start. A late window may
    be an attempt that nobody saw, so it never is.
    """
    broken = fitted.first_deviation
    if broken is not None and fitted.windows[broken].standing != EARLY:
        return LIKELY
    needed = CERTAIN_WINDOWS - 1 if series.from_start else CERTAIN_WINDOWS
    return CERTAIN if measured >= needed else LIKELY


def _fast_text(series: Series, middle: float) -> str:
    text = f"no back-off: one every {middle:.1f} s (median)"
    if series.retries == DOWNLOAD:
        return text
    return f"{text}. This is what Longhorn 1.5 to 1.12 do; the manual test expects otherwise."


def _deviation_text(fitted: Fit, index: int) -> str:
    window = fitted.windows[index]
    allowed = f"{window.expected:.0f} to {window.expected + LATE_SECONDS:.0f} s"
    how = "too early" if window.standing == EARLY else "too late, or an attempt was not seen"
    fitting = sum(one.standing == FITS for one in fitted.windows)
    return (
        f"deviates: window {index + 1} of {len(fitted.windows)} is {window.seconds:.0f} s where "
        f"the rule has {allowed} ({how}); {fitting} fit"
    )
