# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raised copies in words: before and after for each image, and what is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact, setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.raising import (
    Raise,
    Wish,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
    spell_bytes,
)

CLEANUP_MINUTES = 60


def as_data(cluster: Cluster, one: Raise) -> dict[str, Any]:
    """One image for the result of a module."""
    return {
        "name": one.image.name,
        "proven": sorted(place.label for place in one.held.proven),
        "coming": sorted(place.label for place in one.held.coming),
        "targets": [disk.label for disk in one.targets],
        "minimum": one.minimum or (one.image.min_copies if cluster.schema.replenishes else 0),
        "short": one.short,
    }


def summary(
    cluster: Cluster, wish: Wish, before: Sequence[Raise], found: Sequence[Raise]
) -> list[str]:
    """What was to be done, what cannot be, and how long it lasts; at most three lines."""
    work = [one for one in before if one.writes]
    copies = sum(len(one.targets) for one in work)
    size = spell_bytes(sum(one.image.file_bytes * len(one.targets) for one in work))
    nodes = count(wish.copies, "node")
    off = f", {names(list(wish.away))} left out" if wish.away else ""
    head = f"{count(len(found), 'image')}, copies on {nodes} each{off}, Longhorn "
    head += f"{cluster.schema.version}: "
    if work:
        minima = sum(1 for one in work if one.minimum)
        raised = f", minimum of {count(minima, 'image')} raised" if minima else ""
        broken = sum(1 for one in work if one.repair)
        repaired = f", {count(broken, 'map')} written in full" if broken else ""
        lines = [f"{head}{count(copies, 'copy', 'copies')} to make ({size}){raised}{repaired}"]
    else:
        waiting = any(one.held.coming for one in found)
        lines = [f"{head}{'copies are on the way' if waiting else 'nothing to do'}"]
    short = [one.image.name for one in found if one.short]
    if short:
        lines.append(f"{count(len(short), 'image')} cannot get all copies: {names(short)}")
    if not cluster.schema.replenishes:
        lines.append(kept_text(cluster))
    return lines


def kept_text(cluster: Cluster) -> str:
    """How long Longhorn up to 1.6 leaves an unused copy (longhorn-manager
    controller/node_controller.go, v1.5.5 to v1.6.4).
    """
    minutes = setting.number(
        cluster.settings, "backing-image-cleanup-wait-interval", CLEANUP_MINUTES
    )
    return (
        f"Longhorn takes a copy that no replica uses away after {minutes} min "
        "(backing-image-cleanup-wait-interval): do the maintenance within that time"
    )


def diff(found: Sequence[Raise]) -> dict[str, str]:
    """Before and after, one line for each image that changes."""
    work = [one for one in found if one.writes]
    width = max((len(one.image.name) for one in work), default=0)
    before, after = [], []
    for one in sorted(work, key=lambda one: one.image.name):
        places = sorted(place.label for place in (*one.held.proven, *one.held.coming))
        later = [*places, *(disk.label for disk in one.targets)]
        size = one.image.file_bytes * len(one.targets)
        more = f"   (+{spell_bytes(size)})" if size else ""
        before.append(f"{_line(one, width, places, one.image.min_copies)}")
        after.append(f"{_line(one, width, later, one.minimum or one.image.min_copies)}{more}")
        if one.repair:
            before[-1] += "   entries without dataEngine"
    return {
        "before_header": "copies now",
        "after_header": "copies afterwards",
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }


def _line(one: Raise, width: int, places: Sequence[str], minimum: int) -> str:
    kept = f"   minimum {minimum}" if one.minimum else ""
    return (
        f"{one.image.name.ljust(width)}   {count(len(places), 'copy', 'copies'):<8}   "
        f"{', '.join(places) or 'none'}{kept}"
    )


def seen(waiting: Sequence[Raise]) -> str:
    """What is in flight: `ubuntu -> worker-1/nvme0 (in-progress 7 %)`."""
    told = []
    for one in waiting[:3]:
        parts = []
        for place in one.held.coming:
            copy = one.image.copies[place.disk.uuid]
            state = copy.state or "asked for"
            shown = f"{copy.progress} %" if state == "in-progress" else state
            why = f": {redact.plain(copy.message)}" if copy.message else ""
            parts.append(f"-> {place.label} ({shown}{why})")
        told.append(f"{one.image.name} {' '.join(parts)}")
    more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
    return ", ".join(told) + more
