# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real API server fills into built-in objects, as recorded in kube-api-conformance.json.

Sources: k8s.io/kubernetes pkg/apis/*/v1/defaults.go, pkg/registry/core/*/strategy.go, and the
admission plug-ins that are on by default (TaintNodesByCondition, DefaultTolerationSeconds,
Priority, ServiceAccount, PodTopologyLabels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulator.objects import Object

if TYPE_CHECKING:
    from tests.simulator.store import Store

_NODE_INFO = ("architecture", "bootID", "containerRuntimeVersion", "kernelVersion") + (
    "kubeProxyVersion",
    "kubeletVersion",
    "machineID",
    "operatingSystem",
    "osImage",
    "systemUUID",
)
_TOPOLOGY_LABELS = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


def prepare_namespace(store: Store, obj: Object) -> None:
    """A namespace starts Active, labelled with its own name."""
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
    obj.setdefault("spec", {})["finalizers"] = ["kubernetes"]
    obj["status"] = {"phase": "Active"}


def prepare_node(store: Store, obj: Object) -> None:
    """A new node is tainted until its readiness is known."""
    taints = obj.setdefault("spec", {}).setdefault("taints", [])
    if not any(t.get("key") == NOT_READY for t in taints):
        taints.append({"key": NOT_READY, "effect": "NoSchedule"})


def default_node(obj: Object) -> None:
    """Fields of a node that are always there."""
    obj.setdefault("spec", {})
    if obj["spec"].get("taints") == []:
        del obj["spec"]["taints"]
    if obj["spec"].get("unschedulable") is False:
        del obj["spec"]["unschedulable"]
    status = obj.setdefault("status", {})
    status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 0}})
    info = status.setdefault("nodeInfo", {})
    for name in _NODE_INFO:
        info.setdefault(name, "")


def prepare_pod(store: Store, obj: Object) -> None:
    """A new pod is Pending; one that names its node carries that node's topology labels."""
    obj["status"] = {"phase": "Pending", "qosClass": _quality(obj.get("spec") or {})}
    node = store.find("nodes", "", (obj.get("spec") or {}).get("nodeName") or "")
    if node is not None:
        copy_topology(node, obj)


def copy_topology(node: Object, pod: Object) -> None:
    """Give a pod that is bound to a node the node's zone and region labels, in place."""
    found = node["metadata"].get("labels") or {}
    for name in _TOPOLOGY_LABELS:
        if name in found:
            pod["metadata"].setdefault("labels", {})[name] = found[name]


def default_pod(obj: Object) -> None:
    """Fields of a pod that are always there."""
    spec = obj.setdefault("spec", {})
    if (
        "tolerations" in spec
        and "schedulerName" in spec
        and "conditions" not in obj.get("status", {})
    ):
        return
    for condition in obj.get("status", {}).get("conditions") or []:
        condition.setdefault("lastProbeTime", None)
        condition.setdefault("lastTransitionTime", None)
    for name, value in _POD_DEFAULTS.items():
        spec.setdefault(name, value)
    account = spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", account)
    spec.setdefault("securityContext", {})
    spec.setdefault("tolerations", [])
    for container in spec.get("containers") or []:
        _default_container(container)
    for key in (NOT_READY, UNREACHABLE):
        if not any(_tolerates(t, key) for t in spec["tolerations"]):
            spec["tolerations"].append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )


_POD_DEFAULTS: dict[str, Any] = {
    "dnsPolicy": "ClusterFirst",
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
}


def _tolerates(toleration: Object, key: str) -> bool:
    keys, effects = (key, None, ""), ("NoExecute", None, "")
    return toleration.get("key") in keys and toleration.get("effect") in effects


def _default_container(container: Object) -> None:
    tag = str(container.get("image", "")).rpartition("/")[2].partition(":")[2]
    policy = "Always" if tag in ("", "latest") else "IfNotPresent"
    container.setdefault("imagePullPolicy", policy)
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")


def _quality(spec: Object) -> str:
    resources = [c.get("resources") or {} for c in spec.get("containers") or []]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    if all(r.get("limits") and r.get("requests", r["limits"]) == r["limits"] for r in resources):
        return "Guaranteed"
    return "Burstable"


def default_event(obj: Object) -> None:
    """Fields of an event that are always there."""
    for name in ("eventTime", "firstTimestamp", "lastTimestamp"):
        obj.setdefault(name, None)
    for name in ("reportingComponent", "reportingInstance"):
        obj.setdefault(name, "")
    obj.setdefault("source", {})


def prepare_budget(store: Store, obj: Object) -> None:
    """A new budget allows nothing until the controller has counted."""
    obj["status"] = {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    }


def default_workload(obj: Object) -> None:
    """Fields of a workload that the simulator's controllers read."""
    spec = obj.setdefault("spec", {})
    if obj["kind"] != "DaemonSet":
        spec.setdefault("replicas", 1)
    obj.setdefault("status", {})
