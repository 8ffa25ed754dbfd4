# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until the cluster can bear a maintenance, and has been able to for some time."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import gate
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    names,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

FOLLOWED = (
    kinds.LONGHORN_NODES,
    kinds.NODES,
    kinds.BACKING_IMAGES,
    kinds.DATA_SOURCES,
    kinds.VOLUMES,
)


class GateClosed(Failure):
    """The gate did not open in time, or did not stay open."""


def look(work: Work, ours: Collection[str] = ()) -> tuple[gate.Problem, ...]:
    """What keeps the gate closed now."""
    return gate.problems(read_cluster(work.client, work.longhorn, FOLLOWED), ours)


def await_gate(work: Work, stable_seconds: float, ours: Collection[str] = ()) -> dict[str, Any]:
    """Wait until the gate has been open for *stable_seconds* without a break.

    Raises GateClosed, with everything that is wrong, at the end of the work's deadline.
    """
    began = now = work.deadline.now()
    open_since: float | None = None
    shut_since, breaks = began, 0
    with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
        while True:
            work.safe_point()
            found = gate.problems(live.picture(), ours)
            now = work.deadline.now()
            if found:
                breaks += open_since is not None
                shut_since = shut_since if open_since is None else now
                open_since = None
            else:
                open_since = now if open_since is None else open_since
                if now - open_since >= stable_seconds:
                    waited = open_since - began
                    return {"waited_seconds": round(waited, 1), "breaks": breaks, "problems": []}
            if work.deadline.expired:
                raise _closed(found, now - began, now - shut_since, stable_seconds)
            work.progress.update(_line(found, stable_seconds))
            left = stable_seconds - (now - open_since) if open_since is not None else 1.0
            live.next_change(max(0.02, min(1.0, left, work.deadline.remaining())))


def _line(found: tuple[gate.Problem, ...], stable_seconds: float) -> str:
    if not found:
        return f"the gate is open; it must stay so for {spell_seconds(stable_seconds)}"
    return f"the gate is closed: {names([problem.words() for problem in found], 3)}"


def _closed(
    found: tuple[gate.Problem, ...], waited: float, shut: float, stable_seconds: float
) -> GateClosed:
    if not found:
        text = (
            f"the gate was open, but not for {spell_seconds(stable_seconds)} without a break, "
            f"within {spell_seconds(waited)}."
        )
    else:
        lines = [f"  {problem.words()}" for problem in found]
        text = "\n".join(
            [
                f"the gate is closed; waited {spell_seconds(waited)}, closed for the last "
                f"{spell_seconds(shut)}:",
                *lines,
            ]
        )
    error = GateClosed(f"{text}\nNothing was changed by this step.")
    error.result = {"problems": [problem.words() for problem in found]}
    return error
