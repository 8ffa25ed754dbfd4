# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node controller's step that asks replicas to leave a node or disk (F§7.1, F§7.5).

longhorn-manager controller/node_controller.go syncReplicaEvictionRequested, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.budget import should_evict
from tests.simulator.longhorn.volume_scene import disks_of
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, name_of

_COMPONENT = "longhorn-node-controller"
_CLEAR = (0.25, 0.4)


def sync_replica_evictions(world: World, node: Object) -> bool:
    """Set the flag of each replica listed in scheduledReplica to what it ought to be.

    Returns status.autoEvicting: whether the drain policy (no flag of the operator) moves one.
    Replicas of a disk that lists none, because it is not Ready, are not looked at.
    """
    automatic = False
    for _name, disk, status in disks_of(node):
        for replica_name in sorted(status.get("scheduledReplica") or {}):
            replica = world.store.find(names.REPLICAS, names.NAMESPACE, replica_name)
            if replica is None:
                continue
            wanted = should_evict(world, replica, node, disk)
            by_flag = node["spec"].get("evictionRequested") or disk.get("evictionRequested")
            automatic = automatic or (wanted and not by_flag)
            if bool(replica["spec"].get("evictionRequested")) == wanted:
                continue
            if wanted:
                _write(world, replica, wanted, bool(by_flag))
            else:
                _clear_later(world, name_of(node), replica_name)
    return automatic


def _clear_later(world: World, node: str, replica: str) -> None:
    """Taking a flag back takes longer than setting it (rec: v1.7.3/w2-leave-replica)."""

    def clear() -> None:
        present = world.store.find(names.REPLICAS, names.NAMESPACE, replica)
        owner = world.store.find(names.NODES, names.NAMESPACE, node)
        if present is None or owner is None or not present["spec"].get("evictionRequested"):
            return
        disks = [d for _n, d, s in disks_of(owner) if s["diskUUID"] == present["spec"]["diskID"]]
        if disks and not should_evict(world, present, owner, disks[0]):
            _write(world, present, False, False)

    world.kernel.call_later(world.kernel.rng.uniform(*_CLEAR), clear)


def _write(world: World, replica: Object, wanted: bool, by_flag: bool) -> None:
    name, spec = name_of(replica), replica["spec"]
    where = f"from node {spec['nodeID']} and disk {spec['diskID']}"
    world.store.mutate(
        names.REPLICAS,
        names.NAMESPACE,
        name,
        lambda obj: obj["spec"].update(evictionRequested=wanted),
    )
    if not wanted:
        text = f"Cancelling replica {name} eviction {where}"
        world.event(replica, _COMPONENT, "EvictionCanceled", text)
        return
    reason = "EvictionUserRequested" if by_flag else "EvictionAutomatic"
    text = f"Requesting replica {name} eviction {where}"
    world.event(replica, _COMPONENT, reason, text)
