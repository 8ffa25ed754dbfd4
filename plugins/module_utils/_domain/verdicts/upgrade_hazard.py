# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade over 1.7 that is half done: Longhorn may take every copy of a healthy image away.

Either the cluster shows it (schema.hazard), or one image: its keys are in spec.disks alone, which
1.7 and later keep as stored and never act on (longhorn-manager CRDs and
webhook/resources/backingimage, v1.7.4 to v1.12.1).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Copy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import OLD_MAP
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Evidence,
    Verdict,
    copy_evidence,
    places,
)

NAME = "upgrade_hazard_1_7"
LOST = ("failed", "failed-and-cleanup")


def judge(window: Sequence[Sight]) -> Verdict | None:
    """The version that runs and the schema that is served, or the field that the objects fill, are
    of two generations. Managers from 1.7 on read an image without spec.diskFileSpecMap as one that
    wants no copy, and delete its files (longhorn#10644, harvester#7958).
    """
    sight = window[-1]
    hazard = sight.cluster.schema.hazard
    if not hazard:
        return _of_image(window)
    if not sight.copies:
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


def _unread(sight: Sight) -> list[Copy]:
    """Copies whose keys are in the map that is not read any more, while the live one is empty, and
    whose files are there for all that can be told: an entry reads ready for up to half a minute
    after its file is gone (recordings i-patch-variants), its manager does not record it then.
    """
    image, cluster = sight.image, sight.cluster
    if image.wanted:
        return []
    recorded = {
        manager.disk
        for manager in cluster.managers.values()
        if manager.running and image.name in manager.files
    }
    return [
        copy
        for disk, copy in image.copies.items()
        if disk in image.unread_keys
        and (copy.state == "unknown" or (copy.state not in LOST and disk in recorded))
    ]


def _of_image(window: Sequence[Sight]) -> Verdict | None:
    """One image whose files Longhorn does not want, and has not taken away over the window."""
    sight = window[-1]
    image, schema = sight.image, sight.cluster.schema
    files = _unread(sight)
    if not all(_unread(each) for each in window):
        return None
    disks = sight.cluster.disks
    there = names([disks[c.disk].label if c.disk in disks else f"disk {c.disk}" for c in files])
    name = f"backingimage/{image.name}"
    entry = json.dumps(schema.entry(image.data_engine))
    return Verdict(
        NAME,
        f"its keys are in spec.{OLD_MAP} alone, which Longhorn {schema.version} does not read; its "
        f"copies ({there}) may be deleted, because spec.{schema.map_field} wants none",
        f"add each key of spec.{OLD_MAP} to spec.{schema.map_field} with the value {entry}, at "
        "once: Longhorn keeps the files that are still there",
        (
            Evidence(name, f"spec.{OLD_MAP}", ", ".join(image.unread_keys)),
            Evidence(name, f"spec.{schema.map_field}", "empty"),
            *(
                Evidence(name, f"status.diskFileStatusMap[{c.disk}]", c.state, since=c.since)
                for c in files
            ),
        ),
        confidence=LIKELY,
    )
