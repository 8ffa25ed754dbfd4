# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image is being deleted: nothing may be repaired any more."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    poisoned_entry,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Evidence,
    Verdict,
    patch_command,
)

NAME = "deleting"
BLOCKED = "deleting_blocked_by_consumers"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """deletionTimestamp is set; replicas and unfinished first files hold the object
    (longhorn-manager controller/backing_image_controller.go, all versions).
    """
    sight = window[-1]
    image = sight.image
    name = NAME
    if not image.meta.deleting:
        return None
    replicas = sight.cluster.replicas_of_image.get(image.name, ())
    incomplete = [seen.copy for seen in sight.copies if not seen.copy.complete]
    if incomplete:
        held = "an entry of its map was written as {}, so Longhorn cannot finish"
        repair = patch_command(sight, poisoned_entry.repair(sight))
        remedy = f"write the entry in full, and the deletion ends: {repair}"
    elif replicas:
        name = BLOCKED
        volumes = sorted({replica.volume for replica in replicas})
        held = f"{count(len(replicas), 'replica')} of {names(volumes)} hold it"
        remedy = f"nothing goes on before these volumes are deleted: {names(volumes)}"
    elif sight.first_file_pending:
        held = "its data source has not finished its first file"
        remedy = (
            "delete its data source too: kubectl -n "
            f"{sight.cluster.namespace} delete backingimagedatasources.longhorn.io {image.name}"
        )
    else:
        held = "Longhorn is cleaning up"
        remedy = "wait; nothing to do"
    mark = Evidence(f"backingimage/{image.name}", "metadata.deletionTimestamp", "set")
    users = tuple(
        Evidence(f"replica/{replica.name}", "spec.backingImage", image.name) for replica in replicas
    )
    return Verdict(name, f"is being deleted; {held}", remedy, (mark, *users))
