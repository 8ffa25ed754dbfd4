# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node full of pods, some of them held by a budget, and how long it takes until the others are
gone. Observed in the cluster itself, not in what a tool prints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.scenery import workloads
from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import is_terminating, labels_of, name_of, uid_of
from tests.simulator.server import ApiServer

NODE = "node-1"
FREE, HELD = {"app": "free"}, {"app": "held"}


@dataclass
class Crowd:
    """The pods of the node. Times are the cluster's; 0 before it happened."""

    cluster: Cluster
    server: ApiServer
    free: set[str]
    held: set[str]
    first_asked: float = 0.0
    last_gone: float = 0.0
    gone: set[str] = field(default_factory=set)

    def _on_event(self, event: WatchEvent) -> None:
        if event.res != "pods" or uid_of(event.obj) not in self.free | self.held:
            return
        now = self.cluster.kernel.now()
        if not self.first_asked and is_terminating(event.obj):
            self.first_asked = now
        if event.type == DELETED:
            self.gone.add(uid_of(event.obj))
            if self.free <= self.gone and not self.last_gone:
                self.last_gone = now

    def now(self) -> float:
        """The cluster's time."""
        return self.server.call(self.cluster.kernel.now)

    @property
    def free_gone(self) -> bool:
        """Whether every pod that may go is gone."""
        return self.free <= self.gone

    def requests(self) -> int:
        """How many requests the server has answered."""
        return self.server.requests.total


def gather(root: Path, free: int, held: int, scale: float) -> tuple[Cluster, Callable[[], Crowd]]:
    """A cluster of three nodes with all these pods on the first; call the second to serve it."""
    cluster = Cluster("1.12.1", nodes=3, disks=1, root=root, time=scale)
    store = cluster.store

    def open_others(opened: bool) -> None:
        for name in cluster.nodes[1:]:
            store.mutate("nodes", "", name, lambda o: o["spec"].update(unschedulable=not opened))

    open_others(False)
    for name, labels, number in (("free", FREE, free), ("held", HELD, held)):
        body = workloads.workload("ReplicaSet", name, number, workloads.template(labels))
        store.create("replicasets.apps", body)
    store.create("poddisruptionbudgets.policy", workloads.budget("held", HELD, minAvailable=held))
    cluster.kernel.run_for(30)
    open_others(True)
    cluster.kernel.run_for(40)

    def serve() -> Crowd:
        there = [p for p in store.list("pods", "default") if p["spec"].get("nodeName") == NODE]
        sets = {
            app: {uid_of(p) for p in there if labels_of(p) == {"app": app}}
            for app in ("free", "held")
        }
        assert (len(sets["free"]), len(sets["held"])) == (free, held), [name_of(p) for p in there]
        crowd = Crowd(cluster, cluster.serve(), sets["free"], sets["held"])
        crowd.server.call(store.subscribe, crowd._on_event)
        return crowd

    return cluster, serve
