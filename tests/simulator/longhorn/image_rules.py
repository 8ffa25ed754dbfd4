# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Longhorn concludes from the state of an image (pure: no store, no clock).

Rules of controller/backing_image_controller.go as stated in F§2.5 to F§2.8 and F§7.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.simulator.longhorn.names import CLEANED, FAILED, FOR_TRANSFER, READY, UNKNOWN

Entry = dict[str, Any]
LOST = frozenset({FAILED, CLEANED, UNKNOWN})


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a data source or a manager reports about one copy."""

    state: str
    progress: int
    message: str
    checksum: str
    size: int
    virtual_size: int
    real_size: int
    first_file: bool


def seconds_of(stamp: str) -> float:
    """Epoch seconds of an RFC 3339 time; 0 for an empty one."""
    if not stamp:
        return 0.0
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def all_unavailable(
    keys: Iterable[str], entries: Mapping[str, Entry], wait: float, now: float
) -> bool:
    """Whether every copy has been failed for longer than the recovery wait (F§2.7)."""
    for uuid in set(keys) | set(entries):
        entry = entries.get(uuid)
        if entry is None or entry.get("state") != FAILED:
            return False
        if seconds_of(entry.get("lastStateTransitionTime", "")) + wait > now:
            return False
    return True


def wants_one_more(keys: Mapping[str, Any], entries: Mapping[str, Entry], minimum: int) -> bool:
    """Whether the replenishment adds a copy (F§2.7); evicting keys do not count."""
    alive = [k for k in keys if k not in entries or entries[k].get("state") not in LOST]
    if not alive:
        return False
    evicting = sum(1 for value in keys.values() if value.get("evictionRequested"))
    return len(alive) - evicting < minimum


def evictable(
    keys: Mapping[str, Any], entries: Mapping[str, Entry], used: Iterable[str]
) -> tuple[list[str], str | None]:
    """Keys that an eviction takes now, and the key it has to keep for want of another (F§7.2).

    ``used`` are the disks whose replicas hold an eviction up (empty where a release has no guard).
    """
    guarded = set(used)
    evicting = sorted(k for k, value in keys.items() if value.get("evictionRequested"))
    free = [k for k in evicting if k not in guarded]

    def ready(uuid: str) -> bool:
        return bool(entries.get(uuid, {}).get("state") == READY)

    if any(ready(uuid) for uuid in keys if uuid not in evicting):
        return free, None
    kept = next((uuid for uuid in evicting if ready(uuid)), None)
    if kept is None:
        return [], None
    return [uuid for uuid in free if uuid != kept], kept


def cleanable(uuid: str, keys: Iterable[str], entries: Mapping[str, Entry], minimum: int) -> bool:
    """Whether the cleanup of unused copies may take one (F§2.8)."""
    ready = handling = failed = 0
    for key in keys:
        state = entries.get(key, {}).get("state", "")
        if state in (READY, FOR_TRANSFER):
            ready += 1
        elif state == FAILED:
            failed += 1
        else:
            handling += 1
    state = entries.get(uuid, {}).get("state", "")
    if state in (READY, FOR_TRANSFER):
        return ready > minimum
    if state == FAILED:
        return ready + handling + failed > minimum
    return ready + handling > minimum


def take_in(status: dict[str, Any], uuid: str, info: FileInfo, stamp: str) -> None:
    """Put one report into the image's status, in place (F§2.5)."""
    entries = status.setdefault("diskFileStatusMap", {})
    entry = entries.setdefault(uuid, {"state": "", "lastStateTransitionTime": ""})
    state, message = info.state, info.message
    if info.checksum:
        recorded = status.get("checksum") or ""
        if not recorded:
            status["checksum"] = info.checksum
        elif recorded != info.checksum:
            state = FAILED
            message = (
                f"Backing image recorded checksum {recorded} doesn't match the file checksum "
                f"{info.checksum} in disk {uuid}"
            )
    state, message = _sizes(status, uuid, info, state, message)
    if entry.get("state") != info.state or not entry.get("lastStateTransitionTime"):
        entry["lastStateTransitionTime"] = stamp
    entry["state"], entry["message"], entry["progress"] = state, message, info.progress


def _sizes(
    status: dict[str, Any], uuid: str, info: FileInfo, state: str, message: str
) -> tuple[str, str]:
    if info.first_file:
        if info.size:
            status["size"] = info.size
        return state, message
    for name, value, what in (
        ("size", info.size, "size"),
        ("virtualSize", info.virtual_size, "virtualSize"),
    ):
        if not value:
            continue
        stored = status.get(name) or 0
        if not stored:
            status[name] = value
        elif stored != value:
            state = FAILED
            message = (
                f"found mismatching {what} {value} reported by backing image manager in disk "
                f"{uuid}, the {what} recorded in BackingImage is {stored}"
            )
    if info.real_size and not status.get("realSize"):
        status["realSize"] = info.real_size
    return state, message
