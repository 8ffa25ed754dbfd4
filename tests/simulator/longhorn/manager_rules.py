# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backing image manager's controller concludes (pure: no store, no clock).

Rules of controller/backing_image_manager_controller.go as stated in F§4.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulator.longhorn.names import ERROR, FAILED, RUNNING, STARTING, STOPPED

BUSY = frozenset({"pending", "starting", "in-progress"})


def pod_state(current: str, present: bool, phase: str, ready: bool, terminating: bool) -> str:
    """State of a manager after a look at its pod."""
    if not present:
        return STOPPED if current in ("", STOPPED) else ERROR
    if terminating:
        return ERROR
    if phase == "Running":
        if ready:
            return RUNNING
        return STARTING if current == STARTING else ERROR
    if phase == "Pending" and current == STARTING:
        return STARTING
    return ERROR


def invalid(
    name: str,
    file: Mapping[str, Any],
    listed_as: str | None,
    image: Mapping[str, Any] | None,
    disk: str,
) -> bool:
    """Whether a manager deletes a file: image gone or another, or failed while others are not."""
    if image is None:
        return True
    status = image.get("status") or {}
    uuid = status.get("uuid", "")
    if listed_as != uuid or file.get("uuid") != uuid:
        return True
    entries: Mapping[str, Mapping[str, Any]] = status.get("diskFileStatusMap") or {}
    state = entries[disk].get("state") if disk in entries else file.get("state")
    if state != FAILED:
        return False
    return any(entry.get("state") != FAILED for entry in entries.values())


def moving(files: Mapping[str, Mapping[str, Any]]) -> int:
    """Copies under way at one manager, for the limit per node."""
    return sum(1 for file in files.values() if file.get("state") in BUSY)
