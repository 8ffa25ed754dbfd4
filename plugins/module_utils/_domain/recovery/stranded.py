# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas on nodes that are down: what Longhorn says of them is from before.

On 1.6.4 such a replica reads running, and its volume detaching, until Kubernetes gives up the pods
of the node (some 5 min), because the failure to end it is never passed over (longhorn-manager
controller/replica_controller.go DeleteInstance); played on 1.6.4.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names


def living(cluster: Cluster, replicas: Iterable[Replica]) -> list[Replica]:
    """Those of the replicas whose state can be believed."""
    ready = {name for name, node in cluster.nodes.items() if node.ready}
    return [replica for replica in replicas if not replica.node or replica.node in ready]


def holding(cluster: Cluster, volume: Volume) -> list[Replica]:
    """The replicas on dead nodes that alone keep a volume detaching; none where it is otherwise."""
    if volume.state != "detaching":
        return []
    open_ones = [
        replica
        for replica in cluster.replicas_of_volume.get(volume.name, ())
        if replica.state != "stopped"
    ]
    engine = cluster.engine(volume.name)
    closing = engine is not None and engine.state == "running"
    return [] if closing or living(cluster, open_ones) else open_ones


def told(cluster: Cluster, volume: Volume) -> str:
    """What is left to do for such a volume, "" where it is none."""
    held = holding(cluster, volume)
    if not held:
        return ""
    nodes = names(sorted({replica.node for replica in held}))
    return (
        f"volume {volume.name} stays detaching: Longhorn cannot end "
        f"{names([replica.name for replica in held])} on {nodes} before Kubernetes gives up the "
        f"pods there (some 5 min after it went off) or {nodes} is back"
    )
