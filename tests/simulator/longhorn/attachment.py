# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume attachment controller: tickets decide where a volume is attached (F§9.4).

longhorn-manager controller/volume_attachment_controller.go, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from tests.simulator.controller import Key, key_of
from tests.simulator.history import WatchEvent
from tests.simulator.longhorn import names
from tests.simulator.longhorn.controller import LonghornController
from tests.simulator.longhorn.volume_scene import core_schedulable
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, name_of

MANUAL = "longhorn-api"
PRIORITY = {
    "volume-restore-controller": 2000,
    "volume-expansion-controller": 2000,
    MANUAL: 1000,
    "csi-attacher": 900,
    "share-manager-controller": 900,
    "salvage-controller": 900,
}
_OTHERS = 800
_COMPONENT = "longhorn-volume-attachment-controller"
_DETACH = "detach-manually-attached-volumes-when-cordoned"


class AttachmentController(LonghornController):
    """Reconciles VolumeAttachments: they carry the volume's name."""

    resource: ClassVar[str] = names.ATTACHMENTS

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.watch(names.VOLUMES, lambda event: [key_of(event.obj)])
        self.watch("nodes", self._of_node)

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        for attachment in self.store.list(names.ATTACHMENTS, names.NAMESPACE):
            tickets = attachment["spec"].get("attachmentTickets") or {}
            if any(t.get("nodeID") == name_of(event.obj) for t in tickets.values()):
                yield key_of(attachment)

    def reconcile(self, key: Key) -> float | None:
        """One pass over an attachment."""
        attachment = self.get(key)
        if attachment is None:
            return None
        volume = self.store.find(names.VOLUMES, *key)
        if is_terminating(attachment) or volume is None or is_terminating(volume):
            self._let_go(attachment, volume)
            return None
        if self._drop_cordoned(attachment):
            return None
        tickets: dict[str, Any] = attachment["spec"].get("attachmentTickets") or {}
        self._steer(volume, tickets)
        self._status(attachment, self.store.get(names.VOLUMES, *key), tickets)
        return None

    def _let_go(self, attachment: Object, volume: Object | None) -> None:
        if volume is not None and not is_terminating(volume):
            return
        name = name_of(attachment)
        if not is_terminating(attachment):
            self.store.delete(names.ATTACHMENTS, names.NAMESPACE, name)
        if self.store.find(names.ATTACHMENTS, names.NAMESPACE, name) is not None:
            self.store.mutate(
                names.ATTACHMENTS,
                names.NAMESPACE,
                name,
                lambda obj: obj["metadata"].update(finalizers=[]),
            )

    def _drop_cordoned(self, attachment: Object) -> bool:
        """Take away one manual ticket of a cordoned node, if the setting says so (F§8.3)."""
        tickets = attachment["spec"].get("attachmentTickets") or {}
        for name, ticket in sorted(tickets.items()):
            if ticket.get("type") != MANUAL or self._open(str(ticket.get("nodeID"))):
                continue
            if not self.profile.has("detach_when_cordoned"):
                continue
            if not self.world.setting_bool(_DETACH):
                text = f"Failed to detach manually attached volume due to {_DETACH} is set to false"
                self.world.event(attachment, _COMPONENT, "DetachedUnexpectedly", text, "Warning")
                continue
            self._drop(attachment, name)
            return True
        return False

    def _drop(self, attachment: Object, ticket: str) -> None:
        def edit(obj: Object) -> None:
            del obj["spec"]["attachmentTickets"][ticket]

        self.store.mutate(names.ATTACHMENTS, names.NAMESPACE, name_of(attachment), edit)

    def _open(self, node: str) -> bool:
        found = self.store.find("nodes", None, node)
        return found is None or core_schedulable(self.store, node)

    def _steer(self, volume: Object, tickets: dict[str, Any]) -> None:
        """Choose where the volume goes, or that it goes nowhere."""
        spec, status = volume["spec"], volume.get("status") or {}
        present = spec.get("nodeID") or ""
        if present:
            fits = any(_matches(ticket, spec) for ticket in tickets.values())
            if not fits or status.get("robustness") == "faulted":
                self._point(volume, "", False)
            return
        if status.get("state") != "detached" or status.get("robustness") == "faulted":
            return
        best = _best(tickets)
        if best is not None:
            disabled = (best.get("parameters") or {}).get("disableFrontend") == "true"
            self._point(volume, str(best.get("nodeID")), disabled)

    def _point(self, volume: Object, node: str, disabled: bool) -> None:
        def edit(obj: Object) -> None:
            obj["spec"].update(nodeID=node, disableFrontend=disabled, lastAttachedBy="")

        self.store.mutate(names.VOLUMES, names.NAMESPACE, name_of(volume), edit)

    def _status(self, attachment: Object, volume: Object, tickets: dict[str, Any]) -> None:
        stamp = self.kernel.timestamp()
        statuses = {name: _ticket_status(t, volume, stamp) for name, t in tickets.items()}
        old = (attachment.get("status") or {}).get("attachmentTicketStatuses") or {}
        for name, entry in statuses.items():
            before = (old.get(name) or {}).get("conditions") or []
            for new, kept in zip(entry["conditions"], before, strict=False):
                if new["status"] == kept["status"]:
                    new["lastTransitionTime"] = kept["lastTransitionTime"]
        mine = clone(attachment)
        mine.setdefault("status", {})["attachmentTicketStatuses"] = statuses
        if statuses != old:
            self.store.update(names.ATTACHMENTS, mine, subresource="status")


def _best(tickets: dict[str, Any]) -> Object | None:
    """The highest priority wins, ties by the smallest id."""
    if not tickets:
        return None
    name = min(tickets, key=lambda n: (-PRIORITY.get(tickets[n].get("type"), _OTHERS), n))
    found: Object = tickets[name]
    return found


def _matches(ticket: Object, spec: Object) -> bool:
    if ticket.get("nodeID") != spec.get("nodeID"):
        return False
    wanted = (ticket.get("parameters") or {}).get("disableFrontend", "false")
    return bool(wanted == "any" or (wanted == "true") == bool(spec.get("disableFrontend")))


def _ticket_status(ticket: Object, volume: Object, stamp: str) -> Object:
    status = volume.get("status") or {}
    here = status.get("currentNodeID") == ticket.get("nodeID") == volume["spec"].get("nodeID")
    attached = status.get("state") == "attached" and here
    satisfied = attached and _matches(ticket, volume["spec"])
    reason = "" if satisfied or not attached else "AttachedWithIncompatibleParameters"
    return {
        "id": ticket.get("id", ""),
        "satisfied": satisfied,
        "generation": int(ticket.get("generation") or 0),
        "conditions": [
            {
                "type": "Satisfied",
                "status": str(satisfied),
                "reason": reason,
                "message": "",
                "lastProbeTime": "",
                "lastTransitionTime": stamp,
            }
        ],
    }
