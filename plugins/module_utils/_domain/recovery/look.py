# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on the disks of failed copies: where to look, and what was found there.

A `failed` copy may still have its file with the recorded bytes: while every entry of an image is
failed, Longhorn deletes nothing (longhorn-manager controller/backing_image_manager_controller.go
deleteInvalidBackingImages, all versions), and it looks at a failed record no second time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Disk, Image
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look_log import (
    Answer,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
)

# What is passed on to a pod as the path of a mount or a file.
_PATH = re.compile(r"/[A-Za-z0-9._/+@:=~-]*")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SHOWN = 12
IMAGES = "backing-images"
KEPT = "nodecare-kept"


class Word(str, Enum):
    """What was found."""

    RIGHT = "right_bytes"
    OTHER = "other_bytes"
    SIZE = "other_size"
    NONE = "no_file"
    UNREAD = "not_read"


@dataclass(frozen=True)
class Place:
    """The file of one failed copy: on which disk (UUID, and its label) of which node. *root* is the
    disk's folder of images, *folder* the image's own in it. *size* and *checksum* are recorded.
    """

    image: str
    disk: str
    label: str
    node: str
    root: str
    folder: str
    size: int
    checksum: str

    @property
    def path(self) -> str:
        """The file on the node."""
        return f"{self.root}/{self.folder}/backing"

    @property
    def disk_root(self) -> str:
        """Where the disk is mounted on the node."""
        return self.root.removesuffix(f"/{IMAGES}")

    @property
    def kept_root(self) -> str:
        """Where a second link to the file is kept: on the same disk, in no folder of Longhorn."""
        return f"{self.disk_root}/{KEPT}"

    @property
    def kept(self) -> str:
        """That link."""
        return f"{self.kept_root}/{self.folder}"

    @property
    def nameable(self) -> bool:
        """Whether its path is one that is passed on: no way up, nothing a shell or YAML minds."""
        parts = self.root.split("/")
        plain = _PATH.fullmatch(self.root) and _FOLDER.fullmatch(self.folder)
        return bool(plain) and not {"..", "."} & set(parts)


@dataclass(frozen=True)
class Look:
    """What was found at a place. *why*: why it could not be read."""

    place: Place
    word: Word
    size: int = 0
    sha512: str = ""
    why: str = ""

    @property
    def text(self) -> str:
        """For a sentence, without the place: ``other bytes (sha512 0123456789ab…)``."""
        told = {
            Word.RIGHT: "the right bytes",
            Word.OTHER: f"other bytes (sha512 {self.sha512[:SHOWN]}…)",
            Word.SIZE: f"another size ({self.size} bytes)",
            Word.NONE: "no file",
            Word.UNREAD: f"cannot be read ({self.why})",
        }
        return told[self.word]

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "finding": self.word.value,
            "disk": self.place.disk,
            "place": self.place.label,
            "node": self.place.node,
            "path": self.place.path,
            "size": self.size,
            "sha512": self.sha512,
            "why": self.why,
        }


def disk_up(sight: Sight, seen: SeenCopy) -> Disk | None:
    """The disk of a copy, if it is up and its path is known."""
    disk = sight.cluster.disks.get(seen.copy.disk)
    return disk if disk is not None and disk.path and disk.ready else None


def root_of(disk: Disk) -> str:
    """Where a disk keeps all its images."""
    return f"{disk.path.rstrip('/')}/{IMAGES}"


def folder_of(image: Image) -> str:
    """The name of the folder of an image: never a pattern, always exact."""
    return f"{image.name}-{image.uuid}"


def places(sight: Sight) -> tuple[Place, ...]:
    """The files that a look on the nodes reads: of failed copies, on disks that are up. None where
    no SHA-512 is recorded, because then nothing can be told from what is found.
    """
    image = sight.image
    if not image.checksum or not image.uuid:
        return ()
    return tuple(
        place_on(disk, image)
        for seen in sight.having(Standing.LOST)
        if seen.copy.disk in sight.disks_up and (disk := disk_up(sight, seen)) is not None
    )


def place_on(disk: Disk, image: Image) -> Place:
    """The file of an image on a disk."""
    return Place(
        image.name,
        disk.uuid,
        disk.label,
        disk.node,
        root_of(disk),
        folder_of(image),
        image.size,
        image.checksum,
    )


def unread(places: Iterable[Place], why: str) -> dict[Place, Look]:
    """The same reason for each."""
    return {place: Look(place, Word.UNREAD, why=redact.plain(why)) for place in places}


def judge(place: Place, answer: Answer) -> Look:
    """An answer of a pod, compared with what the image has recorded."""
    if answer.broken:
        return Look(place, Word.UNREAD, why=redact.plain(answer.broken))
    if answer.none:
        return Look(place, Word.NONE)
    if place.size and answer.size != place.size:
        return Look(place, Word.SIZE, answer.size)
    if not answer.sha512 or answer.read != answer.size:
        return Look(place, Word.UNREAD, answer.size, why="it changed while it was read")
    word = Word.RIGHT if answer.sha512 == place.checksum else Word.OTHER
    return Look(place, word, answer.size, answer.sha512)


def spell(looks: Iterable[Look]) -> str:
    """For a sentence: ``node-1/disk-1, node-2/disk-1 no file; node-3/disk-1 other bytes (…)``."""
    groups: dict[str, list[str]] = {}
    for look in looks:
        groups.setdefault(look.text, []).append(look.place.label)
    return "; ".join(f"{', '.join(labels)} {text}" for text, labels in groups.items())


def by_disk(looks: Iterable[Look], image: str) -> Mapping[str, Look]:
    """The looks at one image's copies, by the UUID of the disk."""
    return {look.place.disk: look for look in looks if look.place.image == image}
