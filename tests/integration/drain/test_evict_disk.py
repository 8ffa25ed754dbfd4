# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One disk emptied over HTTP, both generations: what leaves, where it goes, what stays as it was.

That replicas go to other nodes and never to the other disk of their own is recorded in
*/w3-evict-disk-two-disks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import disk_names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import plan_drain
from tests.integration.drain.scene import SPACE, Scene, add_volume, drain, plan, served
from tests.integration.drain.test_drain import Killed, killed_after
from tests.integration.restore.scene import only_on, restore, state
from tests.simulator.longhorn.cluster import Cluster

GENERATIONS = ["1.6.4", "1.12.1"]
NOTE = "longhorn.nodecare.dev/"


def furnish(cluster: Cluster) -> None:
    """On the first disk of node-3: a sole copy, one of two copies under a replica, and that
    replica; a copy on its second disk that must not be touched.
    """
    one, two, three = (cluster.disk_uuids(f"node-{n}") for n in (1, 2, 3))
    cluster.create_image("sole", on=[three[0]])
    cluster.create_image("used", on=[three[0], one[0]])
    cluster.create_image("beside", on=[three[1], two[0]])
    close_all_but(cluster, {"node-1": 0, "node-3": 0})
    add_volume(cluster, "db", "used", 2, attach_to="node-1")
    only_on(cluster, {"node-1", "node-2", "node-3"})
    close_all_but(cluster, {})


def close_all_but(cluster: Cluster, kept: dict[str, int]) -> None:
    """New replicas go to these disks (number by node) only; with none named, to any."""
    for node in ("node-1", "node-2", "node-3"):

        def edit(obj: dict[str, Any], node: str = node) -> None:
            for number, disk in enumerate(sorted(obj["spec"]["disks"])):
                open_now = not kept or kept.get(node) == number
                obj["spec"]["disks"][disk]["allowScheduling"] = open_now

        cluster.store.mutate("nodes.longhorn.io", SPACE, node, edit)
    cluster.kernel.run_for(40)


def first_disk(scene: Scene) -> tuple[str, str]:
    """Name and UUID of the disk that is emptied."""
    known = scene.get("nodes.longhorn.io", "node-3")["status"]["diskStatus"]
    name = sorted(known)[0]
    return name, known[name]["diskUUID"]


def on_disk(scene: Scene, uuid: str) -> list[str]:
    found = scene.all("replicas.longhorn.io")
    return sorted(r["metadata"]["name"] for r in found if r["spec"].get("diskID") == uuid)


def places(scene: Scene, volume: str) -> list[str]:
    found = scene.all("replicas.longhorn.io")
    return sorted(r["spec"]["nodeID"] for r in found if r["spec"]["volumeName"] == volume)


def noted(scene: Scene) -> list[str]:
    """Objects with one of our notes."""
    kinds = ("nodes", "nodes.longhorn.io", "backingimages.longhorn.io", "volumes.longhorn.io")
    return [
        f"{kind}/{item['metadata']['name']}"
        for kind in kinds
        for item in scene.all(kind)
        if any(key.startswith(NOTE) for key in item["metadata"].get("annotations") or {})
    ]


@pytest.mark.parametrize("version", GENERATIONS)
@pytest.mark.parametrize("own", [True, False], ids=["own", "longhorn"])
def test_a_disk_is_emptied_and_its_sister_is_not(version: str, own: bool, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        name, uuid = first_disk(scene)
        assert on_disk(scene, uuid), "a replica is on it"
        beside = scene.keys("beside")
        results = drain(scene, "node-3", "remove", disk=name, remove_disks=False, own_mover=own)
        assert results["proof"]["outcome"] == "safe to take the disk out"
        assert on_disk(scene, uuid) == []
        for image, wanted in (("sole", 1), ("used", 2)):
            assert uuid not in scene.keys(image)
            assert len(scene.ready(image)) >= wanted, image
        assert scene.keys("beside") == beside, "the other disk is left alone"
        assert places(scene, "db") == ["node-1", "node-2"], "not to the other disk of its node"
        volume = scene.get("volumes.longhorn.io", "db")
        assert volume["spec"]["numberOfReplicas"] == 2
        assert volume["status"]["robustness"] == "healthy"
        node = scene.get("nodes.longhorn.io", "node-3")["spec"]
        assert node["allowScheduling"] and not node["evictionRequested"]
        assert not node["disks"][name]["allowScheduling"]
        assert not node["disks"][name]["evictionRequested"]
        assert not scene.get("nodes", "node-3", "")["spec"].get("unschedulable")
        assert noted(scene) == ["nodes.longhorn.io/node-3"]
        before = scene.writes()
        again = drain(scene, "node-3", "remove", disk=name, remove_disks=False, own_mover=own)
        assert list(again) == ["proof"] and scene.writes() == before

        taken = drain(scene, "node-3", "remove", disk=name)
        assert taken["release"]["disks_removed"] == [name]
        assert list(scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"]) != [name]
        assert len(scene.get("nodes.longhorn.io", "node-3")["status"]["diskStatus"]) == 1
        before = scene.writes()
        assert list(drain(scene, "node-3", "remove", disk=uuid)) == ["proof"]
        assert scene.writes() == before


@pytest.mark.parametrize("version", GENERATIONS)
def test_an_eviction_killed_at_any_write_is_finished_by_the_next(
    version: str, tmp_path: Path
) -> None:
    with served(version, tmp_path, furnish) as scene:
        name, uuid = first_disk(scene)
        for budget in range(40):
            prepare, _sent = killed_after(1 + budget % 3)
            try:
                proof = drain(scene, "node-3", "remove", disk=name, prepare=prepare)["proof"]
            except Killed:
                continue
            break
        else:
            pytest.fail("40 runs did not finish it")
        assert budget > 2 and proof["outcome"] == "safe to take the disk out"
        assert scene.get("volumes.longhorn.io", "db")["spec"]["numberOfReplicas"] == 2
        assert on_disk(scene, uuid) == [] and places(scene, "db") == ["node-1", "node-2"]
        assert noted(scene) == ["nodes.longhorn.io/node-3"]


def refused(scene: Scene, disk: str, node: str = "node-3") -> str:
    with pytest.raises(plan_drain.BadInput) as error:
        plan(scene, Request(node, Intent.REMOVE, disk=disk))
    return str(error.value)


def test_what_is_named_must_be_there_and_what_must_stay_stops_it(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        name, uuid = first_disk(scene)
        path = scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"][name]["path"]
        for asked in (name, uuid, path, f"{path}/"):
            assert plan(scene, Request("node-3", Intent.REMOVE, disk=asked)).request.disk == uuid
        said = refused(scene, "nvme9")
        assert "node-3 has no disk 'nvme9'" in said and name in said and path in said
        said = refused(scene, disk_names.NOT_NAMED)
        assert said.startswith("Name the disk of node-3: -e disk=") and name in said
        assert "There is no node node-9" in refused(scene, name, "node-9")

        scene.server.call(scene.cluster.store.mutate, "nodes", "", "node-2", _cordon)
        found = plan(scene, Request("node-3", Intent.REMOVE, disk=name)).stopping
        told = {blocker.rule: blocker for blocker in found}
        assert "no_node_for_replica" in told
        assert "moves no replica between the disks of a node" in told["no_node_for_replica"].remedy


def _cordon(obj: dict[str, Any]) -> None:
    obj["spec"]["unschedulable"] = True


@pytest.mark.parametrize("version", GENERATIONS)
def test_an_eviction_is_undone_wherever_it_stands(version: str, tmp_path: Path) -> None:
    """Half-way everything is as before; from a finished one the disk is back, and what moved stays
    where it is.
    """
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        name, uuid = first_disk(scene)
        prepare, _sent = killed_after(6)
        with pytest.raises(Killed):
            drain(scene, "node-3", "remove", disk=name, prepare=prepare)
        assert scene.get("volumes.longhorn.io", "db")["spec"]["numberOfReplicas"] == 3
        undone = restore(scene, "node-3", cancel=True, disk=name)
        assert f"the eviction of node-3/{name} is undone" in undone["finish"]["report"][0]
        assert state(scene) == before and noted(scene) == []

        drain(scene, "node-3", "remove", disk=name)
        assert name not in scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"]
        restore(scene, "node-3", cancel=True, disk=name)
        after = state(scene)
        assert after["nodes"] == before["nodes"] and after["volumes"] == before["volumes"]
        assert scene.disks("node-3") >= {uuid}, "longhorn-disk.cfg kept its UUID"
        assert noted(scene) == []
        assert uuid not in scene.keys("sole") and scene.ready("sole")
        writes = scene.writes()
        restore(scene, "node-3", cancel=True, disk=name)
        assert scene.writes() == writes


@pytest.mark.parametrize("version", GENERATIONS)
def test_longhorns_eviction_of_a_disk_is_cancelled_in_two_steps(
    version: str, tmp_path: Path
) -> None:
    """First the flag, then scheduling (one write for both makes a replica too many, rec:
    v1.6.4/v12). What is moving already arrives, nothing is lost, no flag and no note stays.
    """

    def stop_after_the_flag(client: Client) -> None:
        patch = client.patch_json

        def patched(*args: Any, **kwargs: Any) -> Any:
            answer = patch(*args, **kwargs)
            disks = (answer.get("spec") or {}).get("disks")
            entries = disks.values() if isinstance(disks, dict) else ()
            if any(isinstance(e, dict) and e.get("evictionRequested") for e in entries):
                raise Killed
            return answer

        vars(client)["patch_json"] = patched

    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        name, _uuid = first_disk(scene)
        with pytest.raises(Killed):
            drain(
                scene,
                "node-3",
                "remove",
                disk=name,
                own_mover=False,
                prepare=stop_after_the_flag,
            )
        flagged = scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"][name]
        assert flagged["evictionRequested"] and not flagged["allowScheduling"]
        restore(scene, "node-3", cancel=True, disk=name)
        after = state(scene)
        assert after["nodes"] == before["nodes"] and after["volumes"] == before["volumes"]
        assert len(after["replicas"]) == len(before["replicas"]) and noted(scene) == []
        assert all(scene.ready(image) for image in ("sole", "used", "beside"))
        for image in after["images"].values():
            assert not any(isinstance(e, dict) and e["evictionRequested"] for e in image.values())
        held = [r for r in scene.all("replicas.longhorn.io") if r["spec"].get("evictionRequested")]
        assert held == []


def test_a_disk_taken_into_use_again_by_hand_is_noted_anew(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        name, uuid = first_disk(scene)
        drain(scene, "node-3", "remove", disk=name, remove_disks=False)

        def reopen(obj: dict[str, Any]) -> None:
            obj["spec"]["disks"][name].update(allowScheduling=True, tags=["slow"])

        scene.server.call(scene.cluster.store.mutate, "nodes.longhorn.io", SPACE, "node-3", reopen)
        drain(scene, "node-3", "remove", disk=name)
        restore(scene, "node-3", cancel=True, disk=uuid)
        entry = scene.get("nodes.longhorn.io", "node-3")["spec"]["disks"][name]
        assert entry["tags"] == ["slow"] and entry["allowScheduling"]
