# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of patch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.errors import ApiError
from tests.simulator.patches import json_patch, merge_patch, strategic_merge

DOCUMENT: dict[str, Any] = {"a": {"b": 1, "list": [1, 2, 3]}, "x/y": "slash"}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/a/c", "value": None}], {"b": 1, "list": [1, 2, 3], "c": None}),
        ([{"op": "replace", "path": "/a/new", "value": 2}], {"b": 1, "list": [1, 2, 3], "new": 2}),
        ([{"op": "remove", "path": "/a/b"}], {"list": [1, 2, 3]}),
        ([{"op": "add", "path": "/a/list/-", "value": 4}], {"b": 1, "list": [1, 2, 3, 4]}),
        ([{"op": "add", "path": "/a/list/0", "value": 0}], {"b": 1, "list": [0, 1, 2, 3]}),
        ([{"op": "replace", "path": "/a/list/1", "value": 9}], {"b": 1, "list": [1, 9, 3]}),
        ([{"op": "remove", "path": "/a/list/2"}], {"b": 1, "list": [1, 2]}),
        ([{"op": "move", "from": "/a/b", "path": "/a/m"}], {"list": [1, 2, 3], "m": 1}),
        ([{"op": "copy", "from": "/a/b", "path": "/a/m"}], {"b": 1, "list": [1, 2, 3], "m": 1}),
        ([{"op": "test", "path": "/x~1y", "value": "slash"}], {"b": 1, "list": [1, 2, 3]}),
        ([{"op": "test", "path": "/a/gone", "value": None}], {"b": 1, "list": [1, 2, 3]}),
    ],
)
def test_json_patch(operations: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    assert json_patch(DOCUMENT, operations)["a"] == expected
    assert DOCUMENT["a"]["list"] == [1, 2, 3]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a/b", "value": 2},
        {"op": "test", "path": "/a/b", "value": True},
        {"op": "remove", "path": "/a/none"},
        {"op": "add", "path": "/none/b", "value": 1},
        {"op": "add", "path": "/a/list/9", "value": 1},
        {"op": "replace", "path": "/a/b"},
        {"op": "explode", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
        {"op": "copy", "from": "/none", "path": "/a/b"},
        "no operation",
    ],
)
def test_a_json_patch_that_fails_is_refused_without_a_reason(operation: Any) -> None:
    with pytest.raises(ApiError) as error:
        json_patch(DOCUMENT, [operation])
    assert (error.value.status, error.value.details) == (422, {})


def test_merge_patch() -> None:
    patched = merge_patch(DOCUMENT, {"a": {"b": None, "list": [9]}, "n": {"k": None, "v": 1}})
    assert patched == {"a": {"list": [9]}, "x/y": "slash", "n": {"v": 1}}
    assert merge_patch(DOCUMENT, {"a": {}}) == DOCUMENT


def test_strategic_merge_of_lists() -> None:
    pod = {
        "metadata": {"finalizers": ["one"]},
        "status": {"conditions": [{"type": "Ready", "status": "False"}]},
        "spec": {
            "tolerations": [{"key": "a"}],
            "containers": [{"name": "c", "ports": [{"containerPort": 1, "name": "p"}]}],
        },
    }
    patch = {
        "metadata": {"finalizers": ["two"]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "New"}]},
        "spec": {
            "$setElementOrder/containers": [{"name": "c"}],
            "tolerations": [{"key": "b"}],
            "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1, "x": 2}]}],
        },
    }
    assert strategic_merge(pod, patch) == {
        "metadata": {"finalizers": ["one", "two"]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "New"}]},
        "spec": {
            "tolerations": [{"key": "b"}],
            "containers": [
                {"name": "c", "image": "i", "ports": [{"containerPort": 1, "name": "p", "x": 2}]}
            ],
        },
    }


def test_strategic_merge_directives() -> None:
    node = {"spec": {"a": 1, "b": 2}, "status": {"conditions": [{"type": "A"}, {"type": "B"}]}}
    assert strategic_merge(node, {"spec": {"$patch": "replace", "c": 3}})["spec"] == {"c": 3}
    assert "spec" not in strategic_merge(node, {"spec": {"$patch": "delete"}})
    assert strategic_merge(node, {"spec": {"$retainKeys": ["b"]}})["spec"] == {"b": 2}
    dropped = {"status": {"conditions": [{"type": "A", "$patch": "delete"}]}}
    assert strategic_merge(node, dropped)["status"]["conditions"] == [{"type": "B"}]
    names = {"metadata": {"finalizers": ["x", "y"]}}
    removal = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}}
    assert strategic_merge(names, removal)["metadata"]["finalizers"] == ["y"]
