# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery is asked for and what it tells: its request, its works, and their words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import spell_seconds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import salvage
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import (
    Decision,
    Gate,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    Step,
    plan_lines,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    catalogue,
    healthy,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_cluster import (
    CONTROLLER,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.observation import (
    Observation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

ALL = "all"
RECOVERED = "recovered"
FAILED = "failed"
SHOWN_AT_ONCE = 3


@dataclasses.dataclass
class Work:
    """One image on its way: what is being waited for, and since when it fails."""

    name: str
    gate: Gate
    step: Step = Step(Action.WAIT, "to begin")
    outcome: str = ""
    text: str = ""
    wrote: list[str] = dataclasses.field(default_factory=list)
    deleted: set[str] = dataclasses.field(default_factory=set)
    conflicts: int = 0
    failing_since: float | None = None
    source: Finding | None = None

    @property
    def open(self) -> bool:
        """Whether it is still being worked on."""
        return not self.outcome


@dataclasses.dataclass(frozen=True)
class Request:
    """What the operator asked for. *images* is a list of names, or ``all``."""

    images: Sequence[str]
    holder: str
    accept_unknown_loss: bool = False
    window_seconds: float = 10.0
    lock_wait_seconds: float = 90.0
    check_mode: bool = False
    skip_source_check: bool = False
    new_url: str = ""
    way: Way = Way()
    probe: str = CONTROLLER
    probe_image: str = ""
    look_on_nodes: bool = False
    experimental: bool = False

    @property
    def everything(self) -> bool:
        """Whether every unavailable image is meant."""
        return list(self.images) == [ALL]


def progress_line(works: Iterable[Work]) -> str:
    """One line while it runs: how many are done, and what the others wait for."""
    listed = list(works)
    still = [work for work in listed if work.open]
    done = sum(1 for work in listed if work.outcome == RECOVERED)
    now = "; ".join(f"{work.name}: {work.step.text}" for work in still[:SHOWN_AT_ONCE])
    more = len(still) - SHOWN_AT_ONCE
    rest = f"; and {more} more" if more > 0 else ""
    return f"images {done}/{done + len(still)}   now: {now}{rest}"


def result(
    works: Iterable[Work], request: Request, observation: Observation, task: Task
) -> dict[str, Any]:
    """The result of a task that succeeded, or of check mode."""
    listed = list(works)
    shown = _shown(listed, request)
    would = request.check_mode and any(work.open for work in listed)
    return {
        "changed": would or any(work.wrote for work in listed),
        "images": [_told(work, request, observation) for work in shown],
        "summary": _summary(shown, request, task.deadline.elapsed()),
        "diff": _diff(shown, observation),
        "seconds": round(task.deadline.elapsed(), 1),
        "writes": task.client.writes,
    }


def so_far(works: Iterable[Work], request: Request) -> dict[str, Any]:
    """What a failed task returns: short, because Ansible prints all of it."""
    listed = list(works)
    return {
        "changed": any(work.wrote for work in listed),
        "images": [
            {
                "name": work.name,
                "decision": work.gate.decision.value,
                "outcome": work.outcome or "interrupted",
                "steps": list(work.wrote),
                "waits_for": work.step.text if work.open else "",
                **_gate_facts(work),
            }
            for work in _shown(listed, request)
        ],
    }


def _shown(works: Sequence[Work], request: Request) -> list[Work]:
    """With ``all``, only those that were not healthy."""
    return [
        work for work in works if not request.everything or work.gate.verdict.name != healthy.NAME
    ]


def _summary(shown: Sequence[Work], request: Request, seconds: float) -> list[str]:
    """What happened (or would) in a few lines, the counts first."""
    words = {
        RECOVERED: "recovered",
        "": "to recover" if request.check_mode else "unfinished",
        FAILED: "failed",
        Decision.REFUSE.value: "refused",
        Decision.LEAVE.value: "left alone",
    }
    counts = [
        f"{sum(1 for work in shown if work.outcome == outcome)} {word}"
        for outcome, word in words.items()
        if any(work.outcome == outcome for work in shown)
    ]
    first = f"images: {', '.join(counts) or 'none is unavailable'} ({spell_seconds(seconds)})"
    return [first, *(work.text.splitlines()[0] for work in shown), *_not_from_there(shown)]


def _not_from_there(shown: Sequence[Work]) -> list[str]:
    """Why no pod in the cluster has asked the sources, where one should have."""
    reasons = dict.fromkeys(work.source.because for work in shown if work.source)
    return [
        f"the source was read by this machine and not in the cluster, because {because}"
        for because in reasons
        if because
    ]


def _diff(shown: Sequence[Work], observation: Observation) -> dict[str, str]:
    """Before and after of every image that is (or would be) written to."""
    before, after = [], []
    for work in shown:
        window = observation.window(work.name)
        if not work.gate.works or not window:
            continue
        before.append(f"image {work.name}   {work.gate.verdict.summary}")
        if work.open:
            after += [f"image {work.name}   {line}" for line in _plan(work, window[-1])]
            after += [f"image {work.name}   at risk: {each.line}" for each in work.gate.at_risk]
            if work.source:
                after.append(f"image {work.name}   source: {work.source.text}")
        else:
            after.append(f"image {work.name}   {catalogue.judge(window).summary}")
    return {
        "before_header": "images now",
        "after_header": "images after the recovery",
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }


def _plan(work: Work, sight: Sight) -> list[str]:
    place = salvage.noted_place(sight)
    if work.gate.decision is not Decision.SALVAGE or place is None:
        return plan_lines(sight)
    return salvage.plan_lines(place)


def _gate_facts(work: Work) -> dict[str, Any]:
    """What had to be shown, what is thrown away, and what the source said."""
    return {
        "checks": [check.as_dict() for check in work.gate.checks],
        "ways_on": [rung.as_dict() for rung in work.gate.ways],
        "data_at_risk": [each.as_dict() for each in work.gate.at_risk],
        "source": work.source.as_dict() if work.source else None,
    }


def _told(work: Work, request: Request, observation: Observation) -> dict[str, Any]:
    window = observation.window(work.name)
    now = catalogue.judge(window) if window else work.gate.verdict
    return {
        "name": work.name,
        "decision": work.gate.decision.value,
        "outcome": work.outcome or ("planned" if request.check_mode else "interrupted"),
        "text": work.text,
        "steps": list(work.wrote),
        "waits_for": work.step.text if work.open else "",
        **_gate_facts(work),
        "verdict_before": work.gate.verdict.as_dict(),
        "verdict": now.as_dict(),
    }
