# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The immutable flag of ext4, XFS and others (chattr +i), where the host lets us set it."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_GET = 0x80086601
_SET = 0x40086602
_IMMUTABLE = 0x10


def set_flag(path: Path, on: bool) -> bool:
    """Set or clear the flag of a file or directory; False where the host does not allow it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        flags = struct.unpack("l", fcntl.ioctl(handle, _GET, bytes(8)))[0]
        wanted = flags | _IMMUTABLE if on else flags & ~_IMMUTABLE
        if wanted != flags:
            fcntl.ioctl(handle, _SET, struct.pack("l", wanted))
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(handle)
