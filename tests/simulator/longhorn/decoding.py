# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Go says when a JSON value does not fit its type: the mutator's first refusal (F§14.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def go_kind(value: Any) -> str:
    """A JSON value's kind in the words of Go's decoder."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def go_type(schema: Schema, struct: str = "") -> str:
    """The Go type that stands behind a schema."""
    kind = schema.get("type")
    if kind == "string":
        return "string"
    if kind == "boolean":
        return "bool"
    if kind == "integer":
        return "int64" if schema.get("format") == "int64" else "int"
    if kind == "array":
        return "[]" + go_type(schema.get("items") or {}, struct)
    if isinstance(schema.get("additionalProperties"), Mapping):
        inner: Schema = schema["additionalProperties"]
        pointer = "*" if inner.get("properties") else ""
        return "map[string]" + pointer + go_type(inner, struct)
    return f"v1beta2.{struct}"


def misfit(kind: str, schema: Schema, obj: Mapping[str, Any]) -> str | None:
    """The decoder's complaint about the first field of spec that does not fit, or None."""
    spec = obj.get("spec")
    properties = ((schema.get("properties") or {}).get("spec") or {}).get("properties") or {}
    if not isinstance(spec, Mapping):
        return None
    for name, field in properties.items():
        value = spec.get(name)
        wrong = _wrong(f"spec.{name}", field, value, STRUCTS.get(name, ""))
        if wrong is not None:
            return f"json: cannot unmarshal {wrong[0]} into Go struct field {kind}Spec.{wrong[1]}"
    return None


STRUCTS: Mapping[str, str] = {
    "diskFileSpecMap": "BackingImageDiskFileSpec",
    "disks": "DiskSpec",
    "attachmentTickets": "AttachmentTicket",
}
_JSON = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "array": (list,),
    "object": (Mapping,),
}


def _wrong(path: str, schema: Schema, value: Any, struct: str) -> tuple[str, str] | None:
    if value is None:
        return None
    wanted = _JSON.get(str(schema.get("type")), (object,))
    fits = isinstance(value, wanted) and not (
        isinstance(value, bool) and schema.get("type") == "integer"
    )
    if not fits:
        return go_kind(value), f"{path} of type {go_type(schema, struct)}"
    inner = schema.get("additionalProperties")
    if isinstance(value, Mapping) and isinstance(inner, Mapping):
        for child in value.values():
            wrong = _wrong(path, inner, child, struct)
            if wrong is not None:
                return wrong
    return None
