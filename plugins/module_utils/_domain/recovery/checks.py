# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that has to be shown before the map of an image is emptied, each with its sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    room,
    stranded,
    tickets,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    NOT_ASKED,
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
    progressed,
)

TYPE = "type"
NO_COPY = "no_copy"
UNKNOWN_GONE = "unknown_gone"
SOURCE = "source"
SAME_BYTES = "same_bytes"
ROOM = "room"
UNUSED = "unused"

# These two speak of the same doubt, which has a sentence of its own.
DOUBTFUL = (NO_COPY, UNKNOWN_GONE)
# Words of a finding that mean: it answers, but with something else.
_OTHER_BYTES = ("changed", "bad_size", "downgraded")


@dataclass(frozen=True)
class Check:
    """One condition: *shown* or missing, and the sentence that says so. *pending*: nobody has
    looked yet, because that takes long and comes last.
    """

    name: str
    shown: bool
    text: str
    pending: bool = False

    @property
    def missing(self) -> bool:
        """Whether somebody looked, and it is not so."""
        return not self.shown and not self.pending

    def as_dict(self) -> dict[str, str | bool]:
        """For the result of a module."""
        return {"name": self.name, "shown": self.shown, "text": self.text}


def checks_of(
    window: Sequence[Sight], accept_unknown_loss: bool, source: Finding | None
) -> tuple[Check, ...]:
    """Every condition for this image, in a fixed order; the lock is its run's own affair."""
    sight = window[-1]
    found = [
        Check(TYPE, sight.can_download, f"source type {sight.source_type or 'empty'}"),
        _no_copy(window),
        _unknown_gone(window, accept_unknown_loss),
        *_source(source),
        Check(ROOM, *room.room_for(sight.cluster, sight.image)),
        *_unused(sight),
    ]
    return tuple(found)


def _no_copy(window: Sequence[Sight]) -> Check:
    seconds = window[-1].seconds - window[0].seconds
    text = _moving(window)
    return Check(NO_COPY, not text, text or f"no copy was ready or arriving for {seconds:.0f} s")


def _unknown_gone(window: Sequence[Sight], accepted: bool) -> Check:
    sight = window[-1]
    down = sight.having(Standing.MAY_RETURN, Standing.WAITING)
    gone = sight.having(Standing.GONE)
    unsure = doubt(window, accepted)
    if unsure and not _moving(window):
        return Check(UNKNOWN_GONE, False, unsure)
    told = []
    if down:
        listed = names([seen.place for seen in down])
        told.append(f"{listed}: gone by the operator's word (accept_unknown_loss)")
    if gone:
        told.append(f"{names([seen.place for seen in gone])}: no node has this disk any more")
    return Check(UNKNOWN_GONE, True, "; ".join(told) or "no copy is unknown")


def _source(source: Finding | None) -> list[Check]:
    if source is None or source.word == NOT_ASKED:
        text = source.text if source else "not asked yet"
        return [Check(each, False, text, True) for each in (SOURCE, SAME_BYTES)]
    answers = source.ok or source.word in _OTHER_BYTES
    found = [Check(SOURCE, answers, source.text)]
    if answers:
        found.append(Check(SAME_BYTES, source.ok, source.text))
    return found


def _unused(sight: Sight) -> list[Check]:
    """Nobody may hold a volume of the image in a way that comes back by itself."""
    name = sight.image.name
    found = [Check(UNUSED, False, text) for text in tickets.blockers(sight.cluster, name)]
    replicas = sight.cluster.replicas_of_image.get(name, ())
    running = [r.name for r in stranded.living(sight.cluster, replicas) if r.running]
    if running:
        text = (
            f"replicas {', '.join(running)} still run on it; Longhorn stops them within 10 s if "
            "its file is really gone: run again then"
        )
        found.append(Check(UNUSED, False, text))
    return found or [Check(UNUSED, True, "no replica runs on it, no pod holds a volume of it")]


def _moving(window: Sequence[Sight]) -> str:
    if any(earlier.exists for earlier in window):
        return "a copy was ready a moment ago"
    return "a copy is still being transferred or checked" if progressed(window) else ""


def doubt(window: Sequence[Sight], accept_unknown_loss: bool) -> str:
    """Why the map must not be emptied yet ("" when it may): a file is or may still be somewhere.

    Asked again before every emptying, because a copy may have come since the first one.
    """
    sight = window[-1]
    moving = _moving(window)
    if moving:
        return moving
    shaky = [s for s in window if s.may_exist]
    if not shaky or (accept_unknown_loss and sight.may_exist):
        return ""
    return undetermined_text(sight) if sight.may_exist else "a copy was unknown a moment ago"


def undetermined_text(sight: Sight) -> str:
    """Which copies may come back, and why nobody can tell now."""
    down = sight.having(Standing.MAY_RETURN, Standing.WAITING)
    return "; ".join(f"{seen.place} may come back ({seen.why})" for seen in down)
