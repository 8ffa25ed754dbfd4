# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volume eviction controller: attaches a volume so that a replica of it can move (F§7.5).

longhorn-manager controller/volume_eviction_controller.go, v1.6.4 and v1.12.1. It looks at volumes
only, not at replicas, so a flag on a replica is seen at the next event or beat of the volume.
"""

from __future__ import annotations

from typing import ClassVar

from tests.simulator.controller import Key
from tests.simulator.longhorn import names
from tests.simulator.longhorn.controller import LonghornController
from tests.simulator.longhorn.replica_scheduling import candidates
from tests.simulator.longhorn.volume_scene import is_evicting, scene_of
from tests.simulator.objects import Object, is_terminating, name_of

_KIND = "volume-eviction-controller"


class VolumeEvictionController(LonghornController):
    """Reconciles volumes: one ticket of its own on each that has a replica to move."""

    resource: ClassVar[str] = names.VOLUMES

    def reconcile(self, key: Key) -> float | None:
        """One pass over a volume."""
        volume = self.get(key)
        if volume is None or is_terminating(volume):
            return None
        attachment = self.store.find(names.ATTACHMENTS, *key)
        if attachment is None or is_terminating(attachment):
            return None
        ticket = f"{_KIND}-{key[1]}"
        present = ticket in (attachment["spec"].get("attachmentTickets") or {})
        scene = scene_of(self.store, volume)
        moving = any(is_evicting(r) for r in scene.replicas)
        if moving and not present and candidates(self.world, scene):
            self._add(volume, ticket)
        elif present and not moving:
            self._remove(volume, ticket)
        return None

    def _add(self, volume: Object, ticket: str) -> None:
        """The ticket names the volume's owner, be it the node that is being evicted."""
        entry = {
            "id": ticket,
            "type": _KIND,
            "nodeID": (volume.get("status") or {}).get("ownerID", ""),
            "parameters": {"disableFrontend": "any"},
        }

        def edit(obj: Object) -> None:
            tickets = obj["spec"].get("attachmentTickets") or {}
            obj["spec"]["attachmentTickets"] = tickets | {ticket: entry}

        self.store.mutate(names.ATTACHMENTS, names.NAMESPACE, name_of(volume), edit)

    def _remove(self, volume: Object, ticket: str) -> None:
        self.store.mutate(
            names.ATTACHMENTS,
            names.NAMESPACE,
            name_of(volume),
            lambda obj: obj["spec"]["attachmentTickets"].pop(ticket, None),
        )
