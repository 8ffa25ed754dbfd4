# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's own test, in its order: node, engines, policy, replicas.

longhorn-manager controller/instance_manager_controller.go syncInstanceManagerPDB and
canDeleteInstanceManagerPDB, v1.5.5 to v1.12.1. Longhorn asks at each pass over the instance
manager: at once when the node or the instance manager changes, else within 30 s, because neither
replicas nor the policy wake it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    InstanceManager,
    KubeNode,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import (
    engines,
    evicting,
    holders,
    policy,
    protection,
    unprotected,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import (
    Answer,
    Hold,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.counted import (
    counted,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy

NO_PACE: Mapping[str, float] = MappingProxyType({})
MANAGER = "instance manager"


def evaluate(
    cluster: Cluster,
    manager: InstanceManager,
    *,
    cordoned: bool | None = None,
    going: Collection[str] = (),
    pace: Mapping[str, float] = NO_PACE,
) -> Answer:
    """Whether Longhorn keeps the budget of this instance manager, and why.

    cordoned: pretend that its node is (True) or is not; None: as it is. going: keys
    (namespace/name) of pods that are being evicted. pace: percent per second of rebuilds that
    were watched, by replica.
    """
    there = protection.has_budget(cluster, manager)
    node = cluster.kube_nodes.get(manager.node)
    if manager.state != "running" or node is None:
        held = (_not_running(manager, node),) if there else ()
        return Answer(manager.name, manager.node, Hold.UNTOUCHED, there, held)
    closed = node.unschedulable if cordoned is None else cordoned
    if not closed and not policy.autoscaler(cluster.settings):
        return Answer(manager.name, manager.node, Hold.BLOCKED, there, (_open(manager),))
    found = tuple(_blockers(cluster, manager.node, going, pace))
    if found:
        return Answer(manager.name, manager.node, Hold.BLOCKED, there, found)
    notice = (_to_notice(manager),) if there else ()
    return Answer(manager.name, manager.node, Hold.FREE, there, notice)


def managers_of(cluster: Cluster, node: str) -> tuple[InstanceManager, ...]:
    """The instance managers of a node (several while an upgrade or two data engines run)."""
    found = (m for m in cluster.instance_managers.values() if m.node == node)
    return tuple(sorted(found, key=lambda manager: manager.name))


def _blockers(
    cluster: Cluster, node: str, going: Collection[str], pace: Mapping[str, float]
) -> Iterator[Blocker]:
    """What the deletion test meets: engines first, and replicas only once none is left."""
    listed = engines.on_node(cluster, node)
    for engine in listed:
        yield from _of_engine(cluster, engine, node, going)
    if not listed:
        yield from of_replicas(cluster, node, pace)


def of_replicas(
    cluster: Cluster, node: str, pace: Mapping[str, float] = NO_PACE
) -> Iterator[Blocker]:
    """The second half of the test: replicas of the node that the policy in force waits for."""
    rule = policy.policy_of(cluster.settings)
    for replica in counted(cluster, node, rule):
        if rule is Policy.EVICT_ALL:
            yield evicting.blocker(cluster, replica, rule, pace)
        elif protection.protected(cluster, replica):
            continue
        elif rule is Policy.EVICT_LAST:
            yield evicting.blocker(cluster, replica, rule, pace)
        else:
            yield unprotected.blocker(cluster, replica, rule, pace)


def _of_engine(
    cluster: Cluster, engine: engines.Listed, node: str, going: Collection[str]
) -> Iterator[Blocker]:
    volume = cluster.volumes.get(engine.volume)
    if volume is None:
        yield Blocker(
            "engine_without_volume",
            MANAGER,
            node,
            f"still runs {engine.name}, whose volume is gone",
            "wait; if it stays, delete it as an orphaned instance in Longhorn",
            Clears.BY_ITSELF,
            seconds=holders.PASS_SECONDS,
        )
        return
    found = list(holders.holders(cluster, volume, node, going))
    yield from found
    if not found:
        yield Blocker(
            "engine_stopping",
            "volume",
            holders.title(volume),
            f"is being detached from {node}; its engine {engine.name} has not ended yet",
            "wait",
            Clears.BY_ITSELF,
            seconds=holders.PASS_SECONDS,
        )


def _open(manager: InstanceManager) -> Blocker:
    return Blocker(
        "node_open",
        MANAGER,
        manager.name,
        f"is on {manager.node}, which is not cordoned: Longhorn keeps the budget of an open node",
        f"cordon {manager.node}",
    )


def _not_running(manager: InstanceManager, node: KubeNode | None) -> Blocker:
    reason = f"is {manager.state or 'not started'}; Longhorn leaves its budget alone until it runs"
    coming = node is not None and node.ready and not node.unschedulable
    if manager.state == "starting" or coming:
        remedy, clears = "wait until it runs", Clears.BY_ITSELF
    elif node is not None and node.ready:
        remedy = f"uncordon {manager.node} until it runs: on a cordoned node it does not come back"
        clears = Clears.NEEDS_ACTION
    else:
        remedy, clears = f"bring {manager.node} back first", Clears.NEEDS_ACTION
    return Blocker("manager_not_running", MANAGER, manager.name, reason, remedy, clears)


def _to_notice(manager: InstanceManager) -> Blocker:
    return Blocker(
        "to_be_noticed",
        MANAGER,
        manager.name,
        "is free to go: nothing on its node holds it any more, Longhorn has only to notice",
        "wait",
        Clears.BY_ITSELF,
        seconds=holders.PASS_SECONDS,
    )
