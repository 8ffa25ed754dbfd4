# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what a recording shows with what the simulator showed for the same operator's actions.

Rules (issue 3, section 3, "Its examination"):

- A transition agrees when the other side has the same transition of the same thing, in the same
  order, within max(5 s, 25 %). The percentage is of the time since the operator's last action
  before the recorded transition, because Longhorn's delays run from there.
- A state that lasted under 2 s may be missing on the other side; what is left of the sequence is
  joined. Such a state is never demanded, but it may serve as the partner of a longer one.
- Two transitions of the same thing less than 10 s apart cannot be put in order when each may be
  5 s off. Where a thing goes to and fro like that, coming back to one value at least twice, the
  whole run is one state, "flapping" (F§14.2 e). Two such states agree when at least two values
  occur in both, and "ready" in both or in none.
- What only the simulator shows counts against it like a missing transition, unless it lasted under
  2 s or began so near to the end that the recording may just have been stopped before it.
- The final state agrees when, for every track, the value at the end is one that the simulator had
  within the tolerance of the end, or the recording had when the simulator's value stood.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence

from tests.simulator.recordings.observe import ABSENT, Change, Track, Tracks

#: Seconds; see the module's docstring.
SHORT = 2.0
SLACK = 5.0
SHARE = 0.25
BEAT = 30.0
UNORDERED = 2 * SLACK
FLAPPING = "flapping: "


@dataclasses.dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing to read in the report. ``t``: seconds since the start."""

    t: float
    track: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What an action answered: ``accepted``, and the text of the refusal if it was not."""

    t: float
    action: str
    accepted: bool
    text: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one examination."""

    agreed: int
    total: int
    final_agrees: bool
    refusals_agree: bool
    disagreements: tuple[Disagreement, ...]

    @property
    def share(self) -> float:
        """Agreeing share of the transitions, 1.0 where there are none."""
        return self.agreed / self.total if self.total else 1.0

    @property
    def passed(self) -> bool:
        """At least 90 % of the transitions, the final state and every refusal."""
        return self.share >= 0.9 and self.final_agrees and self.refusals_agree


class Tolerance:
    """How far apart two times may be, for the given times of the operator's actions (seconds)."""

    def __init__(self, actions: Sequence[float]) -> None:
        self._actions = sorted(actions)

    def at(self, t: float) -> float:
        """Seconds of tolerance for a transition recorded at ``t``."""
        # an action's own time is known to about a second: its effect may be logged just before it
        index = bisect.bisect_right(self._actions, t) - 1
        since = t - self._actions[index] if index >= 0 else t
        return max(SLACK, SHARE * since)


def compare(
    recorded: Tracks,
    simulated: Tracks,
    tolerance: Tolerance,
    end: float,
    refusals: Sequence[tuple[Outcome, Outcome]] = (),
) -> Verdict:
    """Compare all tracks up to ``end`` (seconds). ``refusals`` pairs recorded with simulated."""
    agreed = total = 0
    found: list[Disagreement] = []
    final = True
    for name in sorted(set(recorded) | set(simulated)):
        ours = recorded.get(name) or Track(ABSENT, [])
        theirs = simulated.get(name) or Track(ABSENT, [])
        result = _compare_track(name, ours, theirs, tolerance, end)
        agreed += result[0]
        total += result[1]
        found.extend(result[2])
        problem = _final(name, ours, theirs, min(tolerance.at(end), BEAT), end)
        if problem is not None:
            final = False
            found.append(problem)
    wrong = [_refusal(ours, theirs) for ours, theirs in refusals if not _same(ours, theirs)]
    found.extend(wrong)
    found.sort(key=lambda item: (item.t, item.track))
    return Verdict(agreed, total, final, not wrong, tuple(found))


def lasting(track: Track, end: float) -> list[Change]:
    """The changes to states of 2 s or more, neighbours of equal value joined.

    The last state is kept only if it had 2 s to show that it lasts.
    """
    kept: list[Change] = []
    value = track.initial
    for index, change in enumerate(track.changes):
        if change.t > end:
            break
        until = track.changes[index + 1].t if index + 1 < len(track.changes) else end
        if min(until, end) - change.t < SHORT:
            continue
        if change.value != value:
            kept.append(change)
            value = change.value
    return kept


def flaps(track: Track, end: float) -> list[Change]:
    """One change per run of to and fro, at its beginning; see the module's docstring."""
    return [run[0] for run in _runs(track, end)]


def _runs(track: Track, end: float) -> list[tuple[Change, int, int]]:
    """Each run as (its one change, index of its first change, index after its last)."""
    found: list[tuple[Change, int, int]] = []
    changes = [change for change in track.changes if change.t <= end]
    first = 0
    while first < len(changes):
        after = first
        while after < len(changes) and _lasts(changes, after, end) < UNORDERED:
            after += 1
        values = [change.value for change in changes[first:after]]
        if values and max(values.count(value) for value in values) >= 3:
            shown = ", ".join(sorted(set(values)))
            found.append((Change(changes[first].t, FLAPPING + shown), first, after))
        first = max(after, first + 1)
    return found


def _lasts(changes: Sequence[Change], index: int, end: float) -> float:
    """Seconds until the next change, or the end."""
    return (changes[index + 1].t if index + 1 < len(changes) else end) - changes[index].t


def steadied(track: Track, end: float) -> Track:
    """The track with each run of to and fro as one change."""
    changes = [change for change in track.changes if change.t <= end]
    for change, first, after in reversed(_runs(track, end)):
        changes[first:after] = [change]
    return Track(track.initial, changes)


def _compare_track(
    name: str, recorded: Track, simulated: Track, tolerance: Tolerance, end: float
) -> tuple[int, int, list[Disagreement]]:
    wanted = lasting(steadied(recorded, end), end)
    offered = sorted((*simulated.changes, *flaps(simulated, end)), key=lambda c: c.t)
    matched = _align(wanted, offered, tolerance)
    problems = [
        Disagreement(change.t, name, _missing(change, offered))
        for index, change in enumerate(wanted)
        if index not in matched
    ]
    horizon = end - tolerance.at(end)
    shown = [c for c in lasting(steadied(simulated, end), end) if c.t <= horizon]
    known = sorted((*recorded.changes, *flaps(recorded, end)), key=lambda c: c.t)
    partners = _align(shown, known, tolerance)
    extra = [change for index, change in enumerate(shown) if index not in partners]
    # a change at the wrong time is missing here and extra there: it is one disagreement, not two
    late = [c for i, c in enumerate(wanted) if i not in matched]
    for change in extra:
        twin = next((c for c in late if agree(c.value, change.value)), None)
        if twin is not None:
            late.remove(twin)
            continue
        problems.append(Disagreement(change.t, name, f"only simulated: {change.value}"))
    mistimed = len(wanted) - len(matched) - len(late)
    return len(matched), len(wanted) + len(extra) - mistimed, problems


def agree(ours: str, theirs: str) -> bool:
    """Whether two values are the same state; see the module's docstring for "flapping"."""
    if not (ours.startswith(FLAPPING) and theirs.startswith(FLAPPING)):
        return ours == theirs
    left = set(ours.removeprefix(FLAPPING).split(", "))
    right = set(theirs.removeprefix(FLAPPING).split(", "))
    return len(left & right) >= 2 and ("ready" in left) == ("ready" in right)


def _align(
    wanted: Sequence[Change], offered: Sequence[Change], tolerance: Tolerance
) -> frozenset[int]:
    """Indices of ``wanted`` that have a partner in ``offered``, in order: the largest such set."""
    times = [change.t for change in offered]
    windows: list[list[int]] = []
    for change in wanted:
        slack = tolerance.at(change.t)
        first = bisect.bisect_left(times, change.t - slack)
        last = bisect.bisect_right(times, change.t + slack)
        windows.append([i for i in range(first, last) if agree(offered[i].value, change.value)])
    return frozenset(_longest(windows))


def _longest(windows: Sequence[Sequence[int]]) -> list[int]:
    """Indices of the windows that can each take a partner so that partners only go up.

    Longest increasing subsequence over (window, partner): windows in order, the partners of one
    window from the highest down, so that a window gives at most one.
    """
    tails: list[int] = []
    ends: list[_Link] = []
    for index, window in enumerate(windows):
        for partner in reversed(window):
            length = bisect.bisect_left(tails, partner)
            link = _Link(index, ends[length - 1] if length else None)
            if length == len(tails):
                tails.append(partner)
                ends.append(link)
            elif partner < tails[length]:
                tails[length] = partner
                ends[length] = link
    chosen: list[int] = []
    last = ends[-1] if ends else None
    while last is not None:
        chosen.append(last.index)
        last = last.before
    return chosen


@dataclasses.dataclass(frozen=True, slots=True)
class _Link:
    index: int
    before: _Link | None


def _missing(change: Change, offered: Sequence[Change]) -> str:
    """Why a recorded change has no partner, with the nearest of the same value."""
    same = [c.t for c in offered if agree(c.value, change.value)]
    if not same:
        return f"not simulated: {change.value}"
    nearest = min(same, key=lambda t: abs(t - change.t))
    return f"{change.value}: simulated at {nearest:.1f} s ({nearest - change.t:+.1f} s)"


def _final(
    name: str, recorded: Track, simulated: Track, slack: float, end: float
) -> Disagreement | None:
    ours, theirs = recorded.at(end), simulated.at(end)
    if ours in simulated.between(end - slack, end + slack):
        return None
    if theirs in recorded.between(end - slack, end):
        return None
    return Disagreement(end, name, f"final state: recorded {ours}, simulated {theirs}")


def _same(recorded: Outcome, simulated: Outcome) -> bool:
    return recorded.accepted == simulated.accepted and recorded.text == simulated.text


def _refusal(recorded: Outcome, simulated: Outcome) -> Disagreement:
    ours, theirs = (
        "accepted" if outcome.accepted else f"refused: {outcome.text}"
        for outcome in (recorded, simulated)
    )
    return Disagreement(recorded.t, f"answer to {recorded.action}", f"{ours}; simulated {theirs}")
