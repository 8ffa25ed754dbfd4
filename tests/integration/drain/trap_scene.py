# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of a given release in virtual time, an operator who does it by hand, and our drain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import drain_plan
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster as Model,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Request as Return,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import plan_drain
from tests.crash.observer import Observer
from tests.integration.drain.scene import SPACE
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import Object, condition
from tests.stepped.session import Results, Session, session
from tests.stepped.transport import Killed, Write

IMAGES = "backingimages.longhorn.io"
NODES = "nodes.longhorn.io"
VOLUMES = "volumes.longhorn.io"
REPLICAS = "replicas.longhorn.io"


class Trap:
    """One cluster; what an operator does by hand, and what the collection does."""

    def __init__(self, made: Session) -> None:
        self.session = made
        self.cluster = made.cluster
        self.store = made.cluster.store
        self.kernel = made.kernel

    # -- by hand -------------------------------------------------------------------------------
    def edit(self, kind: str, name: str, change: Callable[[Object], None], ns: str = SPACE) -> None:
        """kubectl edit."""
        self.store.mutate(kind, ns, name, change)

    def evict_by_flag(self, node: str, on: bool = True) -> None:
        """The node's eviction flag, with scheduling off before it."""

        def flag(obj: Object) -> None:
            if on:
                obj["spec"]["allowScheduling"] = False
            obj["spec"]["evictionRequested"] = on

        self.edit(NODES, node, flag)

    def setting(self, name: str, value: str) -> None:
        """Change a setting."""
        self.edit("settings.longhorn.io", name, lambda obj: obj.update(value=value))

    def cordon(self, node: str) -> None:
        """kubectl cordon."""
        self.edit("nodes", node, lambda obj: obj["spec"].update(unschedulable=True), "")

    # -- looking -------------------------------------------------------------------------------
    def spec(self, kind: str, name: str, ns: str = SPACE) -> dict[str, Any]:
        """What is wanted of an object."""
        return dict(self.store.get(kind, ns, name)["spec"])

    def until(self, holds: Callable[[], bool], seconds: float = 300.0) -> bool:
        """Run until it holds; False if it never does."""
        return self.cluster.run_until_true(holds, seconds)

    def never(self, holds: Callable[[], bool], seconds: float) -> bool:
        """True if it does not hold at any moment of this time."""
        return not self.until(holds, seconds)

    def keys(self, image: str) -> dict[str, Any]:
        """The live placement map."""
        spec = self.store.get(IMAGES, SPACE, image)["spec"]
        return dict(spec.get(self.cluster.profile.map_field) or {})

    def flagged(self, image: str) -> list[str]:
        """Disks whose copy is asked to go."""
        return [k for k, e in self.keys(image).items() if e and e.get("evictionRequested")]

    def ready(self, image: str) -> int:
        """How many copies are ready."""
        return len(self.cluster.ready_copies(image))

    def disk(self, node: str) -> str:
        """UUID of the node's first disk."""
        return self.cluster.disk_uuids(node)[0]

    def node_status(self, node: str, what: str) -> tuple[str, str]:
        """Status and reason of a condition of the Longhorn node."""
        found = condition(self.store.get(NODES, SPACE, node), what) or {}
        return str(found.get("status")), str(found.get("reason") or "")

    def lowest(self, image: str) -> list[int]:
        """A list that always ends with the lowest number of ready copies since now."""
        seen = [self.ready(image)]

        def look(event: WatchEvent) -> None:
            if event.res == IMAGES and event.obj["metadata"]["name"] == image:
                seen.append(min(seen[-1], self.ready(image)))

        self.store.subscribe(look)
        return seen

    def observer(self, node: str) -> Observer:
        """Somebody who notes whatever breaks a rule from now on."""
        return Observer(self.cluster, node)

    # -- ours ----------------------------------------------------------------------------------
    def drain(self, node: str, intent: str = "remove", **asked: Any) -> Results:
        """Our drain."""
        repair = bool(asked.get("repair_entries"))
        return self.session.drain(Request(node, Intent(intent), **asked), repair_entries=repair)

    def cancel(self, node: str) -> Results:
        """Our undoing of a drain."""
        return self.session.restore(Return(node, cancel=True))

    def plan(self, node: str, **asked: Any) -> drain_plan.Plan:
        """Our plan to remove the node."""
        request = Request(node, Intent.REMOVE, **asked)
        return plan_drain.plan(self.session.work().client, self.read(node), request, writing=True)

    def read(self, node: str) -> Model:
        """The cluster as our plan reads it."""
        work = self.session.work()
        return plan_drain.read(work.client, work.longhorn, node)

    def kill_when(self, holds: Callable[[], bool]) -> None:
        """Our next run dies with the write that makes this true."""

        def die(_write: Write, when: str) -> None:
            if when == "after" and holds():
                self.session.wire.at_write = lambda write, when: None
                raise Killed

        self.session.wire.at_write = die

    def wrote(self, *parts: str) -> list[str]:
        """Our writes with all these parts in their path."""
        return [str(w) for w in self.session.wire.writes if all(part in str(w) for part in parts)]


@contextmanager
def trap(longhorn: str, root: Path, *, nodes: int = 3, disks: int = 1) -> Iterator[Trap]:
    """A cluster of this release."""
    cluster = Cluster(longhorn, nodes=nodes, disks=disks, root=root)
    try:
        with session(cluster) as made:
            yield Trap(made)
    finally:
        cluster.close()
