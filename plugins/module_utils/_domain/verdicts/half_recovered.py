# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is there again, but the recovery that fetched it has not ended, or was killed.

Up to 1.6 such an image has the one key of its data source and would read healthy, while its
volumes stay detached without their tickets.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import commands
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    notes,
    tickets,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import degraded
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
    copy_evidence,
    places,
    recover_command,
)

DETAIL = "half_recovered"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """Our notes are still there: what was taken or emptied has not been given back."""
    sight = window[-1]
    cluster, image = sight.cluster, sight.image
    waiting = [each.name for each in tickets.waiting_to_return(cluster, image.name)]
    if not sight.exists or not (waiting or notes.recovery_of(image)):
        return None
    lacks = []
    if waiting:
        volumes = count(len(waiting), "volume")
        lacks.append(f"the attachment tickets of {volumes} ({names(waiting)}) are still off")
    before = notes.keys_before(image)
    if not cluster.schema.replenishes and before > len(sight.copies):
        lacks.append(f"it had {count(before, 'copy', 'copies')} before")
    proven = sight.having(Standing.PROVEN)
    have = f"{count(len(proven), 'copy', 'copies')} healthy ({places(proven)})"
    told = "".join(f"; {each}" for each in lacks)
    who = commands.playbook(cluster.namespace, "maintenance_lock")
    return Verdict(
        degraded.NAME,
        f"{have}, but its recovery has not ended{told}",
        f"wait if it still runs ({who} tells); else finish it: {recover_command(sight)}",
        copy_evidence(sight, sight.copies),
        detail=DETAIL,
    )
