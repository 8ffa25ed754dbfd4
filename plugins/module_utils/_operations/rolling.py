# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a rolling maintenance: plan, marks on the nodes, the state at a stop, the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory, parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import (
    batches,
    marks,
    told,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import (
    plan as planning,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.plan import (
    Plan,
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.run import (
    Run,
    all_runs,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    plan_drain,
    rights,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
)

Result = dict[str, Any]
Lock = Callable[[], AbstractContextManager[Work]]
Save = Callable[[Mapping[str, Any]], None]
STATE = (kinds.LONGHORN_NODES, kinds.NODES)


def chosen(work: Work, listed: Iterable[str], selector: str) -> tuple[str, ...]:
    """The nodes that were named, or those that the label selector finds, without doubles.

    Raises BadInput when there is none.
    """
    wanted = [name.strip() for text in listed for name in str(text).split(",")]
    found = list(dict.fromkeys(name for name in wanted if name))
    if selector:
        listing = work.client.list(
            kinds.NODES, lambda raw: str(raw["metadata"]["name"]), label_selector=selector
        )
        found = sorted(listing.items)
    if not found:
        said = f"No node has the labels {selector}." if selector else "Name the nodes: "
        more = "" if selector else "-e nodes=NAME,NAME or -e node_selector=LABEL=VALUE."
        raise plan_drain.BadInput(f"{said}{more} Nothing was changed.")
    return tuple(found)


def plan(work: Work, request: Request) -> Plan:
    """Look before anything is written. Raises BadInput with all problems of the input at once."""
    cluster = read_cluster(
        work.client, work.longhorn, plan_drain.KINDS, (kinds.PODS, kinds.BUDGETS)
    )
    known = names(sorted(cluster.nodes), 20)
    problems = [
        f"Node {name} is not managed by Longhorn in this cluster. It manages: {known}."
        for name in request.nodes
        if name not in cluster.nodes or name not in cluster.kube_nodes
    ]
    if not work.check_mode:
        leaves = request.drain.intent.leaves
        space = work.client.namespace
        wanted = [*rights.for_drain(space, volumes=True, leaves=leaves), *rights.for_return(space)]
        problems += [
            f"The account lacks a right: {right}. Grant it by a Role or ClusterRole."
            for right in rights.missing(work.client, dict.fromkeys(wanted))
        ]
    if problems:
        raise plan_drain.BadInput("\n".join([*problems, "Nothing was changed."]))
    return planning.make(cluster, request)


def begin(
    work: Work, mark: Mark, fresh: bool, lock: Lock, stages: Mapping[str, str] | None = None
) -> Result:
    """Every node of the run carries its mark. fresh: marks of other runs go first. stages: where
    the nodes stood when the plan was made.

    Raises Stopped when another run has left marks since, or has brought one of the nodes further: a
    play that waited for the lock must not go by a plan that another one has carried out meanwhile.
    """
    cluster = read_cluster(work.client, work.longhorn, STATE)
    runs = {run.name: run for run in all_runs(cluster)}
    others = [run for name, run in runs.items() if name != mark.run]
    if others and not fresh:
        raise Stopped(
            f"Run {others[0].name} has begun since the plan was made. Nothing was changed by this "
            "one; run the same command again."
        )
    mine = runs.get(mark.run)
    now = planning.stages_of(cluster, mine, mark.nodes)
    other = [node for node, stage in (stages or {}).items() if now.get(node) != stage]
    if other:
        raise Stopped(
            f"{names(other, 20)} is not where it was when the plan was made: somebody has worked "
            "on it since. Nothing was changed by this one; run the same command again."
        )
    ended = mine is not None and mine.at(Stage.DONE) == mine.nodes
    missing = [] if ended else [n for n in mark.nodes if mine is None or n not in mine.marks]
    stale = [node for run in others for node in run.marks if node not in missing]
    if work.check_mode or not (missing or stale):
        return {"changed": bool(missing or stale), "run": mark.run}
    with lock():
        work.where = "No node has been begun."
        for node in stale:
            _patch(work, node, marks.erase)
        for node in missing:
            first = planning.first_stage(cluster, node)
            wanted = mark.reached(first, work.wall_clock(), {})
            _patch(work, node, partial(marks.write, mark=wanted))
    return {"changed": True, "run": mark.run}


def reach(
    work: Work, run: str, node: str, stage: Stage, steps: Mapping[str, Any], lock: Lock
) -> Result:
    """The node is one stage on. Raises Stopped where that cannot be, or the run is another one."""
    cluster = read_cluster(work.client, work.longhorn, STATE)
    found = cluster.nodes.get(node)
    mark = marks.of(found.meta) if found else None
    if found is None or mark is None or mark.run != run:
        raise Stopped(
            f"{node} does not carry the mark of run {run} any more: somebody has taken it away or "
            "begun another run. Nothing was changed; run the same command again."
        )
    if stage is Stage.DONE and memory.before(found.meta):
        raise Stopped(
            f"{node} is given back only in part: it still carries the note of its drain. If you "
            f"keep it cordoned yourself, uncordon it, then run the same command again."
        )
    wanted = mark.reached(stage, work.wall_clock(), figures(steps))
    same = mark.stage is stage
    if stage is Stage.DRAINING:
        # Alone, whatever batch it was in before it was given back and begun again.
        same, wanted = same and not mark.batch, replace(wanted, batch=())
    if same or work.check_mode:
        return {"changed": not same, "mark": mark.as_data()}
    with lock():
        work.where = f"{node} stays as it is."
        _patch(work, node, partial(marks.write, mark=wanted))
    return {"changed": True, "mark": wanted.as_data()}


def gather(work: Work, run: str, nodes: tuple[str, ...], drain: Drain, lock: Lock) -> Result:
    """These nodes begin their drains as one batch, if that is still proven to be safe.

    Raises Stopped, before any node of them is begun, where it is not, or the run is another one.
    """
    if len(nodes) < 2:
        return reach(work, run, nodes[0], Stage.DRAINING, {}, lock)
    cluster = read_cluster(
        work.client, work.longhorn, plan_drain.KINDS, (kinds.PODS, kinds.BUDGETS)
    )
    held = {name: marks.of(cluster.nodes[name].meta) for name in nodes if name in cluster.nodes}
    strange = [name for name in nodes if (mark := held.get(name)) is None or mark.run != run]
    why = f"{strange[0]} does not carry the mark of run {run} any more" if strange else ""
    why = why or batches.why_not(cluster, drain, nodes)
    if why:
        raise Stopped(
            f"{names(list(nodes), 20)} may not be away together any more: {why}. None of them was "
            "begun; run the same command again, it plans the batches anew."
        )
    if not work.check_mode:
        with lock():
            work.where = f"No drain of {names(list(nodes), 20)} has begun."
            for name, mark in held.items():
                if mark is not None:
                    wanted = mark.reached(Stage.DRAINING, work.wall_clock(), {})
                    _patch(work, name, partial(marks.write, mark=replace(wanted, batch=nodes)))
    return {"changed": True, "batch": list(nodes)}


def figures(steps: Mapping[str, Any]) -> dict[str, Any]:
    """What a drain has moved, from the results of its steps; {} where it had none."""
    if not steps:
        return {}
    images, replicas = steps.get("images") or {}, steps.get("replicas") or {}
    made = (steps.get("targets") or {}, images, steps.get("release") or {})
    return {
        "copies": sum(len(step.get("copies_made") or ()) for step in made),
        "bytes": sum(int(step.get("bytes") or 0) for step in made),
        "raised": len(replicas.get("raised") or ()),
        "moved": len(replicas.get("replicas_deleted") or ()),
        "degraded": int(replicas.get("degraded") or 0),
        "degraded_longest_seconds": float(replicas.get("degraded_longest_seconds") or 0),
    }


def state(work: Work, run: str) -> Run | None:
    """The run as its nodes tell it; None where no node carries its mark."""
    cluster = read_cluster(work.client, work.longhorn, STATE)
    return next((known for known in all_runs(cluster) if known.name == run), None)


def stop(work: Work, name: str, reason: str, save: Save) -> Result:
    """Where the run stands, also for its report."""
    run = state(work, name)
    if run is None:
        return {"changed": False, "rows": [], "report": told.not_begun(reason)}
    save(told.report_data(run, reason))
    return {"changed": False, "rows": told.rows(run), "report": told.stop_text(run, reason)}


def finish(work: Work, name: str, save: Save, lock: Lock) -> Result:
    """All nodes are done: report, then their marks go. Raises Stopped when one is not done."""
    run = state(work, name)
    if run is None:
        raise Stopped(f"No node carries a mark of run {name}; somebody has taken them away.")
    if run.at(Stage.DONE) != run.nodes:
        raise Stopped("\n".join(told.stop_text(run, "not all of its nodes are done")))
    times = [time for mark in run.marks.values() for time in mark.times.values()]
    took = work.wall_seconds_since(min(times)) if times else None
    if not work.check_mode:
        with lock():
            save(told.report_data(run, ""))
            work.where = "All nodes are done; only marks are left to be taken away."
            for node in run.marks:
                _patch(work, node, marks.erase)
    return {"changed": True, "rows": told.rows(run), "report": told.end_text(run, took)}


def _patch(work: Work, node: str, change: Callable[[Any], list[dict[str, Any]]]) -> None:
    def decide(raw: Object) -> Ops | None:
        return change(parse.meta(raw)) or None

    work.irreversible()
    work.patch(kinds.LONGHORN_NODES, node, decide)
