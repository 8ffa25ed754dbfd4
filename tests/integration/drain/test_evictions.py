# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods of a simulated node: budgets, finalizers, replaced pods, volumes that must leave first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import Consent
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    drain_steps,
    plan_drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.integration.drain.crowd import NODE, gather
from tests.integration.drain.scene import OPTIONS, SPACE, Scene, add_volume, served
from tests.integration.drain.test_budget_waits import Heard
from tests.integration.drain.test_edges import _nothing
from tests.material import CHECKOUT
from tests.scenery import workloads
from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kube.attachdetach import ATTACHMENTS
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.csi import CsiAttacher
from tests.simulator.objects import Object, is_terminating, name_of, owner_reference

BUDGETS = "poddisruptionbudgets.policy"
LABELS = {"app": "db"}


def asked(node: str, **consent: Any) -> Request:
    return Request(node, Intent.REBOOT, Consent(**consent))


def cordoned(scene: Scene, node: str) -> None:
    work = scene.work()
    drain_steps.cordon(work, asked(node), OPTIONS, lambda: _nothing(work))


def evict(
    scene: Scene,
    request: Request,
    seconds: float = 20.0,
    heard: Heard | None = None,
    work: Work | None = None,
) -> dict[str, Any]:
    """The step. Where it fails, its text and what it had found come as `failed` and `found`."""
    work = work or scene.work(seconds)
    work.progress = heard or Heard()
    try:
        return drain_steps.evict(work, request, OPTIONS, lambda: _nothing(work))
    except Failure as failure:
        return {"failed": str(failure), **work.done}


def rules(found: dict[str, Any]) -> list[str]:
    return [blocker["rule"] for blocker in found["blockers"]]


def owned_pod(cluster: Cluster, name: str, labels: dict[str, str], **metadata: Any) -> None:
    """Make a pod on node-1 whose controller the simulator does not play."""
    store = cluster.store
    owner = store.find("configmaps", "default", "owner") or store.create(
        "configmaps", {"metadata": {"name": "owner", "namespace": "default"}}
    )
    reference = owner_reference({"apiVersion": "v1", "kind": "ConfigMap", **owner})
    body = {
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": labels,
            "ownerReferences": [reference],
            **metadata,
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "c", "image": "x"}]},
    }
    store.create("pods", body)


def test_a_crowd_goes_while_budgets_hold_a_few_and_a_replica_more_frees_them(
    tmp_path: Path,
) -> None:
    cluster, serve = gather(tmp_path, free=40, held=3, scale=10.0)
    try:
        crowd = serve()
        scene = Scene(cluster, crowd.server)
        cordoned(scene, NODE)
        heard = Heard()
        first = evict(scene, asked(NODE), 3.0, heard)
        assert crowd.free_gone and not crowd.held & crowd.gone
        assert heard.position("pods 41/44", "budget default/held lets no pod go") >= 0
        assert "will never clear: give the workload one more replica" in heard.texts[-1]
        assert rules(first) == ["budget_never"]
        assert first["blockers"][0]["clears"] == "never"
        assert first["blockers"][0]["blocks_for_seconds"] > 0
        assert "minAvailable 3 demands 3 of 3 pods" in first["failed"]

        def more() -> None:
            scene.server.call(
                cluster.store.mutate,
                "replicasets.apps",
                "default",
                "held",
                lambda obj: obj["spec"].update(replicas=4),
            )

        result = evict(scene, asked(NODE), 30.0, Heard("will never clear", more))
        assert crowd.held <= crowd.gone
        assert len(result["waited_for_budgets"]) == 3 and result["blockers"] == []
    finally:
        cluster.close()


def odd_pods(cluster: Cluster) -> None:
    """On node-1: a pod kept by a finalizer, one under two budgets, one under a budget."""
    store = cluster.store
    owned_pod(cluster, "kept", {}, finalizers=["example.org/backup"])
    owned_pod(cluster, "twice", {"app": "twice", "tier": "x"})
    owned_pod(cluster, "alone", LABELS)
    for name, labels in (("a", {"app": "twice"}), ("b", {"tier": "x"}), ("c", LABELS)):
        store.create(BUDGETS, workloads.budget(name, labels, minAvailable=1))
    cluster.kernel.run_for(20)


def test_pods_that_do_not_go_are_named_each_with_its_reason(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, odd_pods) as scene:
        cordoned(scene, "node-1")
        found = evict(scene, asked("node-1"), 2.5)
        assert sorted(rules(found)) == ["budget_never", "pod_finalizers", "several_budgets"]
        said = found["failed"]
        assert "pod default/twice is counted by 2 budgets (a, b)" in said
        assert "pod default/kept has ended, but is kept by its finalizers" in said
        assert "budget default/c lets no pod go, so alone stays" in said

        around = evict(scene, asked("node-1", disable_eviction=True), 2.5)
        assert around["deleted_around_budgets"] == ["default/alone", "default/twice"]
        assert rules(around) == ["pod_finalizers"]

        def unkeep(obj: Object) -> None:
            obj["metadata"]["finalizers"] = []

        scene.server.call(scene.cluster.store.mutate, "pods", "default", "kept", unkeep)
        assert evict(scene, asked("node-1"))["blockers"] == []


def test_another_pod_of_the_same_name_is_evicted_too(tmp_path: Path) -> None:
    came: list[str] = []

    def again(cluster: Cluster) -> None:
        store = cluster.store
        owned_pod(cluster, "web-0", {})

        def on_event(event: WatchEvent) -> None:
            if event.res == "pods" and event.type == DELETED and name_of(event.obj) == "web-0":
                came.append(event.obj["metadata"]["uid"])
                if len(came) < 3:
                    owned_pod(cluster, "web-0", {})

        store.subscribe(on_event)
        cluster.kernel.run_for(10)

    with served("1.12.1", tmp_path, again) as scene:
        cordoned(scene, "node-1")
        result = evict(scene, asked("node-1"))
        assert "failed" not in result
        assert len(set(came)) == 3
        assert [pod for pod in result["evicted"] if "web" in pod] == ["default/web-0"] * 3


def test_pods_that_no_selector_chooses_stay(tmp_path: Path) -> None:
    def two(cluster: Cluster) -> None:
        for name in ("web", "db"):
            owned_pod(cluster, name, {"app": name})
        cluster.kernel.run_for(10)

    with served("1.12.1", tmp_path, two) as scene:
        cordoned(scene, "node-1")
        chosen = evict(scene, asked("node-1", pod_selectors=("app in (web, api)", "!canary")))
        assert chosen["evicted"] == ["default/web"]
        wrong = evict(scene, asked("node-1", pod_selectors=("app in web",)))
        assert "is not a term" in wrong["failed"] and "Nothing was changed" in wrong["failed"]


def with_volume(cluster: Cluster) -> None:
    """StatefulSet db on node-1 with a Longhorn volume of two replicas."""
    add_volume(cluster, "data", "", 2)
    store = cluster.store
    for obj in workloads.bound_claim("data"):
        store.create(f"{obj['kind'].lower()}s", obj)
    for name in cluster.nodes[1:]:
        store.mutate("nodes", "", name, lambda o: o["spec"].update(unschedulable=True))
    body = workloads.workload("StatefulSet", "db", 1, workloads.template(LABELS, claim="data"))
    store.create("statefulsets.apps", body)
    assert cluster.run_until_true(
        lambda: store.get("volumes.longhorn.io", SPACE, "data")["status"]["robustness"] == "healthy"
    )
    for name in cluster.nodes[1:]:
        store.mutate("nodes", "", name, lambda o: o["spec"].pop("unschedulable", None))
    cluster.kernel.run_for(40)


def order_of_ends(scene: Scene) -> list[str]:
    """Collects what ends from now on: pod, attachment, instance manager."""
    ends: list[str] = []
    (attachment,) = scene.all(ATTACHMENTS)

    def on_event(event: WatchEvent) -> None:
        name = name_of(event.obj)
        if event.res == ATTACHMENTS and event.type == DELETED and name == name_of(attachment):
            ends.append("attachment")
        elif event.res == "pods" and event.type == DELETED and name == "db-0":
            ends.append("pod")
        elif event.res == "pods" and name.startswith("instance-manager") and event.old:
            before = is_terminating(event.old)
            ends.extend(["manager"] if is_terminating(event.obj) and not before else [])

    scene.server.call(scene.cluster.store.subscribe, on_event)
    return ends


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_instance_managers_wait_until_the_volumes_of_pods_are_detached(
    version: str, tmp_path: Path
) -> None:
    with served(version, tmp_path, with_volume, scale=10.0) as scene:
        cordoned(scene, "node-1")
        ends = order_of_ends(scene)
        heard = Heard()
        result = evict(scene, asked("node-1"), 30.0, heard)
        assert "failed" not in result
        assert ends == ["pod", "attachment", "manager"]
        assert heard.position("waiting: volume data is being detached from node-1") >= 0
        assert result["unreadable"] == [] and result["detach_wait_seconds"] > 0


def test_a_volume_that_is_not_detached_is_named_at_the_time_out(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, with_volume) as scene:
        cordoned(scene, "node-1")
        attachers = [c for c in scene.cluster.volumes.controllers if isinstance(c, CsiAttacher)]
        scene.server.call(attachers[0].stop)
        found = evict(scene, asked("node-1"), 2.5)
        assert rules(found) == ["detaching"]
        assert "volume data is being detached from node-1, for" in found["failed"]
        assert "held by volumeattachments.storage.k8s.io csi-" in found["failed"]
        assert not [pod for pod in found["evicted"] if "instance-manager" in pod]


def as_account(scene: Scene, folder: Path, without: set[str]) -> Work:
    """A step's work as the documented service account, but for some resources."""
    names = {
        "ServiceAccount": "serviceaccounts",
        "Role": "roles.rbac.authorization.k8s.io",
        "RoleBinding": "rolebindings.rbac.authorization.k8s.io",
        "ClusterRole": "clusterroles.rbac.authorization.k8s.io",
        "ClusterRoleBinding": "clusterrolebindings.rbac.authorization.k8s.io",
    }
    create: Callable[..., Any] = scene.cluster.store.create
    for item in yaml.safe_load((CHECKOUT / "docs/rbac.yaml").read_text())["items"]:
        if item["kind"] == "ClusterRole":
            kept = [rule for rule in item["rules"] if not without & set(rule["resources"])]
            item["rules"] = kept
        scene.server.call(create, names[item["kind"]], item)
    token = scene.server.tokens.for_service_account(SPACE, "nodecare")
    kubeconfig = scene.server.kubeconfig_for(token, folder / "account")
    deadline, interrupt = Deadline(30.0), Interrupt()
    client = connect({"kubeconfig": str(kubeconfig)}, deadline)
    return Work(client, find_longhorn(client), deadline, interrupt, Progress(None, interrupt))


def test_without_the_right_to_read_attachments_longhorns_tickets_tell(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, with_volume, scale=10.0) as scene:
        missing = {"volumeattachments", "persistentvolumes"}
        work = as_account(scene, tmp_path, missing)
        cluster = plan_drain.read(work.client, work.longhorn, "node-1", storage=True)
        made = plan_drain.plan(work.client, cluster, asked("node-1"), writing=False)
        told = [b for b in made.blockers if b.rule == "right_missing"]
        assert [b.name for b in told] == [
            "list and watch persistentvolumes",
            "list and watch volumeattachments.storage.k8s.io",
        ]
        assert not any(b.stops for b in told)
        cordoned(scene, "node-1")
        ends = order_of_ends(scene)
        result = evict(scene, asked("node-1"), work=work)
        assert "failed" not in result
        assert ends[0] == "pod" and "manager" in ends
        assert result["unreadable"] == ["persistentvolumes", "volumeattachments.storage.k8s.io"]


def test_an_instance_manager_is_never_deleted_around_its_budget(tmp_path: Path) -> None:
    def last(cluster: Cluster) -> None:
        with_volume(cluster)
        cluster.store.mutate(
            "volumes.longhorn.io", SPACE, "data", lambda o: o["spec"].update(numberOfReplicas=1)
        )
        replicas = cluster.store.list("replicas.longhorn.io")
        gone = [r for r in replicas if r["spec"]["nodeID"] != "node-1"]
        gone = gone if len(gone) < len(replicas) else gone[:1]
        for replica in gone:
            cluster.store.delete("replicas.longhorn.io", SPACE, name_of(replica))
        cluster.kernel.run_for(10)

    with served("1.12.1", tmp_path, last) as scene:
        (replica,) = scene.all("replicas.longhorn.io")
        node = replica["spec"]["nodeID"]
        cordoned(scene, node)
        found = evict(scene, asked(node, disable_eviction=True), 3.0)
        assert found["deleted_around_budgets"] == []
        assert rules(found) == ["last_replica", "not_around_budget"]
        assert "whatever disable_eviction says: Longhorn still holds it" in found["failed"]
        assert replica["metadata"]["name"] in found["failed"]
