# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission of nodes, images and settings, as hooks of the store (volumes: volume_admission)."""

from __future__ import annotations

from tests.simulator.admission import CREATE, UPDATE, AdmissionRequest
from tests.simulator.longhorn import names, refusals
from tests.simulator.longhorn.decoding import misfit
from tests.simulator.longhorn.webhook_images import ImageAdmission
from tests.simulator.longhorn.webhook_nodes import NodeAdmission
from tests.simulator.longhorn.webhook_settings import SettingAdmission
from tests.simulator.longhorn.world import World

DECODED = (
    names.IMAGES,
    names.DATA_SOURCES,
    names.MANAGERS,
    names.NODES,
    names.VOLUMES,
    names.REPLICAS,
    names.ENGINES,
    names.ATTACHMENTS,
)


def decode(request: AdmissionRequest) -> None:
    """Refuse what Longhorn's types cannot hold."""
    text = misfit(request.resource.kind, request.resource.schema or {}, request.obj)
    if text is not None:
        raise refusals.undecodable(text)


def register(world: World) -> None:
    """Put every hook into the store."""
    for res in DECODED:
        world.store.admission.mutating(res, [CREATE, UPDATE], decode)
    ImageAdmission(world).register()
    NodeAdmission(world).register()
    SettingAdmission(world).register()
