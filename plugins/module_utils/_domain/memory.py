# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be read back from a cluster: kept as JSON in one annotation of the object concerned.

Everything else is decided from the state, so that a killed run can go on and a second one does
nothing. The annotation holds the values *before* the maintenance and the node it is for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape

BEFORE = "longhorn.nodecare.dev/before"
TICKET = "nodecare"


def before(meta: Meta) -> dict[str, Any]:
    """What we noted on this object; {} when nothing, or when it is no JSON object of ours."""
    text = meta.annotations.get(BEFORE, "")
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def note(meta: Meta, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations of a JSON patch that store the value (test resourceVersion with them)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    if not meta.annotated:
        return [{"op": "add", "path": "/metadata/annotations", "value": {BEFORE: text}}]
    return [{"op": "add", "path": path(), "value": text}]


def forget(meta: Meta) -> list[dict[str, Any]]:
    """Operations that take our note away (none where there is none)."""
    return [{"op": "remove", "path": path()}] if BEFORE in meta.annotations else []


def drop(meta: Meta, *keys: str) -> list[dict[str, Any]]:
    """Operations that take these parts of our note away, and the annotation with the last one."""
    noted = before(meta)
    rest = {key: value for key, value in noted.items() if key not in keys}
    if rest == noted:
        return []
    return note(meta, rest) if rest else forget(meta)


def path() -> str:
    """JSON pointer of our annotation."""
    return f"/metadata/annotations/{escape(BEFORE)}"
