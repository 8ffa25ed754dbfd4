# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in words and as data: the plan, the state at a stop, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_plan,
    drain_text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.plan import (
    Plan,
    Turn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.run import Run
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
    spell_bytes,
    spell_seconds,
)

PLAYBOOKS = "ansible-playbook nodecare.longhorn"
HEAD = ("node", "drained in", "maintenance", "restored in", "copies made", "volumes", "result")
RESULT = {
    Stage.WAITING: "not begun",
    Stage.DRAINING: "its drain is not done",
    Stage.MAINTENANCE: "drained; maintenance not done",
    Stage.RETURNING: "maintenance done; not given back",
    Stage.DONE: "done",
}


def summary(plan: Plan) -> list[str]:
    """Two or three lines: what is to be done, and what is in the way."""
    request = plan.request
    head = f"rolling maintenance, intent {request.intent}, Longhorn {plan.version}: "
    goes_on = f"run {plan.run.name} goes on, " if plan.run and plan.run.touched else ""
    lines = [
        f"{head}{goes_on}{count(len(plan.turns), 'node')} to do, {len(plan.done)} done; "
        f"up to {spell_bytes(plan.bytes)} to copy"
    ]
    if plan.turns:
        lines.append(f"order: {', '.join(' + '.join(batch.nodes) for batch in plan.batches)}")
    held = [*plan.refused, *plan.closed, *plan.stopping]
    if held:
        lines.append(f"in the way now: {count(len(held), 'reason')}")
    return lines


def plan_text(plan: Plan) -> str:
    """The whole run: order, bytes and reasons, then what is in the way, worst first."""
    lines = [*summary(plan)[:1]]
    lines += [f"! {text}" for text in plan.refused]
    width = max((len(turn.node) for turn in plan.turns), default=0)
    planned = iter(_aligned([_turn_cells(turn, turn.drain) for turn in plan.turns if turn.drain]))
    for number, turn in enumerate(plan.turns, start=1):
        told = next(planned) if turn.drain else turn.why
        lines.append(f"{number:>2}. {turn.node.ljust(width)}   {told}")
    lines += [f" ok {node}   done in this run" for node in plan.done]
    lines += _batch_lines(plan)
    if plan.closed:
        lines.append("the gate is closed now, because")
        lines += [f"! {problem.words()}" for problem in plan.closed]
    elif plan.turns and not plan.middle:
        lines.append("the gate is open: volumes healthy, images whole, nodes Ready")
    for turn in plan.turns:
        if turn.drain is not None and turn.drain.blockers:
            lines.append(f"drain of {turn.node}:")
            lines += [f"  {line}" for line in drain_text.blocker_lines(turn.drain.blockers)]
    if plan.middle and len(plan.turns) > len(plan.middle):
        lines.append(
            f"the gate and what blocks the others are looked at again when "
            f"{names(list(plan.middle))} is back"
        )
    return "\n".join(lines)


def _batch_lines(plan: Plan) -> list[str]:
    """Who is away together, and why no more are."""
    limit = plan.request.max_unavailable
    together = [batch for batch in plan.batches if len(batch.nodes) > 1]
    if limit < 2 and not together:
        return []
    lines = [f"away together: {' + '.join(batch.nodes)}" for batch in together]
    lines = lines or [f"no two of them may be away together (max_unavailable {limit})"]
    return lines + [f"  {why}" for batch in plan.batches for why in batch.cut]


def _turn_cells(turn: Turn, drain: drain_plan.Plan) -> tuple[str, ...]:
    things = f"{count(len(drain.copies), 'image')}, {count(len(drain.to_move), 'volume')}"
    return (
        f"{spell_bytes(turn.bytes):>10} to copy ({things}),",
        f"{count(len(drain.to_evict), 'pod')} to evict",
        turn.why,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line for each row, the columns one below the other."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def refusal(plan: Plan) -> str:
    """Why nothing was begun."""
    lines = ["The rolling maintenance was not begun; nothing was changed."]
    lines += [f"  {text}" for text in plan.refused]
    stops = plan.stopping
    for node in dict.fromkeys(node for node, _blocker in stops):
        lines.append(f"  {node} could not be drained for '{plan.request.intent}':")
        told = drain_text.blocker_lines(b for name, b in stops if name == node)
        lines += [f"    {line}" for line in told]
    if stops:
        lines.append("Solve what needs action and run the same command again.")
    return "\n".join(lines)


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "intent": plan.request.intent,
        "longhorn_version": plan.version,
        "run": plan.run.name if plan.run else "",
        "goes_on": bool(plan.run and plan.run.touched),
        "turns": [
            {
                "node": turn.node,
                "stage": turn.stage.value,
                "next_nodes": list(turn.next_nodes),
                "bytes": turn.bytes,
                "why": turn.why,
                "copies": len(turn.drain.copies) if turn.drain else 0,
                "volumes": len(turn.drain.to_move) if turn.drain else 0,
                "pods": len(turn.drain.to_evict) if turn.drain else 0,
            }
            for turn in plan.turns
        ],
        "batches": [{"nodes": list(b.nodes), "cut": list(b.cut)} for b in plan.batches],
        "done": list(plan.done),
        "stages": {node: stage.value for node, stage in plan.stages.items()},
        "bytes": plan.bytes,
        "closed": [problem.words() for problem in plan.closed],
        "refused": list(plan.refused),
        "blockers": [{"for_node": node, **b.as_data()} for node, b in plan.blockers],
    }


def diff(plan: Plan) -> list[dict[str, str]]:
    """The plan as the diff of check mode."""
    return [{"prepared": plan_text(plan) + "\n"}]


def report_data(run: Run, reason: str) -> dict[str, Any]:
    """The report for programs. reason: why the run has stopped, "" at its end."""
    return {
        "run": run.name,
        "intent": run.intent,
        "done": run.at(Stage.DONE) == run.nodes,
        "stopped": reason,
        "nodes": rows(run),
    }


def rows(run: Run) -> list[dict[str, Any]]:
    """One row for each node, as data."""
    found = []
    for node in run.nodes:
        mark = run.marks.get(node)
        stage = run.stages[node]
        row: dict[str, Any] = {"node": node, "stage": stage.value, "result": RESULT[stage]}
        row |= _times(mark) if mark else {}
        row |= dict(mark.figures) if mark else {}
        found.append(row)
    return found


def _times(mark: Mark) -> dict[str, Any]:
    spans = {
        "drain_seconds": (Stage.DRAINING, Stage.MAINTENANCE),
        "maintenance_seconds": (Stage.MAINTENANCE, Stage.RETURNING),
        "restore_seconds": (Stage.RETURNING, Stage.DONE),
    }
    return {name: mark.seconds(start, end) for name, (start, end) in spans.items()}


def table(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The rows as lines, columns aligned."""
    return _aligned([HEAD, *(_cells(row) for row in found)])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    spans = [row.get(f"{part}_seconds") for part in ("drain", "maintenance", "restore")]
    copies = row.get("copies")
    made = "-" if copies is None else str(copies)
    made += f" ({spell_bytes(int(row.get('bytes') or 0))})" if copies else ""
    degraded = row.get("degraded")
    volumes = "-" if degraded is None else f"{degraded} degraded"
    if degraded:
        volumes += f", {spell_seconds(float(row.get('degraded_longest_seconds') or 0))} at most"
    times = ["-" if span is None else spell_seconds(float(span)) for span in spans]
    return (str(row["node"]), *times, made, volumes, str(row["result"]))


def stop_text(run: Run, reason: str) -> list[str]:
    """Where a run has stopped: why, what is done, what is in the middle, how to go on or back."""
    lines = [f"Rolling maintenance {run.name} ({run.intent}) has stopped: {reason}"]
    done, waiting = run.at(Stage.DONE), run.at(Stage.WAITING)
    lines.append(f"  done        {names(list(done), 20) or 'none'}")
    for node in run.middle:
        stage = run.stages[node]
        lines.append(f"  in between  {node}: {MIDDLE[stage]}")
    lines.append(f"  not begun   {names(list(waiting), 20) or 'none'}")
    lines.append(f"  go on       run the same command again{_then(run)}")
    for node in run.middle:
        lines.append(f"  give back   {_back(node, run.stages[node])}")
    lines.append("  begin anew  the same command with -e run=new")
    return lines


def not_begun(reason: str) -> list[str]:
    """A run that stopped before it had marked a node."""
    return [f"The rolling maintenance was not begun; no node was changed. {reason}"]


MIDDLE = {
    Stage.DRAINING: "its drain has begun and is not done",
    Stage.MAINTENANCE: "drained and cordoned; its maintenance tasks are not done",
    Stage.RETURNING: "its maintenance tasks are done; it is not given back yet",
}


def _then(run: Run) -> str:
    if not run.middle:
        return ""
    node = run.middle[0]
    mark = run.marks.get(node)
    also = [name for name in run.middle[1:] if mark is not None and name in mark.batch]
    if also:
        return f"; it begins with {names([node, *also], 20)}, which are away together"
    what = {
        Stage.DRAINING: "drains the rest of it",
        Stage.MAINTENANCE: "runs its maintenance tasks again from their start",
        Stage.RETURNING: "gives it back",
    }[run.stages[node]]
    return f"; it begins with {node} and {what}"


def _back(node: str, stage: Stage) -> str:
    if stage is Stage.DRAINING:
        return f"{PLAYBOOKS}.drain_node -e node={node} -e cancel=true"
    return f"{PLAYBOOKS}.restore_node -e node={node}"


def end_text(run: Run, seconds: float | None) -> list[str]:
    """The report at the end."""
    took = f" ({spell_seconds(seconds)})" if seconds is not None else ""
    head = f"rolling maintenance {run.name} ({run.intent}) is done{took}"
    return [f"{head}: {count(len(run.nodes), 'node')}", *table(rows(run))]
