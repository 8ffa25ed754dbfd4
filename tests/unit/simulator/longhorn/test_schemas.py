# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's own schemas against Longhorn's, where those are at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.simulator.longhorn.profiles import profile_for
from tests.simulator.longhorn.schemas import KINDS, resources_of

CHECKOUT = Path(__file__).resolve().parents[4]
RELEASES = ("1.5.5", "1.6.4", "1.7.4", "1.8.2", "1.9.3", "1.10.2", "1.11.3", "1.12.1")
STATED = ("type", "enum", "format", "nullable", "required", "default", "minLength")


def definitions_folder() -> Path | None:
    """Where Longhorn's definitions are: NODECARE_SHARED, or beside the checkout."""
    named = os.environ.get("NODECARE_SHARED")
    roots = [Path(named)] if named else []
    roots += [CHECKOUT.parent / "shared", CHECKOUT.parent.parent / "shared"]
    return next((r / "longhorn-crds" for r in roots if (r / "longhorn-crds").is_dir()), None)


def real_versions(release: str) -> dict[str, Mapping[str, Any]]:
    """The v1beta2 version of each kind of a release, by kind."""
    folder = definitions_folder()
    if folder is None or not (folder / f"v{release}.yaml").is_file():
        pytest.skip("Longhorn's definitions are not at hand (shared/longhorn-crds)")
    found = {}
    for document in yaml.safe_load_all((folder / f"v{release}.yaml").read_text()):
        spec = document["spec"]
        found[spec["names"]["kind"]] = {
            "names": spec["names"],
            "version": next(v for v in spec["versions"] if v["name"] == "v1beta2"),
        }
    return found


def differences(ours: Mapping[str, Any], real: Mapping[str, Any], path: str) -> Iterator[str]:
    """What our schema says that the real one does not."""
    for word in STATED:
        if word in ours and ours[word] != real.get(word):
            yield f"{path}: {word} is {real.get(word)!r}, not {ours[word]!r}"
        if word in ("enum", "nullable", "required") and word in real and word not in ours:
            yield f"{path}: {word} {real[word]!r} is missing"
    for name, field in (ours.get("properties") or {}).items():
        other = (real.get("properties") or {}).get(name)
        if other is None:
            yield f"{path}.{name}: no such field"
        else:
            yield from differences(field, other, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(ours.get(word), Mapping):
            yield from differences(ours[word], real.get(word) or {}, f"{path}{{}}")


@pytest.mark.parametrize("release", RELEASES)
def test_every_field_stated_is_longhorns(release: str) -> None:
    real = real_versions(release)
    wrong = []
    for resource in resources_of(profile_for(release)):
        assert resource.schema is not None
        schema = real[resource.kind]["version"]["schema"]["openAPIV3Schema"]
        wrong += list(differences(resource.schema, schema, resource.kind))
    assert wrong == []


@pytest.mark.parametrize("release", RELEASES)
def test_names_and_columns_are_longhorns(release: str) -> None:
    real = real_versions(release)
    for resource in resources_of(profile_for(release)):
        stated = real[resource.kind]
        assert stated["names"]["plural"] == resource.plural
        assert tuple(stated["names"]["shortNames"]) == resource.short_names
        columns = [
            (c["name"], c["jsonPath"], c["type"])
            for c in stated["version"]["additionalPrinterColumns"]
            if c.get("priority", 0) == 0
        ]
        assert [(c.name, c.path, c.type) for c in resource.printer_columns] == columns
        assert "status" in stated["version"]["subresources"]


def test_a_field_of_a_later_release_is_not_known_before() -> None:
    images = {r.kind: r for r in resources_of(profile_for("1.6"))}["BackingImage"]
    assert images.schema is not None
    spec = images.schema["properties"]["spec"]["properties"]
    assert "disks" in spec
    assert not {"diskFileSpecMap", "minNumberOfCopies", "dataEngine"} & set(spec)


def test_every_kind_has_a_short_name() -> None:
    assert len({kind.short for kind in KINDS}) == len(KINDS)
