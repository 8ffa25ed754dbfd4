# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Longhorn volumes a pod uses: its claims, the PersistentVolumes bound to them, their driver.

Where PersistentVolumes may not be read, Longhorn's own note in volume.status.kubernetesStatus is
taken instead (longhorn-manager controller/kubernetes_pv_controller.go).
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import pod_filters
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod

DRIVER = "driver.longhorn.io"
SHARE_MANAGER = "share-manager"


def volumes_of(cluster: Cluster, pod: Pod) -> tuple[str, ...]:
    """Names of the Longhorn volumes of its claims, in their order."""
    found = (_volume_of_claim(cluster, pod.meta.namespace, claim) for claim in pod.claims)
    return tuple(name for name in found if name)


def _volume_of_claim(cluster: Cluster, namespace: str, claim: str) -> str:
    persistent = cluster.volume_of_claim.get((namespace, claim))
    if persistent is not None:
        return persistent.handle if persistent.driver == DRIVER else ""
    noted = (
        volume.name
        for volume in cluster.volumes.values()
        if volume.claim == claim and volume.claim_namespace == namespace
    )
    return next(noted, "")


def keeps_engines(cluster: Cluster, pod: Pod) -> bool:
    """Whether the pod keeps a volume attached to its node: it mounts one, or shares one out."""
    if pod_filters.is_instance_manager(pod) or pod.finished:
        return False
    shares = pod.meta.labels.get(pod_filters.COMPONENT) == SHARE_MANAGER
    return shares or bool(volumes_of(cluster, pod))


def foreign_claims(cluster: Cluster, pod: Pod) -> tuple[tuple[str, bool | None], ...]:
    """Claims that are not Longhorn's: (claim, whether its data are on this node only; None where
    nobody can tell).
    """
    found: list[tuple[str, bool | None]] = []
    for claim in pod.claims:
        if _volume_of_claim(cluster, pod.meta.namespace, claim):
            continue
        persistent = cluster.volume_of_claim.get((pod.meta.namespace, claim))
        found.append((claim, persistent.local if persistent is not None else None))
    return tuple(found)
