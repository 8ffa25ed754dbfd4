# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery throws away: told in the plan, in check mode and in the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Place,
    Word,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    SeenCopy,
    Sight,
    Standing,
)

_WHAT = {
    Standing.LOST: "its record and what is left of its file are deleted",
    Standing.EMPTY: "nothing was reported there; what may lie there is deleted",
    Standing.MOVING: "the part that has arrived is deleted",
    Standing.WAITING: "its manager does not run, so nobody can tell what it holds; it is deleted",
    Standing.MAY_RETURN: (
        "out of reach and perhaps whole: it leaves Longhorn's books for good, also when it comes "
        "back"
    ),
    Standing.GONE: "its disk is gone; only the key is taken out",
}


@dataclass(frozen=True)
class AtRisk:
    """One copy that the emptied map discards. *perhaps_whole*: a file that could still be saved."""

    place: str
    state: str
    since: str
    why: str
    what: str
    perhaps_whole: bool

    def as_dict(self) -> dict[str, str | bool]:
        """For the result of a module."""
        return {
            "place": self.place,
            "state": self.state,
            "since": self.since,
            "reason": self.why,
            "what": self.what,
            "perhaps_whole": self.perhaps_whole,
        }

    @property
    def line(self) -> str:
        """For a person."""
        since = f" since {self.since}" if self.since else ""
        mark = "PERHAPS WHOLE: " if self.perhaps_whole else ""
        return f"{mark}{self.place} ({self.state}{since}): {self.what}"


def at_risk(sight: Sight) -> tuple[AtRisk, ...]:
    """Every copy of the map, what may be whole first. Empty for an image that has a copy: its map
    is not emptied.
    """
    if sight.exists:
        return ()
    found = [_one(seen) for seen in sight.copies]
    return tuple(sorted(found, key=lambda each: (not each.perhaps_whole, each.place)))


def of_salvage(sight: Sight, place: Place, looks: Mapping[str, Look]) -> tuple[AtRisk, ...]:
    """What is left of the other failed copies: Longhorn deletes it when the first one is ready
    (longhorn-manager controller/backing_image_manager_controller.go deleteInvalidBackingImages).
    """
    found = []
    for seen in sight.copies:
        look = looks.get(seen.copy.disk)
        if seen.copy.disk == place.disk or (look is not None and look.word is Word.NONE):
            continue
        what = f"{look.text}; " if look is not None else ""
        what += "its file is deleted when the first copy is ready, and copied from there"
        found.append(replace(_one(seen), what=what, perhaps_whole=False))
    return tuple(found)


def _one(seen: SeenCopy) -> AtRisk:
    return AtRisk(
        place=seen.place,
        state=seen.copy.state or "not reported",
        since=seen.copy.since,
        why=redact.plain(seen.why),
        what=_WHAT.get(seen.standing, "it is deleted"),
        perhaps_whole=seen.standing in (Standing.MAY_RETURN, Standing.WAITING),
    )
