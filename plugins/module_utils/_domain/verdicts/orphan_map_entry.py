# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The placement map names a disk that no node has any more; Longhorn counts it as a copy."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
    is_gone,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
    copy_evidence,
    count_of,
    patch_command,
    places,
)

NAME = "orphan_map_entry"


def judge(window: Sequence[Sight]) -> Verdict | None:
    """A proven copy is there, and beside it a key of a disk that is proven to be gone.

    Up to 1.9.1 such a key stays for good; later versions only take it out while the disk's manager
    is still there (longhorn-manager controller/backing_image_manager_controller.go).
    """
    sight = window[-1]
    gone = gone_keys(sight)
    proven = sight.having(Standing.PROVEN)
    if not gone or not proven:
        return None
    return Verdict(
        NAME,
        f"{count_of(sight, len(proven))} healthy ({places(proven)}); its map also names "
        f"{places(gone)}, which no node has any more and Longhorn counts as a copy",
        f"take that key out of the map: {removal(sight)}",
        copy_evidence(sight, gone),
    )


def gone_keys(sight: Sight) -> tuple[SeenCopy, ...]:
    """Keys of disks that no node has any more, also where another disk took the place of one."""
    return tuple(
        seen
        for seen in sight.copies
        if seen.standing is Standing.GONE
        or (seen.standing is Standing.MAY_RETURN and is_gone(sight.cluster, seen.copy.disk))
    )


def removal(sight: Sight) -> str:
    """The command that takes the keys of disks that are gone out of the map."""
    operations = [
        {"op": "remove", "path": sight.cluster.schema.key_path(seen.copy.disk)}
        for seen in gone_keys(sight)
    ]
    return patch_command(sight, operations)
