# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the objects of a recording and asks the release rules at every change.

Kinds that are not recorded are taken as calm: nodes open and Ready. Where no budgets are recorded
they are worked out (one per running instance manager of an open node), because peers count only
behind theirs; then the only witnesses are the evictions that a drain was granted or refused.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    base,
    model,
    parse,
    pods,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import (
    counted,
    engines,
    evaluate,
    policy,
    protection,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import (
    Answer,
    Hold,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Schema, detect
from tests.check_blockers import sources
from tests.check_blockers.settings import Change, changes
from tests.simulator.recordings.load import Event, Recording, parse_time

BUDGETS = "poddisruptionbudgets.policy"
MANAGERS = "instancemanagers.longhorn.io"
NODES = "nodes"
SPACE = "longhorn-system"
#: Seconds by which the watches of two kinds, or a controller's caches, may disagree.
ORDER_SECONDS = 1.0
_READY = (base.Condition("Ready", "True"), base.Condition("Schedulable", "True"))
_PARSERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "nodes.longhorn.io": parse.node,
    NODES: parse.kube_node,
    "volumes.longhorn.io": parse.volume,
    "replicas.longhorn.io": parse.replica,
    "engines.longhorn.io": parse.engine,
    "volumeattachments.longhorn.io": parse.attachment,
    MANAGERS: parse.instance_manager,
    "pods": parse.pod,
    BUDGETS: parse.budget,
}
_GRANTED = re.compile(r"^pod/(instance-manager-\S+) evicted$", re.MULTILINE)
_REFUSED = re.compile(r'error when evicting pods/"(instance-manager-[^"]+)"')


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One instance manager at one moment. `facts`: all that its rules look at; `budget`: whether
    it is there, None where that was not recorded; `lately_free`: with the other nodes and budgets
    as they were within the last second, which a controller's cache may still show, it was free.
    """

    t: float
    manager: str
    node: str
    state: str
    cordoned: bool
    answer: Answer
    budget: bool | None
    facts: tuple[Any, ...]
    engines: frozenset[str] = frozenset()
    lately_free: bool = False


class Picture:
    """The cluster as it stands, changed event by event."""

    def __init__(self, recording: Recording) -> None:
        self._schema: Schema = detect(f"v{recording.version}", [])
        self._held: dict[str, dict[str, Any]] = {resource: {} for resource in _PARSERS}
        self._settings: dict[str, str] = {}
        self.budgets_recorded = any(True for _unused in recording.of(BUDGETS)) or any(
            event.resource == BUDGETS for event in sources.from_timeline(recording)
        )
        for name in recording.nodes:
            meta = base.Meta(name)
            self._held[NODES][name] = model.KubeNode(meta, False, _READY)
            self._held["nodes.longhorn.io"][name] = model.Node(meta, conditions=_READY)

    def take(self, event: Event) -> bool:
        """Take one event in; False for a kind that no rule looks at."""
        parser = _PARSERS.get(event.resource)
        if parser is None:
            return False
        space = str(event.object["metadata"].get("namespace") or "")
        key = f"{space}/{event.name}" if event.resource in ("pods", BUDGETS) else event.name
        if event.type == "DELETED":
            self._held[event.resource].pop(key, None)
        else:
            self._held[event.resource][key] = parser(event.object)
        return True

    def set(self, change: Change) -> None:
        """A setting was written."""
        self._settings[change.name] = change.value

    def witness(self, manager: str, node: str) -> None:
        """An instance manager that only a drain's output tells of."""
        meta = base.Meta(manager, SPACE)
        known = self._held[MANAGERS]
        known.setdefault(manager, model.InstanceManager(meta, node, "aio", "running"))

    def cluster(self) -> model.Cluster:
        """The picture as the collection's model."""
        held = self._held
        found = model.Cluster(
            schema=self._schema,
            namespace=SPACE,
            settings=dict(self._settings),
            nodes=dict(held["nodes.longhorn.io"]),
            kube_nodes=dict(held[NODES]),
            volumes=dict(held["volumes.longhorn.io"]),
            replicas=dict(held["replicas.longhorn.io"]),
            engines=dict(held["engines.longhorn.io"]),
            attachments=dict(held["volumeattachments.longhorn.io"]),
            instance_managers=dict(held[MANAGERS]),
            pods=tuple(held["pods"].values()),
            budgets=tuple(held[BUDGETS].values()),
        )
        if self.budgets_recorded:
            return found
        return dataclasses.replace(found, budgets=tuple(_assumed(found)))


def _assumed(cluster: model.Cluster) -> Iterator[pods.Budget]:
    for manager in cluster.instance_managers.values():
        node = cluster.kube_nodes.get(manager.node)
        if manager.state == "running" and node is not None and not node.unschedulable:
            yield pods.Budget(base.Meta(manager.name, SPACE))


def samples(recording: Recording) -> Iterator[Sample]:
    """Every instance manager whenever something its rules look at has changed, in time order."""
    before: dict[str, tuple[Any, ...]] = {}
    lately: list[tuple[float, model.Cluster]] = []
    for t, picture in _pictures(recording):
        if t < recording.start:
            continue  # the first change after the start shows all that was there
        cluster = picture.cluster()
        known = cluster.instance_managers
        for manager in known.values():
            found = sample(cluster, manager, t, picture.budgets_recorded)
            if before.get(manager.name) != found.facts:
                before[manager.name] = found.facts
                free = _lately_free(lately, cluster, found)
                yield dataclasses.replace(found, lately_free=free)
        before = {name: facts for name, facts in before.items() if name in known}
        lately = [*_recent(lately, t), (t, cluster)]


def _recent(
    pictures: list[tuple[float, model.Cluster]], t: float
) -> list[tuple[float, model.Cluster]]:
    """Those that were in force at some time of the last second."""
    ends = [*(begin for begin, _cluster in pictures[1:]), t]
    return [p for p, end in zip(pictures, ends, strict=False) if end > t - ORDER_SECONDS]


def _lately_free(
    pictures: list[tuple[float, model.Cluster]], cluster: model.Cluster, found: Sample
) -> bool:
    """Whether a controller that did not know yet that another node closed would have let it go."""
    if found.answer.hold is not Hold.BLOCKED or found.budget is not False or not found.cordoned:
        return False
    manager = cluster.instance_managers[found.manager]
    mine = {found.node: cluster.kube_nodes[found.node]}
    seen = (
        dataclasses.replace(cluster, kube_nodes={**old.kube_nodes, **mine}, budgets=old.budgets)
        for _t, old in _recent(pictures, found.t)
    )
    return any(evaluate.evaluate(old, manager).hold is Hold.FREE for old in seen)


def sample(
    cluster: model.Cluster, manager: model.InstanceManager, t: float, recorded: bool
) -> Sample:
    """What the rules say of one instance manager now."""
    node = cluster.kube_nodes.get(manager.node)
    cordoned = node is not None and node.unschedulable
    answer = evaluate.evaluate(cluster, manager)
    rule = policy.policy_of(cluster.settings)
    replicas = counted.counted(cluster, manager.node, rule) if cordoned else ()
    facts = (
        answer.hold,
        answer.blockers,
        answer.budget,
        cordoned,
        manager.state,
        rule,
        engines.on_node(cluster, manager.node),
        tuple((r.name, r.desire, r.state, r.failed_at, r.healthy_at) for r in replicas),
        tuple((p.replica.name, p.lack) for r in replicas for p in protection.peers(cluster, r)),
    )
    budget = answer.budget if recorded else None
    listed = frozenset(engine.name for engine in engines.on_node(cluster, manager.node))
    return Sample(
        t, manager.name, manager.node, manager.state, cordoned, answer, budget, facts, listed
    )


def _pictures(recording: Recording) -> Iterator[tuple[float, Picture]]:
    """The picture after each change of something that a rule may look at, in time order."""
    picture = Picture(recording)
    steps: list[Event | Change] = [
        *recording.events,
        *sources.from_timeline(recording),
        *changes(recording),
    ]
    begun = False
    for step in sorted(steps, key=lambda step: step.t):
        if step.t > recording.start and not begun:
            begun = True
            yield recording.start, picture
        if isinstance(step, Change):
            picture.set(step)
        elif not picture.take(step) or step.type == "INITIAL":
            continue  # the first state is only whole when all kinds have told theirs
        yield step.t, picture
    yield recording.end, picture


@dataclasses.dataclass(frozen=True, slots=True)
class Witness:
    """A drain's eviction of an instance manager, by its end: granted, or refused to the end."""

    t: float
    node: str
    manager: str
    granted: bool


def witnesses(recording: Recording) -> tuple[Witness, ...]:
    """What the drains of a recording were answered."""
    found: list[Witness] = []
    for raw in recording.actions:
        match = re.search(r"\bdrain (\S+)", str(raw.get("cmd", "")))
        if match is None:
            continue
        end = parse_time(str(raw.get("t_end", raw["t"])))
        granted = set(_GRANTED.findall(str(raw.get("stdout", ""))))
        refused = set(_REFUSED.findall(str(raw.get("stderr", "")))) - granted
        for manager in sorted(granted | refused):
            found.append(Witness(end, match.group(1), manager, manager in granted))
    return tuple(found)


def answer_for(recording: Recording, witness: Witness) -> Answer:
    """What the rules say of the instance manager when the eviction was answered for good."""
    last: Picture | None = None
    for t, picture in _pictures(recording):
        if last is not None and t > witness.t:
            break
        last = picture
    picture = last or Picture(recording)
    picture.witness(witness.manager, witness.node)
    cluster = picture.cluster()
    return evaluate.evaluate(cluster, cluster.instance_managers[witness.manager])
