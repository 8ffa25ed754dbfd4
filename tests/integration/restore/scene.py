# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A return as its role runs it, in this process; and what a cluster must look like again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Plan,
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import restore_steps
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.integration.drain.scene import SPACE, Scene, add_volume, detach
from tests.simulator.longhorn.cluster import Cluster

NODES = ("node-1", "node-2", "node-3")
NOTE = "longhorn.nodecare.dev/before"
HOLDER = "test"


def furnish(cluster: Cluster) -> None:
    """Images of one, two and three copies; a volume that has its only replica on node-3, one of two
    replicas, and a detached one.
    """
    one, two, three = (cluster.disk_uuids(node) for node in NODES)
    patient(cluster)
    cluster.create_image("only-here", on=[three[0]])
    cluster.create_image("two", on=[three[1], one[0]])
    cluster.create_image("three", on=[three[0], one[0], two[0]])
    only_on(cluster, {"node-3"})
    add_volume(cluster, "sole", "only-here", 1, attach_to="node-1")
    add_volume(cluster, "quiet", "only-here", 1, attach_to="node-1")
    detach(cluster, "quiet")
    only_on(cluster, {"node-1", "node-3"})
    add_volume(cluster, "pair", "two", 2, attach_to="node-1")
    only_on(cluster, set(NODES))


def patient(cluster: Cluster) -> None:
    """Longhorn waits longer than any test, on however busy a machine, until it replaces a failed
    replica (600 s) or cleans a copy up that nothing uses (60 min).
    """

    def set_it(obj: dict[str, Any]) -> None:
        obj["value"] = "36000"

    for name in ("replica-replenishment-wait-interval", "backing-image-cleanup-wait-interval"):
        cluster.store.mutate("settings.longhorn.io", SPACE, name, set_it)


def only_on(cluster: Cluster, nodes: Collection[str]) -> None:
    """New replicas and copies go to these nodes only."""
    for name in NODES:

        def set_it(obj: dict[str, Any], wanted: bool = name in nodes) -> None:
            obj["spec"]["allowScheduling"] = wanted

        cluster.store.mutate("nodes.longhorn.io", SPACE, name, set_it)


def plan(scene: Scene, node: str, **asked: Any) -> Plan:
    """The plan, as the role's first task makes it."""
    return restore_steps.plan(scene.work(), Request(node, **asked))[1]


def restore(
    scene: Scene,
    node: str,
    *,
    prepare: Callable[[Client], None] = lambda client: None,
    seconds: float = 60.0,
    phases: tuple[str, ...] = tuple(restore_steps.PHASES),
    **asked: Any,
) -> dict[str, dict[str, Any]]:
    """The steps of the role in their order, under one lock; results by phase.

    prepare: gets every client before it works (to inject something).
    """
    made = plan(scene, node, **asked)
    request = made.request
    results: dict[str, dict[str, Any]] = {}
    if not made.work:
        finish = restore_steps.finish(scene.work(), request, {}, unlocked)
        return {"finish": finish}
    for phase in phases:
        work = scene.work(seconds)
        prepare(work.client)

        @contextmanager
        def locked(work: Work = work) -> Iterator[Work]:
            work.lease = lease.Lease(work.client, HOLDER, duration_seconds=600)
            work.lease.acquire(5.0)
            with work.reporting():
                yield work

        step = restore_steps.PHASES[phase]
        results[phase] = step(work, request, {"steps": results}, locked)
    work = scene.work()
    lock = lease.Lease(work.client, HOLDER)
    lock.held = True
    lock.release()
    return results


def unlocked() -> Any:
    """No lock: a step that asks for one had something to write."""
    raise AssertionError("something was to be written")


def state(scene: Scene) -> dict[str, Any]:
    """What a return must give back exactly: specs of nodes, numbers, maps, where replicas are."""
    field = scene.cluster.profile.map_field
    kube = {n["metadata"]["name"]: n["spec"] for n in scene.all("nodes")}
    longhorn = {n["metadata"]["name"]: n["spec"] for n in scene.all("nodes.longhorn.io")}
    return {
        "cordoned": {name: bool(spec.get("unschedulable")) for name, spec in kube.items()},
        "nodes": longhorn,
        "images": {
            i["metadata"]["name"]: i["spec"][field] for i in scene.all("backingimages.longhorn.io")
        },
        "minimum": {
            i["metadata"]["name"]: i["spec"].get("minNumberOfCopies")
            for i in scene.all("backingimages.longhorn.io")
        },
        "volumes": {
            v["metadata"]["name"]: v["spec"]["numberOfReplicas"]
            for v in scene.all("volumes.longhorn.io")
        },
        "replicas": sorted(r["metadata"]["name"] for r in scene.all("replicas.longhorn.io")),
        "tickets": {
            a["metadata"]["name"]: sorted(a["spec"].get("attachmentTickets") or {})
            for a in scene.all("volumeattachments.longhorn.io")
        },
        "notes": notes(scene),
    }


def notes(scene: Scene) -> list[str]:
    """Objects that carry our note."""
    kinds = ("nodes", "nodes.longhorn.io", "backingimages.longhorn.io", "volumes.longhorn.io")
    return sorted(
        f"{kind}/{item['metadata']['name']}"
        for kind in kinds
        for item in scene.all(kind)
        if NOTE in (item["metadata"].get("annotations") or {})
    )


def robustness(scene: Scene, volume: str) -> str:
    status = scene.get("volumes.longhorn.io", volume)["status"]
    return str(status.get("robustness"))


def wait(scene: Scene, condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll, in real seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


def ready(scene: Scene, node: str) -> bool:
    """Whether the core node is Ready."""
    found = scene.get("nodes", node, "")["status"]["conditions"]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in found)


def power_cycle(scene: Scene, node: str, between: Callable[[], None] = lambda: None) -> None:
    """Off until Kubernetes has noticed, something in between, and on again."""
    scene.server.call(scene.cluster.power_off, node)
    wait(scene, lambda: not ready(scene, node))
    scene.server.call(between)
    scene.server.call(scene.cluster.power_on, node)


def wipe(scene: Scene, node: str) -> None:
    """New file systems on all disks of a node (call it in the server's thread)."""
    for disk in scene.cluster.workers[node].disks.values():
        disk.wipe()


def cordon(scene: Scene, node: str) -> None:
    """The operator cordons it himself."""

    def close(obj: dict[str, Any]) -> None:
        obj["spec"]["unschedulable"] = True

    scene.server.call(scene.cluster.store.mutate, "nodes", "", node, close)


def patch_node(scene: Scene, node: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Somebody edits the Longhorn node."""
    scene.server.call(scene.cluster.store.mutate, "nodes.longhorn.io", SPACE, node, edit)
