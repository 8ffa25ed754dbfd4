# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps a volume attached to the node: the tickets of its VolumeAttachment, one reason each.

Nobody but the holder lets go: a pod, the operator's own ticket, the share manager of an RWX
volume, Longhorn's automatic eviction, or one of its jobs (longhorn-manager
controller/volume_attachment_controller.go, types of attachment tickets, v1.12.1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory, setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Ticket,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names

DETACH_SETTING = "detach-manually-attached-volumes-when-cordoned"
#: Rules of holders that a drain itself sends away.
LEAVING = frozenset({"held_by_leaving_pod", "share_manager_leaving"})
#: Within one pass of a controller (its resync is every 30 s).
PASS_SECONDS = 30

_JOBS = {
    "snapshot-controller": "a snapshot",
    "backup-controller": "a backup",
    "volume-clone-controller": "a clone",
    "bim-ds-controller": "the export of an image",
    "volume-restore-controller": "a restore",
    "volume-expansion-controller": "an expansion",
    "volume-rebuilding-controller": "an offline rebuild",
    "salvage-controller": "a salvage",
    "longhorn-upgrader": "an engine upgrade",
}


@dataclass(frozen=True, slots=True)
class _Held:
    """One ticket that keeps one volume on the node; going: keys of pods that are being evicted."""

    cluster: Cluster
    volume: Volume
    node: str
    ticket: Ticket
    going: Collection[str]

    def blocker(
        self,
        rule: str,
        reason: str,
        remedy: str,
        clears: Clears = Clears.NEEDS_ACTION,
        stops: bool = True,
        seconds: int | None = None,
    ) -> Blocker:
        return Blocker(
            rule,
            "volume",
            title(self.volume),
            reason,
            remedy,
            clears,
            stops,
            seconds=seconds,
        )


def title(volume: Volume) -> str:
    """The volume with the pod that uses it, as a person looks for it."""
    pods = [work.pod for work in volume.workloads if work.pod]
    return f"{volume.name} ({pods[0]})" if pods else volume.name


def holders(
    cluster: Cluster, volume: Volume, node: str, going: Collection[str]
) -> Iterator[Blocker]:
    """One blocker per ticket that keeps the volume attached to the node.

    going: keys (namespace/name) of the pods that the drain evicts.
    """
    attachment = cluster.attachments.get(volume.name)
    for ticket in attachment.tickets.values() if attachment else ():
        if ticket.node == node:
            rule = _RULES.get(ticket.type, _job)
            yield rule(_Held(cluster, volume, node, ticket, going))


def attached(cluster: Cluster, node: str, going: Collection[str]) -> Iterator[Blocker]:
    """The same for every volume that a ticket keeps on the node, holders that the drain itself
    sends away left out: for a plan, before any of them has been asked to go.
    """
    for name in sorted(cluster.attachments):
        volume = cluster.volumes.get(name)
        if volume is not None:
            found = holders(cluster, volume, node, going)
            yield from (blocker for blocker in found if blocker.rule not in LEAVING)


def _by_pod(held: _Held) -> Blocker:
    users = {f"{work.namespace}/{work.pod}": work for work in held.volume.workloads if work.pod}
    leaving = sorted(set(users) & set(held.going))
    if leaving:
        return held.blocker(
            "held_by_leaving_pod",
            f"is attached to {held.node} for {names(leaving)}, which is being evicted",
            "it is detached when that pod is gone",
            Clears.BY_ITSELF,
            stops=False,
        )
    if not users:
        return _for_nobody(held)
    told = [
        f"{key} ({work.kind} {work.owner})" if work.owner else key for key, work in users.items()
    ]
    # Longhorn's note of who uses a volume may be old; a pod that is there is not. A shared volume
    # has its engine where its share manager is.
    here = {pod.key for pod in held.cluster.pods if pod.node == held.node and not pod.finished}
    return held.blocker(
        "held_by_pod",
        f"is attached to {held.node} for {names(sorted(told))}, which this drain does not evict",
        "stop that workload",
        stops=bool(here & set(users)) and held.volume.access_mode != "rwx",
    )


def _for_nobody(held: _Held) -> Blocker:
    """No pod is known to use the volume. The ticket is named after the VolumeAttachment of
    Kubernetes that it was made for (longhorn-manager csi/controller_server.go
    generateAttachmentID) and goes when that goes; a ticket without one stays for ever.
    """
    name = held.ticket.id
    rule = "held_for_nobody"
    reason = f"is attached to {held.node} by Kubernetes, but no pod is known to use it"
    found = held.cluster.node_attachments.get(name)
    if found is not None and found.meta.deleting:
        remedy = "wait: Kubernetes is detaching it"
        return held.blocker(rule, reason, remedy, Clears.BY_ITSELF, stops=False)
    if found is not None:
        remedy = f"see what mounts it on {held.node}; it goes with volumeattachment {name}"
    else:
        remedy = (
            f"if there is no volumeattachments.storage.k8s.io {name} (any more), nobody lets go: "
            f"take ticket {name} out of volumeattachments.longhorn.io {held.volume.name}"
        )
    return held.blocker(rule, reason, remedy, stops=False)


def _by_hand(held: _Held) -> Blocker:
    reason = f"is attached to {held.node} by hand (ticket {held.ticket.id})"
    rule = "manual_attachment"
    if held.ticket.id == memory.TICKET:
        remedy = "it is ours and goes with the next run"
        return held.blocker(rule, reason, remedy, Clears.BY_ITSELF)
    if not held.cluster.schema.detaches_when_cordoned:
        return held.blocker(rule, reason, "detach it: Longhorn never does")
    if setting.flag(held.cluster.settings, DETACH_SETTING, False):
        remedy = f"Longhorn detaches it after the cordon ({DETACH_SETTING} is true)"
        return held.blocker(rule, reason, remedy, Clears.BY_ITSELF, seconds=PASS_SECONDS)
    return held.blocker(rule, reason, f"detach it, or set {DETACH_SETTING} to true")


def _by_share_manager(held: _Held) -> Blocker:
    name = f"share-manager-{held.volume.name}"
    pod = f"{held.cluster.namespace}/{name}"
    reason = f"is attached to {held.node} for its share manager, pod {pod}"
    if pod in held.going:
        remedy = "Longhorn starts the share manager elsewhere once that pod is evicted"
        return held.blocker("share_manager_leaving", reason, remedy, Clears.BY_ITSELF, stops=False)
    there = any(p.key == pod and p.node == held.node for p in held.cluster.pods)
    remedy = f"evict pod {pod}" if there else "stop the workloads that mount it"
    return held.blocker("share_manager", reason, remedy, stops=False)


def _by_eviction(held: _Held) -> Blocker:
    return held.blocker(
        "eviction_ticket",
        f"is attached to {held.node} by Longhorn to move its replicas away",
        "wait: it is detached up to 30 s after the last replica has moved",
        Clears.BY_ITSELF,
        stops=False,
    )


def _job(held: _Held) -> Blocker:
    job = _JOBS.get(held.ticket.type, f"{held.ticket.type or 'an unnamed holder'}")
    known = held.ticket.type in _JOBS
    return held.blocker(
        "held_by_job",
        f"is attached to {held.node} for {job} (ticket {held.ticket.id})",
        "wait until it is done" if known else f"end what made ticket {held.ticket.id}",
        Clears.BY_ITSELF if known else Clears.NEEDS_ACTION,
        stops=False,
    )


_RULES: dict[str, Callable[[_Held], Blocker]] = {
    "csi-attacher": _by_pod,
    "longhorn-api": _by_hand,
    "share-manager-controller": _by_share_manager,
    "volume-eviction-controller": _by_eviction,
}
