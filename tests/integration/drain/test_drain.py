# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole drains over HTTP on a simulated cluster, both generations of the placement map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import evict_by_flags
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.scene import Scene, add_volume, detach, drain, dry, plan, served
from tests.simulator.longhorn.cluster import Cluster

GENERATIONS = ["1.6.4", "1.7.3", "1.12.1"]


def furnish(cluster: Cluster) -> None:
    """Images with one, two and three copies, two volumes, most of it on node-3."""
    one, two, three = (cluster.disk_uuids(f"node-{n}") for n in (1, 2, 3))
    cluster.create_image("only-here", on=[three[0]])
    cluster.create_image("two", on=[three[1], one[0]])
    cluster.create_image("three", on=[three[0], one[0], two[0]])
    cluster.create_image("elsewhere", on=[two[1]])
    add_volume(cluster, "attached", "two", 2, attach_to="node-1")
    add_volume(cluster, "sole", "only-here", 1, attach_to="node-2")


def whole(scene: Scene, intent: str) -> None:
    """No image and no volume has lost anything; a node that is to reboot keeps its replicas, which
    have failed with their instance manager, so volumes are degraded until it is back.
    """
    calm = ("healthy", "unknown", "degraded") if intent == "reboot" else ("healthy", "unknown")
    for image in ("only-here", "two", "three", "elsewhere"):
        assert scene.ready(image), image
    for volume in ("attached", "sole"):
        status = scene.get("volumes.longhorn.io", volume)["status"]
        assert status["robustness"] in calm, volume


RUNS = [(version, intent) for version in GENERATIONS for intent in ("remove", "reboot")]


@pytest.mark.parametrize(
    ("version", "intent"), [*RUNS, ("1.6.4", "reinstall"), ("1.12.1", "reinstall")]
)
def test_a_drain_ends_with_its_proof(version: str, intent: str, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        ours = scene.disks("node-3")
        results = drain(scene, "node-3", intent)
        proof = results["proof"]
        assert proof["safe_to"][intent], proof["report"]
        assert proof["cordoned"]
        whole(scene, intent)
        told = proof["outcome"]
        if intent != "reboot":
            assert told == "safe to reboot, reinstall or remove"
            assert scene.replicas_on("node-3") == []
            for image in ("only-here", "two", "three"):
                assert not scene.keys(image) & ours
            assert len(scene.ready("three")) == 3
            assert len(scene.ready("two")) >= 2
            assert scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"] == {}
        else:
            assert told.startswith("safe to reboot; NOT safe to reinstall or remove: 3 copies")
            assert told.endswith("remain")
            assert scene.get("nodes.longhorn.io", "node-3")["spec"]["allowScheduling"]
            assert scene.keys("two") & ours
        before = scene.writes()
        again = drain(scene, "node-3", intent)
        assert list(again) == ["proof"]
        assert scene.writes() == before, "a second run on a finished job wrote something"


class Killed(BaseException):
    """The process was killed here."""


def killed_after(writes: int) -> tuple[Callable[[Client], None], Callable[[], int]]:
    """Kill the run when it wants to send the write after the n-th; and how many were sent."""
    sent = [0]

    def prepare(client: Client) -> None:
        send = client._write

        def write(*args: Any, **kwargs: Any) -> Any:
            if sent[0] >= writes:
                raise Killed
            sent[0] += 1
            return send(*args, **kwargs)

        vars(client)["_write"] = write

    return prepare, lambda: sent[0]


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_run_killed_at_any_write_is_finished_by_the_next(version: str, tmp_path: Path) -> None:
    """Killed after 1, 2, 3 ... writes in a row: every run goes on from what the last one left."""
    with served(version, tmp_path, furnish) as scene:
        before = {v["metadata"]["name"]: v["spec"]["numberOfReplicas"] for v in volumes(scene)}
        ours = scene.disks("node-3")
        for budget in range(1, 60):
            prepare, sent = killed_after(1 + budget % 4)
            try:
                proof = drain(scene, "node-3", "remove", prepare=prepare)["proof"]
            except Killed:
                assert sent() == 1 + budget % 4
                continue
            break
        else:
            pytest.fail("59 runs did not finish the drain")
        assert budget > 3
        assert proof["safe_to"]["remove"], proof["report"]
        whole(scene, "remove")
        after = {v["metadata"]["name"]: v["spec"]["numberOfReplicas"] for v in volumes(scene)}
        assert after == before
        for image in ("only-here", "two", "three"):
            assert not scene.keys(image) & ours
        for kind in ("volumes.longhorn.io", "backingimages.longhorn.io"):
            notes = [o["metadata"].get("annotations") or {} for o in scene.all(kind)]
            assert not any("longhorn.nodecare.dev/before" in note for note in notes), kind


def volumes(scene: Scene) -> list[dict[str, Any]]:
    return scene.all("volumes.longhorn.io")


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_detached_volume_is_attached_for_the_move_and_detached_again(
    version: str, tmp_path: Path
) -> None:
    def detached(cluster: Cluster) -> None:
        three = cluster.disk_uuids("node-3")
        cluster.create_image("base", on=[three[0]])
        # Two replicas on three nodes; whichever node holds one is drained.
        add_volume(cluster, "quiet", "base", 2, attach_to="node-2")
        detach(cluster, "quiet")

    with served(version, tmp_path, detached) as scene:
        found = scene.all("replicas.longhorn.io")
        node = next(r["spec"]["nodeID"] for r in found if r["spec"]["nodeID"] != "node-2")
        results = drain(scene, node, "remove")
        assert results["replicas"]["attached_for_it"] == ["quiet"]
        assert results["proof"]["safe_to"]["remove"], results["proof"]["report"]
        volume = scene.get("volumes.longhorn.io", "quiet")
        assert volume["spec"]["numberOfReplicas"] == 2
        tickets = scene.get("volumeattachments.longhorn.io", "quiet")["spec"]["attachmentTickets"]
        assert tickets == {}
        nodes = {r["spec"]["nodeID"] for r in scene.all("replicas.longhorn.io")}
        assert len(nodes) == 2 and node not in nodes


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_longhorns_own_eviction_moves_replicas_too(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        results = drain(scene, "node-3", "remove", own_mover=False)
        assert results["proof"]["safe_to"]["remove"], results["proof"]["report"]
        whole(scene, "remove")
        assert not scene.get("nodes.longhorn.io", "node-3")["spec"]["evictionRequested"]
        for kind in ("volumes.longhorn.io", "backingimages.longhorn.io"):
            notes = [o["metadata"].get("annotations") or {} for o in scene.all(kind)]
            assert not any("longhorn.nodecare.dev/before" in note for note in notes), kind


@pytest.mark.parametrize("disk", ["", "first"], ids=["node", "disk"])
@pytest.mark.parametrize("version", ["1.7.3", "1.12.1"])
def test_longhorns_eviction_is_refused_where_it_is_not_safe(
    version: str, disk: str, tmp_path: Path
) -> None:
    """1.7.3 crashes the manager and takes copies from running replicas; no version for a reboot."""
    with served(version, tmp_path, furnish) as scene:
        if disk:
            disk = min(scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"])
        refused = "crashes the manager of an evicted node" if version == "1.7.3" else ""
        remove = Request("node-3", Intent.REMOVE, own_mover=False, disk=disk)
        stops = {found.rule: found for found in plan(scene, remove).stopping}
        assert ("mover" in stops) == bool(refused)
        if refused:
            assert refused in stops["mover"].reason
            with pytest.raises(Stopped, match=refused):
                evict_by_flags.evict(scene.work(), remove)
        reboot = Request("node-3", Intent.REBOOT, own_mover=False)
        assert "mover" in {found.rule for found in plan(scene, reboot).stopping}
        before = scene.writes()
        with pytest.raises(Stopped):
            evict_by_flags.evict(scene.work(), reboot)
        assert scene.writes() == before


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_drain_bears_a_server_that_fails_now_and_then(version: str, tmp_path: Path) -> None:
    """Conflicts, overload, 500 and 503, answers and watches cut in the middle: all are injected,
    the drain still ends with its proof, and nothing is done twice.
    """
    with served(version, tmp_path, furnish) as scene:
        add = scene.server.faults.add
        faults = [
            scene.server.call(add, action="error", status=409, verb="patch", nth=2, times=2),
            scene.server.call(add, action="error", status=503, verb="patch", nth=6, times=1),
            scene.server.call(add, action="error", status=429, verb="list", nth=9, times=2),
            scene.server.call(add, action="error", status=500, verb="list", nth=25, times=1),
            scene.server.call(add, action="cut", verb="patch", nth=9, times=1),
            scene.server.call(
                add, action="cut", verb="watch", resource="backingimages", times=2, seconds=0.2
            ),
            scene.server.call(add, action="refuse", verb="delete", times=1),
        ]
        results = drain(scene, "node-3", "remove")
        assert results["proof"]["safe_to"]["remove"], results["proof"]["report"]
        whole(scene, "remove")
        for volume, number in (("attached", 2), ("sole", 1)):
            assert scene.get("volumes.longhorn.io", volume)["spec"]["numberOfReplicas"] == number
            held = [
                r for r in scene.all("replicas.longhorn.io") if r["spec"]["volumeName"] == volume
            ]
            assert len(held) == number
        injected = [fault.injected for fault in faults]
        assert sum(1 for count in injected if count) >= 5, injected


def test_check_mode_tells_each_step_and_writes_nothing(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        before = scene.writes()
        told = dry(scene, "node-3", "remove")
        assert scene.writes() == before
        assert all(step["changed"] for name, step in told.items() if name != "replicas")
        removed = {(key["image"], key["disk_uuid"]) for key in told["release"]["keys_removed"]}
        ours = scene.disks("node-3")
        assert removed == {
            (image, disk)
            for image in ("only-here", "two", "three")
            for disk in scene.keys(image) & ours
        }
        assert len(told["release"]["disks_removed"]) == 2
        assert bool(told["replicas"]["raised"]) == bool(scene.replicas_on("node-3"))
        assert told["images"]["copies_made"] and told["pods"]["evicted"]
        assert told["cordon"]["cordoned"] and told["begin"]["closed"]
