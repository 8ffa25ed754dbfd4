# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of a Longhorn node (F§6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulator.longhorn import pod_checks
from tests.simulator.longhorn.conditions import Conditions, set_condition
from tests.simulator.longhorn.image_rules import seconds_of
from tests.simulator.longhorn.profiles import Profile
from tests.simulator.objects import Object, condition, is_terminating, labels_of, name_of

FALSE_COUNTS_AFTER = 15.0
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")


def readiness(
    name: str, core: Object | None, pods: list[Object], now: float
) -> tuple[bool, str, str]:
    """Value, reason and message of Ready, from the core node and the manager's pod."""
    found = (True, "", f"Node {name} is ready")
    mine = [pod for pod in pods if pod["spec"].get("nodeName") == name]
    if not mine:
        text = f"Manager pod missing: node {name} has no manager pod running on it"
        found = (False, "ManagerPodMissing", text)
    elif not any(pod_checks.running(pod) for pod in mine):
        text = f"the manager pod {name_of(mine[0])} is not running"
        found = (False, "ManagerPodDown", text)
    if core is None:
        text = f"Kubernetes node missing: node {name} has been removed from the cluster"
        return (False, "KubernetesNodeGone", text)
    for entry in (core.get("status") or {}).get("conditions") or []:
        trouble = _core_trouble(name, entry, now)
        if trouble is not None:
            return (False, *trouble)
    return found


def _core_trouble(name: str, entry: Mapping[str, Any], now: float) -> tuple[str, str] | None:
    kind, status = entry.get("type"), entry.get("status")
    if kind == "Ready" and status != "True":
        young = now - seconds_of(entry.get("lastTransitionTime", "")) < FALSE_COUNTS_AFTER
        if status == "False" and young:
            return None
        text = f"Kubernetes node {name} not ready: {entry.get('reason', '')}"
        return ("KubernetesNodeNotReady", text)
    if kind in PRESSURES and status == "True":
        text = f"Kubernetes node {name} has pressure: {entry.get('reason', '')}"
        return ("KubernetesNodePressure", text)
    if kind == "NetworkUnavailable" and status == "True":
        return ("UnknownNodeConditionTrue", f"Kubernetes node {name} has no network")
    return None


def manager_pods(pods: list[Object]) -> list[Object]:
    """Pods of the manager DaemonSet that are not on their way out."""
    return [
        pod
        for pod in pods
        if labels_of(pod).get("app") == "longhorn-manager" and not is_terminating(pod)
    ]


def schedulable(name: str, core: Object | None, respects_cordon: bool) -> tuple[bool, str, str]:
    """Value, reason and message of Schedulable: only the cordon counts, never readiness."""
    cordoned = bool(core is not None and core["spec"].get("unschedulable"))
    if cordoned and respects_cordon:
        text = f"the status of Kubernetes node {name} is schedulable false"
        return (False, "KubernetesNodeCordoned", text)
    return (True, "", "")


def host_conditions(conditions: Conditions, profile: Profile, stamp: str) -> None:
    """Conditions about the machine itself, all well; in place."""
    set_condition(conditions, "MountPropagation", True, stamp)
    if not profile.has("node_host_conditions"):
        return
    packages = "All required packages [nfs-client iscsi cryptsetup dmsetup] are installed"
    set_condition(conditions, "RequiredPackages", True, stamp, message=packages)
    set_condition(conditions, "Multipathd", True, stamp)
    set_condition(conditions, "NFSClientInstalled", True, stamp)
    set_condition(conditions, "KernelModulesLoaded", True, stamp)


def ready_reason(node: Object) -> str:
    """Why a Longhorn node is not Ready, empty if it is."""
    entry = condition(node, "Ready") or {}
    return "" if entry.get("status") == "True" else str(entry.get("reason") or "Unknown")
