# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade over 1.7 that is half done: Longhorn may take every copy of a healthy image away."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Evidence,
    Verdict,
    copy_evidence,
    places,
)

NAME = "upgrade_hazard_1_7"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """The version that runs and the schema that is served, or the field that the objects fill, are
    of two generations. Managers from 1.7 on read an image without spec.diskFileSpecMap as one that
    wants no copy, and delete its files (longhorn#10644, harvester#7958).
    """
    sight = window[-1]
    hazard = sight.cluster.schema.hazard
    if not hazard or not sight.copies:
        return None
    return Verdict(
        NAME,
        f"{hazard}; its copies ({places(sight.copies)}) may be deleted by managers of 1.7 and "
        "later, which look for them in spec.diskFileSpecMap",
        "apply the CustomResourceDefinitions of the new release before its managers start; "
        "if they run already: stop them, apply, and check every image's map before they start "
        "again. Nothing in this collection writes to such a cluster",
        (
            Evidence(
                "setting/current-longhorn-version", "value", str(sight.cluster.schema.version)
            ),
            Evidence(f"backingimage/{sight.image.name}", "spec", hazard),
            *copy_evidence(sight, sight.copies),
        ),
        confidence=LIKELY,
    )
