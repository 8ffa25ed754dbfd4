# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rolling maintenance as its role runs it, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import (
    batches,
    told,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.plan import (
    Plan,
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    await_gate,
    drain_steps,
    plan_drain,
    rolling,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.integration.drain.scene import Scene, drain
from tests.integration.drain.test_drain import Killed
from tests.integration.restore.scene import HOLDER, restore

Prepare = Callable[[Client], None]
MARK = "longhorn.nodecare.dev/rolling"


def unsaved(_report: Mapping[str, Any]) -> None:
    """For a run without a report file."""


def allow_writes(number: int) -> Prepare:
    """Kill the run at the write after so many, counted over all its steps; the lock's are free."""
    sent = [0]

    def prepare(client: Client) -> None:
        send = client._write

        def write(method: str, kind: Kind, *args: Any, **kwargs: Any) -> Any:
            if kind is not kinds.LEASES:
                if sent[0] >= number:
                    raise Killed
                sent[0] += 1
            return send(method, kind, *args, **kwargs)

        vars(client)["_write"] = write

    return prepare


def request(
    nodes: tuple[str, ...], intent: str = "reboot", *, fresh: bool = False, limit: int = 1
) -> Request:
    return Request(nodes, Drain("", Intent(intent)), fresh, limit)


def plan(scene: Scene, asked: Request) -> Plan:
    """The plan, as the role's first task makes it."""
    return rolling.plan(scene.work(), asked)


def roll(
    scene: Scene,
    asked: Request,
    maintain: Callable[[str], None],
    prepare: Prepare = lambda client: None,
    *,
    gate_seconds: float = 20.0,
) -> dict[str, Any]:
    """The whole run in the role's order; the result of its last step."""
    made = plan(scene, asked)
    assert not made.refused and not made.stopping, (made.refused, made.stopping)
    name = made.run.name if made.run else "first"

    def work(seconds: float = 60.0) -> Work:
        found = scene.work(seconds)
        prepare(found.client)
        return found

    def reach(node: str, stage: Stage, steps: dict[str, Any] | None = None) -> None:
        step = work()
        rolling.reach(step, name, node, stage, steps or {}, lambda: locked(step))

    step = work()
    mark = Mark(name, asked.nodes, asked.intent)
    stages = told.plan_data(made)["stages"]
    rolling.begin(step, mark, asked.fresh, lambda: locked(step), stages)
    turns = {turn.node: turn for turn in made.turns}
    for batch in made.batches:
        mine = [turns[node] for node in batch.nodes]
        if mine[0].stage is Stage.WAITING:
            await_gate.await_gate(work(gate_seconds), 0.2)
            step = work()
            rolling.gather(step, name, batch.nodes, asked.drain, lambda step=step: locked(step))
        for turn in mine:
            drained: dict[str, Any] = {}
            if turn.stage in (Stage.WAITING, Stage.DRAINING):
                assert_not_stopped(scene, name, turn.node, asked)
                drained = drain(
                    scene, turn.node, asked.intent, prepare=prepare, next_nodes=turn.next_nodes
                )
                assert drained["proof"]["safe_to"][asked.intent]
            if turn.stage is not Stage.RETURNING:
                reach(turn.node, Stage.MAINTENANCE, drained)
        for turn in mine:
            if turn.stage is not Stage.RETURNING:
                assert proof(scene, turn.node, asked)["safe_to"][asked.intent]
        for turn in mine:
            if turn.stage is not Stage.RETURNING:
                maintain(turn.node)
            reach(turn.node, Stage.RETURNING)
        if len(mine) > 1:
            for turn in mine:
                restore(scene, turn.node, prepare=prepare, phases=("open",))
        for turn in mine:
            restore(scene, turn.node, prepare=prepare)
            reach(turn.node, Stage.DONE)
    await_gate.await_gate(work(gate_seconds), 0.2)
    step = work()
    result = rolling.finish(step, name, unsaved, lambda: locked(step))
    last = lease.Lease(step.client, HOLDER)
    last.held = True
    last.release()
    return result


def proof(scene: Scene, node: str, asked: Request) -> dict[str, Any]:
    """What the proof says of a node that is away."""
    return drain_steps.prove(scene.work(), replace(asked.drain, node=node), {})


def assert_not_stopped(scene: Scene, run: str, node: str, asked: Request) -> None:
    """The plan of the drain, as its role makes it under the lock of the run."""
    step = scene.work()
    with locked(step):
        cluster = plan_drain.read(step.client, step.longhorn, node, storage=True)
    drain = replace(asked.drain, node=node, peers=batches.peers(cluster, node, run, HOLDER))
    made = plan_drain.plan(step.client, cluster, drain, writing=True)
    assert not made.work or not made.stopping, made.stopping


@contextmanager
def locked(work: Work) -> Iterator[Work]:
    """The lock of the whole play."""
    work.lease = lease.Lease(work.client, HOLDER, duration_seconds=600)
    work.lease.acquire(5.0)
    yield work


def marked(scene: Scene) -> list[str]:
    """Nodes that carry a mark."""
    return sorted(
        node["metadata"]["name"]
        for node in scene.all("nodes.longhorn.io")
        if MARK in (node["metadata"].get("annotations") or {})
    )
