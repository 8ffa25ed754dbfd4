# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Longhorn and others do between our reading and our write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.scene import SPACE, add_volume, detach
from tests.integration.drain.trap_scene import IMAGES, NODES, REPLICAS, VOLUMES, Trap, trap
from tests.simulator.history import WatchEvent
from tests.simulator.objects import Object, name_of
from tests.stepped.transport import Write


def right_before(
    scene: Trap, number: int, path: str, do: Callable[[], None], *, every: bool = False
) -> None:
    """When the n-th of our writes to this object has left and has not arrived; every: and each time
    after that.
    """
    seen: list[Write] = []

    def look(write: Write, when: str) -> None:
        if when == "before" and str(write) == f"PATCH {path}":
            seen.append(write)
            if len(seen) == number or (every and len(seen) > number):
                do()

    scene.session.wire.at_write = look


def only_on(scene: Trap, *nodes: str) -> None:
    """New replicas and copies go to these nodes only."""
    for name in scene.cluster.nodes:
        wanted = name in nodes
        scene.edit(NODES, name, lambda o, wanted=wanted: o["spec"].update(allowScheduling=wanted))


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_a_key_that_comes_meanwhile_is_no_reason_for_another(longhorn: str, tmp_path: Path) -> None:
    """Longhorn, or a replica that starts, adds the copy that was missing right before we do."""
    with trap(longhorn, tmp_path, nodes=4) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-4")])

        def key(obj: Object) -> None:
            add_key(scene, obj, scene.disk("node-2"))

        # The first one notes the map.
        right_before(scene, 2, "backingimages/base", lambda: scene.edit(IMAGES, "base", key))
        result = scene.drain("node-4")
        assert result["proof"]["safe_to"]["remove"]
        assert set(scene.keys("base")) == {scene.disk("node-2")}
        assert result["images"]["copies_made"] == []


def test_a_volume_that_is_deleted_meanwhile_is_no_failure(tmp_path: Path) -> None:
    with trap("1.12.1", tmp_path) as scene:
        only_on(scene, "node-3")
        add_volume(scene.cluster, "db", "", 1, attach_to="node-1")
        only_on(scene, *scene.cluster.nodes)

        def delete() -> None:
            scene.store.delete(VOLUMES, SPACE, "db")
            assert scene.until(lambda: scene.store.find(VOLUMES, SPACE, "db") is None)

        right_before(scene, 1, "volumes/db", delete)
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]


@pytest.mark.parametrize("intent", ["reboot", "remove"])
def test_a_number_that_the_operator_changes_meanwhile_stays(intent: str, tmp_path: Path) -> None:
    """We have raised it from 1 to 2; he wants three replicas from now on."""
    with trap("1.12.1", tmp_path, nodes=4) as scene:
        only_on(scene, "node-4")
        add_volume(scene.cluster, "db", "", 1, attach_to="node-1")
        only_on(scene, *scene.cluster.nodes)

        def want_three() -> None:
            scene.kernel.call_later(
                2.0,
                lambda: scene.edit(VOLUMES, "db", lambda o: o["spec"].update(numberOfReplicas=3)),
            )

        right_before(scene, 1, "volumes/db", want_three)
        assert scene.drain("node-4", intent)["proof"]["safe_to"][intent]
        scene.cancel("node-4")
        volume = scene.store.get(VOLUMES, SPACE, "db")
        assert volume["spec"]["numberOfReplicas"] == 3
        assert "longhorn.nodecare.dev/before" not in (volume["metadata"].get("annotations") or {})
        scene.kernel.run_for(120.0)
        assert len(scene.store.list(REPLICAS)) == 3


def test_an_image_that_never_stands_still_ends_the_release(tmp_path: Path) -> None:
    with trap("1.12.1", tmp_path) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])

        def touch() -> None:
            def stamp(obj: Object) -> None:
                obj["metadata"]["annotations"]["touched"] = str(scene.kernel.now())

            scene.edit(IMAGES, "base", stamp)

        # The first notes the map, the second adds a copy; the third takes the key out.
        right_before(scene, 3, "backingimages/base", touch, every=True)
        with pytest.raises(Stopped, match="images changed 8 times .* Run the same command again"):
            scene.drain("node-3")
        assert scene.disk("node-3") in scene.keys("base")


def test_a_disk_that_is_used_again_stays_in_longhorn(tmp_path: Path) -> None:
    """Its first disk is out; meanwhile somebody puts an image on its second one."""
    with trap("1.12.1", tmp_path, disks=2) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        second = scene.cluster.disk_uuids("node-3")[1]
        (name,) = [n for n in scene.spec(NODES, "node-3")["disks"] if n == "disk-2"]
        seen: list[str] = []

        def look(write: Write, when: str) -> None:
            entries = scene.spec(NODES, "node-3")["disks"]
            if when == "after" and len(entries) == 1 and not seen:
                seen.append(next(iter(entries)))
                left = second if seen == [name] else scene.disk("node-3")
                scene.edit(IMAGES, "base", lambda o: add_key(scene, o, left))

        scene.session.wire.at_write = look
        with pytest.raises(Stopped, match="node-3 stays in Longhorn: .*1 copy.* left there"):
            scene.drain("node-3")
        assert list(scene.spec(NODES, "node-3")["disks"]) == seen


def pair(scene: Trap, policy: str) -> None:
    """Volume db with replicas on node-2 and node-3, which this policy does not protect."""
    scene.setting("node-drain-policy", policy)
    only_on(scene, "node-2", "node-3")
    add_volume(scene.cluster, "db", "", 2, attach_to="node-1")
    only_on(scene, *scene.cluster.nodes)


def failed(scene: Trap) -> list[str]:
    """Replicas that have failed, as Longhorn sees it."""
    return [name_of(r) for r in scene.store.list(REPLICAS) if r["spec"].get("failedAt")]


def test_no_budget_guards_a_last_replica_that_runs_but_we_do(tmp_path: Path) -> None:
    """Its peer fails after we have counted on it. We wait until Longhorn has rebuilt it."""
    with trap("1.12.1", tmp_path) as scene:
        pair(scene, "always-allow")
        faulted: list[float] = []

        def look(event: WatchEvent) -> None:
            if event.res == VOLUMES and event.obj["status"].get("robustness") == "faulted":
                faulted.append(scene.kernel.now())

        scene.store.subscribe(look)

        def kill() -> None:
            scene.cluster.kill_replica("node-2", "db")
            assert scene.until(lambda: len(failed(scene)) == 1, 20)

        # The first notes the node's values, the second cordons it.
        right_before(scene, 2, "nodes/node-3", kill)
        result = scene.drain("node-3", "reboot")
        assert result["proof"]["safe_to"]["reboot"]
        assert faulted == []
        (held,) = [b for b in result["pods"]["blocked"] if b["rule"] == "last_replica"]
        assert held["ended"] == "cleared" and held["seconds"] > 5


def test_no_budget_guards_a_last_replica_that_is_stopped_but_we_do(tmp_path: Path) -> None:
    with trap("1.12.1", tmp_path) as scene:
        pair(scene, "allow-if-replica-is-stopped")
        detach(scene.cluster, "db")

        def fail_the_peer() -> None:
            found = scene.store.list(REPLICAS)
            (peer,) = [name_of(r) for r in found if r["spec"]["nodeID"] == "node-2"]
            stamp = scene.kernel.timestamp()
            scene.edit(REPLICAS, peer, lambda obj: obj["spec"].update(failedAt=stamp))

        right_before(scene, 2, "nodes/node-3", fail_the_peer)
        with pytest.raises(TimedOut, match="has no complete peer on another node; policy "):
            scene.drain("node-3", "reboot")
        assert not scene.wrote("POST", "eviction", "instance-manager")


def test_a_copy_that_fails_on_the_only_other_disk_is_named(tmp_path: Path) -> None:
    with trap("1.12.1", tmp_path, nodes=2) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-2")])
        there = scene.disk("node-1")
        # The first notes the map, the second adds the key.
        right_before(
            scene, 2, "backingimages/base", lambda: scene.cluster.chattr("base", there, True)
        )
        with pytest.raises(Stopped, match=r"last seen: base -> node-1 \(failed\): \w+"):
            scene.drain("node-2", "reboot")
        assert scene.ready("base") == 1


def add_key(scene: Trap, image: Object, disk: str) -> None:
    """Put one more key into its map."""
    entries = image["spec"][scene.cluster.profile.map_field]
    entries[disk] = next(iter(entries.values()))
