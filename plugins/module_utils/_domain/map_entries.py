# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of a placement map as JSON patch operations, always in full for the version.

From 1.8 an entry `{}` locks Longhorn out of the whole image (procedures.md 0.1), so keys are added
here and nowhere else, and what others have written so is completed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Schema

Ops = list[dict[str, Any]]


def present(spec: Mapping[str, Any], schema: Schema) -> Mapping[str, Any]:
    """The entries of the live map by disk UUID."""
    return spec.get(schema.map_field) or {}


def add(spec: Mapping[str, Any], schema: Schema, disks: Iterable[str]) -> Ops:
    """Operations that put these disks (UUIDs) in; none for those that are there already."""
    there = spec.get(schema.map_field)
    entry = schema.entry(_engine(spec))
    new = [disk for disk in disks if disk not in (there or {})]
    if there is None and new:
        return [{"op": "add", "path": schema.map_path, "value": dict.fromkeys(new, entry)}]
    return [{"op": "add", "path": schema.key_path(disk), "value": entry} for disk in new]


def repair(spec: Mapping[str, Any], schema: Schema) -> Ops:
    """Operations that complete entries without dataEngine (1.8 and later); their eviction flags
    stay.
    """
    full = schema.entry(_engine(spec))
    if not schema.entries_need_engine or not isinstance(full, dict):
        return []
    return [
        {
            "op": "replace",
            "path": schema.key_path(disk),
            "value": {**full, "evictionRequested": bool((entry or {}).get("evictionRequested"))},
        }
        for disk, entry in present(spec, schema).items()
        if not (entry or {}).get("dataEngine")
    ]


def _engine(spec: Mapping[str, Any]) -> str:
    return str(spec.get("dataEngine") or "v1")
