# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a copy failed, read from the message that Longhorn leaves in its entry."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A fixed *word*, what it means, what to do, and whether Longhorn's next try may end it."""

    word: str
    meaning: str
    remedy: str
    passes: bool = False


_WRITABLE = "make its directory there writable again (lsattr, chattr -i, mount, rights)"

NO_SPACE = Cause("no_space", "no space on the disk", "free space on that disk")
NOT_WRITABLE = Cause("not_writable", "its directory there cannot be written", _WRITABLE)
CHECKSUM = Cause(
    "checksum",
    "the bytes have another checksum than recorded",
    "find out what changed the file on that disk; Longhorn makes it anew from a whole copy",
)
NO_SENDER = Cause(
    "no_sender",
    "there was no whole copy to sync it from",
    "wait for the next try; if it fails again, look at the other copies",
    passes=True,
)
FILE_GONE = Cause(
    "file_gone",
    "its file was deleted or cannot be read",
    "wait; Longhorn syncs it again",
    passes=True,
)
MANAGER_DOWN = Cause(
    "manager_down",
    "the disk's backing image manager was not running",
    "wait for its pod; look at why it stopped if it does not come back",
    passes=True,
)
NETWORK = Cause(
    "network", "the other node could not be reached", "look at the network between the nodes"
)
OTHER = Cause("other", "", "look at what the message names on that node")

# The first text found in the message, in small letters, counts (longhorn/backing-image-manager
# pkg/sync and pkg/manager; the texts are those of the recordings of v1.6.4 to v1.12.1).
_TEXTS: tuple[tuple[str, Cause], ...] = (
    ("no space left", NO_SPACE),
    ("operation not permitted", NOT_WRITABLE),
    ("permission denied", NOT_WRITABLE),
    ("read-only file system", NOT_WRITABLE),
    ("failed to stat tmp file", NOT_WRITABLE),
    ("actual checksum", CHECKSUM),
    ("different checksum", CHECKSUM),
    ("recorded checksum", CHECKSUM),
    ("manager pod is not running", MANAGER_DOWN),
    ("should be directly reused but failed", NO_SENDER),
    ("failed to wait for processing begin", NO_SENDER),
    ("ready file being modified", FILE_GONE),
    ("suddenly modified", FILE_GONE),
    ("no such file or directory", FILE_GONE),
    ("connection refused", NETWORK),
    ("no route to host", NETWORK),
    ("i/o timeout", NETWORK),
)


_ABOUT_A_SYNC = re.compile(
    r"failed to process sync file: .*(actual checksum|failed to stat tmp file)|recorded checksum"
)


def cause_on_disk(message: str, free: int | None, size: int) -> Cause:
    """The cause, by the message and by the bytes that the disk has free (None: not known).

    A sync that runs out of space says so in the manager's log only. Its entry tells of another
    checksum, because the file broke off, of a file that is not there, or nothing
    (longhorn/backing-image-manager pkg/sync/sync_file.go Receive and finishProcessing, sparse-tools
    sparse/rest/handlers.go, v1.6.4 to v1.12.1).
    """
    may_be = not message or _ABOUT_A_SYNC.search(message)
    return NO_SPACE if may_be and free is not None and free < size else cause_of(message)


def cause_of(message: str) -> Cause:
    """The cause that a message tells. An empty one means a leftover that cannot be removed."""
    if not message:
        return NOT_WRITABLE
    small = message.lower()
    return next((cause for text, cause in _TEXTS if text in small), OTHER)
