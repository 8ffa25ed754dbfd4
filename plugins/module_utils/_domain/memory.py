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
# On a Longhorn node: disks of it that are emptied one by one, by UUID. Not in `before`, which says
# that the node as a whole is under maintenance.
DISKS_BEFORE = "longhorn.nodecare.dev/disks-before"
TICKET = "nodecare"


def before(meta: Meta, annotation: str = BEFORE) -> dict[str, Any]:
    """What we noted on this object; {} when nothing, or when it is no JSON object of ours."""
    text = meta.annotations.get(annotation, "")
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def note(meta: Meta, value: Mapping[str, Any], annotation: str = BEFORE) -> list[dict[str, Any]]:
    """Operations of a JSON patch that store the value (test resourceVersion with them)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    if not meta.annotated:
        return [{"op": "add", "path": "/metadata/annotations", "value": {annotation: text}}]
    return [{"op": "add", "path": path(annotation), "value": text}]


def forget(meta: Meta, annotation: str = BEFORE) -> list[dict[str, Any]]:
    """Operations that take our note away (none where there is none)."""
    if annotation not in meta.annotations:
        return []
    return [{"op": "remove", "path": path(annotation)}]


def drop(meta: Meta, *keys: str, annotation: str = BEFORE) -> list[dict[str, Any]]:
    """Operations that take these parts of our note away, and the annotation with the last one."""
    noted = before(meta, annotation)
    rest = {key: value for key, value in noted.items() if key not in keys}
    if rest == noted:
        return []
    return note(meta, rest, annotation) if rest else forget(meta, annotation)


def path(annotation: str = BEFORE) -> str:
    """JSON pointer of one of our annotations."""
    return f"/metadata/annotations/{escape(annotation)}"
