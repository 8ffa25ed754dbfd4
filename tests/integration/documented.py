# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts that docs/ describes, given to a simulated cluster as an administrator would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from tests.material import CHECKOUT
from tests.simulator.store import Store

OPERATOR, FAULTS = "rbac.yaml", "rbac-faults.yaml"


def text_of(file: str) -> str:
    """One of the files, as it stands in docs/."""
    return (CHECKOUT / "docs" / file).read_text(encoding="utf-8")


def items_of(text: str) -> list[dict[str, Any]]:
    """The objects of a file's text."""
    found: list[dict[str, Any]] = yaml.safe_load(text)["items"]
    return found


def grant(store: Store, items: Iterable[dict[str, Any]]) -> None:
    """Create the objects. To be called where the store may be written."""
    for item in items:
        resource = store.registry.by_kind(item["apiVersion"], item["kind"])
        assert resource is not None, item["kind"]
        store.create(resource.key, item)
