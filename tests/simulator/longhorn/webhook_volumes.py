# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission of settings, replicas, volumes and attachments (F§9.1, F§9.4, F§9.5, F§11.1)."""

from __future__ import annotations

from tests.simulator.admission import CREATE, DELETE, UPDATE, AdmissionRequest
from tests.simulator.longhorn import names, refusals, settings
from tests.simulator.longhorn.webhook_images import _finalizer as add_finalizer
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, lookup, name_of

WITH_FINALIZER = (names.VOLUMES, names.REPLICAS, names.ENGINES, names.ATTACHMENTS)
NEW_WORDS = (1, 10, 0)


class VolumeAdmission:
    """The hooks of the volume side, and of settings."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.profile = world.profile

    def register(self) -> None:
        """Put the hooks into the store."""
        admission = self.world.store.admission
        for res in WITH_FINALIZER:
            admission.mutating(res, [CREATE, UPDATE], self.mutate)
        admission.validating(names.REPLICAS, [DELETE], self.validate_replica_delete)
        admission.validating(names.VOLUMES, [CREATE], self.validate_volume)
        admission.validating(names.ATTACHMENTS, [CREATE, UPDATE], self.validate_attachment)
        admission.mutating(names.SETTINGS, [UPDATE], self.mutate_setting)
        admission.validating(names.SETTINGS, [UPDATE], self.validate_setting)
        admission.validating(names.SETTINGS, [DELETE], self.validate_setting_delete)

    def mutate(self, request: AdmissionRequest) -> None:
        """Every kind of the volume side carries the finalizer."""
        if not request.obj["metadata"].get("deletionTimestamp"):
            add_finalizer(request.obj)

    def validate_replica_delete(self, request: AdmissionRequest) -> None:
        """The last replica that was ever healthy stays."""
        replica = request.obj
        volume_name = replica["spec"].get("volumeName", "")
        volume = self.world.store.find(names.VOLUMES, names.NAMESPACE, volume_name)
        if volume is None or volume["metadata"].get("deletionTimestamp"):
            return
        if not replica["spec"].get("healthyAt"):
            return
        if any(self._counts(other, replica) for other in self._replicas(volume_name)):
            return
        if self.profile.version >= NEW_WORDS:
            raise refusals.invalid(
                f"no other healthy replica available for volume {volume_name}, cannot delete "
                f"replica {name_of(replica)} since it may still contain data for recovery"
            )
        raise refusals.invalid(
            f"cannot delete replica {name_of(replica)} because volume {volume_name} only has one "
            "available replica"
        )

    def _counts(self, other: Object, replica: Object) -> bool:
        if name_of(other) == name_of(replica) or other["metadata"].get("deletionTimestamp"):
            return False
        return bool(other["spec"].get("healthyAt"))

    def _replicas(self, volume: str) -> list[Object]:
        found = self.world.store.list(names.REPLICAS, names.NAMESPACE)
        return [replica for replica in found if replica["spec"].get("volumeName") == volume]

    def validate_volume(self, request: AdmissionRequest) -> None:
        """A volume's image exists and fits."""
        spec = request.obj["spec"]
        image_name = spec.get("backingImage")
        if not image_name:
            return
        image = self.world.store.find(names.IMAGES, names.NAMESPACE, image_name)
        if image is None:
            text = f'backingimages.longhorn.io "{image_name}" not found'
            raise refusals.invalid(text)
        virtual = int(lookup(image, "status.virtualSize") or 0)
        if self.profile.has("data_engine") and int(spec.get("size") or 0) < virtual:
            raise refusals.invalid("volume size should be larger than the backing image size")

    def validate_attachment(self, request: AdmissionRequest) -> None:
        """Tickets carry their own key; the volume never changes."""
        spec = request.obj["spec"]
        for key, ticket in (spec.get("attachmentTickets") or {}).items():
            if (ticket or {}).get("id") != key:
                text = "the attachmentTickets map contains inconsistent attachment ticket ID"
                raise refusals.invalid(text, "spec.attachmentTickets")
        if request.old is not None and request.old["spec"].get("volume") != spec.get("volume"):
            raise refusals.invalid("spec.volume field is immutable", "spec.volume")

    def mutate_setting(self, request: AdmissionRequest) -> None:
        """A scalar written to a setting by data engine is rewritten for each engine."""
        value = str(request.obj.get("value", ""))
        if not settings.known(self.profile, request.name):
            return
        if settings.per_engine(self.profile, request.name) and not value.startswith("{"):
            request.obj["value"] = settings.by_engine(value)

    def validate_setting(self, request: AdmissionRequest) -> None:
        """Known, writable, and of the right form."""
        if request.old is not None and request.old.get("value") == request.obj.get("value"):
            return
        value = str(request.obj.get("value", ""))
        wrong = settings.problem(self.profile, request.name, value)
        if wrong is not None:
            raise refusals.invalid(wrong, "value")

    def validate_setting_delete(self, request: AdmissionRequest) -> None:
        """Known settings stay."""
        if settings.known(self.profile, request.name):
            text = f"prohibit deleting setting {request.name}: this setting is used by Longhorn"
            raise refusals.invalid(text)
