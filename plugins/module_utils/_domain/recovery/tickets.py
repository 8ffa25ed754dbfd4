# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachment tickets: which may be taken off a waiting volume, and how they come back unchanged.

With a ticket in place the waiting replicas put their keys back within 0.1 s after the map was
emptied, and the wait for the managers never ends. A ticket that somebody makes again at once
(csi-attacher while the pod lives, or most of Longhorn's own controllers) is not ours to take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Attachment,
    Cluster,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import notes
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape

# The second belongs to a snapshot that Longhorn deletes because its engine is gone: it waits for
# the volume, the volume for its image, and it is not made again at once (longhorn-manager
# controller/snapshot_controller.go reconcile, v1.6.4).
REMOVABLE = ("longhorn-api", "snapshot-controller")
CSI = "csi-attacher"
SHARE = "share-manager-controller"
PATH = "/spec/attachmentTickets"

Operation = dict[str, Any]


def attachments_of(cluster: Cluster, image: str) -> tuple[Attachment, ...]:
    """The VolumeAttachments of all volumes made from this image."""
    names = (volume.name for volume in cluster.volumes_of_image.get(image, ()))
    return tuple(cluster.attachments[name] for name in names if name in cluster.attachments)


def open_attachments(cluster: Cluster, image: str) -> tuple[Attachment, ...]:
    """Those with a ticket that we may take."""
    return tuple(
        attachment
        for attachment in attachments_of(cluster, image)
        if any(ticket.type in REMOVABLE for ticket in attachment.tickets.values())
    )


def waiting_to_return(cluster: Cluster, image: str) -> tuple[Attachment, ...]:
    """Those whose tickets a recovery took and has not put back."""
    return tuple(a for a in attachments_of(cluster, image) if notes.tickets_of(a))


def blockers(cluster: Cluster, image: str) -> tuple[str, ...]:
    """One sentence for each ticket that would come back by itself, with who must let go first."""
    found = []
    for attachment in attachments_of(cluster, image):
        volume = cluster.volumes.get(attachment.name)
        for ticket in attachment.tickets.values():
            if ticket.type == CSI or ticket.type == SHARE:
                found.append(
                    f"volume {attachment.name} is held by {_users(volume)} (ticket {ticket.id} of "
                    f"{ticket.type}, made again while the pod lives): scale it down first"
                )
            elif ticket.type not in REMOVABLE:
                found.append(
                    f"volume {attachment.name} is held by Longhorn itself (ticket {ticket.id} of "
                    f"{ticket.type}): wait until that is done"
                )
    return tuple(found)


def waiting_pods(cluster: Cluster, image: str) -> tuple[str, ...]:
    """Pods that use a volume of the image and do not run yet."""
    return tuple(
        f"pod {item.namespace}/{item.pod} ({item.status})"
        for volume in cluster.volumes_of_image.get(image, ())
        for item in volume.workloads
        if item.status and item.status != "Running"
    )


def _users(volume: Volume | None) -> str:
    if volume is None or not volume.workloads:
        return "a pod"
    return ", ".join(
        f"pod {item.namespace}/{item.pod}" + (f" ({item.kind} {item.owner})" if item.owner else "")
        for item in volume.workloads
    )


def take(raw: Mapping[str, Any]) -> list[Operation]:
    """Save every ticket that we may take and remove it, in one patch of this raw object.

    Tickets already saved stay saved; one with the same id as a saved one replaces it.
    """
    attachment = parse.attachment(raw)
    live = _raw_tickets(raw)
    taken = {key: dict(ticket) for key, ticket in live.items() if ticket.get("type") in REMOVABLE}
    if not taken:
        return []
    saved = {**notes.tickets_of(attachment), **taken}
    removals = [{"op": "remove", "path": f"{PATH}/{escape(key)}"} for key in sorted(taken)]
    return [*notes.write(attachment.meta, notes.TICKETS, saved), *removals]


def give_back(raw: Mapping[str, Any]) -> list[Operation]:
    """Put the saved tickets back as they were, and forget them, in one patch of this raw object."""
    attachment = parse.attachment(raw)
    saved = notes.tickets_of(attachment)
    if not saved:
        return []
    live = _raw_tickets(raw)
    forget = notes.erase(attachment.meta, notes.TICKETS)
    if not attachment.map_present:
        return [{"op": "add", "path": PATH, "value": saved}, *forget]
    missing: Iterable[str] = sorted(set(saved) - set(live))
    returned: list[Operation] = [
        {"op": "add", "path": f"{PATH}/{escape(key)}", "value": saved[key]} for key in missing
    ]
    return [*returned, *forget]


def _raw_tickets(raw: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    tickets = (raw.get("spec") or {}).get("attachmentTickets")
    return tickets if isinstance(tickets, Mapping) else {}
