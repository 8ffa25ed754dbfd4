# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Structural schemas of custom resources: validation, pruning and defaults, with the texts of a
real API server.

Texts: k8s.io/kube-openapi pkg/validation and apiextensions-apiserver pkg/apiserver/validation, as
recorded in kube-api-conformance.json. Keywords that no schema of the simulator uses are not known
here.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

from tests.simulator.errors import Cause
from tests.simulator.objects import clone
from tests.simulator.schema_rules import validate_rules

Schema = dict[str, Any]

_ENVELOPE = ("apiVersion", "kind", "metadata")
METADATA_FIELDS = frozenset(
    ("annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp")
    + ("finalizers", "generateName", "generation", "labels", "managedFields", "name", "namespace")
    + ("ownerReferences", "resourceVersion", "selfLink", "uid")
)


def type_name(value: Any) -> str:
    """Return the JSON type of a value as the error texts call it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def apply_defaults(schema: Schema, value: Any) -> None:
    """Fill in defaults in place; a null where null is not allowed and a default exists counts as
    absent.
    """
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for name, sub in properties.items():
            if "default" in sub and (
                name not in value or (value[name] is None and not sub.get("nullable"))
            ):
                value[name] = clone(sub["default"])
        additional = schema.get("additionalProperties")
        for name, child in value.items():
            inner = properties.get(name) or (additional if isinstance(additional, dict) else None)
            if inner is not None and isinstance(child, (dict, list)):
                apply_defaults(inner, child)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for child in value:
            apply_defaults(schema["items"], child)


def prune(schema: Schema, obj: dict[str, Any]) -> list[str]:
    """Remove what the schema does not know, in place, and return the removed paths.

    The envelope (apiVersion, kind, metadata) is always known; unknown metadata goes too.
    """
    removed: list[str] = []
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        for name in [n for n in metadata if n not in METADATA_FIELDS]:
            del metadata[name]
            removed.append(f"metadata.{name}")
    _prune(schema, obj, "", removed, _ENVELOPE)
    return removed


def _prune(
    schema: Schema, value: Any, path: str, removed: list[str], keep: tuple[str, ...] = ()
) -> None:
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, child in enumerate(value):
                if isinstance(child, (dict, list)):
                    _prune(items, child, f"{path}[{index}]", removed)
        return
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or additional is True
    unknown: list[str] = []
    for name, child in value.items():
        if name in keep:
            continue
        sub = properties.get(name)
        if sub is None and isinstance(additional, dict):
            sub = additional
        if sub is None:
            if not preserve:
                unknown.append(name)
        elif isinstance(child, (dict, list)):
            _prune(sub, child, f"{path}.{name}" if path else name, removed)
    for name in unknown:
        del value[name]
        removed.append(f"{path}.{name}" if path else name)


def validate(schema: Schema, obj: dict[str, Any], old: dict[str, Any] | None = None) -> list[Cause]:
    """Return every way in which the object breaks the schema, in the order of its fields.

    ``old`` is the object that it replaces, None for a new one.
    """
    causes: list[Cause] = []
    _validate(schema, obj, "", causes, _ENVELOPE)
    return causes + validate_rules(schema, obj, old, causes)


def validate_status(
    schema: Schema, obj: dict[str, Any], old: dict[str, Any] | None = None
) -> list[Cause]:
    """Return every way in which the status breaks its part of the schema: a server that is sent the
    status alone counts the paths in its texts from there.
    """
    causes: list[Cause] = []
    part = (schema.get("properties") or {}).get("status")
    if part is not None and "status" in obj:
        _validate(part, obj["status"], "", causes)
    found = [replace(c, field=f"status.{c.field}" if c.field else "status") for c in causes]
    return found + validate_rules(schema, obj, old, found)


def _validate(
    schema: Schema, value: Any, path: str, causes: list[Cause], skip: tuple[str, ...] = ()
) -> None:
    if value is None and schema.get("nullable"):
        return
    if not _check_type(schema, value, path, causes):
        return
    if isinstance(value, dict):
        _validate_object(schema, value, path, causes, skip)
    elif isinstance(value, list):
        _validate_list(schema, value, path, causes)
    else:
        _validate_scalar(schema, value, path, causes)


def _check_type(schema: Schema, value: Any, path: str, causes: list[Cause]) -> bool:
    if schema.get("x-kubernetes-int-or-string"):
        wanted, fits = "integer,string", type_name(value) in ("integer", "string")
    else:
        wanted = schema.get("type", "")
        actual = type_name(value)
        whole = isinstance(value, float) and value.is_integer()
        fits = (
            not wanted
            or actual == wanted
            or (wanted == "number" and actual == "integer")
            or (wanted == "integer" and whole)
        )
    if not fits:
        shown = json.dumps(type_name(value))
        text = f"Invalid value: {shown}: {path} in body must be of type {wanted}: {shown}"
        causes.append(Cause(path, "FieldValueTypeInvalid", text))
    return fits


def _validate_object(
    schema: Schema, value: dict[str, Any], path: str, causes: list[Cause], skip: tuple[str, ...]
) -> None:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for name in schema.get("required") or ():
        if name not in value:
            field = f"{path}.{name}" if path else name
            causes.append(Cause(field, "FieldValueRequired", "Required value"))
    for name, child in value.items():
        if name in skip:
            continue
        sub = properties.get(name)
        if sub is None and isinstance(additional, dict):
            sub = additional
        if sub is not None:
            _validate(sub, child, f"{path}.{name}" if path else name, causes)


def _validate_list(schema: Schema, value: list[Any], path: str, causes: list[Cause]) -> None:
    least, most = schema.get("minItems"), schema.get("maxItems")
    if most is not None and len(value) > most:
        text = f"Too many: {len(value)}: must have at most {most} items"
        causes.append(Cause(path, "FieldValueTooMany", text))
    if least is not None and len(value) < least:
        text = f"Invalid value: {len(value)}: {path} in body should have at least {least} items"
        causes.append(Cause(path, "FieldValueInvalid", text))
    items = schema.get("items")
    if isinstance(items, dict):
        for index, child in enumerate(value):
            _validate(items, child, f"{path}[{index}]", causes)


def _validate_scalar(schema: Schema, value: Any, path: str, causes: list[Cause]) -> None:
    allowed = schema.get("enum")
    if allowed is not None and value not in allowed:
        listed = ", ".join(json.dumps(v) for v in allowed)
        text = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
        causes.append(Cause(path, "FieldValueNotSupported", text))
    if isinstance(value, str):
        _validate_string(schema, value, path, causes)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        least, most = schema.get("minimum"), schema.get("maximum")
        if least is not None and value < least:
            _invalid(path, value, f"should be greater than or equal to {least}", causes)
        if most is not None and value > most:
            _invalid(path, value, f"should be less than or equal to {most}", causes)


def _validate_string(schema: Schema, value: str, path: str, causes: list[Cause]) -> None:
    pattern, least, most = schema.get("pattern"), schema.get("minLength"), schema.get("maxLength")
    if most is not None and len(value) > most:
        causes.append(
            Cause(path, "FieldValueTooLong", f"Too long: may not be more than {most} bytes")
        )
    if least is not None and len(value) < least:
        _invalid(path, value, f"should be at least {least} chars long", causes)
    if pattern is not None and not _compiled(pattern).search(value):
        _invalid(path, value, f"should match '{pattern}'", causes)
    if schema.get("format") == "date-time" and not _DATE_TIME.fullmatch(value):
        shown = json.dumps(value)
        text = f"Invalid value: {shown}: {path} in body must be of type date-time: {shown}"
        causes.append(Cause(path, "FieldValueTypeInvalid", text))


def _invalid(path: str, value: Any, rule: str, causes: list[Cause]) -> None:
    text = f"Invalid value: {json.dumps(value)}: {path} in body {rule}"
    causes.append(Cause(path, "FieldValueInvalid", text))


_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
