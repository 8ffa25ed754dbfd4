# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power, heartbeat, taints, and the pods of a silent node."""

from __future__ import annotations

from tests.simulator.history import WatchEvent
from tests.simulator.kube.components import Kubernetes
from tests.simulator.objects import condition, is_terminating
from tests.simulator.store import Store
from tests.unit.simulator.example import NS, make_store


def cluster(*nodes: str, seed: int = 0) -> tuple[Store, Kubernetes]:
    store = make_store(seed)
    kubernetes = Kubernetes(store.kernel, store)
    kubernetes.start()
    for name in nodes:
        kubernetes.machines.add(name, zone=f"zone-{name}")
    store.kernel.run_for(1)
    return store, kubernetes


def make_pod(store: Store, name: str, node: str, policy: str = "Never", delay: int = 3) -> None:
    container = {"name": "c", "image": "i:1", "readinessProbe": {"initialDelaySeconds": delay}}
    spec = {"nodeName": node, "restartPolicy": policy, "containers": [container]}
    store.create("pods", {"metadata": {"name": name, "namespace": NS}, "spec": spec})


def ready(store: Store, kind: str, name: str, namespace: str = "") -> str:
    entry = condition(store.get(kind, namespace, name), "Ready")
    return entry["status"] if entry else ""


def taints(store: Store, node: str) -> list[str]:
    found = store.get("nodes", "", node)["spec"].get("taints") or []
    return [f"{t['key'].partition('/')[2]}:{t['effect']}" for t in found]


def test_a_new_machine_is_ready_and_untainted() -> None:
    store, _unused = cluster("n1")
    assert ready(store, "nodes", "n1") == "True"
    assert taints(store, "n1") == []
    labels = store.get("nodes", "", "n1")["metadata"]["labels"]
    assert labels["topology.kubernetes.io/zone"] == "zone-n1"


def test_a_cordon_is_shown_as_a_taint() -> None:
    store, _unused = cluster("n1")
    store.mutate("nodes", "", "n1", lambda o: o["spec"].update(unschedulable=True))
    store.kernel.run_for(0.1)
    assert taints(store, "n1") == ["unschedulable:NoSchedule"]
    store.mutate("nodes", "", "n1", lambda o: o["spec"].pop("unschedulable"))
    store.kernel.run_for(0.1)
    assert taints(store, "n1") == []


def test_a_pod_runs_then_is_ready_and_goes_when_deleted() -> None:
    store, _unused = cluster("n1")
    changes: list[tuple[str, str]] = []
    start = store.kernel.now()

    def note(event: WatchEvent) -> None:
        if event.res == "pods":
            entry = condition(event.obj, "Ready")
            state = (event.obj["status"]["phase"], entry["status"] if entry else "")
            changes.append((event.type, f"{state[0]} {state[1]}".strip()))

    store.subscribe(note)
    make_pod(store, "p", "n1")
    store.kernel.run_for(3.02)
    assert ready(store, "pods", "p", NS) == "False"
    store.kernel.run_for(0.65)
    assert ready(store, "pods", "p", NS) == "True"
    assert changes == [
        ("ADDED", "Pending"),
        ("MODIFIED", "Running False"),
        ("MODIFIED", "Running True"),
    ]
    store.delete("pods", NS, "p")
    store.kernel.run_for(1.1)
    assert is_terminating(store.get("pods", NS, "p"))
    store.kernel.run_for(1.4)
    assert store.find("pods", NS, "p") is None
    assert store.kernel.now() - start < 7


def test_a_silent_node_is_noticed_and_its_pods_end_after_their_toleration() -> None:
    store, kubernetes = cluster("n1", "n2")
    make_pod(store, "p", "n1")
    store.kernel.run_for(5)
    kubernetes.machines.power_off("n1")
    off = store.kernel.now()
    assert store.kernel.run_until_true(lambda: ready(store, "nodes", "n1") == "Unknown", 60)
    assert 40 <= store.kernel.now() - off <= 55
    assert ready(store, "nodes", "n2") == "True"
    store.kernel.run_for(1)
    assert taints(store, "n1") == ["unreachable:NoSchedule", "unreachable:NoExecute"]
    assert ready(store, "pods", "p", NS) == "False"
    lost = store.kernel.now()
    assert store.kernel.run_until_true(lambda: is_terminating(store.get("pods", NS, "p")), 400)
    assert 298 <= store.kernel.now() - lost <= 301
    target = condition(store.get("pods", NS, "p"), "DisruptionTarget")
    assert target is not None and target["reason"] == "DeletionByTaintManager"
    store.kernel.run_for(600)
    assert store.find("pods", NS, "p") is not None


def test_a_node_that_comes_back_clears_up() -> None:
    store, kubernetes = cluster("n1")
    make_pod(store, "never", "n1")
    make_pod(store, "always", "n1", policy="Always")
    store.kernel.run_for(5)
    kubernetes.machines.power_off("n1")
    store.kernel.run_for(100)
    kubernetes.machines.power_on("n1")
    store.kernel.run_for(2)
    assert ready(store, "nodes", "n1") == "True"
    assert taints(store, "n1") == ["unreachable:NoExecute"]
    store.kernel.run_for(6)
    assert taints(store, "n1") == []
    assert store.get("pods", NS, "never")["status"]["phase"] == "Failed"
    again = store.get("pods", NS, "always")["status"]
    assert again["containerStatuses"][0]["restartCount"] == 1
    assert ready(store, "pods", "always", NS) == "True"


def test_a_terminating_pod_of_a_dead_node_vanishes_when_it_is_back() -> None:
    store, kubernetes = cluster("n1")
    make_pod(store, "p", "n1")
    store.kernel.run_for(5)
    kubernetes.machines.power_off("n1")
    store.delete("pods", NS, "p")
    store.kernel.run_for(60)
    assert is_terminating(store.get("pods", NS, "p"))
    kubernetes.machines.power_on("n1")
    store.kernel.run_for(2)
    assert store.find("pods", NS, "p") is None


def test_a_short_outage_is_not_noticed() -> None:
    store, kubernetes = cluster("n1")
    kubernetes.machines.power_off("n1")
    store.kernel.run_for(20)
    kubernetes.machines.power_on("n1")
    store.kernel.run_for(120)
    assert ready(store, "nodes", "n1") == "True"


def test_pods_of_a_deleted_node_are_collected() -> None:
    store, _unused = cluster("n1")
    make_pod(store, "p", "n1")
    store.kernel.run_for(5)
    store.delete("nodes", "", "n1")
    store.kernel.run_for(39)
    assert store.find("pods", NS, "p") is not None
    store.kernel.run_for(2)
    assert store.find("pods", NS, "p") is None


def test_a_crashed_container_fails_or_starts_again() -> None:
    store, kubernetes = cluster("n1")
    make_pod(store, "never", "n1")
    make_pod(store, "always", "n1", policy="Always", delay=0)
    store.kernel.run_for(5)
    kubelet = kubernetes.machines.kubelet("n1")
    kubelet.stop_container(store.get("pods", NS, "never"))
    kubelet.stop_container(store.get("pods", NS, "always"))
    store.kernel.run_for(1)
    state = store.get("pods", NS, "never")["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["exitCode"] == 137
    again = store.get("pods", NS, "always")["status"]["containerStatuses"][0]
    assert (again["ready"], again["restartCount"]) == (True, 1)


def test_the_same_seed_gives_the_same_history() -> None:
    def history(seed: int) -> list[tuple[str, str, float]]:
        store, kubernetes = cluster("n1", "n2", seed=seed)
        seen: list[tuple[str, str, float]] = []
        store.subscribe(lambda e: seen.append((e.type, e.res, store.kernel.now())))
        make_pod(store, "p", "n1")
        kubernetes.machines.power_off("n1")
        store.kernel.run_for(400)
        return seen

    assert history(5) == history(5)
    assert history(5) != history(6)
