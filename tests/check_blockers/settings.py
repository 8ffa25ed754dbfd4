# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's settings in a recording, over time.

Settings are not recorded as objects; the operator's writes to them are. A write that changed
nothing tells what was there before it; a setting that nobody wrote has its default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tests.simulator.recordings.actions import Request, actions
from tests.simulator.recordings.load import Recording, parse_time

RESOURCE = "settings.longhorn.io"
_NAMES = (RESOURCE, "settings", "setting", "setting.longhorn.io")
_UNCHANGED = "(no change)"


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """From `t` (epoch seconds) on the setting has this value."""

    t: float
    name: str
    value: str


def changes(recording: Recording) -> tuple[Change, ...]:
    """Accepted writes to settings, in time order; the first ones may lie before the start."""
    quiet = {parse_time(str(raw["t"])) for raw in recording.actions if _kept(raw)}
    found: list[Change] = []
    seen: set[str] = set()
    for action in actions(recording):
        if not isinstance(action, Request) or action.resource not in _NAMES:
            continue
        value = _value(action.body)
        if value is None or not action.accepted or action.dry_run:
            continue
        known = action.name in seen
        unchanged = any(abs(action.t - t) < 0.1 for t in quiet)
        seen.add(action.name)
        at = action.t if known or not unchanged else recording.start - 3600.0
        found.append(Change(at, action.name, value))
    return tuple(sorted(found, key=lambda change: change.t))


def _kept(raw: Mapping[str, Any]) -> bool:
    return "settings" in str(raw.get("cmd", "")) and _UNCHANGED in str(raw.get("stdout", ""))


def _value(body: Any) -> str | None:
    """The value that a patch or a whole object gives; None for a write of something else."""
    if isinstance(body, list):
        written = [op for op in body if op.get("path") == "/value" and op.get("op") != "test"]
        return str(written[-1].get("value", "")) if written else None
    if isinstance(body, Mapping) and "value" in body:
        return "" if body["value"] is None else str(body["value"])
    return None
