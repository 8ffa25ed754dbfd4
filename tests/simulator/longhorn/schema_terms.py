# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to write a kind's schema in, with the release in which a field came, changed or went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.longhorn.profiles import Version

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """A field whose schema depends on the release: the last step not newer than it counts."""

    steps: tuple[tuple[str, Schema | Changed | None], ...]


Term = Schema | Changed


def text(**more: Any) -> Schema:
    """A string."""
    return {"type": "string", **more}


def number(**more: Any) -> Schema:
    """An integer without a format."""
    return {"type": "integer", **more}


def int64(**more: Any) -> Schema:
    """An integer of 64 bits."""
    return {"type": "integer", "format": "int64", **more}


def int32() -> Schema:
    """An integer of 32 bits."""
    return {"type": "integer", "format": "int32"}


def digits(**more: Any) -> Schema:
    """A 64-bit integer that travels as a string."""
    return {"type": "string", "format": "int64", **more}


def flag() -> Schema:
    """A boolean."""
    return {"type": "boolean"}


def enum(*values: str) -> Schema:
    """A string out of a fixed list."""
    return {"type": "string", "enum": list(values)}


def many(item: Term, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": item, **more}


def mapping(value: Term, **more: Any) -> Schema:
    """An object with free keys."""
    return {"type": "object", "additionalProperties": value, **more}


def fields(properties: Mapping[str, Term], **more: Any) -> Schema:
    """An object with named fields."""
    return {"type": "object", "properties": dict(properties), **more}


def since(release: str, term: Term) -> Changed:
    """A field that came with a release."""
    return Changed(((release, term),))


def until(release: str, term: Term) -> Changed:
    """A field that was taken out by a release."""
    return Changed((("1.5", term), (release, None)))


def changed(*steps: tuple[str, Term | None]) -> Changed:
    """A field with a history, oldest step first."""
    return Changed(tuple(steps))


def conditions() -> Schema:
    """Longhorn's list of conditions."""
    names = ("lastProbeTime", "lastTransitionTime", "message", "reason", "status", "type")
    return many(fields({name: text() for name in names}), nullable=True)


def whole(spec: Term, status: Term) -> Schema:
    """The schema of a kind with spec and status."""
    return fields(
        {
            "apiVersion": text(),
            "kind": text(),
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        }
    )


def release_of(name: str) -> Version:
    """ "1.7" or "1.7.4" as a comparable version."""
    parts = [int(part) for part in name.split(".")]
    return (parts[0], parts[1], parts[2] if len(parts) > 2 else 0)


def render(term: Term | None, version: Version) -> dict[str, Any] | None:
    """The plain OpenAPI schema of a term in one release, or None where the field is absent."""
    if isinstance(term, Changed):
        valid = [step for name, step in term.steps if release_of(name) <= version]
        return render(valid[-1], version) if valid else None
    if term is None:
        return None
    plain: dict[str, Any] = {}
    for key, value in term.items():
        if key == "properties":
            shown = {name: render(field, version) for name, field in value.items()}
            plain[key] = {name: field for name, field in shown.items() if field is not None}
        elif key in ("items", "additionalProperties"):
            plain[key] = render(value, version)
        else:
            plain[key] = value
    return plain
