# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key of the map was written as {}: from 1.8 on Longhorn can no longer write this image."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Evidence,
    Verdict,
    patch_command,
    places,
)

NAME = "poisoned_entry"


def repair(sight: Sight) -> list[dict[str, object]]:
    """The JSON-patch operations that end it: each such entry written in full."""
    schema = sight.cluster.schema
    return [
        {
            "op": "replace",
            "path": schema.key_path(seen.copy.disk),
            "value": schema.entry(sight.image.data_engine),
        }
        for seen in sight.copies
        if not seen.copy.complete
    ]


def judge(window: Sequence[Sight]) -> Verdict | None:
    """An entry without dataEngine: Longhorn sends it back as "", which the schema refuses. No
    eviction, no replica start on a further disk and no deletion works until it is repaired.
    """
    sight = window[-1]
    poisoned = [seen for seen in sight.copies if not seen.copy.complete]
    if not poisoned:
        return None
    evidence = tuple(
        Evidence(
            f"backingimage/{sight.image.name}",
            sight.cluster.schema.key_path(seen.copy.disk),
            "{} (no dataEngine)",
        )
        for seen in poisoned
    )
    return Verdict(
        NAME,
        f"Longhorn can no longer write this image: the map entry of {places(poisoned)} was "
        "written as {}",
        f"write each such entry in full: {patch_command(sight, repair(sight))}",
        evidence,
    )
