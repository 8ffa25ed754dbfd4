# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes, disks, eviction flags and what they do to images (F§5.5, F§6, F§7)."""

from __future__ import annotations

import pytest

from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import Object, condition, lookup
from tests.unit.simulator.longhorn.conftest import Maker

MERGE = "application/merge-patch+json"
SMALL = "http://images.local/f/raw4.img"


def node(cluster: Cluster, name: str) -> Object:
    return cluster.store.get(names.NODES, names.NAMESPACE, name)


def owner(cluster: Cluster, uuid: str) -> str:
    return next(name for name in cluster.nodes if uuid in cluster.disk_uuids(name))


def keys(cluster: Cluster, image: str) -> dict[str, Object]:
    obj = cluster.store.get(names.IMAGES, names.NAMESPACE, image)
    found: dict[str, Object] = obj["spec"][cluster.profile.map_field]
    return found


def evict(cluster: Cluster, name: str, on: bool = True) -> None:
    body = {"spec": {"allowScheduling": not on, "evictionRequested": on}}
    cluster.store.patch(names.NODES, names.NAMESPACE, name, body, MERGE)


def ready_of(cluster: Cluster, name: str) -> tuple[str, str]:
    entry = condition(node(cluster, name), "Ready") or {}
    return entry["status"], entry["reason"]


def disk_ready(cluster: Cluster, name: str) -> list[str]:
    disks = lookup(node(cluster, name), "status.diskStatus").values()
    return [c["status"] for d in disks for c in d["conditions"] if c["type"] == "Ready"]


@pytest.mark.parametrize("release", ["1.8", "1.12"])
def test_a_sole_copy_moves_before_it_goes(make_cluster: Maker, release: str) -> None:
    cluster = make_cluster(release)
    cluster.create_image("one", url=SMALL, copies=1)
    old = cluster.ready_copies("one")[0]
    flagged = cluster.kernel.now()
    evict(cluster, owner(cluster, old))
    assert cluster.run_until_true(lambda: old not in keys(cluster, "one"), 60)
    assert cluster.kernel.now() - flagged <= 40
    assert cluster.run_until_true(lambda: len(cluster.ready_copies("one")) == 1, 5)
    assert cluster.ready_copies("one") != [old]


def test_up_to_1_6_a_flag_does_nothing_for_images(make_cluster: Maker) -> None:
    cluster = make_cluster("1.6")
    cluster.create_image("one", url=SMALL, copies=1)
    old = cluster.ready_copies("one")
    evict(cluster, owner(cluster, old[0]))
    cluster.kernel.run_for(90)
    assert cluster.ready_copies("one") == old


def test_clearing_the_flag_leaves_the_copies_flagged(make_cluster: Maker) -> None:
    cluster = make_cluster()
    cluster.create_image("one", url=SMALL, copies=1)
    old = cluster.ready_copies("one")[0]
    for name in cluster.nodes:
        if name != owner(cluster, old):
            body = {"spec": {"allowScheduling": False}}
            cluster.store.patch(names.NODES, names.NAMESPACE, name, body, MERGE)
    evict(cluster, owner(cluster, old))

    def flagged() -> bool:
        return bool(keys(cluster, "one")[old]["evictionRequested"])

    assert cluster.run_until_true(flagged, 40)
    evict(cluster, owner(cluster, old), on=False)
    cluster.kernel.run_for(60)
    assert flagged()
    assert cluster.ready_copies("one") == [old]


def test_the_manager_of_1_7_3_crashes_over_an_entry_without_a_key(make_cluster: Maker) -> None:
    cluster = make_cluster("1.7.3")
    cluster.create_image("one", url=SMALL, copies=2)
    uuid = cluster.ready_copies("one")[0]
    victim = owner(cluster, uuid)
    # An upload that never comes keeps the disk's manager, and so the entry that outlives its key.
    cluster.create_image("two", source_type="upload", on=[uuid], wait=False)
    cluster.kernel.run_for(75)
    evict(cluster, victim)

    assert cluster.run_until_true(lambda: uuid not in keys(cluster, "one"), 60)
    # Whatever wakes the node controller before the entry is forgotten kills it.
    body = {"metadata": {"annotations": {"poke": "1"}}}
    cluster.store.patch("nodes", None, victim, body, MERGE)

    def down() -> bool:
        return ready_of(cluster, victim) == ("False", "ManagerPodDown")

    assert cluster.run_until_true(down, 2)
    began = cluster.kernel.now()
    assert cluster.run_until_true(lambda: ready_of(cluster, victim)[0] == "True", 30)
    assert 10.5 <= cluster.kernel.now() - began <= 12


@pytest.mark.parametrize(("release", "disks_told"), [("1.10", False), ("1.12", True)])
def test_a_node_that_is_off(make_cluster: Maker, release: str, disks_told: bool) -> None:
    cluster = make_cluster(release)
    cluster.create_image("one", url=SMALL, copies=2)
    uuid = cluster.ready_copies("one")[0]
    victim = owner(cluster, uuid)
    cluster.power_off(victim)
    cluster.kernel.run_for(30)
    assert ready_of(cluster, victim) == ("True", "")
    assert uuid in cluster.ready_copies("one")
    cluster.kernel.run_for(40)
    assert ready_of(cluster, victim) == ("False", "KubernetesNodeNotReady")
    assert (disk_ready(cluster, victim) == ["False"]) is disks_told
    assert uuid not in cluster.ready_copies("one")
    assert cluster.run_until_true(lambda: len(cluster.ready_copies("one")) == 2, 30)
    cluster.power_on(victim)
    assert cluster.run_until_true(lambda: len(cluster.ready_copies("one")) == 3, 60)


def test_the_cordon_shows_and_changes_no_spec(make_cluster: Maker) -> None:
    cluster = make_cluster()
    before = node(cluster, "node-1")["spec"]
    body = {"spec": {"unschedulable": True}}
    cluster.store.patch("nodes", None, "node-1", body, "application/merge-patch+json")
    cluster.kernel.run_for(0.5)
    entry = condition(node(cluster, "node-1"), "Schedulable") or {}
    assert (entry["status"], entry["reason"]) == ("False", "KubernetesNodeCordoned")
    assert node(cluster, "node-1")["spec"] == before


def test_a_wiped_disk_keeps_its_old_uuid_and_is_not_ready(make_cluster: Maker) -> None:
    cluster = make_cluster()
    uuid = cluster.disk_uuids("node-1")[0]
    cluster.workers["node-1"].disks["/var/lib/longhorn"].wipe()
    cluster.kernel.run_for(31)
    assert cluster.disk_uuids("node-1") == [uuid]
    assert disk_ready(cluster, "node-1") == ["False"]
    disk = next(iter(lookup(node(cluster, "node-1"), "status.diskStatus").values()))
    texts = [c["message"] for c in disk["conditions"] if c["type"] == "Ready"]
    assert "record diskUUID doesn't match the one on the disk" in texts[0]


def test_a_disk_that_is_added_gets_a_uuid_on_the_next_beat(make_cluster: Maker) -> None:
    cluster = make_cluster()
    cluster.workers["node-1"].add_disk("/mnt/more")
    disk = {"path": "/mnt/more", "diskType": "filesystem", "allowScheduling": True}
    body = {"spec": {"disks": {"more": disk}}}
    cluster.store.patch(names.NODES, names.NAMESPACE, "node-1", body, MERGE)
    assert cluster.run_until_true(lambda: len(cluster.disk_uuids("node-1")) == 2, 31)
    assert disk_ready(cluster, "node-1") == ["True", "True"]


def test_unused_copies_above_the_minimum_go_after_the_wait(make_cluster: Maker) -> None:
    cluster = make_cluster()
    cluster.create_image("one", url=SMALL, copies=3)
    body = {"spec": {"minNumberOfCopies": 1}}
    cluster.store.patch(names.IMAGES, names.NAMESPACE, "one", body, MERGE)
    cluster.kernel.run_for(3400)
    assert len(cluster.ready_copies("one")) == 3
    cluster.kernel.run_for(400)
    assert len(cluster.ready_copies("one")) == 1


def test_a_deleted_core_node_takes_longhorns_along_when_it_may(make_cluster: Maker) -> None:
    cluster = make_cluster()
    body = {"spec": {"allowScheduling": False}}
    cluster.store.patch(names.NODES, names.NAMESPACE, "node-3", body, MERGE)
    cluster.power_off("node-3")
    cluster.store.delete("nodes", None, "node-3")
    find = cluster.store.find
    assert cluster.run_until_true(lambda: find(names.NODES, names.NAMESPACE, "node-3") is None, 20)
