# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why Longhorn still keeps the disruption budget of a node's instance manager.

Longhorn deletes the budget when its own test passes and tells nobody why it does not; the reasons
are worked out here from the same objects (longhorn-manager
controller/instance_manager_controller.go canDeleteInstanceManagerPDB).
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    replica_moves,
    setting,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
)

POLICY = "node-drain-policy"
DEFAULT_POLICY = "block-if-contains-last-replica"


def why_held(cluster: Cluster, node: str) -> tuple[str, ...]:
    """Reasons in words, engines first; () when Longhorn should let go by itself in a moment."""
    policy = setting.text(cluster.settings, POLICY, DEFAULT_POLICY)
    found = [
        f"volume {engine.volume} is still attached there"
        for engine in sorted(cluster.engines.values(), key=lambda e: e.volume)
        if engine.node == node and engine.state not in ("stopped", "")
    ]
    if policy == "always-allow":
        return tuple(found)
    for replica in sorted(cluster.replicas.values(), key=lambda r: r.name):
        if replica.node != node or not (replica.healthy_at or replica.failed_at):
            continue
        if policy == "allow-if-replica-is-stopped" and replica.state == "stopped":
            continue
        if policy == "block-for-eviction":
            found.append(f"replica {replica.name} is still there (policy {policy})")
        elif not _protected(cluster, replica, node):
            found.append(
                f"replica {replica.name} of volume {replica.volume} has no healthy peer on "
                f"another open node (policy {policy})"
            )
    return tuple(found)


def _protected(cluster: Cluster, replica: Replica, node: str) -> bool:
    volume = cluster.volumes.get(replica.volume)
    if volume is None:
        return True
    return bool(replica_moves.protected_elsewhere(cluster, volume, node))
