# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's way of keeping conditions: a list, with a time that moves only with the status."""

from __future__ import annotations

from typing import Any

Conditions = list[dict[str, Any]]


def set_condition(
    conditions: Conditions,
    kind: str,
    value: bool,
    stamp: str,
    reason: str = "",
    message: str = "",
) -> None:
    """Set one condition in place; ``stamp`` is now, in RFC 3339."""
    status = "True" if value else "False"
    for entry in conditions:
        if entry["type"] == kind:
            if entry["status"] != status:
                entry["lastTransitionTime"] = stamp
            entry.update(status=status, reason=reason, message=message)
            return
    conditions.append(
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastProbeTime": "",
            "lastTransitionTime": stamp,
        }
    )


def status_of(conditions: Conditions | None, kind: str) -> str:
    """Status of one condition, empty where it is missing."""
    for entry in conditions or []:
        if entry.get("type") == kind:
            return str(entry.get("status", ""))
    return ""
