# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis as a person reads it: counts first, then what is not healthy, worst first."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count, names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import (
    blocked_by_unknown,
    catalogue,
    checksum_pinned,
    data_source_stuck,
    deleting,
    disk_uuid_drift,
    first_file,
    healthy,
    redownloading,
    unavailable,
    undetermined,
    upgrade_hazard,
)

WIDTH = 100
SHOWN_MAX = 100
FINE = "fine"
DEGRADED = "degraded"
UNKNOWN = "unknown"
LOST = "lost"
LEVELS = (FINE, DEGRADED, UNKNOWN, LOST)  # ascending
NEVER = "never"
CLOSED = "closed"

Facts = Mapping[str, Any]

_LOST = (
    *unavailable.NAMES,
    checksum_pinned.NAME,
    data_source_stuck.NAME,
    redownloading.FAILING,
)
_UNKNOWN = (
    undetermined.NAME,
    undetermined.UNSETTLED,
    blocked_by_unknown.NAME,
    disk_uuid_drift.NAME,
)
_FINE = (healthy.NAME, deleting.NAME, first_file.RUNNING)
# The first word of a line: how bad it is, or what happens now. Others read as the level.
_WORDS = {
    redownloading.NAME: "fetching",
    redownloading.FAILING: "failing",
    first_file.RUNNING: "fetching",
    first_file.FAILING: "failing",
    data_source_stuck.NAME: "stuck",
    checksum_pinned.NAME: "pinned",
    upgrade_hazard.NAME: "hazard",
    "poisoned_entry": "broken",
    "orphan_map_entry": "orphan",
    "degraded_syncing": "syncing",
    deleting.NAME: "deleting",
    deleting.BLOCKED: "deleting",
    healthy.NAME: "healthy",
}


def level(verdict: Facts) -> str:
    """How bad a verdict (its `as_dict`) is: one of LEVELS. A first file that arrives is fine."""
    name = verdict["name"]
    if name in _LOST or (name, verdict.get("detail")) == (
        blocked_by_unknown.NAME,
        blocked_by_unknown.LEFTOVER,
    ):
        return LOST
    if name in _UNKNOWN:
        return UNKNOWN
    return FINE if name in _FINE else DEGRADED


def worst(images: Sequence[Facts]) -> str:
    """The worst level of these images; fine where there is none."""
    return max((level(image["verdict"]) for image in images), key=LEVELS.index, default=FINE)


def too_bad(images: Sequence[Facts], fail_on: str) -> str:
    """A sentence that names the images at *fail_on* (one of LEVELS, or never) or worse, or ""."""
    if fail_on == NEVER:
        return ""
    limit = LEVELS.index(fail_on)
    found = [image for image in images if LEVELS.index(level(image["verdict"])) >= limit]
    told = [f"{image['name']} ({word(image['verdict'])})" for image in found]
    return (
        f"{count(len(found), 'image')} at level {fail_on} or worse: {names(told)}" if told else ""
    )


def word(verdict: Facts) -> str:
    """The word that a verdict begins its line with, in small letters."""
    return _WORDS.get(verdict["name"], level(verdict))


def lines(images: Sequence[Facts]) -> list[str]:
    """Counts, then one paragraph for each of the first images that are not healthy, or that a
    volume waits for, in the order given; of more than a person reads, how many there are.
    """
    bad = [image for image in images if image["verdict"]["name"] != healthy.NAME or _waits(image)]
    shown = bad[:SHOWN_MAX]
    words = [word(image["verdict"]) for image in shown]
    first = max((len(each) for each in words), default=0)
    second = max((len(image["name"]) for image in shown), default=0)
    told = [counts_line(images)]
    for image, each in zip(shown, words, strict=True):
        begin = f"{each.upper():<{first}}  {image['name']:<{second}}  "
        told += _paragraph(begin, image)
    if len(bad) > len(shown):
        rest = counts_line(bad[len(shown) :]).removeprefix("images ")
        told.append(f"not shown here, and not worse: {rest} (format=json has them all)")
    return [redact.printable(line) for line in told]


def _waits(image: Facts) -> bool:
    """Whether something cannot start: also a healthy image may lack the copy on that one disk."""
    users = image["consumers"]
    return bool(users["waiting_volumes"] or users["waiting_replicas"])


def counts_line(images: Sequence[Facts]) -> str:
    """How many images there are of each word, the best first."""
    order = {name: place for place, name in enumerate(catalogue.WORST_FIRST)}
    best_first = sorted(images, key=lambda image: -order[image["verdict"]["name"]])
    counts: dict[str, int] = {}
    for image in best_first:
        each = word(image["verdict"])
        counts[each] = counts.get(each, 0) + 1
    parts = ", ".join(f"{number} {each}" for each, number in counts.items())
    return f"images {len(images)}: {parts or 'none'}"


def _paragraph(begin: str, image: Facts) -> list[str]:
    verdict = image["verdict"]
    since = since_of(verdict)
    text = f"since {since}: {verdict['summary']}" if since else verdict["summary"]
    blank = " " * len(begin)
    told = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=begin,
        subsequent_indent=blank,
        break_long_words=False,
        break_on_hyphens=False,
    )
    waiting = waiting_text(image)
    if waiting:
        told.append(f"{blank}{waiting}")
    asked = image.get("source_check")
    if asked:
        source = f"source {asked['text']} (asked from the {asked['checked_from']})"
        told += textwrap.wrap(
            source,
            WIDTH,
            initial_indent=blank,
            subsequent_indent=f"{blank}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    # A remedy is not wrapped: most hold a command that is to be copied whole.
    told.append(f"{blank}-> {verdict['remedy']}")
    return told + [f"{blank}   {line}" for line in _ways(image.get("ways_on") or ())]


def _ways(rungs: Sequence[Facts]) -> list[str]:
    """What is left to do for an image that cannot be downloaded again, commands to copy whole."""
    told: list[str] = []
    number = 0
    for rung in rungs:
        number += rung["state"] != CLOSED
        mark = f"{number}." if rung["state"] != CLOSED else "- "
        told.append(f"{mark} {rung['text']}.")
        told += [f"     $ {command}" for command in rung["commands"]]
    return told


def since_of(verdict: Facts) -> str:
    """The latest moment among the evidence: since then the picture is as it is. When a whole copy
    became whole says nothing about what is wrong beside it.
    """
    known = [item for item in verdict["evidence"] if item["since"]]
    wrong = [item for item in known if item["value"] != "ready"]
    return max((item["since"] for item in wrong or known), default="")


def waiting_text(image: Facts) -> str:
    """What cannot start before the image is there (WaitForBackingImage), or what uses it."""
    users = image["consumers"]
    volumes, replicas = users["waiting_volumes"], users["waiting_replicas"]
    if _waits(image):
        return (
            f"wait on it: {count(len(volumes), 'volume')}"
            f"{_listed(volumes)}, {count(len(replicas), 'replica')}{_listed(replicas)}"
        )
    if level(image["verdict"]) in (LOST, UNKNOWN) and users["volumes"]:
        return f"made from it: {count(len(users['volumes']), 'volume')}{_listed(users['volumes'])}"
    return ""


def _listed(items: Sequence[str]) -> str:
    return f" ({names(list(items), 3)})" if items else ""
