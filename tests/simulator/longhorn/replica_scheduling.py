# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a replica may go: the rules of Longhorn's replica scheduler that matter here (F§7.5).

longhorn-manager scheduler/replica_scheduler.go, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.choices import Choices
from tests.simulator.longhorn.volume_scene import (
    Scene,
    core_schedulable,
    disks_of,
    is_evicting,
    is_failed,
    node_is,
)
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, condition, is_terminating, name_of

Place = tuple[str, str, str]
"""Node, disk UUID and disk path."""


def candidates(world: World, scene: Scene) -> list[Place]:
    """Disks that may take one more replica of the volume, best class only.

    First nodes without a replica of it, then nodes whose only replicas are being evicted, then,
    with replica-soft-anti-affinity, any node. Failed replicas do not occupy a node.
    """
    nodes = world.store.list(names.NODES, names.NAMESPACE)
    open_to: dict[str, list[Place]] = {name_of(n): _disks(world, scene, n) for n in nodes}
    used: dict[str, bool] = {}
    for replica in scene.replicas:
        node = replica["spec"].get("nodeID") or ""
        if node and not is_failed(replica) and not is_terminating(replica):
            used[node] = used.get(node, True) and is_evicting(replica)
    classes = [
        [node for node in open_to if node not in used],
        [node for node, leaving in used.items() if leaving],
    ]
    if world.setting_bool("replica-soft-anti-affinity"):
        classes.append(list(open_to))
    for group in classes:
        found = [place for node in group for place in open_to.get(node, [])]
        if found:
            return found
    return []


def place(world: World, choices: Choices, scene: Scene) -> Place | None:
    """Draw one of the candidates; None where there is none."""
    found = {uuid: (node, uuid, path) for node, uuid, path in candidates(world, scene)}
    if not found:
        return None
    return found[choices.pick("replica", scene.name, sorted(found))]


def may_return(world: World, replica: Object) -> bool:
    """Whether a failed replica may be taken up again where it is.

    Its node must be Ready and schedulable, core node and allowScheduling included: while either
    says no, failed replicas stay down (procedures.md 0.4).
    """
    spec = replica["spec"]
    node = world.store.find(names.NODES, names.NAMESPACE, spec.get("nodeID") or "")
    if node is None or not node["spec"].get("allowScheduling"):
        return False
    if not node_is(world.store, name_of(node), "Ready"):
        return False
    if not core_schedulable(world.store, name_of(node)):
        return False
    for _name, disk, status in disks_of(node):
        if status.get("diskUUID") == spec.get("diskID"):
            if not disk.get("allowScheduling") or disk.get("evictionRequested"):
                return False
            return _disk_is(status, "Ready") and _disk_is(status, "Schedulable")
    return False


def _disks(world: World, scene: Scene, node: Object) -> list[Place]:
    spec = node["spec"]
    if not spec.get("allowScheduling") or spec.get("evictionRequested"):
        return []
    if not node_is(world.store, name_of(node), "Ready"):
        return []
    if not node_is(world.store, name_of(node), "Schedulable"):
        return []
    if not _matches(scene.volume["spec"].get("nodeSelector"), spec.get("tags")):
        return []
    found: list[Place] = []
    for _name, disk, status in disks_of(node):
        if disk.get("evictionRequested") or not disk.get("allowScheduling"):
            continue
        if not _disk_is(status, "Schedulable"):
            continue
        if not _matches(scene.volume["spec"].get("diskSelector"), disk.get("tags")):
            continue
        if _has_room(scene, disk, status):
            found.append((name_of(node), str(status["diskUUID"]), str(disk.get("path", ""))))
    return found


def _disk_is(status: Object, kind: str) -> bool:
    entry = condition({"status": status}, kind)
    return entry is not None and entry.get("status") == "True"


def _matches(selector: list[str] | None, tags: list[str] | None) -> bool:
    return set(selector or []) <= set(tags or [])


def _has_room(scene: Scene, disk: Object, status: Object) -> bool:
    """Over-provisioning 100 % (F§6.3): what is promised stays under what may be promised."""
    size = int(scene.volume["spec"].get("size") or 0)
    limit = int(status.get("storageMaximum") or 0) - int(disk.get("storageReserved") or 0)
    return int(status.get("storageScheduled") or 0) + size <= limit
