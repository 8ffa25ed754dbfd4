# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small simulated cluster to drain, and the drain as its role runs it, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    disk_names,
    drain_plan,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    drain_steps,
    plan_drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.server import ApiServer

SPACE = "longhorn-system"
SCALE = 40.0
OPTIONS: dict[str, Any] = {
    "repair_entries": False,
    "state": "cordoned",
    "only_ours": True,
    "terminate_grace_period": None,
    "remove_disks": True,
}


@dataclass
class Scene:
    """A cluster that is served, and how to ask it things."""

    cluster: Cluster
    server: ApiServer
    lines: list[str] = field(default_factory=list)

    def work(self, seconds: float = 60.0) -> Work:
        """A step's work, with its own connection."""
        deadline = Deadline(seconds)
        client = connect({"kubeconfig": str(self.server.kubeconfig)}, deadline)
        interrupt = Interrupt()
        return Work(client, find_longhorn(client), deadline, interrupt, Progress(None, interrupt))

    def get(self, resource: str, name: str, namespace: str = SPACE) -> dict[str, Any]:
        """One object, a copy."""
        return dict(self.server.call(self.cluster.store.get, resource, namespace, name))

    def all(self, resource: str) -> list[dict[str, Any]]:
        return list(self.server.call(self.cluster.store.list, resource))

    def keys(self, image: str) -> set[str]:
        """Disks in an image's live placement map."""
        spec = self.get("backingimages.longhorn.io", image)["spec"]
        return set(spec.get(self.cluster.profile.map_field) or {})

    def ready(self, image: str) -> set[str]:
        return set(self.server.call(self.cluster.ready_copies, image))

    def disks(self, node: str) -> set[str]:
        return set(self.server.call(self.cluster.disk_uuids, node))

    def replicas_on(self, node: str) -> list[str]:
        found = self.all("replicas.longhorn.io")
        return sorted(r["metadata"]["name"] for r in found if r["spec"].get("nodeID") == node)

    def writes(self) -> int:
        """Requests of our client that wrote something, as the server counts them."""
        entries = self.server.requests.entries
        return sum(1 for e in list(entries) if e.is_write and "selfsubject" not in e.resource)


@contextmanager
def served(
    version: str,
    root: Path,
    furnish: Callable[[Cluster], None],
    *,
    nodes: int = 3,
    disks: int = 2,
    scale: float = SCALE,
) -> Iterator[Scene]:
    """A cluster of this release, furnished in virtual time, then served in scaled time."""
    cluster = Cluster(version, nodes=nodes, disks=disks, root=root, time=scale)
    try:
        furnish(cluster)
        yield Scene(cluster, cluster.serve())
    finally:
        cluster.close()


def add_volume(cluster: Cluster, name: str, image: str, replicas: int, attach_to: str = "") -> None:
    """A volume; attached by a ticket as a workload's, and healthy, if a node is named."""
    spec = {
        "size": str(64 * 2**20),
        "numberOfReplicas": replicas,
        "backingImage": image,
        "frontend": "blockdev",
        "dataEngine": "v1",
        "accessMode": "rwo",
    }
    store = cluster.store
    store.create(
        "volumes.longhorn.io", {"metadata": {"name": name, "namespace": SPACE}, "spec": spec}
    )

    def status() -> Mapping[str, Any]:
        return dict(store.get("volumes.longhorn.io", SPACE, name).get("status") or {})

    assert cluster.run_until_true(lambda: status().get("state") == "detached"), name
    if not attach_to:
        return
    ticket(cluster, name, "csi-of-a-pod", attach_to, "csi-attacher")
    assert cluster.run_until_true(lambda: status().get("robustness") == "healthy"), name


def ticket(cluster: Cluster, volume: str, id_: str, node: str, kind: str) -> None:
    """Put an attachment ticket."""

    def put(obj: dict[str, Any]) -> None:
        obj["spec"].setdefault("attachmentTickets", {})[id_] = {
            "id": id_,
            "type": kind,
            "nodeID": node,
            "parameters": {"disableFrontend": "false", "lastAttachedBy": ""},
            "generation": 0,
        }

    cluster.store.mutate("volumeattachments.longhorn.io", SPACE, volume, put)


def detach(cluster: Cluster, volume: str) -> None:
    """Take all tickets away and wait until the volume is detached."""

    def take(obj: dict[str, Any]) -> None:
        obj["spec"]["attachmentTickets"] = {}

    cluster.store.mutate("volumeattachments.longhorn.io", SPACE, volume, take)
    assert cluster.run_until_true(
        lambda: (
            cluster.store.get("volumes.longhorn.io", SPACE, volume)["status"]["state"] == "detached"
        )
    )


def plan(scene: Scene, request: Request) -> drain_plan.Plan:
    """The plan, as the role's first task makes it."""
    work = scene.work()
    cluster = plan_drain.read(work.client, work.longhorn, request.node, storage=True)
    request = disk_names.resolved(cluster, request)
    return plan_drain.plan(work.client, cluster, request, writing=True)


STEPS: tuple[tuple[str, drain_steps.Step], ...] = (
    ("begin", drain_steps.begin),
    ("replicas", drain_steps.move_replicas),
    ("images", drain_steps.relocate_images),
    ("cordon", drain_steps.cordon),
    ("pods", drain_steps.evict),
    ("release", drain_steps.release),
)


def drain(
    scene: Scene,
    node: str,
    intent: str,
    *,
    prepare: Callable[[Client], None] = lambda client: None,
    seconds: float = 60.0,
    **options: Any,
) -> dict[str, dict[str, Any]]:
    """The steps of the role in their order, under one lock; results by step, proof last. With
    disk= those of the role that empties one disk.

    prepare: gets every client before it works (to inject something).
    """
    known = {field.name for field in fields(Request)}
    request = Request(
        node, Intent(intent), **{key: value for key, value in options.items() if key in known}
    )
    made = plan(scene, request)
    results: dict[str, dict[str, Any]] = {}
    holder = "test"
    params = {**OPTIONS, **options}
    if made.work:
        steps = STEPS if request.own_mover else (STEPS[0], STEPS[2], *STEPS[1:])
        for name, step in steps:
            if request.disk and name in ("cordon", "pods"):
                continue
            results[name] = _one(scene, step, request, params, holder, prepare, seconds)
        work = scene.work()
        lock = lease.Lease(work.client, holder)
        lock.held = True
        lock.release()
    results["proof"] = drain_steps.prove(scene.work(), request, {"steps": results})
    return results


def dry(scene: Scene, node: str, intent: str) -> dict[str, dict[str, Any]]:
    """Every step in check mode."""
    results: dict[str, dict[str, Any]] = {}
    for name, step in STEPS:
        work = scene.work()
        work.check_mode = True
        results[name] = step(work, Request(node, Intent(intent)), OPTIONS, _never)
    return results


def _never() -> Any:
    raise AssertionError("check mode takes no lock")


def _one(
    scene: Scene,
    step: drain_steps.Step,
    request: Request,
    params: Mapping[str, Any],
    holder: str,
    prepare: Callable[[Client], None],
    seconds: float,
) -> dict[str, Any]:
    work = scene.work(seconds)
    prepare(work.client)

    @contextmanager
    def locked() -> Iterator[Work]:
        work.lease = lease.Lease(work.client, holder, duration_seconds=600)
        work.lease.acquire(5.0)
        with work.reporting():
            yield work

    return step(work, request, params, locked)
