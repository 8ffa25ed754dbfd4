# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of the back-off, and where a row of attempts leaves it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.attempts import (
    DOWNLOAD,
    SYNC,
    Attempt,
    Series,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    ENTRY,
)

FIRST_SECONDS = 60.0
LONGEST_SECONDS = 300.0
FORGOTTEN_SECONDS = 2 * LONGEST_SECONDS
# The window is only looked at in a reconcile, at the latest at the next 30 s resync.
LATE_SECONDS = 30.0
# Times have a resolution of one second; a busy manager takes a moment from beat to pod.
EARLY_SLACK_SECONDS = 1.0
LATE_SLACK_SECONDS = 5.0
STEPS = 4

FITS = "fits"
EARLY = "early"
LATE = "late"
FREE = "free"

# A copy is made again whenever its key or its node comes back, and a success leaves no line in a
# log; only what comes while a window may be open can be the same sync once more.
OTHER_CAUSE = "so long after the one before, the sync may be for another cause"

INTERRUPTED = "its pod went without having failed, and is made again at once"


@dataclass(frozen=True)
class Window:
    """Between two attempts: *seconds* long, *expected* by the rule, and how it stands to it.

    *standing*: fits, early, late, or free where no window was open (*why* says why not).
    """

    seconds: float
    expected: float
    standing: str
    why: str = ""


@dataclass(frozen=True)
class Fit:
    """The windows under the reading of the rule that holds longest.

    *step* is the place of the first window in the row 1, 2, 4, 5 minutes (0: the first);
    *first_deviation* the index of the first window that is early or late, or None.
    """

    windows: tuple[Window, ...]
    step: int
    first_deviation: int | None


def length(step: int) -> float:
    """Seconds of the window after attempt number *step* (0: the first): 60, 120, 240, 300, 300...

    client-go flowcontrol.Backoff as made in controller/backing_image_data_source_controller.go
    (1.5.5 to 1.12.1): initial 1 minute, at most 5, doubled, no jitter.
    """
    return min(FIRST_SECONDS * 2.0 ** min(step, STEPS), LONGEST_SECONDS)


def fit(series: Series) -> Fit:
    """Where the first attempt may have been a later one, the place in the row that fits longest."""
    steps = range(1) if series.from_start else range(STEPS)
    fits = [_read(series, step) for step in steps]
    return max(fits, key=lambda one: (_holds(one), _fitting(one), -one.step))


def _fitting(one: Fit) -> int:
    return sum(window.standing == FITS for window in one.windows)


def _holds(one: Fit) -> int:
    return len(one.windows) if one.first_deviation is None else one.first_deviation


def _read(series: Series, first_step: int) -> Fit:
    windows: list[Window] = []
    step = first_step
    for before, after in zip(series.attempts, series.attempts[1:], strict=False):
        seconds = after.at - before.at
        expected = length(step)
        why, restarts = _freed(before, after, series.successes)
        why = why or _outlasted(before, after, series.failures, expected)
        why = why or _interrupted(series, before, after, expected)
        standing = FREE if why else _stand(seconds, expected)
        if standing == LATE and series.retries == SYNC:
            standing, why, restarts = FREE, OTHER_CAUSE, True
        windows.append(Window(seconds, expected, standing, why))
        step = 0 if restarts or seconds > FORGOTTEN_SECONDS else step + 1
    broken = [n for n, window in enumerate(windows) if window.standing in (EARLY, LATE)]
    return Fit(tuple(windows), first_step, broken[0] if broken else None)


def _stand(seconds: float, expected: float) -> str:
    if seconds < expected - EARLY_SLACK_SECONDS:
        return EARLY
    return LATE if seconds > expected + LATE_SECONDS + LATE_SLACK_SECONDS else FITS


def _outlasted(before: Attempt, after: Attempt, failures: Sequence[float], expected: float) -> str:
    """Why a window proves nothing that was over before its attempt was, "" where it was not: the
    next one comes as soon as Longhorn looks again.
    """
    ended = next((at for at in sorted(failures) if before.at < at <= after.at), None)
    if ended is None or ended - before.at < expected - EARLY_SLACK_SECONDS:
        return ""
    late = after.at - ended > LATE_SECONDS + LATE_SLACK_SECONDS
    return "" if late else "the attempt itself lasted longer than the window"


def _interrupted(series: Series, before: Attempt, after: Attempt, expected: float) -> str:
    """Why a download that was begun again early is no retry, "" where it may be one: a pod that was
    evicted or deleted is made again at once, only a failure is followed by a window
    (recording v1.6.4/w7-drain-during-first-file). Told only where the entries were watched.
    """
    if series.retries != DOWNLOAD or _stand(after.at - before.at, expected) != EARLY:
        return ""
    watched = bool(series.failures) or any(ENTRY in one.seen_in for one in series.attempts)
    failed = any(before.at < at <= after.at for at in series.failures)
    return INTERRUPTED if watched and not failed else ""


def _freed(before: Attempt, after: Attempt, successes: Sequence[float]) -> tuple[str, bool]:
    """Why no window was open between two attempts ("" if one was), and whether the row begins anew.

    It is kept in the memory of the owning manager, and dropped when the file is there; a data
    source made anew starts at once but goes on in the old row.
    """
    if any(before.at < at <= after.at for at in successes):
        return "the file was there in between", True
    moved = before.node and after.node and before.node != after.node
    changed = before.manager and after.manager and before.manager != after.manager
    if moved or changed:
        return "another manager took over, which knows no window", True
    if before.uid and after.uid and before.uid != after.uid:
        return "the data source was made anew, which starts at once", False
    return "", False
