# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every object has: an identity for conditional writes, and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Meta:
    """Identity of an object: what a conditional write needs. `deleting` means deletionTimestamp is
    set.
    """

    name: str
    namespace: str = ""
    uid: str = ""
    version: str = ""
    created: str = ""
    deleting: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """Base of every object that was read from the API."""

    meta: Meta

    @property
    def name(self) -> str:
        return self.meta.name


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of status.conditions; `status` is True, False or Unknown as text."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    since: str = ""

    @property
    def true(self) -> bool:
        return self.status == "True"


def condition(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of that type, or None."""
    return next((item for item in conditions if item.type == kind), None)


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """True only when the condition is there and reads True."""
    found = condition(conditions, kind)
    return found is not None and found.true
