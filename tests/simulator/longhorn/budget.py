# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the disruption budget of an instance manager may go: the deletion test (F§8.1 to 8.3).

longhorn-manager controller/instance_manager_controller.go canDeleteInstanceManagerPDB, v1.6.4 and
v1.12.1; the reasons are the ends of its log line.
"""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.volume_scene import core_schedulable, manager_of
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, is_terminating, name_of

BUDGETS = "poddisruptionbudgets.policy"
_EVICTING = ("block-for-eviction", "block-for-eviction-if-contains-last-replica")


def blocked_by(world: World, manager: Object) -> str:
    """Why the budget of ``manager`` must stay; empty where it may go. First matching rule wins."""
    node = str(manager["spec"].get("nodeID"))
    status = manager.get("status") or {}
    engines = sorted(status.get("instanceEngines") or {})
    if engines:
        listed = "".join(f"{name} " for name in engines)
        return f"some volumes are still attached InstanceEngines count {len(engines)} {listed}"
    policy = world.setting("node-drain-policy")
    if policy == "always-allow":
        return ""
    replicas = [
        r
        for r in world.store.list(names.REPLICAS, names.NAMESPACE)
        if r["spec"].get("nodeID") == node and not is_terminating(r)
    ]
    if policy == "allow-if-replica-is-stopped":
        running = status.get("instanceReplicas") or {}
        replicas = [r for r in replicas if name_of(r) in running]
    if policy == "block-for-eviction":
        if not replicas:
            return ""
        listed = "".join(f"{name_of(r)} " for r in replicas)
        return f"some replicas block eviction count {len(replicas)} {listed}"
    for replica in replicas:
        if _matters(replica) and not protected_peer(world, replica):
            return f"replica {name_of(replica)} has no pdb on another node"
    return ""


def protected_peer(world: World, replica: Object) -> bool:
    """Whether another node holds a healthy replica of the same volume behind a budget."""
    spec = replica["spec"]
    for other in world.store.list(names.REPLICAS, names.NAMESPACE):
        theirs = other["spec"]
        if theirs.get("volumeName") != spec.get("volumeName"):
            continue
        if not theirs.get("nodeID") or theirs["nodeID"] == spec.get("nodeID"):
            continue
        if not theirs.get("healthyAt") or theirs.get("failedAt") or is_terminating(other):
            continue
        if _behind_budget(world, str(theirs["nodeID"])):
            return True
    return False


def should_evict(world: World, replica: Object, node: Object, disk: Object) -> bool:
    """Whether a replica ought to leave: by flag, or by the policy on a cordoned node (F§7.5)."""
    name = name_of(node)
    core = world.store.find("nodes", None, name)
    if core is None or _down(node):
        return False
    if node["spec"].get("evictionRequested") or disk.get("evictionRequested"):
        return True
    if not (core.get("spec") or {}).get("unschedulable"):
        return False
    policy = world.setting("node-drain-policy")
    if policy == _EVICTING[0]:
        return True
    return policy == _EVICTING[1] and not protected_peer(world, replica)


def _behind_budget(world: World, node: str) -> bool:
    if not core_schedulable(world.store, node):
        return False
    manager = manager_of(world.store, node)
    if manager is None or (manager.get("status") or {}).get("currentState") != "running":
        return False
    return world.store.find(BUDGETS, names.NAMESPACE, name_of(manager)) is not None


def _matters(replica: Object) -> bool:
    """A replica that never held data does not block."""
    return bool(replica["spec"].get("healthyAt") or replica["spec"].get("failedAt"))


def _down(node: Object) -> bool:
    for entry in (node.get("status") or {}).get("conditions") or []:
        if entry.get("type") == "Ready":
            return bool(entry.get("status") == "False")
    return False
