# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery cannot read back later: the keys an image had, and the tickets of its volumes.

Kept in our one annotation of the object concerned, under keys of its own, so that a note of another
kind on the same object stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Attachment,
    Image,
)

RECOVERY = "recovery"
TICKETS = "tickets"
SALVAGE = "salvage"
DISK = "disk"
PATH = "path"
KEYS = "keys"
EMPTIED_FOR = "emptied_for"
TIMES = "times"


def recovery_of(image: Image) -> dict[str, Any]:
    """The note of a recovery that began on this image and has not ended; {} where there is none."""
    return _part(image.meta, RECOVERY)


def tickets_of(attachment: Attachment) -> dict[str, Any]:
    """Tickets that a recovery took off this volume and still has to put back, as they were."""
    return _part(attachment.meta, TICKETS)


def salvage_of(image: Image) -> dict[str, Any]:
    """The note of a salvage that began on this image and has not ended: the disk, and where its
    file is kept; {} where there is none.
    """
    return _part(image.meta, SALVAGE)


def keys_before(image: Image) -> int:
    """How many keys the map had before it was emptied; 0 when not known."""
    keys = recovery_of(image).get(KEYS)
    return len(keys) if isinstance(keys, list) else 0


def times_emptied(image: Image, source_uid: str) -> int:
    """How often the map was emptied while this data source was there."""
    note = recovery_of(image)
    if note.get(EMPTIED_FOR) != source_uid:
        return 0
    times = note.get(TIMES)
    return times if isinstance(times, int) else 1


def write(meta: Meta, part: str, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations that add or replace one part of our note (with a test of resourceVersion)."""
    return memory.note(meta, {**memory.before(meta), part: dict(value)})


def erase(meta: Meta, part: str) -> list[dict[str, Any]]:
    """Operations that take one part away, and the annotation with the last one."""
    rest = {key: value for key, value in memory.before(meta).items() if key != part}
    return memory.note(meta, rest) if rest else memory.forget(meta)


def _part(meta: Meta, part: str) -> dict[str, Any]:
    value = memory.before(meta).get(part)
    return value if isinstance(value, dict) else {}
