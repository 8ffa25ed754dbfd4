# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of the simulated Longhorn: attach, rebuild, move, break, come back (F§7.5, F§9, F§15)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator.errors import ApiError
from tests.simulator.longhorn import names
from tests.simulator.objects import name_of
from tests.unit.simulator.longhorn.volume_cluster import VolumeCluster

VERSIONS = ("1.6", "1.7", "1.12")
# 1.7 pulls the image from under a replica that is evicted (F§7.2).
WITHOUT_1_7 = ("1.6", "1.12")


@pytest.fixture(params=VERSIONS)
def rig(request: pytest.FixtureRequest) -> Iterator[VolumeCluster]:
    """A cluster with an image on all three nodes and an attached volume of two replicas."""
    found = VolumeCluster(request.param)
    found.volume()
    found.attach(found.nodes[0])
    yield found
    found.close()


@pytest.fixture
def bare() -> Iterator[VolumeCluster]:
    """A cluster of 1.12 with an image that has one copy, no volume yet."""
    found = VolumeCluster("1.12", copies=1)
    yield found
    found.close()


def test_an_attached_volume_is_healthy(rig: VolumeCluster) -> None:
    assert (rig.state(), rig.robustness()) == ("attached", "healthy")
    assert set(rig.modes().values()) == {"RW"}
    assert all(r["spec"]["healthyAt"] and not r["spec"]["failedAt"] for r in rig.replicas())
    ticket = rig.get(names.ATTACHMENTS, "vol")["status"]["attachmentTicketStatuses"]["test"]
    assert ticket["satisfied"] is True


def test_detaching_stops_engine_and_replicas(rig: VolumeCluster) -> None:
    rig.detach()
    assert {r["status"]["currentState"] for r in rig.replicas()} == {"stopped"}
    assert rig.get(names.ENGINES, "vol-e-0")["status"]["currentState"] == "stopped"
    assert rig.get(names.VOLUMES, "vol")["spec"]["nodeID"] == ""


def test_one_more_replica_is_built_elsewhere(rig: VolumeCluster) -> None:
    rig.patch(names.VOLUMES, "vol", {"spec": {"numberOfReplicas": 3}})
    rig.wait(1)
    assert rig.robustness() == "degraded"
    rig.until(lambda: rig.robustness() == "healthy", 40)
    assert rig.homes() == set(rig.nodes)
    assert sorted(rig.modes().values()) == ["RW", "RW", "RW"]


def test_a_lower_number_removes_nothing_by_itself(rig: VolumeCluster) -> None:
    rig.patch(names.VOLUMES, "vol", {"spec": {"numberOfReplicas": 1}})
    rig.wait(60)
    assert len(rig.replicas()) == 2


def test_the_engine_shows_an_unknown_member_after_a_deletion(rig: VolumeCluster) -> None:
    rig.patch(names.VOLUMES, "vol", {"spec": {"numberOfReplicas": 1}})
    victim = rig.replicas()[0]
    rig.store.delete(
        names.REPLICAS, names.NAMESPACE, name_of(victim), uid=victim["metadata"]["uid"]
    )
    rig.until(lambda: any(name.startswith("UNKNOWN-tcp://") for name in rig.modes()), 6)
    assert sorted(rig.modes().values()) == ["ERR", "RW"]
    assert rig.robustness() == "healthy"
    rig.until(lambda: len(rig.modes()) == 1, 31)
    assert len(rig.replicas()) == 1


def test_a_replica_brings_the_image_along(bare: VolumeCluster) -> None:
    bare.volume(replicas=3)
    bare.attach(bare.nodes[0])
    wanted = bare.get(names.IMAGES, "img")["spec"]["diskFileSpecMap"]
    assert set(wanted) == set(bare.cluster.disk_uuids())
    assert all(e == {"dataEngine": "v1", "evictionRequested": False} for e in wanted.values())


def test_an_entry_without_engine_keeps_a_replica_from_starting(bare: VolumeCluster) -> None:
    """procedures.md 0.1: the schema refuses what Longhorn writes back."""
    taken = set(bare.get(names.IMAGES, "img")["spec"]["diskFileSpecMap"])
    other = next(uuid for uuid in bare.cluster.disk_uuids() if uuid not in taken)
    patch = [{"op": "add", "path": f"/spec/diskFileSpecMap/{other}", "value": {}}]
    bare.store.patch(names.IMAGES, names.NAMESPACE, "img", patch, "application/json-patch+json")
    bare.volume(replicas=3)
    bare.attach(bare.nodes[0], wait=False)
    bare.wait(90)
    assert bare.state() == "attaching"
    body = {"spec": {"diskFileSpecMap": {other: {"dataEngine": "v1", "evictionRequested": False}}}}
    bare.patch(names.IMAGES, "img", body)
    bare.until(lambda: bare.robustness() == "healthy", 60)


def test_waiting_replicas_put_their_keys_back(rig: VolumeCluster) -> None:
    """procedures.md P5.1: with the ticket in place an emptied map does not stay empty."""
    rig.detach()
    rig.cluster.remove_files("img")
    rig.wait(100)  # the copies read failed by then
    rig.attach(rig.nodes[0], wait=False)
    rig.wait(5)
    assert rig.state() == "attaching"
    field = rig.cluster.profile.map_field
    patch = [{"op": "replace", "path": f"/spec/{field}", "value": {}}]
    rig.store.patch(names.IMAGES, names.NAMESPACE, "img", patch, "application/json-patch+json")
    rig.wait(1)
    wanted = set(rig.get(names.IMAGES, "img")["spec"][field])
    assert {r["spec"]["diskID"] for r in rig.replicas()} <= wanted


def test_a_lost_image_file_breaks_the_running_replica(rig: VolumeCluster) -> None:
    victim = next(r for r in rig.replicas() if r["spec"]["nodeID"] != rig.nodes[0])
    node = victim["spec"]["nodeID"]
    start = rig.kernel.now()
    rig.cluster.remove_files("img", node)
    rig.until(lambda: rig.there(node)["spec"]["failedAt"] != "", 20)
    assert 4.0 <= rig.kernel.now() - start <= 12.0
    rig.until(lambda: rig.robustness() == "degraded", 6)
    rig.until(lambda: rig.robustness() == "healthy", 120)
    assert rig.on(node) is not None


def test_all_files_lost_faults_salvages_and_waits(rig: VolumeCluster) -> None:
    rig.cluster.remove_files("img")
    seen: list[tuple[str, str]] = []
    rig.store.subscribe(
        lambda event: (
            seen.append((event.obj["status"]["state"], event.obj["status"]["robustness"]))
            if event.res == names.VOLUMES and event.obj.get("status")
            else None
        )
    )
    rig.wait(40)
    assert ("attached", "faulted") in seen
    assert rig.state() == "attaching"
    assert all(not r["spec"]["failedAt"] for r in rig.replicas())


@pytest.mark.parametrize("rig", WITHOUT_1_7, indirect=True)
def test_eviction_by_the_node_flag_keeps_the_volume_healthy(rig: VolumeCluster) -> None:
    node = next(n for n in rig.homes() if n != rig.nodes[0])
    rig.patch(names.NODES, node, {"spec": {"allowScheduling": False, "evictionRequested": True}})
    seen: set[str] = set()
    rig.store.subscribe(lambda event: seen.add(rig.robustness()))
    rig.until(lambda: node not in rig.homes(), 120)
    assert seen == {"healthy"}
    assert len(rig.replicas()) == 2


def test_a_flag_set_on_the_replica_itself_is_taken_back(rig: VolumeCluster) -> None:
    """procedures.md P2.1 E: one more replica is made, the flagged one stays."""
    victim = rig.replicas()[0]
    rig.patch(names.REPLICAS, name_of(victim), {"spec": {"evictionRequested": True}})
    rig.until(lambda: len(rig.replicas()) == 3, 5)
    rig.wait(120)
    assert len(rig.replicas()) == 3
    assert not rig.get(names.REPLICAS, name_of(victim))["spec"]["evictionRequested"]


def test_a_drained_replica_comes_back_after_the_uncordon(rig: VolumeCluster) -> None:
    node = next(n for n in rig.homes() if n != rig.nodes[0])
    rig.cordon(node)
    rig.wait(2)
    assert not rig.has_budget(node)
    rig.evict_manager(node)
    rig.wait(2)
    assert rig.there(node)["spec"]["failedAt"]
    rig.until(lambda: rig.robustness() == "degraded", 6)
    rig.wait(60)
    assert rig.manager(node)["status"]["currentState"] == "error"
    assert len(rig.replicas()) == 2
    rig.cordon(node, False)
    rig.until(lambda: rig.robustness() == "healthy", 120)
    assert rig.has_budget(node)
    assert node in rig.homes()


def test_closed_scheduling_keeps_failed_replicas_down(rig: VolumeCluster) -> None:
    """procedures.md 0.4."""
    node = next(n for n in rig.homes() if n != rig.nodes[0])
    rig.patch(names.NODES, node, {"spec": {"allowScheduling": False}})
    rig.cordon(node)
    rig.wait(2)
    rig.evict_manager(node)
    rig.wait(10)
    rig.cordon(node, False)
    rig.wait(150)
    assert rig.robustness() == "degraded"
    assert rig.there(node)["spec"]["failedAt"]
    rig.patch(names.NODES, node, {"spec": {"allowScheduling": True}})
    rig.until(lambda: rig.robustness() == "healthy", 90)


def test_a_node_that_goes_off_and_comes_back(rig: VolumeCluster) -> None:
    node = next(n for n in rig.homes() if n != rig.nodes[0])
    rig.cluster.power_off(node)
    rig.until(lambda: rig.robustness() == "degraded", 12)
    rig.wait(90)
    assert rig.manager(node)["status"]["currentState"] == "unknown"
    assert len(rig.replicas()) == 2
    rig.cluster.power_on(node)
    rig.until(lambda: rig.robustness() == "healthy", 180)
    assert node in rig.homes()


def test_nowhere_to_go_leaves_the_replica(rig: VolumeCluster) -> None:
    rig.patch(names.VOLUMES, "vol", {"spec": {"numberOfReplicas": 3}})
    rig.until(lambda: rig.robustness() == "healthy" and len(rig.replicas()) == 3, 60)
    node = rig.nodes[2]
    rig.patch(names.NODES, node, {"spec": {"allowScheduling": False, "evictionRequested": True}})
    rig.wait(60)
    placed = [r for r in rig.replicas() if r["spec"]["nodeID"]]
    assert len(placed) == 3
    pending = len(rig.replicas()) - len(placed)
    assert pending == (1 if rig.cluster.profile.version < (1, 7, 0) else 0)
    conditions = rig.get(names.VOLUMES, "vol")["status"]["conditions"]
    scheduled = next(c for c in conditions if c["type"] == "Scheduled")
    assert (scheduled["status"], scheduled["reason"]) == ("False", "ReplicaSchedulingFailure")


def test_deleting_a_volume_leaves_nothing(rig: VolumeCluster) -> None:
    rig.detach()
    rig.store.delete(names.VOLUMES, names.NAMESPACE, "vol")
    rig.wait(5)
    for resource in (names.VOLUMES, names.REPLICAS, names.ENGINES, names.ATTACHMENTS):
        assert rig.store.list(resource, names.NAMESPACE) == []


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("1.6", "cannot delete replica {r} because volume vol only has one available replica"),
        (
            "1.12",
            "no other healthy replica available for volume vol, cannot delete replica {r} since it "
            "may still contain data for recovery",
        ),
    ],
)
def test_the_last_replica_cannot_be_deleted(version: str, text: str) -> None:
    rig = VolumeCluster(version, copies=1)
    try:
        rig.volume(replicas=1)
        rig.attach(rig.nodes[0])
        name = name_of(rig.replicas()[0])
        with pytest.raises(ApiError) as refused:
            rig.store.delete(names.REPLICAS, names.NAMESPACE, name)
        assert refused.value.status == 422
        assert refused.value.body()["details"]["causes"][0]["message"] == text.format(r=name)
    finally:
        rig.close()


def test_a_ticket_must_carry_its_own_name(bare: VolumeCluster) -> None:
    bare.volume(replicas=1)
    ticket = {"id": "other", "type": "longhorn-api", "nodeID": bare.nodes[0], "parameters": {}}
    with pytest.raises(ApiError) as refused:
        bare.patch(names.ATTACHMENTS, "vol", {"spec": {"attachmentTickets": {"mine": ticket}}})
    assert "inconsistent attachment ticket ID" in refused.value.message


@pytest.mark.parametrize("rig", WITHOUT_1_7, indirect=True)
def test_a_detached_volume_is_attached_to_be_evicted(rig: VolumeCluster) -> None:
    node = next(n for n in rig.homes() if n != rig.nodes[0])
    rig.detach()
    rig.patch(names.NODES, node, {"spec": {"allowScheduling": False, "evictionRequested": True}})
    ticket = "volume-eviction-controller-vol"

    def tickets() -> dict[str, object]:
        return dict(rig.get(names.ATTACHMENTS, "vol")["spec"]["attachmentTickets"] or {})

    rig.until(lambda: ticket in tickets(), 65)
    rig.until(lambda: node not in rig.homes(), 120)
    rig.until(lambda: rig.state() == "detached" and not tickets(), 60)
    assert len(rig.replicas()) == 2
