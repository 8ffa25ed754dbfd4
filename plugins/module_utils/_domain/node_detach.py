# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes Kubernetes still holds on a node, and why: the wait between the pods and Longhorn.

When a pod is gone, Kubernetes deletes the VolumeAttachment (storage.k8s.io) of each of its volumes,
Longhorn's CSI driver detaches the volume, and only then the object goes. Instance managers are not
asked before that. Where VolumeAttachments may not be read, the tickets that the driver keeps on
Longhorn's own attachments tell the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import pod_volumes
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import (
    Fate,
    Verdict,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names

READ_FROM = "volumeattachments.storage.k8s.io"
TICKET = "csi-attacher"
#: A volume that the kubelet reports mounted is detached all the same after this, but only from a
#: node that is not healthy (kubernetes 1.26 and later, pkg/controller/volume/attachdetach).
FORCED_SECONDS = 360
#: Unmounting and detaching take seconds; what stands still for so long does not end by itself.
HANGS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """One volume on the node. attachment: name of the VolumeAttachment (or ticket) that holds it;
    users: keys of the pods on the node that use it; stays: the drain leaves one of them where it
    is, so nobody waits for this volume.
    """

    attachment: str
    volume: str
    users: tuple[str, ...] = ()
    stays: bool = False
    deleting: bool = False
    error: str = ""


def held(cluster: Cluster, node: str, verdicts: Iterable[Verdict]) -> tuple[Held, ...]:
    """Volumes of Longhorn's driver that the node holds, by name."""
    users: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if not verdict.pod.finished:
            for volume in pod_volumes.volumes_of(cluster, verdict.pod):
                users.setdefault(volume, []).append(verdict)
    source = _by_tickets if READ_FROM in cluster.unreadable else _by_attachments
    found = (
        Held(
            attachment,
            volume,
            tuple(v.pod.key for v in users.get(volume, ())),
            any(v.fate is not Fate.EVICT for v in users.get(volume, ())),
            deleting,
            error,
        )
        for attachment, volume, deleting, error in source(cluster, node)
    )
    return tuple(sorted(found, key=lambda h: (h.volume, h.attachment)))


def _by_attachments(cluster: Cluster, node: str) -> Iterator[tuple[str, str, bool, str]]:
    for found in cluster.node_attachments.values():
        if found.node == node and found.attacher == pod_volumes.DRIVER:
            persistent = cluster.persistent_volumes.get(found.volume)
            volume = persistent.handle if persistent is not None else found.volume
            yield found.name, volume, found.meta.deleting, found.error


def _by_tickets(cluster: Cluster, node: str) -> Iterator[tuple[str, str, bool, str]]:
    for attachment in cluster.attachments.values():
        for ticket in attachment.tickets.values():
            if ticket.type == TICKET and ticket.node == node:
                yield ticket.id, attachment.name, False, ""


def awaited(found: Iterable[Held]) -> tuple[Held, ...]:
    """Those that have to go before the instance managers are asked."""
    return tuple(item for item in found if not item.stays)


def blockers(
    cluster: Cluster, node: str, found: Iterable[Held], waited: float = 0.0
) -> Iterator[Blocker]:
    """Why each awaited volume is still there, and whether waiting helps.

    waited: seconds since the last pod with a volume was gone.
    """
    kind = READ_FROM if READ_FROM not in cluster.unreadable else "attachment ticket"
    kube_node = cluster.kube_nodes.get(node)
    healthy = kube_node is not None and kube_node.ready
    for item in awaited(found):
        holder = f"{kind} {item.attachment}"
        rule, reason, remedy, clears, seconds = _why(item, node, holder, healthy, waited)
        yield Blocker(
            rule,
            "volume",
            item.volume,
            reason,
            remedy,
            clears,
            detail=(f"held by {holder}",),
            seconds=seconds,
        )


def _why(
    item: Held, node: str, holder: str, healthy: bool, waited: float
) -> tuple[str, str, str, Clears, int | None]:
    """healthy: the node is Ready, so Kubernetes waits for its kubelet, however long it takes."""
    if item.error:
        reason = f"is not detached from {node}: {item.error}"
        remedy = "look at the CSI driver's pods; it tries again"
        return "detach_failed", reason, remedy, Clears.NEEDS_ACTION, None
    if item.users:
        reason = f"is attached to {node} for pod {names(sorted(item.users))}, which is to go"
        remedy = "it is detached when that pod is gone"
        return "attached_for_pod", reason, remedy, Clears.BY_ITSELF, None
    hangs = waited >= HANGS_SECONDS
    if item.deleting:
        reason, remedy = f"is being detached from {node}", "wait until Longhorn has detached it"
        if not hangs:
            return "detaching", reason, remedy, Clears.BY_ITSELF, 30
        remedy = "see why the pods csi-attacher-… of Longhorn do not do it"
        return "detaching", reason, remedy, Clears.NEEDS_ACTION, None
    reason = f"is attached to {node} although no pod there uses it any more"
    if not healthy:
        remedy = f"wait: Kubernetes detaches it by force 6 min after {node} was lost"
        return "attached_for_nobody", reason, remedy, Clears.BY_ITSELF, FORCED_SECONDS
    if not hangs:
        remedy = "wait: Kubernetes detaches it when the kubelet has unmounted it"
        return "attached_for_nobody", reason, remedy, Clears.BY_ITSELF, None
    remedy = f"see what mounts it on {node}; if nothing does, nobody takes {holder} away: delete it"
    return "attached_for_nobody", reason, remedy, Clears.NEEDS_ACTION, None
