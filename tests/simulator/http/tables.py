# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other shapes of an answer: Tables for people, metadata alone for those who need no more.

Sources: apiextensions-apiserver pkg/registry/customresource/tableconvertor, apiserver
pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.simulator.errors import ApiError, bad_request
from tests.simulator.kube.columns import age_since
from tests.simulator.objects import Object, lookup, name_of
from tests.simulator.resources import Column, Resource

_NAME_DESCRIPTION = (
    "Name must be unique within a namespace. Is required when creating resources, although some "
    "resources may allow a client to request the generation of an appropriate name automatically. "
    "Name is primarily intended for creation idempotence and configuration definition. Cannot be "
    "updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


@dataclass(frozen=True)
class Shape:
    """The form in which a client takes its answer: ``object``, ``Table`` or
    ``PartialObjectMetadata``.
    """

    kind: str = "object"
    yaml: bool = False
    include: str = "Metadata"


def negotiate(accept: str, include: str = "") -> Shape:
    """Return the first form of an Accept header that can be given. Raises ApiError 406 for none."""
    for part in (accept or "*/*").split(","):
        media, *parameters = [p.strip() for p in part.split(";")]
        options = dict(p.split("=", 1) for p in parameters if "=" in p)
        wanted = options.get("as", "")
        if media not in ("application/json", "application/yaml", "*/*", "application/*"):
            continue
        if wanted and options.get("g") not in ("meta.k8s.io", None):
            continue
        as_yaml = media == "application/yaml"
        if not wanted:
            return Shape(yaml=as_yaml)
        if wanted == "Table" and include not in ("", "Metadata", "Object", "None"):
            raise bad_request(
                "Unable to convert to Table as requested: includeObject: Invalid value: "
                f"\"{include}\": must be 'Metadata', 'Object', 'None', or empty"
            )
        if wanted == "Table":
            return Shape("Table", as_yaml, include or "Metadata")
        if wanted in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return Shape("PartialObjectMetadata", as_yaml)
    text = f"only the following media types are accepted: {_ACCEPTED}"
    raise ApiError(406, "NotAcceptable", text)


def column_definitions(resource: Resource) -> list[Object]:
    """Return the header of a Table."""
    definitions: list[Object] = [
        {
            "name": "Name",
            "type": "string",
            "format": "name",
            "description": _NAME_DESCRIPTION,
            "priority": 0,
        }
    ]
    for column in resource.printer_columns or (_AGE,):
        description = column.description
        if not description and column.path and not resource.builtin:
            description = f"Custom resource definition column (in JSONPath format): {column.path}"
        definitions.append(
            {
                "name": column.name,
                "type": "string" if resource.builtin and column.type == "date" else column.type,
                "format": column.format,
                "description": description,
                "priority": column.priority,
            }
        )
    return definitions


_STEP = re.compile(r"\.([^.\[]+)(?:\[\?\(@\.([\w.]+)\s*==\s*['\"]([^'\"]*)['\"]\)\])?")
_AGE = Column("Age", ".metadata.creationTimestamp", "date")


def _cell(column: Column, obj: Object, now: float) -> Any:
    if column.cell is not None:
        return column.cell(obj, now)
    value = _at(obj, column.path)
    if value is None:
        return None
    if column.type == "date":
        return age_since(value, now)
    if column.type == "string" and not isinstance(value, str):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)
    return value


def _at(obj: Object, path: str) -> Any:
    """Return the value at a column's JSON path; of lists, the first entry that its filter picks."""
    value: Any = obj
    for name, key, wanted in _STEP.findall(path):
        value = value.get(name) if isinstance(value, dict) else None
        if key:
            entries = value if isinstance(value, list) else []
            value = next((e for e in entries if lookup(e, key) == wanted), None)
    return value


def partial(obj: Object) -> Object:
    """Return the metadata of an object alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def table(
    resource: Resource,
    objects: list[Object],
    metadata: Object,
    now: float,
    include: str = "Metadata",
    header: bool = True,
) -> Object:
    """Return objects as a Table; ``include`` is what each row carries (None, Metadata or
    Object).
    """
    rows = []
    for obj in objects:
        columns = resource.printer_columns or (_AGE,)
        row: Object = {"cells": [name_of(obj), *(_cell(c, obj, now) for c in columns)]}
        if include == "Object":
            row["object"] = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        elif include == "Metadata":
            row["object"] = partial(obj)
        else:
            row["object"] = None
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": column_definitions(resource) if header else None,
        "rows": rows,
    }


def shape_object(resource: Resource, obj: Object, shape: Shape, now: float) -> Object:
    """Return one object in the form that the client takes."""
    if shape.kind == "PartialObjectMetadata":
        return partial(obj)
    if shape.kind == "Table":
        version = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return table(resource, [obj], version, now, shape.include)
    return obj


def shape_list(
    resource: Resource, objects: list[Object], metadata: Object, shape: Shape, now: float
) -> Object:
    """Return a collection in the form that the client takes."""
    if shape.kind == "Table":
        shown = {k: v for k, v in metadata.items() if v not in ("", None)}
        return table(resource, objects, shown, now, shape.include)
    if shape.kind == "PartialObjectMetadata":
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {k: v for k, v in metadata.items() if v != ""},
            "items": [partial(obj) for obj in objects],
        }
    if resource.builtin:
        objects = [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in objects]
    return {
        "kind": resource.list_kind,
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": objects,
    }
