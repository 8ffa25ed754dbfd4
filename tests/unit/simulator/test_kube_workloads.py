# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads, scheduler, budgets, eviction, garbage collection, namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.errors import ApiError
from tests.simulator.http.eviction import evict
from tests.simulator.kube.budgets import BUDGETS
from tests.simulator.objects import Object, condition, is_terminating, name_of, owner_reference
from tests.simulator.store import Store, WriteOptions
from tests.unit.simulator.example import NS, RES, image
from tests.unit.simulator.test_kube_nodes import cluster

LABELS = {"app": "web"}


def workload(kind: str, store: Store, replicas: int = 2) -> Object:
    template = {
        "metadata": {"labels": LABELS},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]},
    }
    spec: dict[str, Any] = {"selector": {"matchLabels": LABELS}, "template": template}
    if kind != "daemonsets.apps":
        spec["replicas"] = replicas
    made = store.create(kind, {"metadata": {"name": "web", "namespace": NS}, "spec": spec})
    store.kernel.run_for(2)
    return made


def pods(store: Store) -> list[Object]:
    return [p for p in store.list("pods", NS) if not is_terminating(p)]


def nodes_of(store: Store) -> list[str]:
    return sorted(p["spec"].get("nodeName", "") for p in pods(store))


def cordon(store: Store, node: str) -> None:
    store.mutate("nodes", "", node, lambda o: o["spec"].update(unschedulable=True))


def budget(store: Store, **spec: Any) -> None:
    body = {"selector": {"matchLabels": LABELS}, **spec}
    store.create(BUDGETS, {"metadata": {"name": "web", "namespace": NS}, "spec": body})
    store.kernel.run_for(0.1)


def evicted(store: Store, name: str, **options: Any) -> Object:
    return evict(store, NS, name, {"deleteOptions": options}, WriteOptions())


def test_a_deployment_comes_back_on_another_node() -> None:
    store, _unused = cluster("n1", "n2", "n3")
    workload("deployments.apps", store, replicas=3)
    assert nodes_of(store) == ["n1", "n2", "n3"]
    cordon(store, "n1")
    (victim,) = [p for p in pods(store) if p["spec"]["nodeName"] == "n1"]
    evicted(store, name_of(victim))
    store.kernel.run_for(5)
    assert len(pods(store)) == 3
    assert "n1" not in nodes_of(store)
    status = store.get("deployments.apps", NS, "web")["status"]
    assert (status["replicas"], status["readyReplicas"]) == (3, 3)


def test_a_deployment_scales_and_its_pods_go_with_it() -> None:
    store, _unused = cluster("n1", "n2")
    workload("deployments.apps", store, replicas=3)
    store.mutate("deployments.apps", NS, "web", lambda o: o["spec"].update(replicas=1))
    store.kernel.run_for(5)
    assert len(pods(store)) == 1
    store.delete("deployments.apps", NS, "web")
    store.kernel.run_for(5)
    assert store.list("pods", NS) == []
    assert store.list("replicasets.apps", NS) == []


def test_a_stateful_pod_keeps_its_name_and_waits_for_the_old_one() -> None:
    store, _unused = cluster("n1", "n2")
    workload("statefulsets.apps", store)
    assert [name_of(p) for p in pods(store)] == ["web-0", "web-1"]
    old = store.get("pods", NS, "web-0")
    evicted(store, "web-0")
    store.kernel.run_for(1.0)
    assert store.get("pods", NS, "web-0")["metadata"]["uid"] == old["metadata"]["uid"]
    store.kernel.run_for(4.0)
    new = store.get("pods", NS, "web-0")
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert new["status"]["phase"] == "Running"


def test_daemon_pods_are_everywhere_cordoned_or_not() -> None:
    store, kubernetes = cluster("n1", "n2")
    cordon(store, "n2")
    workload("daemonsets.apps", store)
    assert nodes_of(store) == ["n1", "n2"]
    kubernetes.machines.add("n3")
    store.kernel.run_for(2)
    assert nodes_of(store) == ["n1", "n2", "n3"]
    status = store.get("daemonsets.apps", NS, "web")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (3, 3)


def test_a_pod_that_fits_nowhere_waits_for_a_node() -> None:
    store, _unused = cluster("n1")
    cordon(store, "n1")
    workload("deployments.apps", store, replicas=1)
    (waiting,) = pods(store)
    entry = condition(waiting, "PodScheduled")
    assert entry is not None and entry["reason"] == "Unschedulable"
    store.mutate("nodes", "", "n1", lambda o: o["spec"].pop("unschedulable"))
    store.kernel.run_for(1)
    assert nodes_of(store) == ["n1"]


def test_node_selectors_are_kept() -> None:
    store, kubernetes = cluster("n1")
    kubernetes.machines.add("fast", labels={"disk": "ssd"})
    spec = {"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "c", "image": "i"}]}
    store.create("pods", {"metadata": {"name": "p", "namespace": NS}, "spec": spec})
    store.kernel.run_for(1)
    assert nodes_of(store) == ["fast"]


def test_a_budget_refuses_then_grants() -> None:
    store, _unused = cluster("n1", "n2")
    workload("deployments.apps", store)
    budget(store, minAvailable=2)
    first, second = (name_of(p) for p in pods(store))
    with pytest.raises(ApiError) as error:
        evicted(store, first)
    assert error.value.status == 429
    assert error.value.details == {
        "causes": [
            {
                "reason": "DisruptionBudget",
                "message": "The disruption budget web needs 2 healthy pods and has 2 currently",
            }
        ]
    }
    store.mutate(BUDGETS, NS, "web", lambda o: o["spec"].update(minAvailable=1))
    with pytest.raises(ApiError) as unprocessed:
        evicted(store, first)
    assert (unprocessed.value.details or {})["retryAfterSeconds"] == 10
    store.kernel.run_for(0.1)
    evicted(store, first)
    with pytest.raises(ApiError, match="violate the pod's disruption budget"):
        evicted(store, second)
    store.kernel.run_for(5)
    evicted(store, second)


def test_a_budget_in_percent_counts_what_the_owner_wants() -> None:
    store, _unused = cluster("n1", "n2")
    workload("deployments.apps", store, replicas=4)
    budget(store, maxUnavailable="25%")
    status = store.get(BUDGETS, NS, "web")["status"]
    assert (status["expectedPods"], status["desiredHealthy"]) == (4, 3)
    assert status["disruptionsAllowed"] == 1


def test_eviction_edges() -> None:
    store, _unused = cluster("n1")
    workload("deployments.apps", store, replicas=1)
    (name,) = (name_of(p) for p in pods(store))
    with pytest.raises(ApiError) as missing:
        evicted(store, "nobody")
    assert missing.value.status == 404
    with pytest.raises(ApiError) as other:
        evicted(store, name, preconditions={"uid": "other"})
    assert other.value.status == 409
    before = store.get("pods", NS, name)
    assert evicted(store, name, dryRun=["All"])["status"] == "Success"
    assert store.get("pods", NS, name) is before
    for number in (1, 2):
        spec = {"minAvailable": 1, "selector": {"matchLabels": LABELS}}
        metadata = {"name": f"b{number}", "namespace": NS}
        store.create(BUDGETS, {"metadata": metadata, "spec": spec})
    with pytest.raises(ApiError, match="more than one PodDisruptionBudget"):
        evicted(store, name)


def owned(store: Store, name: str, owner: Object) -> None:
    obj = image(name)
    obj["metadata"]["ownerReferences"] = [owner_reference(owner)]
    store.create(RES, obj)


def test_dependents_go_with_their_owner() -> None:
    store, _unused = cluster()
    owner = store.create(RES, image("owner"))
    owned(store, "child", owner)
    owned(store, "grandchild", store.get(RES, NS, "child"))
    store.delete(RES, NS, "owner")
    store.kernel.run_for(1)
    assert store.list(RES, NS) == []


def test_an_owner_in_the_foreground_waits_and_orphans_stay() -> None:
    store, _unused = cluster()
    owned(store, "child", store.create(RES, image("owner")))
    store.mutate(RES, NS, "child", lambda o: o["metadata"].update(finalizers=["keep/me"]))
    store.delete(RES, NS, "owner", propagation="Foreground")
    store.kernel.run_for(1)
    assert store.find(RES, NS, "owner") is not None
    store.mutate(RES, NS, "child", lambda o: o["metadata"].pop("finalizers"))
    store.kernel.run_for(1)
    assert store.list(RES, NS) == []
    owned(store, "orphan", store.create(RES, image("owner")))
    store.delete(RES, NS, "owner", propagation="Orphan")
    store.kernel.run_for(1)
    (left,) = store.list(RES, NS)
    assert "ownerReferences" not in left["metadata"]


def test_an_object_whose_owner_never_was_is_collected() -> None:
    store, _unused = cluster()
    ghost = {**image("ghost"), "metadata": {"name": "ghost", "uid": "0"}}
    owned(store, "child", ghost)
    store.kernel.run_for(1)
    assert store.list(RES, NS) == []


def test_a_namespace_is_emptied_before_it_goes() -> None:
    store, _unused = cluster()
    store.create(RES, image("a"))
    marked = store.delete("namespaces", "", NS)
    assert marked is not None and marked["status"]["phase"] == "Terminating"
    with pytest.raises(ApiError, match="because it is being terminated"):
        store.create(RES, image("b"))
    store.kernel.run_for(3)
    assert store.find("namespaces", "", NS) is None
    assert store.list(RES) == []


def test_definitions_show_the_schema() -> None:
    store, _unused = cluster()
    crd = store.get("customresourcedefinitions.apiextensions.k8s.io", "", RES)
    (version,) = crd["spec"]["versions"]
    properties = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert "copies" in properties
    assert version["subresources"] == {"status": {}}
