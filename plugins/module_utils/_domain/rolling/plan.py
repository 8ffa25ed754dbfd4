# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run as a value: which node next, why, what its drain moves, and what is in the way.

Made from one reading. Nodes in the middle of their maintenance come first, then those that their
operator has cordoned already; the others by the bytes that their drain would copy, smallest first.
So what has to move goes, as long as there is a choice, to nodes that are done, and is not moved
again when its new place is next: nodes that are still to come are closed as targets. Where that
leaves too few targets, those that come last are opened first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import drain_plan, memory
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    stopping,
    worst_first,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_plan import (
    Plan as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as DrainRequest,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import Step
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import gate
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.batches import (
    Batch,
    grouped,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import Stage
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.run import (
    Run,
    all_runs,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names

RANK = {Stage.RETURNING: 0, Stage.MAINTENANCE: 1, Stage.DRAINING: 2, Stage.WAITING: 4}
CORDONED = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asked for. drain: what holds for the drain of each node (its own node and
    next_nodes are filled in); fresh: forget an unfinished run and begin anew; max_unavailable: so
    many nodes at most are away at the same time, where that is proven to be safe.
    """

    nodes: tuple[str, ...]
    drain: DrainRequest
    fresh: bool = False
    max_unavailable: int = 1

    @property
    def intent(self) -> str:
        return self.drain.intent.value


@dataclass(frozen=True, slots=True)
class Turn:
    """One node that is still to be done.

    next_nodes: closed as targets; drain: its plan from what is there now, None where it is drained
    already; bytes: at most that much its drain copies; why: its place in the order.
    """

    node: str
    stage: Stage
    next_nodes: tuple[str, ...]
    drain: Drain | None
    bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The run.

    run: the unfinished one that goes on, None for a new one; closed: what keeps the gate closed
    now, not looked at while a node is in the middle, which closes it; refused: why nothing may be
    begun, whatever else is true; batches: the nodes of the turns, in the same order, grouped into
    those that are away together; stages: every node's, as they were read.
    """

    request: Request
    version: str
    run: Run | None
    turns: tuple[Turn, ...]
    done: tuple[str, ...]
    closed: tuple[gate.Problem, ...]
    refused: tuple[str, ...]
    batches: tuple[Batch, ...] = ()
    stages: Mapping[str, Stage] = field(default_factory=dict)

    @property
    def middle(self) -> tuple[str, ...]:
        return tuple(turn.node for turn in self.turns if turn.stage.middle)

    @property
    def bytes(self) -> int:
        return sum(turn.bytes for turn in self.turns)

    @property
    def blockers(self) -> tuple[tuple[str, Blocker], ...]:
        """(node, blocker), worst first; each object once for each node whose drain it concerns."""
        found = [(t.node, b) for t in self.turns for b in (t.drain.blockers if t.drain else ())]
        place = {id(b): number for number, b in enumerate(worst_first(b for _node, b in found))}
        return tuple(sorted(found, key=lambda pair: place[id(pair[1])]))

    @property
    def stopping(self) -> tuple[tuple[str, Blocker], ...]:
        """Those that no waiting will clear. While a node is in the middle the others cannot be
        judged, because nothing on it counts; each is judged again right before its drain.
        """
        if self.middle:
            return ()
        held = {id(b) for turn in self.turns if turn.drain for b in stopping(turn.drain.blockers)}
        return tuple(pair for pair in self.blockers if id(pair[1]) in held)


def make(cluster: Cluster, request: Request) -> Plan:
    """The plan. All nodes must be known to Longhorn and Kubernetes."""
    run, refused = _the_run(cluster, request)
    stages = stages_of(cluster, run, request.nodes)
    middle = tuple(node for node, stage in stages.items() if stage.middle)
    batches: tuple[Batch, ...] = ()
    turns: tuple[Turn, ...] = ()
    if not refused:
        bare, cost = _bare(cluster, request, stages)
        order = _ordered(cluster, stages, cost)
        batches = _batches(cluster, request, run, stages, order, bare)
        order = [node for batch in batches for node in batch.nodes]
        turns = tuple(_turns(cluster, request, stages, order, bare, cost))
    return Plan(
        request=request,
        version=str(cluster.schema.version),
        run=run,
        turns=turns,
        batches=batches,
        done=tuple(node for node, stage in stages.items() if stage is Stage.DONE),
        closed=() if middle else gate.problems(cluster),
        refused=(*refused, *_foreign(cluster, request)),
        stages=stages,
    )


def stages_of(cluster: Cluster, run: Run | None, nodes: Iterable[str]) -> dict[str, Stage]:
    """Where the nodes stand in the run that goes on, or in a new one; one that is gone nowhere."""
    return {
        node: run.stages[node] if run is not None else first_stage(cluster, node)
        for node in nodes
        if node in cluster.nodes
    }


def first_stage(cluster: Cluster, node: str) -> Stage:
    """Where a node begins in a new run: one that is drained already is in the middle."""
    noted = bool(memory.before(cluster.nodes[node].meta))
    return Stage.DRAINING if noted else Stage.WAITING


def _the_run(cluster: Cluster, request: Request) -> tuple[Run | None, tuple[str, ...]]:
    """The unfinished run that is to go on, and why it cannot."""
    runs = () if request.fresh else all_runs(cluster)
    same = [
        run for run in runs if set(run.nodes) == set(request.nodes) and run.intent == request.intent
    ]
    others = tuple(_unfinished(run) for run in runs if run not in same)
    return (same[0] if same else None), others


def _unfinished(run: Run) -> str:
    told = "; ".join(
        f"{names(list(found), 20)} {word}"
        for word, found in (
            ("done", run.at(Stage.DONE)),
            ("in the middle", run.middle),
            ("not begun", run.at(Stage.WAITING)),
        )
        if found
    )
    return (
        f"Run {run.name} is not finished ({told}). Go on with it: -e nodes={','.join(run.nodes)} "
        f"-e intent={run.intent}. Or forget it and begin anew: -e run=new."
    )


def _foreign(cluster: Cluster, request: Request) -> Iterator[str]:
    for name, node in sorted(cluster.nodes.items()):
        intent = memory.before(node.meta).get("intent")
        if not intent or (name in request.nodes and intent == request.intent):
            continue
        yield (
            f"Node {name} is drained for '{intent}' by another maintenance. Give it back first: "
            f"ansible-playbook nodecare.longhorn.restore_node -e node={name}, or undo its drain: "
            f"ansible-playbook nodecare.longhorn.drain_node -e node={name} -e cancel=true."
        )


def _bare(
    cluster: Cluster, request: Request, stages: dict[str, Stage]
) -> tuple[dict[str, Drain], dict[str, int]]:
    """The drain of each node that needs one, no other node closed; and its bytes for every node."""
    bare = {
        node: drain_plan.make(cluster, replace(request.drain, node=node, next_nodes=()))
        for node, stage in stages.items()
        if stage in (Stage.WAITING, Stage.DRAINING)
    }
    return bare, {node: bytes_of(cluster, bare[node]) if node in bare else 0 for node in stages}


def _ordered(cluster: Cluster, stages: dict[str, Stage], cost: dict[str, int]) -> list[str]:
    """Nodes that are not done, the next one first."""

    def place(node: str) -> tuple[int, int, str, str]:
        return _rank(cluster, stages, node), cost[node], cluster.nodes[node].zone, node

    return sorted((node for node, stage in stages.items() if stage is not Stage.DONE), key=place)


def _rank(cluster: Cluster, stages: dict[str, Stage], node: str) -> int:
    if stages[node] is Stage.WAITING and cluster.kube_nodes[node].unschedulable:
        return CORDONED
    return RANK[stages[node]]


def _batches(
    cluster: Cluster,
    request: Request,
    run: Run | None,
    stages: dict[str, Stage],
    order: Sequence[str],
    bare: Mapping[str, Drain],
) -> tuple[Batch, ...]:
    """What is away together: nodes in the middle as their marks say, the others as is safe. While
    a node is in the middle the others are judged without it, which never allows more.
    """
    held = run.marks if run is not None else {}
    middle: dict[tuple[str, ...], list[str]] = {}
    for node in order:
        if stages[node].middle:
            together = held[node].batch if node in held else ()
            key = together if node in together else (node,)
            middle.setdefault(key, []).append(node)
    waiting = [node for node in order if not stages[node].middle]
    return (
        *(Batch(tuple(nodes)) for nodes in middle.values()),
        *grouped(cluster, request.drain, waiting, request.max_unavailable, bare),
    )


def _turns(
    cluster: Cluster,
    request: Request,
    stages: dict[str, Stage],
    order: Sequence[str],
    bare: dict[str, Drain],
    cost: dict[str, int],
) -> Iterator[Turn]:
    middle = tuple(node for node in order if stages[node].middle)
    for number, node in enumerate(order):
        rest = tuple(order[number + 1 :])
        closed, drain = rest, None
        if node in bare:
            closed, drain = _closed(cluster, request, node, rest, bare[node])
            kept = tuple(b for b in drain.blockers if not _ours(b, middle))
            drain = replace(drain, blockers=kept)
        why = _why(stages[node], _rank(cluster, stages, node))
        yield Turn(node, stages[node], closed, drain, cost[node], why)


def bytes_of(cluster: Cluster, drain: Drain) -> int:
    """Bytes that a drain copies at most: image files as they are, volumes at their full size."""
    raised = [m.volume for m in drain.to_move if m.step in (Step.RAISE, Step.ATTACH)]
    return drain.bytes_to_copy + sum(cluster.volumes[name].size for name in raised)


def _closed(
    cluster: Cluster, request: Request, node: str, rest: Sequence[str], bare: Drain
) -> tuple[tuple[str, ...], Drain]:
    """How many of the nodes that come next can be closed as targets, and the plan with that."""
    before = {(b.rule, b.name) for b in stopping(bare.blockers)}
    closed = tuple(rest)
    while closed:
        drain = drain_plan.make(cluster, replace(request.drain, node=node, next_nodes=closed))
        more = {(b.rule, b.name) for b in stopping(drain.blockers)} - before
        if not more and len(drain.copies) >= len(bare.copies):
            return closed, drain
        closed = closed[: len(closed) // 2]
    return (), bare


def _ours(found: Blocker, middle: tuple[str, ...]) -> bool:
    """A node in the middle of this very run is given back before the next one is begun."""
    return found.rule == "other_maintenance" and found.name in middle


def _why(stage: Stage, rank: int) -> str:
    if stage.middle:
        return {
            Stage.DRAINING: "its drain has begun",
            Stage.MAINTENANCE: "it is drained; its maintenance tasks are not done",
            Stage.RETURNING: "its maintenance tasks are done; it is being given back",
        }[stage]
    return "cordoned already" if rank == CORDONED else "fewest bytes to copy"
