# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a fault in one copy of an image; their documentation is in doc_fragments/fault.py."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import KINDS

OPTIONS: dict[str, dict[str, Any]] = {
    "state": {
        "type": "str",
        "required": True,
        "choices": ["armed", "made", "undone", "clean"],
    },
    "id": {"type": "str"},
    "kind": {"type": "str", "choices": list(KINDS)},
    "image": {"type": "str"},
    "uuid": {"type": "str"},
    "disk_uuid": {"type": "str"},
    "data_path": {"type": "str"},
    "deadline": {"type": "int", "default": 600},
    "who": {"type": "str", "default": ""},
    "wait": {"type": "float", "default": 60},
    "leave": {"type": "int", "default": 0},
    "size": {"type": "int", "default": 0},
    "limit": {"type": "int", "default": 0},
    "disks": {"type": "list", "elements": "dict", "default": []},
}
ARM = ("id", "kind", "image", "uuid", "disk_uuid", "data_path")
KEPT = (*ARM, "deadline", "who", "wait", "leave", "size", "limit")
"""What an armed fault has to remember until it is made or undone."""


def required(*later: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """What each state cannot do without; *later* is what a fault is found by once it is armed."""
    return [("state", "armed", ARM), ("state", "made", later), ("state", "undone", later)]
