# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between Longhorn releases, as one small table.

A controller never compares version numbers: it asks the profile for a named difference. To add a
minor release, add a line to ``NEWEST`` and, where a rule changed, a line to ``SINCE``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Version = tuple[int, int, int]

NEWEST: Mapping[tuple[int, int], int] = {
    (1, 5): 5,
    (1, 6): 4,
    (1, 7): 3,
    (1, 8): 2,
    (1, 9): 3,
    (1, 10): 2,
    (1, 11): 3,
    (1, 12): 1,
}
"""The patch release meant by a bare minor such as "1.12"."""

SINCE: Mapping[str, tuple[Version, ...]] = {
    # The placement map is spec.diskFileSpecMap; copies are replenished and evicted.
    "file_spec_map": ((1, 7, 0),),
    # Entries of maps name a data engine; real sizes and images on disks are counted.
    "data_engine": ((1, 8, 0),),
    "real_size": ((1, 8, 0),),
    "scheduled_images": ((1, 8, 0),),
    # A copy is not evicted while a replica of the image lives on its disk.
    "guard_replicas": ((1, 8, 2), (1, 9, 1), (1, 10, 0)),
    # Pods of a backing image manager are created with a back-off.
    "manager_backoff": ((1, 10, 0),),
    # The keys of a disk that no node has any more are evicted.
    "evict_missing_disk": ((1, 9, 2), (1, 10, 0)),
    # A data source pod bound to another node or disk is deleted.
    "replace_misplaced_pod": ((1, 9, 3), (1, 10, 1)),
    # Node objects can only be deleted when gone for good.
    "guard_node_delete": ((1, 10, 0),),
    # The disks of a node that is not ready are marked NodeNotReady by another manager.
    "mark_unready_disks": ((1, 11, 0),),
    # The URL of a download and every update of an image are validated.
    "validate_images": ((1, 12, 1),),
    # The v2 data engine is refused for new images.
    "refuse_v2_images": ((1, 12, 0),),
    # A key whose disk is not ready is reported instead of passed over in silence.
    "report_unready_key": ((1, 12, 0),),
    "restore_source": ((1, 6, 0),),
    "clone_source": ((1, 7, 0),),
    "node_host_conditions": ((1, 7, 0),),
    "disk_details": ((1, 7, 0),),
    "disk_health": ((1, 11, 0),),
    "cpu_policy": ((1, 12, 0),),
    "setting_applied": ((1, 7, 0),),
    "engine_settings_json": ((1, 10, 0),),
    "data_source_finalizer": ((1, 6, 0),),
    "unique_disk_paths": ((1, 12, 0),),
    # Rebuilding an empty replica takes 10 s more (F§15.5; 1.8 to 1.11 were not recorded).
    "slow_rebuild": ((1, 8, 0),),
    # A replica is looked for a place before its object is made.
    "precheck_replica": ((1, 7, 0),),
    # The last replica that may hold data is named so when its deletion is refused.
    "guard_last_data": ((1, 12, 0),),
    # Manual tickets of a cordoned node may be removed (a setting).
    "detach_when_cordoned": ((1, 6, 0),),
}
"""First release of each difference; several where a fix was carried back to older minors."""

BUGS: Mapping[str, tuple[tuple[Version, Version], ...]] = {
    # The manager of an evicted node crashes on a status entry without a key (F§7.1).
    "crash_on_stale_entry": (((1, 7, 0), (1, 7, 3)), ((1, 8, 0), (1, 8, 0))),
}
"""First and last release of a fault."""


class UnknownVersion(ValueError):
    """The text names no release of Longhorn from 1.5 to 1.12."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one release."""

    version: Version

    def has(self, difference: str) -> bool:
        """Whether this release has a difference named in ``SINCE``; KeyError for other names."""
        starts = SINCE[difference]
        line = [start for start in starts if start[:2] == self.version[:2]]
        if line:
            return self.version >= line[0]
        return self.version >= starts[-1]

    def bug(self, name: str) -> bool:
        """Whether this release has a fault named in ``BUGS``; KeyError for other names."""
        return any(first <= self.version <= last for first, last in BUGS[name])

    @property
    def text(self) -> str:
        """The release as Longhorn writes it in current-longhorn-version, such as "v1.12.1"."""
        return "v" + ".".join(str(part) for part in self.version)

    @property
    def map_field(self) -> str:
        """Name of the live placement map in BackingImage.spec."""
        return "diskFileSpecMap" if self.has("file_spec_map") else "disks"

    @property
    def manager_naming(self) -> str:
        """How a backing image manager is named: "short", "sha256" or "sha224" (F§4.1)."""
        if self.version >= (1, 10, 2):
            return "sha224"
        if self.version >= (1, 10, 0) or (1, 9, 2) <= self.version < (1, 10, 0):
            return "sha256"
        return "short"

    @property
    def image_prefix(self) -> str:
        """Registry prefix of Longhorn's own container images."""
        return "docker.io/longhornio/" if self.version >= (1, 8, 0) else "longhornio/"

    def new_entry(self) -> Any:
        """The value Longhorn itself gives a new key of the placement map (procedures.md 0.1)."""
        if not self.has("file_spec_map"):
            return ""
        if not self.has("data_engine"):
            return {"evictionRequested": False}
        return {"dataEngine": "v1", "evictionRequested": False}

    def written_entry(self, entry: Any) -> Any:
        """A stored entry as Longhorn writes it back: every field of its Go type, zero or not.

        From 1.8 an entry stored without ``dataEngine`` is sent as the empty string, which the
        schema refuses: that is the whole of the trap of procedures.md 0.1.
        """
        if not self.has("file_spec_map"):
            return entry
        stored = entry or {}
        full: dict[str, Any] = {"evictionRequested": bool(stored.get("evictionRequested", False))}
        if self.has("data_engine"):
            full["dataEngine"] = stored.get("dataEngine", "")
        return full

    def image_of(self, component: str) -> str:
        """Container image of a Longhorn component of this release."""
        return f"{self.image_prefix}{component}:{self.text}"


def profile_for(text: str) -> Profile:
    """The profile of "1.12", "1.12.1" or "v1.12.1"; UnknownVersion for anything else."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    if match is None:
        raise UnknownVersion(f"not a Longhorn version: {text!r}")
    minor = (int(match[1]), int(match[2]))
    if minor not in NEWEST:
        known = ", ".join(f"{a}.{b}" for a, b in NEWEST)
        raise UnknownVersion(f"no profile for Longhorn {text!r}; known minors: {known}")
    patch = NEWEST[minor] if match[3] is None else int(match[3])
    return Profile((*minor, patch))
