# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission of volumes, replicas and attachments: defaults and refusals (F§9.1, F§9.4, F§9.5).

longhorn-manager webhook/resources/{volume,replica,volumeattachment}, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

from typing import Any

from tests.simulator import errors
from tests.simulator.admission import CREATE, DELETE, UPDATE, AdmissionRequest
from tests.simulator.longhorn import names
from tests.simulator.longhorn.volume_scene import LABEL_VOLUME, is_healthy
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, is_terminating, name_of

_VALIDATOR = "validator.longhorn.io"


class VolumeAdmission:
    """The hooks; ``register`` hangs them into the store."""

    def __init__(self, world: World) -> None:
        self.world = world

    def register(self) -> None:
        """Begin to watch over the writes."""
        admission = self.world.store.admission
        admission.mutating(names.VOLUMES, [CREATE], self._volume_defaults)
        admission.validating(names.VOLUMES, [CREATE], self._volume)
        admission.validating(names.REPLICAS, [DELETE], self._replica_delete)
        admission.validating(names.ATTACHMENTS, [CREATE, UPDATE], self._tickets)
        for resource in (names.REPLICAS, names.ENGINES, names.ATTACHMENTS):
            admission.mutating(resource, [CREATE], _finalizer)

    def _volume_defaults(self, request: AdmissionRequest) -> None:
        obj, profile = request.obj, self.world.profile
        _finalizer(request)
        spec = obj.setdefault("spec", {})
        obj["metadata"].setdefault("labels", {})[LABEL_VOLUME] = name_of(obj)
        defaults: dict[str, Any] = {
            "accessMode": "rwo",
            "dataLocality": "disabled",
            "diskSelector": [],
            "nodeSelector": [],
            "frontend": "blockdev",
            "replicaAutoBalance": "ignored",
            "snapshotDataIntegrity": "ignored",
            "restoreVolumeRecurringJob": "ignored",
            "unmapMarkSnapChainRemoved": "ignored",
        }
        if profile.has("restore_source"):
            defaults |= {"dataEngine": "v1", "image": profile.image_of("longhorn-engine")}
        for field, value in defaults.items():
            if not spec.get(field):
                spec[field] = value
        if not spec.get("numberOfReplicas"):
            spec["numberOfReplicas"] = self.world.setting_int("default-replica-count")

    def _volume(self, request: AdmissionRequest) -> None:
        spec = request.obj["spec"]
        image_name = spec.get("backingImage")
        if not image_name:
            return
        image = self.world.store.find(names.IMAGES, names.NAMESPACE, image_name)
        if image is None:
            resource = self.world.store.registry.get(names.IMAGES)
            _refuse("", errors.not_found(resource, image_name).message)
        virtual = int(((image or {}).get("status") or {}).get("virtualSize") or 0)
        if self.world.profile.has("data_engine") and int(spec.get("size") or 0) < virtual:
            _refuse("spec.size", "volume size should be larger than the backing image size")

    def _replica_delete(self, request: AdmissionRequest) -> None:
        """The last replica with data stays, be it failed or not, while its volume lives."""
        replica = request.obj
        volume_name = str(replica["spec"].get("volumeName"))
        volume = self.world.store.find(names.VOLUMES, names.NAMESPACE, volume_name)
        if volume is None or is_terminating(volume) or not replica["spec"].get("healthyAt"):
            return
        if self._others(replica, volume_name):
            return
        name = name_of(replica)
        if self.world.profile.has("guard_last_data"):
            _refuse(
                "",
                f"no other healthy replica available for volume {volume_name}, cannot delete "
                f"replica {name} since it may still contain data for recovery",
            )
        _refuse(
            "",
            f"cannot delete replica {name} because volume {volume_name} only has one available "
            "replica",
        )

    def _others(self, replica: Object, volume: str) -> bool:
        selector = f"{LABEL_VOLUME}={volume}"
        later = self.world.profile.has("guard_last_data")
        for other in self.world.store.list(names.REPLICAS, names.NAMESPACE, selector):
            if name_of(other) == name_of(replica) or is_terminating(other):
                continue
            if is_healthy(other) if later else other["spec"].get("healthyAt"):
                return True
        return False

    def _tickets(self, request: AdmissionRequest) -> None:
        tickets = (request.obj.get("spec") or {}).get("attachmentTickets") or {}
        if any(key != ticket.get("id") for key, ticket in tickets.items()):
            _refuse("", "the attachmentTickets map contains inconsistent attachment ticket ID")
        old = (request.old or {}).get("spec") or {}
        if request.old is not None and old.get("volume") != request.obj["spec"].get("volume"):
            _refuse("spec.volume", "spec.volume is immutable")


def _finalizer(request: AdmissionRequest) -> None:
    metadata = request.obj["metadata"]
    found = list(metadata.get("finalizers") or [])
    if names.FINALIZER not in found:
        metadata["finalizers"] = [*found, names.FINALIZER]


def _refuse(field: str, message: str) -> None:
    cause = {"reason": "FieldValueInvalid", "message": message, "field": field}
    raise errors.denied_by_webhook(_VALIDATOR, message, details={"causes": [cause]})
