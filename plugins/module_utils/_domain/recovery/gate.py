# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the first write: may this image be recovered, must it be left alone, or is it refused?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    guidance,
    ladder,
    notes,
    risk,
    salvage,
    tickets,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.checks import (
    DOUBTFUL,
    Check,
    checks_of,
    doubt,
    undetermined_text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.ladder import (
    NO_LOOKS,
    Rung,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Word,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.risk import AtRisk
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    catalogue,
    deleting,
    first_file,
    redownloading,
    upgrade_hazard,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
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
    SALVAGE = "salvage"  # by a failed copy whose file has the right bytes


@dataclass(frozen=True)
class Gate:
    """The decision on one image, in words, and the verdict it rests on.

    *checks* are what has to be shown before its map is emptied, *at_risk* what is thrown away then,
    *ways* what is left for an image that cannot be downloaded again.
    """

    decision: Decision
    text: str
    verdict: Verdict
    checks: tuple[Check, ...] = ()
    at_risk: tuple[AtRisk, ...] = ()
    ways: tuple[Rung, ...] = ()

    @property
    def works(self) -> bool:
        """Whether there is something to do."""
        return self.decision in (Decision.RECOVER, Decision.CONTINUE, Decision.SALVAGE)


def decide(
    window: Sequence[Sight],
    *,
    accept_unknown_loss: bool = False,
    source: Finding | None = None,
    new_url: bool = False,
    looks: Mapping[str, Look] = NO_LOOKS,
    experimental: bool = False,
) -> Gate:
    """The decision for one image from a window of sights, oldest first.

    *source* is what asking the source has found; without it the decision to recover is one before
    the source was asked. *new_url*: that source is one which the operator gives the image now.
    *looks*: what was found on the disks of its failed copies, by their UUID. *experimental*: a file
    with the right bytes among them may be put back.
    """
    found = _decide(window, accept_unknown_loss, source, new_url, looks)
    if experimental:
        return _salvage(window, found, looks)
    kept = notes.salvage_of(window[-1].image).get(notes.PATH)
    if not kept or found.ways:
        return found
    text = f"{found.text}\n  a salvage has begun and keeps {kept}: -e experimental=true finishes it"
    return replace(found, text=text)


def _salvage(window: Sequence[Sight], found: Gate, looks: Mapping[str, Look]) -> Gate:
    """The same where a salvage is wanted: it is finished, begun, or told why not."""
    sight = window[-1]
    name = sight.image.name
    begun = bool(notes.salvage_of(sight.image)) and not sight.image.meta.deleting
    if begun and found.decision in (Decision.REFUSE, Decision.LEAVE):
        text = f"{name}: a salvage has begun; it is finished"
        return replace(found, decision=Decision.SALVAGE, text=text, ways=())
    right = [look.place for look in looks.values() if look.word is Word.RIGHT]
    if found.decision is not Decision.REFUSE or not found.ways or not right:
        return found
    why = salvage.why_not(window, right[0])
    if why:
        text = f"{found.text}\n  not salvaged now: {why}. Run again later."
        return replace(found, text=text)
    text = f"{name} is salvaged: {right[0].label} still has the right bytes"
    risks = risk.of_salvage(sight, right[0], looks)
    return replace(found, decision=Decision.SALVAGE, text=text, at_risk=risks)


def _decide(
    window: Sequence[Sight],
    accept_unknown_loss: bool,
    source: Finding | None,
    new_url: bool,
    looks: Mapping[str, Look],
) -> Gate:
    sight = window[-1]
    verdict = catalogue.judge(window)
    name = sight.image.name
    if verdict.name in (deleting.NAME, deleting.BLOCKED):
        return Gate(Decision.REFUSE, f"{name} {verdict.summary}: {verdict.remedy}.", verdict)
    if new_url and source is not None and not source.ok and not sight.exists:
        text = f"{name} was not touched: the new URL does not do. {source.text}"
        return Gate(Decision.REFUSE, text, verdict, checks_of(window, accept_unknown_loss, source))
    if begun(sight):
        return Gate(Decision.CONTINUE, f"{name}: a recovery has begun; it is finished", verdict)
    if sight.exists:
        return Gate(Decision.LEAVE, f"{name} is left alone: {verdict.summary}", verdict)
    if verdict.name == upgrade_hazard.NAME or sight.cluster.schema.hazard:
        text = f"{name} was not touched: {verdict.summary}; {verdict.remedy}."
        return Gate(Decision.REFUSE, text, verdict)
    if verdict.name in (first_file.RUNNING, first_file.FAILING):
        return _first_file(sight, verdict, new_url)
    if not sight.can_download:
        ways = ladder.rungs(sight, looks)
        return Gate(Decision.REFUSE, guidance.refusal(sight, ways), verdict, ways=ways)
    if verdict.name in (redownloading.NAME, redownloading.FAILING):
        text = f"{name}: Longhorn already fetches it again; only watched"
        return Gate(Decision.CONTINUE, text, verdict)
    checks = checks_of(window, accept_unknown_loss, source)
    lost_source = ladder.applies(sight, source)
    if doubt(window, accept_unknown_loss):
        return _unsure(window, verdict, checks)
    return _lost(sight, verdict, checks, ladder.rungs(sight, looks) if lost_source else ())


def begun(sight: Sight) -> bool:
    """Whether a recovery of ours passed the point of no return and has not ended, or a copy came
    back while one had only taken tickets.
    """
    waiting = tickets.waiting_to_return(sight.cluster, sight.image.name)
    return bool(notes.recovery_of(sight.image)) or (sight.exists and bool(waiting))


def _first_file(sight: Sight, verdict: Verdict, new_url: bool) -> Gate:
    name = sight.image.name
    if verdict.detail == first_file.AGAIN:
        return Gate(
            Decision.LEAVE, f"{name} is left alone while it is tried: {verdict.summary}", verdict
        )
    if verdict.name == first_file.FAILING and new_url and sight.can_download:
        text = f"{name} never had a copy; it gets its new URL"
        return Gate(Decision.RECOVER, text, verdict, at_risk=risk.at_risk(sight))
    if verdict.name == first_file.FAILING:
        text = (
            f"{name} was not touched: {verdict.summary}. Fetching it from the same source again "
            f"would end the same way; {verdict.remedy}."
        )
        return Gate(Decision.REFUSE, text, verdict)
    return Gate(Decision.LEAVE, f"{name} is left alone: {verdict.summary}", verdict)


def _unsure(window: Sequence[Sight], verdict: Verdict, checks: tuple[Check, ...]) -> Gate:
    sight = window[-1]
    name = sight.image.name
    if not sight.may_exist:
        text = f"{name} was not touched: {doubt(window, False)}. Look again in a minute."
        return Gate(Decision.REFUSE, text, verdict, checks)
    text = (
        f"{name} was not touched. No copy can be proven, but {undetermined_text(sight)}.\n"
        f"  what is there: {guidance.what_is_there(sight)}\n"
        "  ways on: 1. bring it back.   2. If it is gone for good, run again with "
        "-e accept_unknown_loss=true: what is on it then leaves Longhorn's books for good."
    )
    more = [check.text for check in checks if check.missing and check.name not in DOUBTFUL]
    text += "".join(f"\n  ! {each}" for each in more)
    return Gate(Decision.REFUSE, text, verdict, checks, risk.at_risk(sight))


def _lost(
    sight: Sight, verdict: Verdict, checks: tuple[Check, ...], ways: tuple[Rung, ...]
) -> Gate:
    """The file is lost for all that is known: all that is in the way is told at once, and the
    *ways* on where the source does not deliver it either.
    """
    name = sight.image.name
    missing = [check for check in checks if check.missing]
    if missing:
        lines = "".join(f"\n  ! {check.text}" for check in missing)
        text = f"{name} was not touched: {verdict.summary}. In the way:{lines}"
        if ways:
            text += "\n".join(["", *guidance.ways_on(ways)])
        return Gate(Decision.REFUSE, text, verdict, checks, risk.at_risk(sight), ways)
    lost = guidance.what_is_there(sight)
    text = f"{name} is lost and is fetched again: {lost}"
    return Gate(Decision.RECOVER, text, verdict, checks, risk.at_risk(sight))
