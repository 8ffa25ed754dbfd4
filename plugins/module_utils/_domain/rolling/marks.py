# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of rolling maintenance leaves on each of its nodes, so that the next one can go on.

One annotation on the Longhorn node holds the run, its nodes, and how far this node has come. It is
written on every node of the run before the first is drained, and goes from all of them when the
last one is done. So a set of marks of which some are missing is read without doubt: a run that
stopped while it began (nothing has been drained), or one that stopped while it cleaned up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape

ROLLING = "longhorn.nodecare.dev/rolling"


class Stage(str, Enum):
    """How far a node has come. DRAINING: the gate was open and its drain has begun; MAINTENANCE:
    drained and proven, the operator's tasks have begun; RETURNING: they have ended, it is being
    given back.
    """

    WAITING = "waiting"
    DRAINING = "draining"
    MAINTENANCE = "maintenance"
    RETURNING = "returning"
    DONE = "done"

    @property
    def middle(self) -> bool:
        """Whether the node is neither as before nor done."""
        return self in (Stage.DRAINING, Stage.MAINTENANCE, Stage.RETURNING)


ORDER = tuple(Stage)


@dataclass(frozen=True, slots=True)
class Mark:
    """One node's part of a run.

    run: the run's name; nodes: all its nodes; intent: as for a drain; times: when each stage was
    reached, in seconds since 1970; figures: what its drain has moved, for the summary; batch: the
    nodes that are away together with it, itself included, () for one that goes alone.
    """

    run: str
    nodes: tuple[str, ...]
    intent: str
    stage: Stage = Stage.WAITING
    times: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    batch: tuple[str, ...] = ()

    def reached(self, stage: Stage, now: float, figures: Mapping[str, Any]) -> Mark:
        """The mark at this stage, from now. A node that begins again forgets its later times."""
        earlier = {known.value for known in ORDER[: ORDER.index(stage)]}
        times = {name: time for name, time in self.times.items() if name in earlier}
        times[stage.value] = round(now, 1)
        return replace(self, stage=stage, times=times, figures={**self.figures, **figures})

    def seconds(self, start: Stage, end: Stage) -> float | None:
        """How long it took from one stage to another; None where either is not known."""
        if start.value not in self.times or end.value not in self.times:
            return None
        return max(0.0, self.times[end.value] - self.times[start.value])

    def as_data(self) -> dict[str, Any]:
        """For the annotation."""
        together = {"batch": list(self.batch)} if self.batch else {}
        return {
            "run": self.run,
            "nodes": list(self.nodes),
            "intent": self.intent,
            "stage": self.stage.value,
            "times": dict(self.times),
            "figures": dict(self.figures),
            **together,
        }


def of(meta: Meta) -> Mark | None:
    """The mark on a Longhorn node; None when there is none, or none that we can have written."""
    try:
        value = json.loads(meta.annotations.get(ROLLING, ""))
        return Mark(
            run=str(value["run"]),
            nodes=tuple(str(name) for name in value["nodes"]),
            intent=str(value["intent"]),
            stage=Stage(value["stage"]),
            times={str(key): float(time) for key, time in value["times"].items()},
            figures=dict(value["figures"]),
            batch=tuple(str(name) for name in value.get("batch") or ()),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def write(meta: Meta, mark: Mark) -> list[dict[str, Any]]:
    """Operations of a JSON patch that store the mark (test resourceVersion with them)."""
    text = json.dumps(mark.as_data(), sort_keys=True, separators=(",", ":"))
    if not meta.annotated:
        return [{"op": "add", "path": "/metadata/annotations", "value": {ROLLING: text}}]
    return [{"op": "add", "path": _path(), "value": text}]


def erase(meta: Meta) -> list[dict[str, Any]]:
    """Operations that take the mark away (none where there is none)."""
    return [{"op": "remove", "path": _path()}] if ROLLING in meta.annotations else []


def _path() -> str:
    return f"/metadata/annotations/{escape(ROLLING)}"
