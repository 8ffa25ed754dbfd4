# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission of settings (F§11.1)."""

from __future__ import annotations

from tests.simulator.admission import DELETE, UPDATE, AdmissionRequest
from tests.simulator.longhorn import names, refusals, settings
from tests.simulator.longhorn.world import World


class SettingAdmission:
    """The hooks of settings."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.profile = world.profile

    def register(self) -> None:
        """Put the hooks into the store."""
        admission = self.world.store.admission
        admission.mutating(names.SETTINGS, [UPDATE], self.mutate)
        admission.validating(names.SETTINGS, [UPDATE], self.validate)
        admission.validating(names.SETTINGS, [DELETE], self.validate_delete)

    def mutate(self, request: AdmissionRequest) -> None:
        """A scalar written to a setting by data engine is rewritten for each engine."""
        value = str(request.obj.get("value", ""))
        if not settings.known(self.profile, request.name):
            return
        if settings.per_engine(self.profile, request.name) and not value.startswith("{"):
            request.obj["value"] = settings.by_engine(value)

    def validate(self, request: AdmissionRequest) -> None:
        """Known, writable, and of the right form."""
        if request.old is not None and request.old.get("value") == request.obj.get("value"):
            return
        value = str(request.obj.get("value", ""))
        wrong = settings.problem(self.profile, request.name, value)
        if wrong is not None:
            raise refusals.invalid(wrong, "value")

    def validate_delete(self, request: AdmissionRequest) -> None:
        """Known settings stay."""
        if settings.known(self.profile, request.name):
            text = f"prohibit deleting setting {request.name}: this setting is used by Longhorn"
            raise refusals.invalid(text)
