# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod with a claim of a Longhorn volume: attached by CSI, detached when the pod is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenery import workloads
from tests.simulator.kube.attachdetach import ATTACHMENTS
from tests.simulator.longhorn import names
from tests.simulator.longhorn.csi import FINALIZER
from tests.simulator.objects import Object, is_terminating
from tests.unit.simulator.longhorn.volume_cluster import VolumeCluster


@pytest.fixture(params=["1.6", "1.12"])
def world(request: pytest.FixtureRequest) -> Iterator[VolumeCluster]:
    made = VolumeCluster(request.param, copies=0)
    made.volume("db", image="")
    for obj in workloads.bound_claim("db"):
        made.store.create(f"{obj['kind'].lower()}s", obj)
    pod = workloads.template({"app": "db"}, claim="db")
    made.store.create(
        "statefulsets.apps",
        workloads.workload("StatefulSet", "db", 1, pod),
    )
    yield made
    made.close()


def pod_of(world: VolumeCluster) -> Object | None:
    return world.store.find("pods", "default", "db-0")


def running(world: VolumeCluster) -> bool:
    pod = pod_of(world)
    return pod is not None and (pod.get("status") or {}).get("phase") == "Running"


def test_a_pod_runs_when_its_volume_is_attached_and_its_end_detaches_it(
    world: VolumeCluster,
) -> None:
    assert not running(world)
    world.until(lambda: running(world), 60)
    pod = pod_of(world)
    assert pod is not None
    node = pod["spec"]["nodeName"]
    (held,) = world.store.list(ATTACHMENTS)
    assert held["spec"]["nodeName"] == node
    assert held["status"]["attached"] is True
    assert held["metadata"]["finalizers"] == [FINALIZER]
    tickets = world.get(names.ATTACHMENTS, "db")["spec"]["attachmentTickets"]
    assert [(t["type"], t["nodeID"]) for t in tickets.values()] == [("csi-attacher", node)]
    known = world.get(names.VOLUMES, "db")["status"]["kubernetesStatus"]
    assert (known["pvName"], known["pvcName"], known["namespace"]) == ("pv-db", "db", "default")
    assert [w["podName"] for w in known["workloadsStatus"]] == ["db-0"]

    world.patch("nodes", node, {"spec": {"unschedulable": True}})
    uid = pod["metadata"]["uid"]
    world.store.delete("pods", "default", "db-0")
    world.wait(0.1)
    (held,) = world.store.list(ATTACHMENTS)
    assert not is_terminating(held), "a pod that is ending keeps its volume"
    world.until(lambda: (pod_of(world) or pod)["metadata"]["uid"] != uid, 10)
    assert [a["spec"]["nodeName"] for a in world.store.list(ATTACHMENTS)] == [node]
    world.until(lambda: running(world) and (pod_of(world) or {})["spec"]["nodeName"] != node, 90)
    assert [a["spec"]["nodeName"] for a in world.store.list(ATTACHMENTS)] != [node]


def test_a_volume_that_nobody_uses_any_more_remembers_who_did(world: VolumeCluster) -> None:
    world.until(lambda: running(world), 60)
    world.store.delete("statefulsets.apps", "default", "db")
    world.until(lambda: world.state("db") == "detached", 60)
    world.until(lambda: world.store.list(ATTACHMENTS) == [], 20)
    known = world.get(names.VOLUMES, "db")["status"]["kubernetesStatus"]
    assert known["lastPodRefAt"]
    assert [w["podName"] for w in known["workloadsStatus"]] == ["db-0"]
