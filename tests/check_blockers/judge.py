# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the answers with the budgets: one that exists is blocked, one that went is free.

Longhorn acts when it looks, and it looks at an instance manager only when the instance manager,
its pod or the core node changes, else every 30 s (neither a replica nor a setting wakes it). So
the budget may lag behind a changed answer for one such round, and not longer. The other way round
a budget never goes before its reason; but objects of different kinds reach a recorder by different
watches, so their order is certain only to about a second; and each manager decides on its own
cache, so of two nodes cordoned at the same moment either may still have protected the other. A
budget that has gone from a cordoned node is not made again while the node stays cordoned, whatever
the rules say of later changes.
An instance manager that does not run keeps what it has: its moments are shown, not compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Hold
from tests.check_blockers.play import ORDER_SECONDS, Sample
from tests.check_blockers.sources import Logged, Why

#: Seconds for one round of Longhorn's instance manager controller, and its write.
ROUND_SECONDS = 32.0


class Mark(str, Enum):
    """agrees: now; unseen: Longhorn had yet to look, and did in time; kept: gone earlier and not
    made again on a cordoned node; differs; silent: nothing is claimed.
    """

    AGREES = "agrees"
    UNSEEN = "agrees: Longhorn had yet to look"
    KEPT = "agrees: gone before, not made again"
    DIFFERS = "DIFFERS"
    SILENT = "not compared"


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """One sample and how it compares; seconds: how long the lag was that it belongs to."""

    sample: Sample
    mark: Mark
    seconds: float = 0.0

    @property
    def compared(self) -> bool:
        return self.mark is not Mark.SILENT

    @property
    def agrees(self) -> bool:
        return self.compared and self.mark is not Mark.DIFFERS


def judge(samples: Iterable[Sample], end: float) -> list[Moment]:
    """All moments in time order. end: when the recording ends, in the samples' time."""
    by_manager: dict[str, list[Sample]] = {}
    for item in samples:
        by_manager.setdefault(item.manager, []).append(item)
    found = [m for items in by_manager.values() for m in _one_manager(items, end)]
    return sorted(found, key=lambda moment: (moment.sample.t, moment.sample.manager))


def _one_manager(samples: list[Sample], end: float) -> Iterator[Moment]:
    """The moments of one instance manager; a run of disagreement is judged as a whole."""
    run: list[Sample] = []
    released = False
    budget_first = False
    before: Sample | None = None
    for sample in samples:
        released = _released(released, before, sample)
        agreed = _now(sample, released)
        if agreed is None:
            if not run:
                budget_first = _budget_moved(before, sample)
            run.append(sample)
        else:
            # A budget that went first needs its reason, not only an instance manager that ends.
            unexplained = budget_first and agreed is Mark.SILENT
            yield from _closed(run, sample.t, 0.0 if unexplained else _allowed(budget_first))
            run = []
            yield Moment(sample, agreed)
        before = sample
    yield from _closed(run, end, _allowed(budget_first))


def _now(sample: Sample, released: bool) -> Mark | None:
    """How this sample compares by itself; None where answer and budget differ."""
    hold = sample.answer.hold
    if sample.budget is None or hold is Hold.UNTOUCHED:
        return Mark.SILENT
    if sample.budget == (hold is Hold.BLOCKED):
        return Mark.AGREES
    return Mark.KEPT if released and not sample.budget else None


def _released(released: bool, before: Sample | None, sample: Sample) -> bool:
    """Whether the budget has gone from this cordoned node while the rules allowed it."""
    if not sample.cordoned or sample.budget:
        return False
    if before is not None and before.budget and sample.lately_free:
        return True
    return (
        released
        or (before is not None and before.answer.hold is Hold.FREE)
        or (sample.answer.hold is Hold.FREE)
    )


def _budget_moved(before: Sample | None, sample: Sample) -> bool:
    return before is not None and before.budget != sample.budget


def _allowed(budget_first: bool) -> float:
    return ORDER_SECONDS if budget_first else ROUND_SECONDS


def _closed(run: list[Sample], until: float, allowed: float) -> Iterator[Moment]:
    if not run:
        return
    seconds = until - run[0].t
    mark = Mark.UNSEEN if seconds <= allowed else Mark.DIFFERS
    for sample in run:
        yield Moment(sample, mark, seconds)


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """One look of Longhorn that kept a budget, and whether the rules said the same then."""

    logged: Logged
    node: str
    agrees: bool


def reasons(samples: Iterable[Sample], looks: Iterable[Logged]) -> list[Reason]:
    """Longhorn's logged reasons against the blockers of that moment.

    Within the blur of the log's clock and the order of watches any answer then in force may match.
    """
    by_manager: dict[str, list[Sample]] = {}
    for item in samples:
        by_manager.setdefault(item.manager, []).append(item)
    found = []
    for look in looks:
        mine = by_manager.get(look.manager, [])
        in_force = [s for s in mine if s.t <= look.t - ORDER_SECONDS][-1:]
        latest = look.t + look.blur + ORDER_SECONDS
        in_force += [s for s in mine if look.t - ORDER_SECONDS < s.t <= latest]
        node = mine[0].node if mine else ""
        found.append(Reason(look, node, any(_same(sample, look) for sample in in_force)))
    return found


def _same(sample: Sample, look: Logged) -> bool:
    if sample.answer.hold is not Hold.BLOCKED:
        return False
    if look.why == Why.ENGINES:
        return look.names == sample.engines
    named = {b.name for b in sample.answer.blockers if b.kind == "replica"}
    if sample.engines or not look.names:
        return False
    return look.names == named if look.why == Why.REPLICAS else look.names <= named
