# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the first write: may this image be recovered, must it be left alone, or is it refused?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    guidance,
    notes,
    tickets,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    catalogue,
    deleting,
    first_file,
    redownloading,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    Standing,
    progressed,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)


class Decision(str, Enum):
    """What is to be done with an image."""

    RECOVER = "recover"
    CONTINUE = "continue"  # a recovery has begun (ours or Longhorn's): see it to its end
    LEAVE = "leave_alone"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Gate:
    """The decision on one image, in words, and the verdict it rests on."""

    decision: Decision
    text: str
    verdict: Verdict

    @property
    def works(self) -> bool:
        """Whether there is something to do."""
        return self.decision in (Decision.RECOVER, Decision.CONTINUE)


def decide(window: Sequence[Sight], *, accept_unknown_loss: bool = False) -> Gate:
    """The decision for one image from a window of sights, oldest first."""
    sight = window[-1]
    verdict = catalogue.judge(window)
    name = sight.image.name
    if verdict.name in (deleting.NAME, deleting.BLOCKED):
        return Gate(Decision.REFUSE, f"{name} {verdict.summary}: {verdict.remedy}.", verdict)
    if begun(sight):
        return Gate(Decision.CONTINUE, f"{name}: a recovery has begun; it is finished", verdict)
    if sight.exists:
        return Gate(Decision.LEAVE, f"{name} is left alone: {verdict.summary}", verdict)
    if verdict.name == first_file.NAME:
        return _first_file(sight, verdict)
    if not sight.can_download:
        return Gate(Decision.REFUSE, guidance.refusal(sight), verdict)
    if verdict.name == redownloading.NAME:
        text = f"{name}: Longhorn already fetches it again; only watched"
        return Gate(Decision.CONTINUE, text, verdict)
    if doubt(window, accept_unknown_loss):
        return _unsure(window, verdict)
    return _obstacles(sight, verdict)


def begun(sight: Sight) -> bool:
    """Whether a recovery of ours passed the point of no return and has not ended, or a copy came
    back while one had only taken tickets.
    """
    waiting = tickets.waiting_to_return(sight.cluster, sight.image.name)
    return bool(notes.recovery_of(sight.image)) or (sight.exists and bool(waiting))


def doubt(window: Sequence[Sight], accept_unknown_loss: bool) -> str:
    """Why the map must not be emptied yet ("" when it may): a file is or may still be somewhere.

    Asked again before every emptying, because a copy may have come since the first one.
    """
    sight = window[-1]
    if any(earlier.exists for earlier in window):
        return "a copy was ready a moment ago"
    if progressed(window):
        return "a copy is still being transferred or checked"
    shaky = [s for s in window if s.may_exist]
    if not shaky or (accept_unknown_loss and sight.may_exist):
        return ""
    return undetermined_text(sight) if sight.may_exist else "a copy was unknown a moment ago"


def undetermined_text(sight: Sight) -> str:
    """Which copies may come back, and why nobody can tell now."""
    down = sight.having(Standing.MAY_RETURN, Standing.WAITING)
    return "; ".join(f"{seen.place} may come back ({seen.why})" for seen in down)


def _first_file(sight: Sight, verdict: Verdict) -> Gate:
    name = sight.image.name
    if verdict.detail == first_file.FAILING:
        text = (
            f"{name} was not touched: {verdict.summary}. Fetching it from the same source again "
            f"would end the same way; {verdict.remedy}."
        )
        return Gate(Decision.REFUSE, text, verdict)
    return Gate(Decision.LEAVE, f"{name} is left alone: {verdict.summary}", verdict)


def _unsure(window: Sequence[Sight], verdict: Verdict) -> Gate:
    sight = window[-1]
    name = sight.image.name
    if not sight.may_exist:
        text = f"{name} was not touched: {doubt(window, False)}. Look again in a minute."
        return Gate(Decision.REFUSE, text, verdict)
    text = (
        f"{name} was not touched. No copy can be proven, but {undetermined_text(sight)}.\n"
        f"  what is there: {guidance.what_is_there(sight)}\n"
        "  ways on: 1. bring it back.   2. If it is gone for good, run again with "
        "-e accept_unknown_loss=true: what is on it then leaves Longhorn's books for good."
    )
    return Gate(Decision.REFUSE, text, verdict)


def _obstacles(sight: Sight, verdict: Verdict) -> Gate:
    """All that stands in the way although the file is lost: told at once, not one by one."""
    name = sight.image.name
    found = list(tickets.blockers(sight.cluster, name))
    running = [r.name for r in sight.cluster.replicas_of_image.get(name, ()) if r.running]
    if running:
        found.append(
            f"replicas {', '.join(running)} still run on it; Longhorn stops them within 10 s if "
            "its file is really gone: run again then"
        )
    if not any(not placement.disk_refused(disk) for disk in sight.cluster.disks.values()):
        found.append("no disk can take a new copy: none is Ready and schedulable")
    if found:
        lines = "".join(f"\n  ! {text}" for text in found)
        text = f"{name} was not touched: {verdict.summary}. In the way:{lines}"
        return Gate(Decision.REFUSE, text, verdict)
    lost = guidance.what_is_there(sight)
    return Gate(Decision.RECOVER, f"{name} is lost and is fetched again: {lost}", verdict)
