# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which replicas of the node the policy looks at.

Listed by node in any state, those being deleted too; a stopped one does not count under
allow-if-replica-is-stopped, and one that was never started holds no data, so only
block-for-eviction waits for it (longhorn-manager controller/instance_manager_controller.go
canDeleteInstanceManagerPDB, v1.6.4 and v1.12.1).
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy


def counted(cluster: Cluster, node: str, policy: Policy) -> tuple[Replica, ...]:
    """The replicas that may hold the budget, by name."""
    if policy is Policy.ALLOW:
        return ()
    here = sorted((r for r in cluster.replicas.values() if r.node == node), key=lambda r: r.name)
    if policy is Policy.EVICT_ALL:
        return tuple(here)
    if policy is Policy.KEEP_LAST_RUNNING:
        here = [r for r in here if not stopped(r)]
    return tuple(r for r in here if not never_started(r))


def stopped(replica: Replica) -> bool:
    """Stopped and meant to be."""
    return replica.desire == "stopped" and replica.state == "stopped"


def never_started(replica: Replica) -> bool:
    """It never held data."""
    return not replica.healthy_at and not replica.failed_at
