# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that a schema states in x-kubernetes-validations, as far as Longhorn states any.

All of those say that a field keeps its value (``self == oldSelf``). Texts: apiextensions-apiserver
pkg/apiserver/schema/cel and pkg/registry/customresource/strategy.go, as kube-apiserver 1.36
answers.
"""

from __future__ import annotations

import json
from typing import Any

from tests.simulator.errors import Cause

Rule = tuple[tuple[str, ...], str]
_KEEP = "self == oldSelf"
_BLOCKING = ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong") + (
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
)
_NOT_CHECKED = Cause(
    "<nil>",
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


def validate_rules(
    schema: dict[str, Any],
    obj: dict[str, Any],
    old: dict[str, Any] | None,
    causes: list[Cause],
) -> list[Cause]:
    """Return which rules are broken; ``causes`` are the mistakes found before, of which some leave
    the rules unchecked.
    """
    rules = _rules_of(schema)
    if not rules:
        return []
    if any(cause.reason in _BLOCKING for cause in causes):
        return [_NOT_CHECKED]
    broken = []
    for path, message in rules if old is not None else ():
        new, before = _at(obj, path), _at(old, path)
        if new is not None and before is not None and new != before:
            text = f"Invalid value: {json.dumps(new, ensure_ascii=False)}: {message}"
            broken.append(Cause(".".join(path), "FieldValueInvalid", text))
    return broken


_FOUND: dict[int, tuple[dict[str, Any], list[Rule]]] = {}


def _rules_of(schema: dict[str, Any]) -> list[Rule]:
    """Return the rules of a whole schema; each schema, which lives on, is searched once."""
    known = _FOUND.get(id(schema))
    if known is None:
        known = _FOUND[id(schema)] = (schema, _rules_in(schema, ()))
    return known[1]


def _rules_in(schema: dict[str, Any], path: tuple[str, ...]) -> list[Rule]:
    """Return the path and message of every field that is to keep its value."""
    found = [
        (path, str(rule["message"]))
        for rule in schema.get("x-kubernetes-validations") or ()
        if rule.get("rule") == _KEEP
    ]
    for name, part in (schema.get("properties") or {}).items():
        found += _rules_in(part, (*path, name))
    return found


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj
