# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to "what is wrong with this image, and what can be done": the form of all rules."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import commands
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
)

CERTAIN = "certain"
LIKELY = "likely"

ACCEPT_LOSS = "accept_unknown_loss=true"
NEW_URL = "new_url=URL"


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
        return recover_command(sight)
    return (
        f"type {sight.source_type}: it cannot be downloaded again; "
        f"{recover_command(sight)} tells what can be done and writes nothing"
    )


def recover_command(sight: Sight, *variables: str) -> str:
    """The command that recovers this image, to be copied as it is."""
    return recover_command_of(sight.cluster, sight.image.name, *variables)


def recover_command_of(cluster: Cluster, image: str, *variables: str) -> str:
    """The same for an image by its name."""
    wanted = (f"image={image}", *variables)
    return commands.playbook(cluster.namespace, "recover_backing_image", *wanted)


def patch_command(sight: Sight, operations: Sequence[Mapping[str, Any]]) -> str:
    """The command that changes the image by a JSON patch. Keys of a map may be any text."""
    return (
        f"kubectl -n {sight.cluster.namespace} patch backingimages.longhorn.io "
        f"{sight.image.name} --type=json -p {shlex.quote(json.dumps(list(operations)))}"
    )


def bring_back(sight: Sight, copies: Sequence[SeenCopy]) -> str:
    """What to do for copies that may be whole although nobody can tell now."""
    gone = f"If it is gone for good: {recover_command(sight, ACCEPT_LOSS)}"
    if sight.down:
        return f"bring {places(copies)} back if that is possible. {gone}"
    if all(seen.checked for seen in copies):
        return f"wait until its checksum is computed; a large file takes minutes. {gone}"
    return (
        "wait: node and disk are Ready, and its manager tells again within a minute or two. If it "
        f"does not, look at its pod: kubectl -n {sight.cluster.namespace} get pods -o wide -l "
        f"longhorn.io/component=backing-image-manager. {gone}"
    )
