# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as its marks and the nodes themselves tell it; nothing of it is kept anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling import marks
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.rolling.marks import (
    Mark,
    Stage,
)


@dataclass(frozen=True, slots=True)
class Run:
    """An unfinished run.

    marks: by node, as they are. stages: by node of the run, as they are to be understood.
    """

    name: str
    intent: str
    nodes: tuple[str, ...]
    marks: Mapping[str, Mark]
    stages: Mapping[str, Stage]

    def at(self, *stages: Stage) -> tuple[str, ...]:
        """Nodes of the run at one of these stages, in the order of the run."""
        return tuple(name for name in self.nodes if self.stages[name] in stages)

    @property
    def middle(self) -> tuple[str, ...]:
        """Nodes that are neither as before nor done."""
        return tuple(name for name in self.nodes if self.stages[name].middle)

    @property
    def touched(self) -> bool:
        """Whether any node has been begun."""
        return any(stage is not Stage.WAITING for stage in self.stages.values())


def all_runs(cluster: Cluster) -> tuple[Run, ...]:
    """Every run that has left marks, by name (more than one only after somebody edited them)."""
    found: dict[str, dict[str, Mark]] = {}
    for name, node in sorted(cluster.nodes.items()):
        mark = marks.of(node.meta)
        if mark is not None:
            found.setdefault(mark.run, {})[name] = mark
    return tuple(_run(cluster, name, held) for name, held in sorted(found.items()))


def _run(cluster: Cluster, name: str, held: Mapping[str, Mark]) -> Run:
    first = next(iter(held.values()))
    nodes = tuple(node for node in first.nodes if node in cluster.nodes)
    ended = all(mark.stage is Stage.DONE for mark in held.values())
    stages = {}
    for node in nodes:
        if node in held:
            stages[node] = understood(cluster, node, held[node].stage)
        else:
            # Marks go only after the last node is done; one that is missing before that was
            # never written, or somebody took it away: then the node is done again.
            stages[node] = Stage.DONE if ended else Stage.WAITING
    return Run(name, first.intent, nodes, dict(held), stages)


def understood(cluster: Cluster, node: str, stage: Stage) -> Stage:
    """What the stage on a node means, seen together with the node.

    A node without the note of a drain has been given back: after its maintenance that was the
    run's last step there, before it somebody cancelled, and the node is begun again. One that was
    drained by hand meanwhile is in the middle. A node that was drained and is open for pods again
    is drained again before anything is done to it.
    """
    noted = bool(memory.before(cluster.nodes[node].meta))
    if stage is Stage.RETURNING and not noted:
        return Stage.DONE
    if stage.middle and not noted:
        return Stage.WAITING
    if stage is Stage.WAITING and noted:
        return Stage.DRAINING
    kube_node = cluster.kube_nodes.get(node)
    if stage is Stage.MAINTENANCE and kube_node is not None and not kube_node.unschedulable:
        return Stage.DRAINING
    return stage
