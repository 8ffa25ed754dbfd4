# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until a node has really come back and its volumes are whole."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    living,
    node_before,
    restore_plan,
    return_volumes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Stopped,
    Work,
)

FOLLOWED = (
    kinds.LONGHORN_NODES,
    kinds.NODES,
    kinds.INSTANCE_MANAGERS,
    kinds.BUDGETS,
    kinds.BACKING_IMAGES,
    kinds.MANAGERS,
    kinds.VOLUMES,
    kinds.REPLICAS,
    kinds.ENGINES,
)


def check_there(cluster: Cluster, node: str) -> None:
    """Raises Stopped when Longhorn's node is deleted, and with it the notes of its drain."""
    if node not in cluster.nodes:
        raise Stopped(
            f"Longhorn node {node} was deleted while it was given back, and what its drain had "
            "noted is gone with it. When it has joined the cluster again, set its scheduling, tags "
            "and disks by hand."
        )


def not_back(cluster: Cluster, scope: Scope) -> list[str]:
    """What is still missing. Volumes that carry our note are left to the step that ends them. Of
    a node only one disk of which was emptied, nothing but that disk is asked.
    """
    node = scope.node
    if scope.disk:
        disks = [disk for disk in cluster.nodes[node].disks if disk.name == scope.name]
        return [text for disk in disks for text in living.disk_missing(cluster, disk)]
    found = list(living.not_alive(cluster, node))
    kube_node = cluster.kube_nodes.get(node)
    if kube_node is None or kube_node.unschedulable:
        return found
    volumes = cluster.volumes.values()
    noted = frozenset(v.name for v in volumes if return_volumes.noted_for(v, scope))
    return found + living.not_whole(cluster, node, noted)


def await_return(work: Work, scope: Scope) -> float:
    """Seconds that it took. Raises Stopped for other disks than before and for a node that was
    deleted, TimedOut with what is missing.
    """
    began, node = work.deadline.elapsed(), scope.node
    work.where = f"{scope.label} is open again; its notes are kept."
    with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
        while True:
            work.safe_point()
            cluster = live.picture()
            check_there(cluster, node)
            before = node_before.of_scope(cluster.nodes[node], scope)
            drift = living.drifted(cluster, node, before) if before is not None else ()
            if drift:
                raise Stopped(restore_plan.drift_text(node, drift))
            missing = not_back(cluster, scope)
            if not missing:
                return work.deadline.elapsed() - began
            work.progress.update(f"waiting: {names(missing, 3)}")
            if work.deadline.expired:
                raise TimedOut(_late(work, cluster, scope, missing))
            live.next_change(min(1.0, work.deadline.remaining()))


def _late(work: Work, cluster: Cluster, scope: Scope, missing: list[str]) -> str:
    node = scope.node
    paths = living.unmounted(cluster, node)
    remedy = f" Mount what belongs at {', '.join(paths)}." if paths else ""
    return (
        f"waited {spell_seconds(work.deadline.elapsed())} for {scope.label} to be back; last seen: "
        f"{names(missing, 10)}.{remedy} {work.where} No replica and no copy was deleted that is "
        "still needed. Run the same command again."
    )
