# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a drain must stop, wait, put back or repair, on a simulated cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupted
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.lease import LeaseHeld
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import Consent
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    drain_steps,
    release_node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.integration.drain.scene import (
    OPTIONS,
    SPACE,
    Scene,
    add_volume,
    drain,
    plan,
    served,
    ticket,
)
from tests.simulator.longhorn.cluster import Cluster

VOLUMES = "volumes.longhorn.io"
REPLICAS = "replicas.longhorn.io"
IMAGES = "backingimages.longhorn.io"
NODES = "nodes.longhorn.io"


def node_of_replica(scene: Scene, volume: str) -> str:
    found = [r["spec"] for r in scene.all(REPLICAS) if r["spec"]["volumeName"] == volume]
    return str(found[0]["nodeID"])


def sole(cluster: Cluster) -> None:
    """A volume of one replica, attached to another node than its replica's."""
    cluster.create_image("base", on=[cluster.disk_uuids("node-1")[0]])
    add_volume(cluster, "db", "base", 1)
    placed = str(cluster.store.list(REPLICAS)[0]["spec"]["nodeID"])
    engine = next(node for node in cluster.nodes if node != placed)
    ticket(cluster, "db", "csi-of-a-pod", engine, "csi-attacher")
    assert cluster.run_until_true(
        lambda: cluster.store.get(VOLUMES, SPACE, "db")["status"].get("robustness") == "healthy"
    )


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_reboot_raises_the_last_replica_until_the_return(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, sole) as scene:
        node = node_of_replica(scene, "db")
        results = drain(scene, node, "reboot")
        assert results["proof"]["safe_to"] == {"reboot": True, "reinstall": False, "remove": False}
        volume = scene.get(VOLUMES, "db")
        assert volume["spec"]["numberOfReplicas"] == 2
        note = volume["metadata"]["annotations"]["longhorn.nodecare.dev/before"]
        assert '"numberOfReplicas":1' in note
        assert scene.replicas_on(node), "its own replica stays for the return"
        assert scene.get(NODES, node)["spec"]["allowScheduling"]
        assert scene.get("nodes", node, "")["spec"]["unschedulable"]


def broken_entry(cluster: Cluster) -> None:
    three, one = cluster.disk_uuids("node-3"), cluster.disk_uuids("node-1")
    cluster.create_image("base", on=[three[0], one[0]])

    def empty(obj: dict[str, Any]) -> None:
        for key in obj["spec"]["diskFileSpecMap"]:
            obj["spec"]["diskFileSpecMap"][key] = {}

    cluster.store.mutate(IMAGES, SPACE, "base", empty)


def test_entries_written_as_nothing_are_repaired_when_allowed(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, broken_entry) as scene:
        found = plan(scene, Request("node-3", Intent.REMOVE)).stopping
        assert [b.rule for b in found] == ["incomplete_entry"]
        results = drain(scene, "node-3", "remove", repair_entries=True)
        assert results["begin"]["repaired"] == ["base"]
        assert results["proof"]["safe_to"]["remove"]
        entries = scene.get(IMAGES, "base")["spec"]["diskFileSpecMap"]
        assert all(entry["dataEngine"] == "v1" for entry in entries.values())


def two_copies(cluster: Cluster) -> None:
    three, one = cluster.disk_uuids("node-3"), cluster.disk_uuids("node-1")
    cluster.create_image("base", on=[three[0], one[0]])


@pytest.mark.parametrize("answer_lost", [False, True])
@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_replica_that_comes_in_the_same_moment_gets_its_key_back(
    version: str, answer_lost: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_node, "SETTLE_SECONDS", 2.0)
    with served(version, tmp_path, two_copies) as scene:
        disk = sorted(scene.keys("base") & scene.disks("node-3"))[0]
        came = []

        def prepare(client: Client) -> None:
            send = client.patch_json

            def patch(kind: Any, name: str, ops: Any, *args: Any, **kwargs: Any) -> Any:
                answer = send(kind, name, ops, *args, **kwargs)
                gone = any(op["op"] == "remove" and op["path"].endswith(disk) for op in ops)
                if gone and not came:
                    came.append(name)
                    spec = {"volumeName": "late", "nodeID": "node-3", "diskID": disk}
                    body = {
                        "metadata": {"name": "late-r-1", "namespace": SPACE},
                        "spec": {**spec, "backingImage": "base"},
                    }
                    scene.server.call(scene.cluster.store.create, REPLICAS, body)
                    if answer_lost:  # its repetition finds another resourceVersion
                        raise errors.FailedTest("", status=422)
                return answer

            vars(client)["patch_json"] = patch

        with pytest.raises(Failure) as failure:
            drain(scene, "node-3", "remove", prepare=prepare, seconds=20)
        assert came == ["base"]
        assert disk in scene.keys("base")
        assert "replica late-r-1 uses this copy" in str(failure.value)
        result = failure.value.result or {}
        assert result["keys_put_back"] == [{"image": "base", "disk_uuid": disk}]


def test_a_wish_to_stop_is_obeyed_before_the_next_write(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, two_copies) as scene:
        work = scene.work()
        work.interrupt.request("interrupted by Ctrl-C")
        before = scene.writes()
        request = Request("node-3", Intent.REMOVE)
        with pytest.raises(Interrupted, match="run the same command again"):
            drain_steps.begin(work, request, OPTIONS, lambda: _nothing(work))
        assert scene.writes() == before


class _nothing:
    """No lock."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __enter__(self) -> Work:
        return self._work

    def __exit__(self, *_exc: object) -> None:
        return None


def test_a_lock_that_somebody_else_took_stops_the_next_write(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, two_copies) as scene:
        work = scene.work()
        lock = lease.Lease(work.client, "ours")
        lock.acquire(1.0)

        def steal(obj: dict[str, Any]) -> None:
            obj["spec"]["holderIdentity"] = "theirs"

        scene.server.call(
            scene.cluster.store.mutate, "leases.coordination.k8s.io", SPACE, lease.NAME, steal
        )
        work.lease = lock
        lock._renewed_at = float("-inf")
        before = scene.writes()
        with pytest.raises(Failure, match="no longer ours"):
            drain_steps.begin(
                work, Request("node-3", Intent.REMOVE), OPTIONS, lambda: _nothing(work)
            )
        assert scene.writes() == before
        with pytest.raises(LeaseHeld, match="theirs"):
            lease.Lease(scene.work().client, "third").acquire(0.5)


def held_pods(cluster: Cluster) -> None:
    """Three pods on node-3, owned by something that lets them be; one budget allows nothing."""
    store = cluster.store
    owner = store.create("configmaps", {"metadata": {"name": "owner", "namespace": "default"}})
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    for name, app in (("free-1", "free"), ("free-2", "free"), ("held", "held")):
        metadata = {
            "name": name,
            "namespace": "default",
            "labels": {"app": app},
            "ownerReferences": [reference],
        }
        spec = {"nodeName": "node-3", "containers": [{"name": "c", "image": "x"}]}
        store.create("pods", {"metadata": metadata, "spec": spec})
    budget = {
        "metadata": {"name": "keep", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "held"}}},
    }
    store.create("poddisruptionbudgets.policy", budget)
    cluster.kernel.run_for(20)


def test_a_budget_holds_one_pod_and_no_other_waits_behind_it(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, held_pods) as scene:
        request = Request("node-3", Intent.REBOOT, Consent())
        work = scene.work(seconds=6.0)
        with pytest.raises(Failure, match="node-3 is not cordoned"):
            drain_steps.evict(work, request, OPTIONS, lambda: _nothing(work))
        drain_steps.cordon(work, request, OPTIONS, lambda: _nothing(work))
        with pytest.raises(Failure) as failure:
            drain_steps.evict(work, request, OPTIONS, lambda: _nothing(work))
        said = str(failure.value)
        assert "budget default/keep lets no pod go, so held stays" in said
        assert "It will never clear: give the workload one more replica" in said
        assert "Run the same command again" in said
        names = {p["metadata"]["name"] for p in scene.all("pods")}
        assert "held" in names and not names & {"free-1", "free-2"}

        def allow() -> None:
            scene.cluster.store.delete("poddisruptionbudgets.policy", "default", "keep")

        scene.server.call(allow)
        again = scene.work(seconds=30.0)
        results = drain_steps.evict(again, request, OPTIONS, lambda: _nothing(again))
        assert "default/held" in results["evicted"]


def test_a_manual_ticket_is_told_as_the_reason_of_the_budget(tmp_path: Path) -> None:
    def by_hand(cluster: Cluster) -> None:
        cluster.create_image("base", on=[cluster.disk_uuids("node-1")[0]])
        add_volume(cluster, "db", "base", 2)
        ticket(cluster, "db", "rig", "node-3", "longhorn-api")
        store = cluster.store
        assert cluster.run_until_true(
            lambda: store.get(VOLUMES, SPACE, "db")["status"].get("robustness") == "healthy"
        )

    with served("1.12.1", tmp_path, by_hand) as scene:
        found = plan(scene, Request("node-3", Intent.REBOOT)).stopping
        assert [b.rule for b in found] == ["manual_attachment"]
        work = scene.work()
        request = Request("node-3", Intent.REBOOT)
        drain_steps.cordon(work, request, OPTIONS, lambda: _nothing(work))
        work = scene.work(seconds=4.0)
        with pytest.raises(Failure, match=r"volume db is attached to node-3 by hand"):
            drain_steps.evict(work, request, OPTIONS, lambda: _nothing(work))


def test_copies_that_cannot_be_made_leave_the_node_as_it_was(tmp_path: Path) -> None:
    """The transfer is too slow for the deadline: nothing is taken off the node."""

    def slow(cluster: Cluster) -> None:
        cluster.create_image("base", on=[cluster.disk_uuids("node-3")[0]])
        cluster.limit_transfers(1.0)

    with served("1.12.1", tmp_path, slow) as scene:
        with pytest.raises(Failure, match="Nothing was taken off node-3"):
            drain(scene, "node-3", "remove", seconds=4.0)
        assert len(scene.ready("base") & scene.disks("node-3")) == 1
        assert not scene.get("nodes", "node-3", "")["spec"].get("unschedulable")


def test_replicas_that_may_share_a_node_do_not_land_on_the_one_that_reboots(tmp_path: Path) -> None:
    def soft(cluster: Cluster) -> None:
        sole(cluster)

        def allow(obj: dict[str, Any]) -> None:
            obj["spec"]["replicaSoftAntiAffinity"] = "enabled"

        cluster.store.mutate(VOLUMES, SPACE, "db", allow)

    with served("1.12.1", tmp_path, soft) as scene:
        node = node_of_replica(scene, "db")
        results = drain(scene, node, "reboot")
        assert results["begin"]["closed"]
        assert results["proof"]["safe_to"]["reboot"], results["proof"]["report"]
        assert len(scene.replicas_on(node)) == 1
        assert scene.get(NODES, node)["spec"]["allowScheduling"], "given back before the reboot"


def test_a_removal_waits_until_the_cluster_can_hold_everything_without_the_node(
    tmp_path: Path,
) -> None:
    """Three replicas and three nodes: the operator lowers the number, and the same run goes on."""

    def three(cluster: Cluster) -> None:
        cluster.create_image("base", on=[cluster.disk_uuids("node-1")[0]])
        add_volume(cluster, "db", "base", 3, attach_to="node-1")

    with served("1.12.1", tmp_path, three) as scene:
        request = Request("node-3", Intent.REMOVE)
        (found,) = plan(scene, request).stopping
        assert (found.rule, found.name) == ("too_few_nodes", "db")
        assert found.remedy == "lower its number of replicas from 3 to 2"
        proof = drain_steps.prove(scene.work(), request, {})
        (reason,) = [why for why in proof["against"]["remove"] if "asks for" in why]
        assert reason.endswith("without node-3 only 2 nodes can hold one")
        assert reason not in proof["against"]["reinstall"]

        def lower(obj: dict[str, Any]) -> None:
            obj["spec"]["numberOfReplicas"] = 2

        scene.server.call(scene.cluster.store.mutate, VOLUMES, SPACE, "db", lower)
        assert plan(scene, request).stopping == ()
        results = drain(scene, "node-3", "remove")
        assert results["proof"]["safe_to"]["remove"], results["proof"]["report"]
