# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts observations together into attempts: who saw the same one, and by which clock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    ENTRY,
    LOG_DOWNLOAD,
    LOG_SYNC,
    POD,
    SOURCE,
    Observation,
)

DOWNLOAD = "download"
SYNC = "sync"
SAME_SECONDS = 5.0
SKEW_SECONDS_MAX = 20.0
# A clock that is off by more is believed when so many attempts fall together.
FAR_MATCHES = 3
CANDIDATES = 60
# While the old record is still being deleted a request is refused, and sent again a second later.
REPEATED_SECONDS = 2.0
BEGUN = ("", "starting")
WHOLE = ("ready", "ready-for-transfer")
ENDED = ("failed", "failed-and-cleanup")
# A copy that was spoiled fails once, when its own manager looks at it, before any sync is tried.
NOT_A_SYNC = "re-calculate checksum"


@dataclass(frozen=True)
class Attempt:
    """One attempt; *seen_in* names the kinds of observation it was seen in."""

    at: float
    seen_in: tuple[str, ...]
    manager: str = ""
    node: str = ""
    uid: str = ""


@dataclass(frozen=True)
class Series:
    """The attempts at one thing: the first file of an image, or its copy on one disk. Those of a
    sync may have several causes (see rule.OTHER_CAUSE).

    *from_start* says that the first attempt is known to be the very first; *successes* are the
    times at which the file was there, *failures* those at which an attempt ended without it;
    *skews* how far the clock of each log was off, in seconds.
    """

    image: str
    retries: str
    disk: str
    attempts: tuple[Attempt, ...]
    from_start: bool = False
    successes: tuple[float, ...] = ()
    skews: tuple[tuple[str, float], ...] = ()
    failures: tuple[float, ...] = ()


def series_of(observations: Iterable[Observation], image: str) -> list[Series]:
    """Every series of an image that has an attempt: the download first, then the disks."""
    seen = sorted({one for one in observations if one.image == image}, key=lambda one: one.at)
    found = [_downloads(seen, image)]
    disks = sorted({one.disk for one in seen if one.kind in (ENTRY, LOG_SYNC) and one.disk})
    found += [_syncs(seen, image, disk) for disk in disks]
    return [one for one in found if one.attempts]


def _downloads(seen: Sequence[Observation], image: str) -> Series:
    # A sync is only asked for once the first file is there.
    whole = [
        one.at for one in seen if one.kind == LOG_SYNC or (one.kind == ENTRY and one.state in WHOLE)
    ]
    attempts = [
        Attempt(one.at, (POD,), node=one.clock, uid=one.uid) for one in seen if one.kind == POD
    ]
    skews: list[tuple[str, float]] = []
    logged = [one for one in seen if one.kind == LOG_DOWNLOAD]
    for clock in sorted({one.clock for one in logged}):
        mine = [one for one in logged if one.clock == clock]
        attempts, skew = _join(attempts, mine)
        skews.append((clock, skew))
    begun = [
        one
        for one in seen
        if one.kind == ENTRY and one.state in BEGUN and not any(at < one.at for at in whole)
    ]
    attempts, _skew = _join(attempts, begun)
    created = [one.at for one in seen if one.kind == SOURCE]
    from_start = bool(attempts) and any(abs(attempts[0].at - at) <= SAME_SECONDS for at in created)
    failed = tuple(one.at for one in seen if one.kind == ENTRY and one.state in ENDED)
    return Series(
        image, DOWNLOAD, "", tuple(attempts), from_start, tuple(whole), tuple(skews), failed
    )


def _join(attempts: Sequence[Attempt], seen: Sequence[Observation]) -> tuple[list[Attempt], float]:
    """Attempts with those of another clock: shifted by how far that clock is off (the median
    distance to the attempts both saw), the same ones joined, the others added.
    """
    clocks = {one.clock for one in seen}
    # Most are made by the manager of their node.
    mine = [attempt for attempt in attempts if attempt.node in clocks] or attempts
    skew = _skew([attempt.at for attempt in mine], [one.at for one in seen])
    joined = list(attempts)
    for one in seen:
        manager = one.clock if one.kind == LOG_DOWNLOAD else ""
        at = one.at + skew
        nearest = _nearest(joined, at)
        if nearest is not None and abs(nearest.at - at) <= SAME_SECONDS:
            kinds = tuple(sorted({*nearest.seen_in, one.kind}))
            known = nearest.manager or manager
            joined[joined.index(nearest)] = replace(nearest, seen_in=kinds, manager=known)
        else:
            joined.append(Attempt(at, (one.kind,), manager=manager))
    return sorted(joined, key=lambda attempt: attempt.at), skew


def _skew(known: Sequence[float], seen: Sequence[float]) -> float:
    """Seconds by which the times that were *seen* have to be shifted onto those that are known."""
    near = _distances(known, seen, 0.0, SKEW_SECONDS_MAX)
    skew = median(near) if near else 0.0
    # The row of the back-off resembles itself when shifted, so a few are no proof against others.
    needed = max(FAR_MATCHES, 2 * len(_distances(known, seen, skew, SAME_SECONDS)))
    shifts = {round(at - other, 1) for at in known[:CANDIDATES] for other in seen[:CANDIDATES]}
    for shift in sorted(shifts, key=abs):
        found = _distances(known, seen, shift, SAME_SECONDS)
        if len(found) >= needed:
            needed, skew = len(found) + 1, shift + median(found)
    return skew


def _distances(
    known: Sequence[float], seen: Sequence[float], shift: float, most: float
) -> list[float]:
    """How far each shifted time is from the nearest one that is known, where at most so far."""
    found = []
    for at in seen:
        place = bisect_left(known, at + shift)
        nearest = min(
            known[max(0, place - 1) : place + 1], key=lambda k: abs(k - at - shift), default=None
        )
        if nearest is not None and abs(nearest - at - shift) <= most:
            found.append(nearest - at - shift)
    return found


def _once_each(requests: Sequence[Observation]) -> list[Observation]:
    """Requests without those that only repeat the one before."""
    found: list[Observation] = []
    last = -REPEATED_SECONDS
    for one in requests:
        if one.at - last >= REPEATED_SECONDS:
            found.append(one)
            last = one.at
    return found


def _nearest(attempts: Sequence[Attempt], at: float) -> Attempt | None:
    return min(attempts, key=lambda attempt: abs(attempt.at - at), default=None)


def _syncs(seen: Sequence[Observation], image: str, disk: str) -> Series:
    """Tries to copy the file to a disk: each ends in a `failed` entry, while others are whole.

    Requests in the logs are taken where they tell more than the entries.
    """
    whole = [one.at for one in seen if one.kind == ENTRY and one.state in WHOLE]
    here = [one for one in seen if one.disk == disk]
    # Only what is left of a download is cleaned up.
    of_downloads = {one.message for one in here if one.state == "failed-and-cleanup"}
    failed = [
        one
        for one in here
        if one.kind == ENTRY
        and one.state == "failed"
        and NOT_A_SYNC not in one.message
        and one.message not in of_downloads
        and any(at <= one.at for at in whole)
    ]
    asked = _once_each([one for one in here if one.kind == LOG_SYNC])
    chosen = asked if len(failed) < 2 <= len(asked) else failed
    attempts = tuple(Attempt(one.at, (one.kind,), manager=one.clock) for one in chosen)
    successes = tuple(one.at for one in here if one.kind == ENTRY and one.state == "ready")
    # Where the failures are the attempts, how long one lasted is not known.
    ended = () if chosen is failed else tuple(one.at for one in failed)
    return Series(image, SYNC, disk, attempts, False, successes, failures=ended)
