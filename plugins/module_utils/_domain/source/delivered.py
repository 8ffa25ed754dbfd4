# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image was, and what its source delivered: what a finding about the source is made of."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Image

QCOW2_MAGIC = b"QFI\xfb"
# A sector: Longhorn takes raw files only in whole ones.
SECTOR = 512
HEAD_BYTES = 512


@dataclass(frozen=True)
class Expected:
    """What the bytes of *url* have to be. Sizes in bytes, 0 where none is recorded; *checksum* is a
    SHA-512 in hex, "" where none is recorded.
    """

    url: str
    checksum: str = ""
    size: int = 0
    virtual_size: int = 0


@dataclass(frozen=True)
class Delivered:
    """What a full read of a source saw.

    *trouble* is a fixed word for what ended it early ("" for a read to the end), *reason* the same
    for a person, without any credential. *length* is what the server announced, -1 for nothing.
    *head* are the first bytes of the file. *downgraded*: a redirection led from https to http.
    """

    trouble: str = ""
    reason: str = ""
    status: int = 0
    length: int = -1
    received: int = 0
    checksum: str = ""
    head: bytes = b""
    cuts: int = 0
    redirects: int = 0
    downgraded: bool = False
    seconds: float = 0.0


def expected_of(image: Image, url: str = "") -> Expected:
    """What a source has to deliver for this image; *url* instead of the recorded one.

    The first checksum and size that were seen are kept for the life of the image, a file with
    others fails for ever (longhorn-manager controller/backing_image_controller.go
    updateStatusWithFileInfo, all versions). Sizes only count once a copy was complete: before that
    they follow the download.
    """
    complete = image.virtual_size > 0
    return Expected(
        url=url or image.source_parameters.get("url", ""),
        checksum=(image.checksum or image.wanted_checksum).lower(),
        size=image.size if complete else 0,
        virtual_size=image.virtual_size,
    )


def virtual_size_of(head: bytes, size: int) -> int:
    """The size of the disk that a file holds: of a qcow2 file what its header says (bytes 24 to 31,
    big-endian), of any other file its own size. 0 for a qcow2 header that is cut off.
    """
    if not head.startswith(QCOW2_MAGIC):
        return size
    return int.from_bytes(head[24:32], "big") if len(head) >= 32 else 0
