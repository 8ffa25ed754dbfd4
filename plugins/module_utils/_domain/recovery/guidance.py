# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person can do for an image that cannot be downloaded again, by its source type."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.ladder import (
    Rung,
    State,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
)

# In front of most messages of a file service; says nothing to an operator.
_PREFIX = "failed to process sync file: "

_MADE_BY = {
    "upload": "It was uploaded",
    "export-from-volume": "It was exported from a volume",
    "restore": "It was restored from a backup",
    "clone": "It was cloned from another image",
}


def refusal(sight: Sight, rungs: Sequence[Rung]) -> str:
    """Why it was not touched, what is there, and the ways on: for a person."""
    name = sight.image.name
    made = _MADE_BY.get(sight.source_type, f"Its source type is {sight.source_type or 'empty'}")
    if sight.source is not None and sight.image.source_type != sight.source_type:
        made += f" (the image says {sight.image.source_type}, its data source {sight.source_type})"
    lines = [
        f"{name} was not touched. {made}, so Longhorn cannot download it again; emptying its map "
        "would throw away what may still be saved.",
        f"  what is there: {what_is_there(sight)}",
        *ways_on(rungs),
    ]
    return "\n".join(lines)


def ways_on(rungs: Sequence[Rung]) -> list[str]:
    """The ways on under their heading, as a part of a refusal."""
    return ["  ways on:", *(f"    {line}" for line in way_lines(rungs))]


def way_lines(rungs: Sequence[Rung]) -> list[str]:
    """The ways on for a person: numbered, each command on a line of its own to copy."""
    told: list[str] = []
    usable = [rung for rung in rungs if rung.state is not State.CLOSED]
    for number, rung in enumerate(usable, start=1):
        told.append(f"{number}. {rung.text}.")
        told += [f"     $ {command}" for command in rung.commands]
    told += [f"-  {rung.text}." for rung in rungs if rung.state is State.CLOSED]
    return told


def what_is_there(sight: Sight) -> str:
    """The copies, those with the same state and reason named together, with the latest change."""
    groups: dict[tuple[str, str], list[SeenCopy]] = {}
    for seen in sight.copies:
        reason = seen.why.removeprefix(_PREFIX) if seen.why != seen.copy.state else ""
        groups.setdefault((seen.copy.state or "not reported", reason), []).append(seen)
    told = []
    for (state, reason), copies in groups.items():
        word = "copy" if len(copies) == 1 else "copies"
        text = f"{word} on {names([seen.place for seen in copies])} {state}"
        since = max(seen.copy.since for seen in copies)
        told.append(
            text + (f" since {since}" if since else "") + (f" ({reason})" if reason else "")
        )
    return "; ".join(told) or "no key in its placement map"
