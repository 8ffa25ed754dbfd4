# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a pod be deleted although its disruption budget refuses its eviction? Only when asked to
(disable_eviction), and only when no data can go with it.

A budget is the only guard that stands between a drain and the last replica of a volume, so an
instance manager that Longhorn still holds is never deleted around it.
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    pod_filters,
    pod_volumes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import (
    evaluate,
    protection,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import Hold
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.counted import (
    counted,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names


def against(cluster: Cluster, pod: Pod) -> str:
    """Why this pod must not be deleted around its budget; "" where no data is at risk."""
    if pod_filters.is_instance_manager(pod):
        return _instance_manager(cluster, pod)
    if pod.empty_dirs:
        return f"it keeps data in emptyDir {names(list(pod.empty_dirs))}, and its peers are short"
    for claim, local in pod_volumes.foreign_claims(cluster, pod):
        if local is None:
            return f"it cannot be told where the data of its claim {claim} are"
        if local:
            return f"the data of its claim {claim} are on {pod.node} only"
    for name in pod_volumes.volumes_of(cluster, pod):
        held = [r for r in cluster.replicas_of_volume.get(name, ()) if r.healthy]
        if not held:
            return f"its volume {name} has no healthy replica"
        if all(replica.node == pod.node for replica in held):
            return f"its volume {name} has its only healthy replica on {pod.node}"
    return ""


def _instance_manager(cluster: Cluster, pod: Pod) -> str:
    manager = cluster.instance_managers.get(pod.name)
    if manager is None:
        return "Longhorn has no instance manager of that name, so nobody can tell what runs in it"
    answer = evaluate.evaluate(cluster, manager)
    if answer.hold is Hold.UNTOUCHED:
        return "it does not run, so Longhorn's rules say nothing about it"
    if answer.hold is Hold.BLOCKED:
        first = answer.blockers[0]
        return f"Longhorn still holds it: {first.kind} {first.name} {first.reason}"
    # A policy may let go what is not safe: always-allow takes the last replica down.
    alone = [
        replica.name
        for replica in counted(cluster, manager.node, Policy.KEEP_LAST)
        if not protection.protected(cluster, replica)
    ]
    if alone:
        return f"replica {names(alone)} has no protected peer on another node"
    return ""
