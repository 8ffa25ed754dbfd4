# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""minNumberOfCopies of the images while a node is away for a reboot (1.7 and later).

45 to 52 s after a node went off Longhorn makes another copy of each image that has fewer than
minNumberOfCopies left. Lowered to the copies off the node it makes none (rec:
v1.12.1/w1-min-lowered). But the same number keeps Longhorn's clean-up from copies that nothing has
used for backing-image-cleanup-wait-interval: at a lower number it could take one of them, on any
node (longhorn-manager controller/node_controller.go cleanUpBackingImagesInDisks). So the number is
lowered only for images whose copies are all in use, or where that clean-up is off; the others get
a copy for the time, which is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    guards,
    memory,
    setting,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope

FIELD = "minNumberOfCopies"
PATH = f"/spec/{FIELD}"
CLEANUP = "backing-image-cleanup-wait-interval"
# Longhorn counts every other copy, also one that is not reported yet (controller/
# backing_image_controller.go replenishBackingImageCopies).
NOT_COUNTED = frozenset({"failed", "failed-and-cleanup", "unknown"})
REPLENISHING = "concurrent-backing-image-replenish-per-node-limit"


@dataclass(frozen=True, slots=True)
class Lowering:
    """One image of which Longhorn would make another copy while the node is away.

    before: its number; number: the one for the time. why_not: why it stays as it is, "" when it
    may be lowered.
    """

    image: str
    before: int
    number: int
    why_not: str


def original(image: Image) -> int:
    """The image's own number, whatever it is for the time."""
    return noted_number(memory.before(image.meta)) or image.min_copies


def noted_number(noted: Mapping[str, Any]) -> int:
    """The number in a note; 0 where none was lowered."""
    number = noted.get(FIELD)
    return number if isinstance(number, int) and number > 0 else 0


def needed(cluster: Cluster, scope: Scope) -> tuple[Lowering, ...]:
    """Images with a copy on the node for which Longhorn would make another one, as things are now.

    The number falls by the node's own copies and never below one, so Longhorn still heals what
    is lost elsewhere meanwhile.
    """
    replenished = setting.number(cluster.settings, REPLENISHING, 5)
    if not cluster.schema.replenishes or scope.disk or replenished == 0:
        return ()
    uuids = scope.uuids(cluster)
    found: list[Lowering] = []
    for name, image in sorted(cluster.images.items()):
        source = cluster.data_sources.get(name)
        if image.meta.deleting or source is None or not source.file_transferred:
            continue
        here = [copy for copy in image.wanted if copy.disk in uuids]
        off = [c for c in image.wanted if c not in here and c.state not in NOT_COUNTED]
        number = max(1, image.min_copies - len(here))
        lowered = noted_number(memory.before(image.meta))
        if here and len(off) < image.min_copies and number < image.min_copies and not lowered:
            why_not = _why_not(cluster, image)
            found.append(Lowering(name, image.min_copies, number, why_not))
    return tuple(found)


def _why_not(cluster: Cluster, image: Image) -> str:
    if setting.number(cluster.settings, CLEANUP, 60) == 0:
        return ""
    for copy in image.wanted:
        if not guards.users_of_copy(cluster, image.name, copy.disk):
            disk = cluster.disks.get(copy.disk)
            place = disk.label if disk else copy.disk
            return f"nothing uses its copy on {place}: Longhorn could clean it up"
    return ""


def lower(image: Image, number: int, noted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations that note the number beside what is noted, and lower it; nothing where it is so
    low already.
    """
    if image.min_copies <= max(1, number):
        return []
    return [
        *memory.note(image.meta, {**noted, FIELD: original(image)}),
        {"op": "test", "path": PATH, "value": image.min_copies},
        {"op": "replace", "path": PATH, "value": max(1, number)},
    ]


def give_back(noted: Mapping[str, Any], spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations that set the noted number again; the note itself is the caller's to take away.

    A number that somebody has raised beyond it meanwhile stays.
    """
    number = noted_number(noted)
    if not number or int(spec.get(FIELD) or 0) >= number:
        return []
    return [{"op": "add", "path": PATH, "value": number}]
