# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small helpers for objects as the API carries them: plain dictionaries."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


_NESTED = frozenset((dict, list))


def clone(value: Any) -> Any:
    """Return a deep copy of JSON data; several times faster than ``copy.deepcopy``."""
    if isinstance(value, dict):
        return {k: clone(v) if type(v) in _NESTED else v for k, v in value.items()}
    if isinstance(value, list):
        return [clone(v) if type(v) in _NESTED else v for v in value]
    return value


def name_of(obj: Object) -> str:
    """Return ``metadata.name``, empty if there is none."""
    name: str = obj.get("metadata", {}).get("name", "")
    return name


def namespace_of(obj: Object) -> str:
    """Return ``metadata.namespace``, empty if there is none."""
    namespace: str = obj.get("metadata", {}).get("namespace") or ""
    return namespace


def uid_of(obj: Object) -> str:
    """Return ``metadata.uid``, empty if there is none."""
    uid: str = obj.get("metadata", {}).get("uid", "")
    return uid


def labels_of(obj: Object) -> dict[str, str]:
    """Return the labels, empty if there are none; not to be changed."""
    return obj.get("metadata", {}).get("labels") or {}


def is_terminating(obj: Object) -> bool:
    """Tell whether the object is marked for deletion."""
    return bool(obj.get("metadata", {}).get("deletionTimestamp"))


def lookup(obj: Any, path: str) -> Any:
    """Return the value at a dotted path (``spec.nodeName``), None where there is none."""
    value = obj
    for part in path.lstrip(".").split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def condition(obj: Object, kind: str) -> Object | None:
    """Return the condition of this type in ``status.conditions``, None if there is none."""
    for entry in obj.get("status", {}).get("conditions") or []:
        if entry.get("type") == kind:
            found: Object = entry
            return found
    return None


def owner_reference(obj: Object, controller: bool = True, block: bool = True) -> Object:
    """Return the owner reference that makes another object belong to this one."""
    reference: Object = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": name_of(obj),
        "uid": uid_of(obj),
    }
    if controller:
        reference["controller"] = True
    if block:
        reference["blockOwnerDeletion"] = True
    return reference
