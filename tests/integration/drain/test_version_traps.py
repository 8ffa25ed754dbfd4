# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps of Longhorn's releases: each is shown to be there, and not to catch the collection.

| trap | releases | test |
|---|---|---|
| the manager of an evicted node crashes | 1.7.0-1.7.3, 1.8.0 | manager_crash |
| a copy goes from under a running replica | before 1.8.2 and 1.9.1 | copy_under_a_replica |
| flags of copies outlive the node's | 1.7 and later | stale_copy_flags |
| eviction needs scheduling off | all | scheduling_before_eviction |
| eviction drops below minNumberOfCopies | 1.7 and later | below_the_minimum |
| settings are JSON strings | 1.10 and later | settings_as_json |
| a Longhorn node cannot just be deleted | 1.10 and later | node_validator |
| disks of a node that is off are schedulable | up to 1.10 | disks_of_a_node_that_is_off |
| a cordoned node takes new replicas | all, by a setting | cordoned_peer |
| manager pods come back on a cordoned node | all | pods_that_come_back |
| manager pods are held back without a reason | 1.10 and later | held_back |
| a download that fails for ever holds the wait | all | first_file_that_fails |
| a map entry written as {} | 1.8 and later | empty_entry |
| numberOfReplicas stays raised | all | number_stays_raised |
| a labelled node gets its disks again | all, by a setting | disks_made_again |

Sources: longhorn-facts.md sections 4.1, 6.4, 7, 8.4; procedures.md 0.1, P1, P2.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.scene import SPACE, add_volume
from tests.integration.drain.trap_scene import IMAGES, NODES, REPLICAS, VOLUMES, Trap, trap
from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn.sources import Answer
from tests.simulator.objects import Object
from tests.stepped.transport import Killed

CRASHED = ("False", "ManagerPodDown")


def crashed(scene: Trap, node: str) -> bool:
    return scene.node_status(node, "Ready") == CRASHED


@pytest.mark.parametrize("longhorn", ["1.7.3", "1.8.0"])
def test_manager_crash(longhorn: str, tmp_path: Path) -> None:
    """By hand the manager of the node goes down; our drain never sets the flag there."""

    def furnish(scene: Trap) -> None:
        scene.cluster.create_image("base", on=[scene.disk("node-3"), scene.disk("node-1")])
        scene.cluster.create_image("sole", on=[scene.disk("node-3")])

    def poke(obj: Object) -> None:
        """Anything that wakes the node controller while an entry outlives its key."""
        obj["metadata"].setdefault("annotations", {})["poke"] = "1"

    with trap(longhorn, tmp_path / "by-hand") as scene:
        furnish(scene)
        gone = scene.disk("node-3")
        scene.evict_by_flag("node-3")
        assert scene.until(lambda: gone not in scene.keys("base"))
        scene.edit("nodes", "node-3", poke, "")
        assert scene.until(lambda: crashed(scene, "node-3"), 5)
    with trap(longhorn, tmp_path / "ours") as scene:
        furnish(scene)
        seen: list[WatchEvent] = []
        scene.store.subscribe(
            lambda event: seen.append(event) if crashed(scene, "node-3") else None
        )
        stopping = [blocker.reason for blocker in scene.plan("node-3", own_mover=False).stopping]
        assert any("crashes the manager of an evicted node" in reason for reason in stopping)
        scene.kill_when(lambda: gone not in scene.keys("base"))
        with pytest.raises(Killed):
            scene.drain("node-3")
        scene.edit("nodes", "node-3", poke, "")
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]
        assert seen == []


@pytest.mark.parametrize(
    ("longhorn", "falls"), [("1.7.3", True), ("1.9.0", True), ("1.9.1", False)]
)
def test_copy_under_a_replica(longhorn: str, falls: bool, tmp_path: Path) -> None:
    """By hand the flagged copy goes while its replica runs; ours goes after the replica."""

    def furnish(scene: Trap) -> None:
        scene.cluster.create_image("base", on=[scene.disk("node-3"), scene.disk("node-1")])
        for name in ("node-1", "node-2"):
            scene.edit(NODES, name, lambda obj: obj["spec"].update(allowScheduling=False))
        add_volume(scene.cluster, "db", "base", 1, attach_to="node-1")
        for name in ("node-1", "node-2"):
            scene.edit(NODES, name, lambda obj: obj["spec"].update(allowScheduling=True))

    def flag(obj: Object) -> None:
        obj["spec"]["diskFileSpecMap"][scene.disk("node-3")]["evictionRequested"] = True

    with trap(longhorn, tmp_path / "by-hand") as scene:
        furnish(scene)
        observer = scene.observer("node-3")
        scene.edit(IMAGES, "base", flag)
        gone = scene.until(lambda: scene.disk("node-3") not in scene.keys("base"), 60)
        assert gone is falls
        assert any("under" in text for text in observer.wrong) is falls
    with trap(longhorn, tmp_path / "ours") as scene:
        furnish(scene)
        observer = scene.observer("node-3")
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]
        assert observer.wrong == []


def test_stale_copy_flags(tmp_path: Path) -> None:
    """Longhorn leaves the copies' flags when the node's is cleared; a cancelled drain does not."""

    def furnish(scene: Trap) -> None:
        scene.cluster.create_image("base", on=[scene.disk("node-2")])
        add_volume(scene.cluster, "db", "base", 2, attach_to="node-1")
        scene.edit(NODES, "node-1", lambda obj: obj["spec"].update(allowScheduling=False))

    with trap("1.12.1", tmp_path / "by-hand", nodes=2) as scene:
        furnish(scene)
        scene.evict_by_flag("node-2")
        assert scene.until(lambda: scene.flagged("base") != [])
        scene.evict_by_flag("node-2", on=False)
        assert scene.never(lambda: scene.flagged("base") == [], 145)
    with trap("1.12.1", tmp_path / "ours", nodes=2) as scene:
        furnish(scene)
        scene.kill_when(lambda: scene.spec(NODES, "node-2")["evictionRequested"])
        with pytest.raises(Killed):
            scene.drain("node-2", own_mover=False)
        assert scene.until(lambda: scene.flagged("base") != [], 60)
        scene.cancel("node-2")
        assert scene.flagged("base") == []
        assert not scene.spec(NODES, "node-2")["evictionRequested"]
        assert scene.spec(NODES, "node-2")["allowScheduling"]


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_scheduling_before_eviction(longhorn: str, tmp_path: Path) -> None:
    """The webhook refuses the flag on an open node; ours closes it first, in the same patch."""
    with trap(longhorn, tmp_path) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3"), scene.disk("node-1")])
        with pytest.raises(ApiError, match="need to disable scheduling on node node-3"):
            scene.edit(NODES, "node-3", lambda obj: obj["spec"].update(evictionRequested=True))
        scene.edit(NODES, "node-1", lambda obj: obj["spec"].update(allowScheduling=False))
        add_volume(scene.cluster, "db", "base", 2, attach_to="node-2")
        scene.edit(NODES, "node-1", lambda obj: obj["spec"].update(allowScheduling=True))
        seen: list[tuple[bool, bool]] = []

        def look(event: WatchEvent) -> None:
            spec = event.obj["spec"]
            if event.res == NODES and event.obj["metadata"]["name"] == "node-3":
                seen.append((spec["allowScheduling"], spec["evictionRequested"]))

        scene.store.subscribe(look)
        assert scene.drain("node-3", own_mover=False)["proof"]["safe_to"]["remove"]
        assert (False, True) in seen and (True, True) not in seen
        assert seen[-1] == (False, False), "the flag is not left behind"


def test_below_the_minimum(tmp_path: Path) -> None:
    """Longhorn swaps the keys in one pass and has one copy too few meanwhile, or for good; ours
    is made first, and where no disk can take it the plan says so before anything is written.
    """

    def furnish(scene: Trap, nodes: int) -> list[int]:
        disks = [scene.disk(f"node-{n}") for n in (1, 2, nodes)]
        scene.cluster.create_image("base", on=disks)
        return scene.lowest("base")

    def by_hand(nodes: int) -> tuple[int, int]:
        with trap("1.12.1", tmp_path / f"by-hand-{nodes}", nodes=nodes) as scene:
            lowest = furnish(scene, nodes)
            gone = scene.disk(f"node-{nodes}")
            scene.evict_by_flag(f"node-{nodes}")
            assert scene.until(lambda: gone not in scene.keys("base"))
            scene.kernel.run_for(60)
            return lowest[-1], scene.ready("base")

    assert by_hand(4) == (2, 3), "swapped"
    assert by_hand(3) == (2, 2), "for good, and nothing says so"
    with trap("1.12.1", tmp_path / "ours", nodes=4) as scene:
        lowest = furnish(scene, 4)
        assert scene.drain("node-4")["proof"]["safe_to"]["remove"]
        assert lowest[-1] == 3
    with trap("1.12.1", tmp_path / "no-disk") as scene:
        furnish(scene, 3)
        told = [blocker.rule for blocker in scene.plan("node-3").blockers]
        assert told == ["too_few_disks"]


@pytest.mark.parametrize(
    ("longhorn", "stored"), [("1.9.3", "2"), ("1.12.1", '{"v1":"2","v2":"2"}')]
)
def test_settings_as_json(longhorn: str, stored: str, tmp_path: Path) -> None:
    """From 1.10 a plain value comes back as a JSON object by data engine: a tool that compares or
    gives back what it wrote never agrees. We read both forms and write no setting.
    """
    with trap(longhorn, tmp_path) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        scene.setting("default-replica-count", "2")
        found = scene.store.get("settings.longhorn.io", SPACE, "default-replica-count")["value"]
        assert found == stored
        assert setting.number(scene.read("node-3").settings, "default-replica-count", 3) == 2
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]
        scene.cancel("node-3")
        assert scene.wrote("settings") == []


@pytest.mark.parametrize(("longhorn", "refused"), [("1.9.3", False), ("1.12.1", True)])
def test_node_validator(longhorn: str, refused: bool, tmp_path: Path) -> None:
    """From 1.10 a Longhorn node is not deleted while Kubernetes has it; up to 1.9 it is, with all
    it holds. We never delete it: it goes with the Kubernetes node.
    """
    with trap(longhorn, tmp_path / "by-hand") as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        if refused:
            with pytest.raises(ApiError, match="could not delete node node-3"):
                scene.store.delete(NODES, SPACE, "node-3")
        else:
            scene.store.delete(NODES, SPACE, "node-3")
    with trap(longhorn, tmp_path / "ours") as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]
        scene.cluster.power_off("node-3")
        scene.kernel.run_for(60)
        scene.store.delete("nodes", "", "node-3")
        assert scene.until(lambda: scene.store.find(NODES, SPACE, "node-3") is None, 60)
        assert scene.ready("base") == 1
        assert not list(scene.wrote("DELETE nodes"))


@pytest.mark.parametrize(("longhorn", "shown"), [("1.9.3", "True"), ("1.11.3", "False")])
def test_disks_of_a_node_that_is_off(longhorn: str, shown: str, tmp_path: Path) -> None:
    """Up to 1.10 such a disk reads Schedulable for good, and Longhorn puts copies there."""
    with trap(longhorn, tmp_path) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        off, left = scene.disk("node-2"), scene.disk("node-1")
        scene.cluster.power_off("node-2")
        scene.kernel.run_for(120)
        (status,) = scene.store.get(NODES, SPACE, "node-2")["status"]["diskStatus"].values()
        seen = {c["type"]: c["status"] for c in status["conditions"]}
        assert seen["Schedulable"] == shown
        scene.setting("replica-replenishment-wait-interval", "36000")
        result = scene.drain("node-3")
        assert result["proof"]["safe_to"]["remove"]
        assert set(scene.keys("base")) == {left}
        assert off not in scene.keys("base")


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_cordoned_peer(longhorn: str, tmp_path: Path) -> None:
    """With disable-scheduling-on-cordoned-node off Longhorn calls a cordoned node schedulable."""
    with trap(longhorn, tmp_path) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        scene.setting("disable-scheduling-on-cordoned-node", "false")
        scene.cordon("node-2")
        scene.kernel.run_for(60)
        assert scene.node_status("node-2", "Schedulable")[0] == "True"
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]
        assert set(scene.keys("base")) == {scene.disk("node-1")}


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_pods_that_come_back(longhorn: str, tmp_path: Path) -> None:
    """A manager's pod that is evicted comes back on the cordoned node, and from 1.7 on Longhorn
    makes one copy more in the same second. We leave it alone.
    """

    def furnish(scene: Trap) -> None:
        scene.cluster.create_image("base", on=[scene.disk("node-3"), scene.disk("node-1")])

    def pods(scene: Trap) -> list[Object]:
        found = scene.cluster.manager_pods()
        return [pod for pod in found if pod["spec"]["nodeName"] == "node-3"]

    with trap(longhorn, tmp_path / "by-hand") as scene:
        furnish(scene)
        scene.cordon("node-3")
        (old,) = pods(scene)
        body = {"metadata": {"name": old["metadata"]["name"], "namespace": SPACE}}
        scene.cluster.evict(SPACE, old["metadata"]["name"], body)
        uid = old["metadata"]["uid"]
        assert scene.until(lambda: [p for p in pods(scene) if p["metadata"]["uid"] != uid] != [])
        scene.kernel.run_for(30)
        assert len(scene.keys("base")) == (2 if longhorn == "1.6.4" else 3)
    with trap(longhorn, tmp_path / "ours") as scene:
        furnish(scene)
        (old,) = pods(scene)
        assert scene.drain("node-3", "reboot")["proof"]["safe_to"]["reboot"]
        assert [pod["metadata"]["uid"] for pod in pods(scene)] == [old["metadata"]["uid"]]
        assert scene.wrote("eviction", "backing-image-manager") == []
        assert len(scene.keys("base")) == 2


def test_held_back(tmp_path: Path) -> None:
    """After some restarts a manager's pod is not made for up to two minutes, and nothing in the
    API says why: our wait does.
    """
    with trap("1.12.1", tmp_path, nodes=2) as scene:
        scene.cluster.create_image("other", on=[scene.disk("node-1")])
        scene.cluster.create_image("base", on=[scene.disk("node-2")])
        for _restart in range(7):
            (pod,) = [
                p["metadata"]["name"]
                for p in scene.cluster.manager_pods()
                if p["spec"]["nodeName"] == "node-1"
            ]
            scene.store.delete("pods", SPACE, pod)
            assert scene.until(lambda: scene.ready("other") == 0, 60)
            assert scene.until(lambda: scene.ready("other") == 1, 300)
        scene.store.delete("pods", SPACE, pod)
        scene.kernel.run_for(1)
        began = scene.kernel.now()
        assert scene.drain("node-2")["proof"]["safe_to"]["remove"]
        assert scene.kernel.now() - began > 40
        assert any("may hold a manager back" in text for text in scene.session.texts)


def test_first_file_that_fails(tmp_path: Path) -> None:
    """A download that began after the plan, from a URL that answers 404: the wait for it would hold
    the lock that its repair needs, and its manager has nothing to do with it.
    """
    url = "http://images.local/gone.img"
    with trap("1.12.1", tmp_path) as scene:
        error = f"expected status code 200 from {url}, got 404 Not Found"
        scene.cluster.sources.serve(url, Answer(error=error))
        scene.cluster.create_image("gone", wait=False, on=[scene.disk("node-2")], url=url)
        with pytest.raises(Stopped) as stopped:
            scene.drain("node-2")
        told = str(stopped.value)
        assert "gone: its first file failed on node-2: the server answers 404" in told
        assert "recover_backing_image -e image=gone -e new_url=URL" in told
        assert not any("may hold a manager back" in text for text in scene.session.texts)
        assert scene.keys("gone")


def test_empty_entry(tmp_path: Path) -> None:
    """Longhorn can write nothing to an image with an entry {}: no eviction, no deletion. The plan
    stops at it, and repairs it if told to.
    """

    def furnish(scene: Trap) -> None:
        scene.cluster.create_image("base", on=[scene.disk("node-3"), scene.disk("node-1")])
        scene.edit(IMAGES, "base", empty)

    def empty(obj: Object) -> None:
        for key in obj["spec"]["diskFileSpecMap"]:
            obj["spec"]["diskFileSpecMap"][key] = {}

    with trap("1.12.1", tmp_path / "by-hand") as scene:
        furnish(scene)
        scene.evict_by_flag("node-3")
        assert scene.never(lambda: scene.flagged("base") != [], 120)
        assert len(scene.keys("base")) == 2
    with trap("1.12.1", tmp_path / "ours") as scene:
        furnish(scene)
        assert [b.rule for b in scene.plan("node-3").stopping] == ["incomplete_entry"]
        result = scene.drain("node-3", repair_entries=True)
        assert result["proof"]["safe_to"]["remove"]
        full = {"dataEngine": "v1", "evictionRequested": False}
        assert list(scene.keys("base").values()) == [full, full]


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_disks_made_again(longhorn: str, tmp_path: Path) -> None:
    """On a labelled node the last disk that is taken out is there again at once, open, under the
    UUID that its file still says. The plan stops at it, and the removal where nobody planned.
    """
    label = "node.longhorn.io/create-default-disk"

    def label_it(value: str) -> Callable[[Object], None]:
        return lambda obj: obj["metadata"].setdefault("labels", {}).update({label: value})

    with trap(longhorn, tmp_path) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        scene.setting("create-default-disk-labeled-nodes", "true")
        (before,) = scene.spec(NODES, "node-3")["disks"]
        assert scene.plan("node-3").stopping == ()
        scene.edit("nodes", "node-3", label_it("true"), "")
        (stopping,) = scene.plan("node-3").stopping
        assert stopping.rule == "disks_made_again" and f"{label}-" in stopping.remedy
        assert scene.plan("node-3", remove_disks=False).stopping == ()
        with pytest.raises(Stopped, match=f"disk {before} of node-3 was taken out .* there again"):
            scene.drain("node-3")
        assert scene.spec(NODES, "node-3")["disks"][before]["allowScheduling"]
        assert not scene.spec(NODES, "node-3")["allowScheduling"], "nothing comes to it"
        scene.edit("nodes", "node-3", label_it("false"), "")
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]
        assert not scene.spec(NODES, "node-3")["disks"]


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
@pytest.mark.parametrize("intent", ["reboot", "remove"])
def test_number_stays_raised(longhorn: str, intent: str, tmp_path: Path) -> None:
    """Longhorn never lowers a number by itself; the next run, or the undoing, does."""
    with trap(longhorn, tmp_path) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-3")])
        for name in ("node-1", "node-2"):
            scene.edit(NODES, name, lambda obj: obj["spec"].update(allowScheduling=False))
        add_volume(scene.cluster, "db", "base", 1, attach_to="node-1")
        for name in ("node-1", "node-2"):
            scene.edit(NODES, name, lambda obj: obj["spec"].update(allowScheduling=True))

        def raised() -> bool:
            return bool(scene.spec(VOLUMES, "db")["numberOfReplicas"] == 2)

        scene.kill_when(raised)
        with pytest.raises(Killed):
            scene.drain("node-3", intent)
        assert scene.never(lambda: not raised(), 120)
        scene.drain("node-3", intent)
        assert raised() is (intent == "reboot"), "a reboot keeps it until the return"
        scene.cancel("node-3")
        assert not raised()
        assert len(scene.store.list(REPLICAS)) == 1
