# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation, pruning and defaults of custom resources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.schema import apply_defaults, prune, validate, validate_status
from tests.unit.simulator.example import SCHEMA

EXTRA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"x-kubernetes-int-or-string": True},
        "ratio": {"type": "number"},
        "when": {"type": "string", "format": "date-time"},
        "maybe": {"type": "string", "nullable": True},
        "list": {"type": "array", "maxItems": 1, "items": {"type": "string"}},
        "nested": {"type": "object", "properties": {"on": {"type": "boolean", "default": True}}},
    },
}


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        (
            {"name": 1},
            "name",
            'Invalid value: "integer": name in body must be of type string: "integer"',
        ),
        ({}, "name", "Required value"),
        ({"name": "a"}, "name", 'Invalid value: "a": name in body should be at least 2 chars long'),
        ({"name": "abcdef"}, "name", "Too long: may not be more than 5 bytes"),
        ({"name": "A1"}, "name", "Invalid value: \"A1\": name in body should match '^[a-z]+$'"),
        (
            {"name": "ab", "size": 0},
            "size",
            "Invalid value: 0: size in body should be greater than or equal to 1",
        ),
        (
            {"name": "ab", "size": 10},
            "size",
            "Invalid value: 10: size in body should be less than or equal to 9",
        ),
        (
            {"name": "ab", "size": None},
            "size",
            'Invalid value: "null": size in body must be of type integer: "null"',
        ),
        (
            {"name": "ab", "list": ["x", "y"]},
            "list",
            "Too many: 2: must have at most 1 items",
        ),
        (
            {"name": "ab", "list": [True]},
            "list[0]",
            'Invalid value: "boolean": list[0] in body must be of type string: "boolean"',
        ),
        (
            {"name": "ab", "share": 1.5},
            "share",
            'Invalid value: "number": share in body must be of type integer,string: "number"',
        ),
        (
            {"name": "ab", "when": "soon"},
            "when",
            'Invalid value: "soon": when in body must be of type date-time: "soon"',
        ),
    ],
)
def test_mistakes_are_named_as_the_server_names_them(
    value: dict[str, Any], field: str, message: str
) -> None:
    causes = validate(EXTRA, value)
    assert [(c.field, c.message) for c in causes] == [(field, message)]


def test_what_fits() -> None:
    good = {"name": "ab", "size": 1.0, "share": "5%", "ratio": 2, "maybe": None}
    assert validate(EXTRA, {**good, "when": "2026-01-05T08:00:00Z"}) == []


def test_pruning_names_what_it_takes() -> None:
    obj = {
        "apiVersion": "v",
        "kind": "Image",
        "metadata": {"name": "a", "color": "red"},
        "spec": {
            "copies": 1,
            "free": {"any": {"thing": 1}},
            "disks": {"d": {"evict": True, "x": 1}},
        },
        "other": 1,
    }
    assert sorted(prune(SCHEMA, obj)) == ["metadata.color", "other", "spec.disks.d.x"]
    assert obj["spec"] == {
        "copies": 1,
        "free": {"any": {"thing": 1}},
        "disks": {"d": {"evict": True}},
    }


def test_defaults_fill_in_deeply_and_in_place_of_null() -> None:
    value: dict[str, Any] = {"nested": {"on": None}}
    apply_defaults(EXTRA, value)
    assert value == {"nested": {"on": True}}
    untouched: dict[str, Any] = {}
    apply_defaults(EXTRA, untouched)
    assert untouched == {}


def test_a_status_is_named_from_where_it_starts() -> None:
    part = {"type": "object", "properties": {"uuid": {"type": "string"}}}
    schema = {"type": "object", "properties": {"status": part}}
    (cause,) = validate_status(schema, {"status": {"uuid": 3}})
    assert cause.field == "status.uuid"
    assert cause.message.endswith('uuid in body must be of type string: "integer"')
    assert "status.uuid" not in cause.message
    assert [c.field for c in validate_status(schema, {"status": "x"})] == ["status"]


def test_a_field_that_keeps_its_value() -> None:
    rule = {"rule": "self == oldSelf", "message": "Size is immutable"}
    size = {"type": "string", "x-kubernetes-validations": [rule]}
    mode = {"type": "string", "enum": ["a"]}
    spec = {"type": "object", "properties": {"size": size, "mode": mode}}
    schema = {"type": "object", "properties": {"spec": spec}}
    old = {"spec": {"size": "1"}}
    assert validate(schema, {"spec": {"size": "2"}}) == []
    assert validate(schema, {"spec": {}}, old) == []
    (cause,) = validate(schema, {"spec": {"size": "2"}}, old)
    assert (cause.field, cause.message) == ("spec.size", 'Invalid value: "2": Size is immutable')
    found = validate(schema, {"spec": {"size": "2", "mode": "b"}}, old)
    assert [c.field for c in found] == ["spec.mode", "<nil>"]
