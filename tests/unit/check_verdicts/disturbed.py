# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings as another cluster, or another observer, could have shown them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.check_verdicts.answer_key import Events

KINDS = ("lhnodes", "k8snodes", "backingimages", "backingimagedatasources", "backingimagemanagers")
NAMES = ("all", "a", "0.9-x.y", "null", "true", "x" * 63)


def dropped(events: Events, chance: random.Random) -> Events:
    """Some changes were never seen; deletions are."""
    return [event for event in events if event[2] == "DELETED" or chance.random() > 0.15]


def delayed(events: Events, chance: random.Random) -> Events:
    """One kind is seen up to 20 s later than the others."""
    kind, seconds = chance.choice(KINDS), chance.uniform(0.5, 20.0)
    late = [(e[0] + seconds, *e[1:]) if e[1] == kind else e for e in events]
    return sorted(late, key=lambda event: event[0])


def reordered(events: Events, chance: random.Random) -> Events:
    """What happened within a tenth of a second comes in any order."""
    return sorted(events, key=lambda event: (round(event[0], 1), chance.random()))


def without_some(kind: str) -> Callable[[Events, random.Random], Events]:
    """Half of one kind is never seen."""

    def disturb(events: Events, chance: random.Random) -> Events:
        return [event for event in events if event[1] != kind or chance.random() > 0.5]

    return disturb


def renamed(events: Events, chance: random.Random) -> Events:
    """Images have names that are words elsewhere, or as long as they may be."""
    text = json.dumps(events)
    images = {raw["metadata"]["name"] for _at, kind, _what, raw in events if kind == KINDS[2]}
    for number, name in enumerate(sorted(images)):
        odd = chance.choice(NAMES) + (f"-{number}" if number else "")
        text = text.replace(f'"{name}"', f'"{odd}"')
    return [tuple(event) for event in json.loads(text)]


DISTURBANCES: dict[str, Callable[[Events, random.Random], Events]] = {
    "dropped": dropped,
    "delayed": delayed,
    "reordered": reordered,
    "renamed": renamed,
    "half of the managers": without_some(KINDS[4]),
    "half of the data sources": without_some(KINDS[3]),
}


class Truth:
    """What raw objects say of one image at one moment, read without the code under test."""

    def __init__(self, held: Mapping[str, Mapping[str, Any]], name: str, field: str) -> None:
        raw = held["backingimages"][name]
        keys = raw["spec"].get(field) or {}
        entries = (raw.get("status") or {}).get("diskFileStatusMap") or {}
        minimum = raw["spec"].get("minNumberOfCopies") or 1
        self.wanted = max(1, len(keys) if field == "disks" else minimum)
        states = {uuid: (entries.get(uuid) or {}).get("state", "") for uuid in keys}
        disks = {uuid: _disk(held, uuid) for uuid in keys}
        self.ready = [u for u in keys if states[u] == "ready" and disks[u] == "up"]
        perhaps = ("ready", "unknown", "in-progress", "pending", "ready-for-transfer")
        self.doubtful = [
            u for u in keys if disks[u] != "gone" and (disks[u] == "down" or states[u] in perhaps)
        ]


def _disk(held: Mapping[str, Mapping[str, Any]], uuid: str) -> str:
    """up, down, or gone: no node has it in spec and status."""
    for name, node in held["lhnodes"].items():
        for disk, seen in ((node.get("status") or {}).get("diskStatus") or {}).items():
            if seen.get("diskUUID") != uuid:
                continue
            if disk not in (node["spec"].get("disks") or {}):
                return "gone"
            parts = (seen, node.get("status"), held["k8snodes"].get(name, {}).get("status"))
            return "up" if all(map(_is_ready, parts)) else "down"
    return "gone"


def _is_ready(part: Mapping[str, Any] | None) -> bool:
    conditions = (part or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
