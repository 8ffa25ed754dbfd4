# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to "what is wrong with this image, and what can be done": the form of all rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
)

CERTAIN = "certain"
LIKELY = "likely"

RECOVER_COMMAND = "ansible-playbook nodecare.longhorn.recover_backing_image -e image="


@dataclass(frozen=True)
class Evidence:
    """One fact a verdict rests on, with the field it was read from and since when it holds."""

    object: str
    field: str
    value: str
    since: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "object": self.object,
            "field": self.field,
            "value": self.value,
            "since": self.since,
        }


@dataclass(frozen=True)
class Verdict:
    """What is true of an image. *name* is one of a fixed list, *remedy* what a person can do.

    *recoverable* says that the file is lost for all that is known and could be fetched again;
    *detail* is a second fixed word where one name has several courses.
    """

    name: str
    summary: str
    remedy: str
    evidence: tuple[Evidence, ...] = ()
    confidence: str = CERTAIN
    detail: str = ""
    recoverable: bool = False
    heals_itself: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "name": self.name,
            "detail": self.detail,
            "confidence": self.confidence,
            "summary": self.summary,
            "remedy": self.remedy,
            "heals_itself": self.heals_itself,
            "recoverable": self.recoverable,
            "evidence": [item.as_dict() for item in self.evidence],
        }


Rule = Callable[[Sequence[Sight]], "Verdict | None"]


def copy_evidence(sight: Sight, copies: Sequence[SeenCopy]) -> tuple[Evidence, ...]:
    """The entries of these copies as evidence."""
    return tuple(
        Evidence(
            object=f"backingimage/{sight.image.name}",
            field=f"status.diskFileStatusMap[{seen.copy.disk}] ({seen.place})",
            value=f"{seen.copy.state or 'not reported'}: {seen.why}"
            if seen.why
            else seen.copy.state,
            since=seen.copy.since,
        )
        for seen in copies
    )


def places(copies: Sequence[SeenCopy]) -> str:
    """Where these copies are, for a sentence."""
    return names([seen.place for seen in copies]) or "nowhere"


def count_of(sight: Sight, number: int) -> str:
    """``1 of 2 copies``, as every summary says it."""
    return f"{number} of {sight.wanted} {'copy' if sight.wanted == 1 else 'copies'}"


def remedy(sight: Sight) -> str:
    """What to do for a lost image: the playbook, which refuses what cannot be downloaded again."""
    if sight.can_download:
        return f"{RECOVER_COMMAND}{sight.image.name}"
    return (
        f"type {sight.source_type}: it cannot be downloaded again; "
        f"{RECOVER_COMMAND}{sight.image.name} tells what can be done and writes nothing"
    )
