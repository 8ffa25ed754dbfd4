# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares answers: what is volatile is made equal, what differs is named by its path.

A text in angle brackets in an expected value (``<uid>``, ``<time>``, ``<rv>``, ``<token>``) stands
for anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_AGE = re.compile(r"(\d+[smhdy]){1,2}")
_VERSIONS = (
    re.compile(r"(?<=ResourceVersion in record \()[^)]*(?=\))"),
    re.compile(r"(?<=too old resource version: )\S+ \([^)]*\)"),
    re.compile(r"(?<=Too large resource version: )\S+, current: \S+"),
)
_PLACEHOLDER = re.compile(r"<[a-z ]+>")
# Depend on where the server stands, not on how it answers.
_LOCAL = ("serverAddress", "managedFields", "selfLink")


@dataclass(frozen=True)
class Difference:
    """One place where two answers differ."""

    path: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        """Return one readable line."""
        return f"{self.path}: expected {_show(self.expected)}, got {_show(self.got)}"


class _Absent:
    """Stands for a value that is not there."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()


def _show(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 300 else text[:297] + "..."


def normalise(value: Any, name: str = "") -> Any:
    """Return data with everything volatile replaced by its placeholder."""
    if isinstance(value, dict):
        data = {k: normalise(v, k) for k, v in value.items() if k not in _LOCAL}
        if data.get("kind") == "APIResourceList":
            data["resources"] = sorted(data["resources"], key=lambda r: str(r["name"]))
        return data
    if isinstance(value, list):
        if name == "cells":
            return [_cell(v) for v in value]
        return [normalise(v) for v in value]
    if not isinstance(value, str):
        return value
    if name == "resourceVersion" and value:
        return "<rv>"
    if name == "continue" and value:
        return "<token>"
    text = _TIME.sub("<time>", _UID.sub("<uid>", value))
    for pattern in _VERSIONS:
        text = pattern.sub("<rv>", text)
    return text


def _cell(value: Any) -> Any:
    return "<age>" if isinstance(value, str) and _AGE.fullmatch(value) else normalise(value)


def substitute(value: Any, saved: Mapping[str, str]) -> Any:
    """Return data in which every ``{{name}}`` is replaced by what was saved under that name."""
    if isinstance(value, dict):
        return {k: substitute(v, saved) for k, v in value.items()}
    if isinstance(value, list):
        return [substitute(v, saved) for v in value]
    if isinstance(value, str):
        return re.sub(r"\{\{(\w+)\}\}", lambda m: saved.get(m[1], m[0]), value)
    return value


def compare(expected: Any, got: Any, path: str = "body") -> Iterator[Difference]:
    """Yield every difference between two normalised answers."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            below = f"{path}.{key}"
            yield from compare(expected.get(key, ABSENT), got.get(key, ABSENT), below)
    elif isinstance(expected, list) and isinstance(got, list):
        for index in range(max(len(expected), len(got))):
            a = expected[index] if index < len(expected) else ABSENT
            b = got[index] if index < len(got) else ABSENT
            yield from compare(a, b, f"{path}[{index}]")
    elif not _same(expected, got):
        yield Difference(path, expected, got)


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, str) and isinstance(got, str) and _PLACEHOLDER.search(expected):
        parts = [re.escape(part) for part in _PLACEHOLDER.split(expected)]
        return re.fullmatch(".+".join(parts), got, re.DOTALL) is not None
    return bool(expected == got)


def blur_generated_name(answer: Any, request: Mapping[str, Any]) -> Any:
    """Return an answer in which a name that the server made up stands as a placeholder."""
    metadata = (request.get("body") or {}) if isinstance(request.get("body"), dict) else {}
    prefix = (metadata.get("metadata") or {}).get("generateName", "")
    if not prefix or not isinstance(answer, dict) or not isinstance(answer.get("metadata"), dict):
        return answer
    name = answer["metadata"].get("name", "")
    if name.startswith(prefix) and (len(name) == len(prefix) + 5 or "<" in name):
        return {**answer, "metadata": {**answer["metadata"], "name": f"{prefix}<generated>"}}
    return answer
