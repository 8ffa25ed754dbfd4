# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drain that is undone half-way, or after its end: what is ours goes back, what moved is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from tests.integration.drain.scene import SPACE, add_volume, drain, served
from tests.integration.drain.trap_scene import IMAGES, NODES, REPLICAS, VOLUMES, Trap, trap
from tests.integration.restore.scene import furnish, notes, restore, robustness, state
from tests.simulator.objects import name_of
from tests.stepped.transport import Killed, Write

NUMBERS = {"sole": 1, "quiet": 1, "pair": 2}


def stop_before(deletes: bool) -> Callable[[Client], None]:
    """Kill the drain right before it deletes its first replica, or, with deletes=False, right
    after it has raised the numbers of the volumes.
    """
    raised = [0]

    def prepare(client: Client) -> None:
        send = client._write

        def write(method: str, what: Kind, *args: Any, **kwargs: Any) -> Any:
            if deletes and method == "DELETE" and what is kinds.REPLICAS:
                raise Killed
            if not deletes and raised[0] == 2:
                raise Killed
            raised[0] += what is kinds.VOLUMES
            return send(method, what, *args, **kwargs)

        vars(client)["_write"] = write

    return prepare


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
@pytest.mark.parametrize("deletes", [False, True])
def test_a_drain_cancelled_before_anything_left_is_undone_exactly(
    version: str, deletes: bool, tmp_path: Path
) -> None:
    with served(version, tmp_path, furnish) as scene:
        before = state(scene)
        with pytest.raises(Killed):
            drain(scene, "node-3", "remove", prepare=stop_before(deletes))
        assert not state(scene)["nodes"]["node-3"]["allowScheduling"]
        results = restore(scene, "node-3", cancel=True)
        assert results["finish"]["report"][0] == "the drain of node-3 is undone"
        after = state(scene)
        for what, value in before.items():
            assert after[what] == value, what
        assert robustness(scene, "sole") == robustness(scene, "pair") == "healthy"
        writes = scene.writes()
        restore(scene, "node-3", cancel=True)
        assert scene.writes() == writes


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_finished_drain_is_undone_as_far_as_it_can_be(version: str, tmp_path: Path) -> None:
    """The disks are back under their names and UUIDs; replicas and copies stay where they went."""
    with served(version, tmp_path, furnish) as scene:
        before, disks = state(scene), scene.disks("node-3")
        drain(scene, "node-3", "remove")
        moved = state(scene)
        restore(scene, "node-3", cancel=True)
        after = state(scene)
        assert after["nodes"] == before["nodes"] and after["cordoned"] == before["cordoned"]
        assert scene.disks("node-3") == disks
        assert after["images"] == moved["images"] and after["replicas"] == moved["replicas"]
        assert after["volumes"] == before["volumes"] and after["tickets"] == before["tickets"]
        assert notes(scene) == []


def entries(scene: Trap) -> dict[str, dict[str, Any]]:
    """The placement maps by image."""
    return {name_of(image): scene.keys(name_of(image)) for image in scene.store.list(IMAGES)}


def evicting(scene: Trap) -> list[str]:
    """Replicas whose eviction is requested."""
    return [name_of(r) for r in scene.store.list(REPLICAS) if r["spec"].get("evictionRequested")]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_longhorns_own_eviction_is_cancelled(longhorn: str, begun: bool, tmp_path: Path) -> None:
    """What has begun finishes. No flag is left, every image has as many copies as it asks for, each
    key that went is named, and each replica that is one too many. Before Longhorn's first beat
    nothing has begun, and all is as it was.
    """
    with trap(longhorn, tmp_path, disks=2) as scene:
        furnish(scene.cluster)
        before, node = entries(scene), scene.spec(NODES, "node-3")
        replicas = [name_of(replica) for replica in scene.store.list(REPLICAS)]
        wanted = {n: scene.spec(IMAGES, n).get("minNumberOfCopies", len(before[n])) for n in before}
        scene.kill_when(lambda: bool(scene.spec(NODES, "node-3")["evictionRequested"]))
        with pytest.raises(Killed):
            scene.drain("node-3", own_mover=False)
        if begun:
            assert scene.until(lambda: bool(evicting(scene)))
        else:
            assert evicting(scene) == []
        # Nobody waits for the lock of the run that was killed: Longhorn would go on meanwhile.
        scene.store.delete("leases.coordination.k8s.io", SPACE, lease.NAME)
        results = scene.cancel("node-3")
        assert scene.spec(NODES, "node-3") == node
        assert evicting(scene) == [] and all(not scene.flagged(image) for image in before)
        disks = scene.read("node-3").disks
        gone = {
            (image, disks[disk].label)
            for image, keys in before.items()
            for disk in set(keys) - set(scene.keys(image))
        }
        assert {(m["image"], m["disk"]) for m in results["images"]["moved"]} == gone
        assert bool(gone) is (begun and longhorn == "1.12.1"), "up to 1.6 no key is ever taken"
        for image in before:
            assert scene.ready(image) >= wanted[image], image
        if not begun:
            assert entries(scene) == before
            assert [name_of(replica) for replica in scene.store.list(REPLICAS)] == replicas
        volumes = {name_of(v): v for v in scene.store.list(VOLUMES)}
        assert {n: v["spec"]["numberOfReplicas"] for n, v in volumes.items()} == NUMBERS
        assert all(volumes[n]["status"]["robustness"] == "healthy" for n in ("sole", "pair"))
        surplus = results["finish"]["volumes_surplus"]
        count = Counter(r["spec"]["volumeName"] for r in scene.store.list(REPLICAS))
        assert surplus == sorted(name for name, number in NUMBERS.items() if count[name] > number)
        assert count.total() == sum(NUMBERS.values()) + len(surplus)
        assert begun or not surplus


def test_flags_of_copies_go_before_the_wait_for_longhorns_beat(tmp_path: Path) -> None:
    """A copy whose flag stands goes as soon as another one is ready."""
    with trap("1.12.1", tmp_path, nodes=2) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-2")])
        add_volume(scene.cluster, "db", "base", 2, attach_to="node-1")
        scene.edit(NODES, "node-1", lambda obj: obj["spec"].update(allowScheduling=False))
        scene.kill_when(lambda: bool(scene.spec(NODES, "node-2")["evictionRequested"]))
        with pytest.raises(Killed):
            scene.drain("node-2", own_mover=False)
        assert scene.until(lambda: scene.flagged("base") != [], 60)
        scene.store.delete("leases.coordination.k8s.io", SPACE, lease.NAME)
        seen: list[tuple[bool, bool]] = []

        def look(write: Write, when: str) -> None:
            if when == "after" and str(write) == "PATCH backingimages/base":
                seen.append((scene.flagged("base") == [], evicting(scene) == []))

        scene.session.wire.at_write = look
        scene.cancel("node-2")
        assert seen[0] == (True, False), "cleared while the replicas' flags still stand"
