# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as Longhorn's definitions allow them, fields missing, null or odd, for any release."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.material import shared

RELEASES = ("1.5.5", "1.6.4", "1.7.4", "1.8.2", "1.9.3", "1.10.2", "1.11.3", "1.12.1")
PLURALS = (
    "backingimages",
    "backingimagedatasources",
    "backingimagemanagers",
    "nodes",
    "volumes",
    "replicas",
    "volumeattachments",
)
# Few keys, so that maps of different objects meet: disk UUIDs, names of disks, images and nodes.
ODD = "it's\n\x1b[2J{odd}"
KEYS = ("u1", "u2", "img", "n1", ODD)
LONG = "no such file or directory\n\N{SNOWMAN} \x1b[31m" + "x" * 3000
TEXTS = (
    *KEYS,
    "",
    "ready",
    "failed",
    "failed-and-cleanup",
    "unknown",
    "in-progress",
    "starting",
    "pending",
    "running",
    "verifying",
    "download",
    "upload",
    "True",
    "False",
    "Ready",
    "Schedulable",
    "WaitForBackingImage",
    "v1",
    "v2",
    "2026-01-05T08:00:00Z",
    "no time",
    "http://user:secret@host/f?sig=1",
    LONG,
)
NUMBERS = (0, 1, -1, 50, 100, 512, 2**62)

Shape = Mapping[str, Any]


@functools.cache
def shapes(release: str) -> dict[str, Shape]:
    """The schema of each kind of a release, by plural; skips where they are not at hand."""
    path: Path = shared(f"longhorn-crds/v{release}.yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {}
    for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=loader):
        spec = document["spec"]
        plural = spec["names"]["plural"]
        if plural in PLURALS:
            version = next(v for v in spec["versions"] if v["name"] == "v1beta2")
            found[plural] = version["schema"]["openAPIV3Schema"]
    return found


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Anything that the API server would store for this schema."""
    plain = _values(shape)
    return st.none() | plain if shape.get("nullable") else plain


def _values(shape: Shape) -> st.SearchStrategy[Any]:
    kind = shape.get("type")
    if "enum" in shape:
        return st.sampled_from(shape["enum"])
    if kind == "object":
        return _objects(shape)
    if kind == "array":
        return st.lists(values(shape["items"]), max_size=2)
    if kind == "integer":
        return st.sampled_from(NUMBERS)
    if kind == "boolean":
        return st.booleans()
    if kind == "number":
        return st.sampled_from([0.0, 1.5])
    if shape.get("format") == "int64":
        return st.sampled_from(["0", "1073741824"])
    return st.sampled_from(TEXTS)


def _objects(shape: Shape) -> st.SearchStrategy[Any]:
    inner = shape.get("additionalProperties")
    if isinstance(inner, Mapping):
        return st.dictionaries(st.sampled_from(KEYS), values(inner), max_size=3)
    fields = {name: values(field) for name, field in (shape.get("properties") or {}).items()}
    needed = {name: fields.pop(name) for name in shape.get("required") or () if name in fields}
    return st.fixed_dictionaries(needed, optional=fields)


def objects(shape: Shape, names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of a kind with metadata, one of these names, and a field that nobody knows."""
    metadata = st.fixed_dictionaries(
        {"name": st.sampled_from(names), "resourceVersion": st.just("7")},
        optional={
            "namespace": st.just("longhorn-system"),
            "deletionTimestamp": st.just("2026-01-05T08:00:00Z"),
            "annotations": st.none() | st.just({"longhorn.nodecare.dev/before": "[1"}),
            "labels": st.none(),
        },
    )
    inner = {
        name: values(field)
        for name, field in (shape.get("properties") or {}).items()
        if name in ("spec", "status")
    }
    return st.fixed_dictionaries(
        {"metadata": metadata}, optional={**inner, "newField": st.just({"a": [1]})}
    )
