# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would hold the budgets of a node once it is cordoned, for a plan made before that.

Replicas that the drain moves or makes redundant itself are not held against it; what stays on the
node for a reboot is, by the policy in force.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import (
    evaluate,
    holders,
    policy,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count


def planned(
    cluster: Cluster, node: str, staying: Collection[str], going: Collection[str]
) -> Iterator[Blocker]:
    """Blockers of the budgets of the node as it will be.

    staying: volumes whose replicas stay on the node untouched; going: keys of the pods that will
    be evicted, whose volumes are detached with them.
    """
    yield from holders.attached(cluster, node, going)
    managers = evaluate.managers_of(cluster, node)
    if not any(manager.state == "running" for manager in managers):
        return
    moving = 0
    for blocker in evaluate.of_replicas(cluster, node):
        if cluster.replicas[blocker.name].volume not in staying:
            continue
        if blocker.rule == "replica_evicting":
            moving += 1
        else:
            yield blocker
    if moving:
        value = policy.policy_of(cluster.settings).value
        replicas = count(moving, "replica")
        yield Blocker(
            "policy_evicts",
            "node",
            node,
            f"once it is cordoned Longhorn moves {replicas} off it first (policy {value})",
            f"wait for the rebuilds, or set {policy.SETTING} to another value for the time",
            Clears.BY_ITSELF,
        )
