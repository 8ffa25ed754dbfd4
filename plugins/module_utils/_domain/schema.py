# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Longhorn we talk to: the two generations of the placement map and what each version can do.

The rest of the code asks this class and never compares version numbers itself. The live map is
found from what the objects and the served schema show; the version setting only confirms it
(longhorn-manager CRDs v1.5.5 to v1.12.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

OLD_MAP = "disks"
NEW_MAP = "diskFileSpecMap"
OLDEST = (1, 5)
NEWEST = (1, 12)

_VERSION = re.compile(r"^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$")


class UnsupportedLonghorn(ValueError):
    """This Longhorn cannot be worked on safely; the text says why and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A release number; compares as numbers."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """`v1.12.1`, `1.9.0-rc1` and the like.

        Raises UnsupportedLonghorn for anything else (a branch build such as `master-head`).
        """
        found = _VERSION.match(text.strip())
        if not found:
            raise UnsupportedLonghorn(
                f"Longhorn reports version {text!r}, which is no release number; only releases "
                "1.5 to 1.12 are known."
            )
        return cls(*(int(part) for part in found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class Schema:
    """What this cluster's Longhorn understands."""

    version: Version
    map_field: str
    # What speaks for an upgrade over 1.7 that is half done; then nothing may be written.
    hazard: str = ""

    @property
    def map_path(self) -> str:
        """JSON pointer of the live placement map in a BackingImage."""
        return f"/spec/{self.map_field}"

    def key_path(self, disk_uuid: str) -> str:
        """JSON pointer of one key of the map."""
        return f"{self.map_path}/{escape(disk_uuid)}"

    def entry(self, data_engine: str = "v1") -> str | dict[str, Any]:
        """The full value of a map entry, never `{}`: from 1.8 that locks Longhorn out
        .
        """
        if self.map_field == OLD_MAP:
            return ""
        if not self.entries_need_engine:
            return {"evictionRequested": False}
        return {"dataEngine": data_engine or "v1", "evictionRequested": False}

    @property
    def entries_need_engine(self) -> bool:
        """1.8+: an entry without dataEngine makes every spec write of Longhorn fail."""
        return self.version >= Version(1, 8)

    @property
    def replenishes(self) -> bool:
        """1.7+: spec.minNumberOfCopies exists and Longhorn adds copies up to it."""
        return self.map_field == NEW_MAP

    @property
    def old_instances_count(self) -> bool:
        """Up to 1.10 the undivided status.instances of an instance manager counts as engines."""
        return self.version < Version(1, 11)

    @property
    def frontends_count(self) -> bool:
        """1.12: a frontend on the node holds the budget as an engine does."""
        return self.version >= Version(1, 12)

    @property
    def detaches_when_cordoned(self) -> bool:
        """1.6+: the setting detach-manually-attached-volumes-when-cordoned exists."""
        return self.version >= Version(1, 6)

    @property
    def holds_managers_back(self) -> bool:
        """1.10+: the pod of a backing image manager is made again only after a back-off of up to
        2 min, which no field and no event tells.

        Source: longhorn-manager controller/backing_image_manager_controller.go, v1.10.2.
        """
        return self.version >= Version(1, 10)

    @property
    def updates_check_url(self) -> bool:
        """1.12.1+: no update of a download image is accepted whose stored URL breaks the rules.

        Source: longhorn-manager webhook/resources/backingimage/validator.go, v1.12.1.
        """
        return self.version >= Version(1, 12, 1)

    @property
    def eviction_flags_refused(self) -> str:
        """Why Longhorn's eviction flags must not be used here ("" where they are safe).

        1.7.0 to 1.8.1 and 1.9.0 take a copy away under a running replica; 1.7.0 to 1.7.3 and 1.8.0
        also crash the manager of the evicted node. Sources: longhorn-manager
        controller/backing_image_controller.go v1.8.2, v1.9.1; controller/node_controller.go v1.7.4.
        """
        version = self.version
        if Version(1, 7) <= version <= Version(1, 7, 3) or version == Version(1, 8, 0):
            return (
                f"Longhorn {version} crashes the manager of an evicted node and takes copies from "
                "running replicas"
            )
        if Version(1, 7) <= version < Version(1, 8, 2) or version == Version(1, 9, 0):
            return (
                f"Longhorn {version} takes an image's copy away under running replicas while it "
                "evicts"
            )
        return ""


def escape(part: str) -> str:
    """One part of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def detect(
    version: str,
    image_specs: Iterable[Mapping[str, Any]],
    served: Iterable[str] | None = None,
    *,
    only_look: bool = False,
) -> Schema:
    """Find the live map.

    version: value of settings.longhorn.io/current-longhorn-version.
    image_specs: the raw spec of every image.
    served: names of the spec properties in the served CRD, or None where it may not be read.
    only_look: where objects and version contradict each other, say so in the schema's `hazard`.
    Raises UnsupportedLonghorn when the version is outside 1.5 to 1.12, or when the objects
    contradict it.
    """
    release = Version.parse(version)
    if not OLDEST <= (release.major, release.minor) <= NEWEST:
        raise UnsupportedLonghorn(
            f"Longhorn {release} is not supported: this collection knows 1.{OLDEST[1]} to "
            f"1.{NEWEST[1]}. "
            "Use a release of the collection that knows it; nothing was changed."
        )
    expected = NEW_MAP if release >= Version(1, 7) else OLD_MAP
    properties = set(served) if served is not None else None
    if properties is not None and expected not in properties:
        if only_look:
            return Schema(release, OLD_MAP, f"the schema has no spec.{expected} of {release}")
        raise UnsupportedLonghorn(
            f"Longhorn says it is {release}, but its BackingImage schema has no spec.{expected}. "
            "Finish the upgrade (or its roll-back), then run again; nothing was changed."
        )
    keyed = {name for spec in image_specs for name in (OLD_MAP, NEW_MAP) if spec.get(name)}
    upgraded = expected == OLD_MAP and (
        NEW_MAP in keyed or (properties is not None and NEW_MAP in properties)
    )
    if upgraded and only_look:
        return Schema(release, NEW_MAP if NEW_MAP in keyed else OLD_MAP, _half_done(release))
    if upgraded:
        raise UnsupportedLonghorn(
            f"Longhorn says it is {release}, but its images already have spec.{NEW_MAP} of 1.7 "
            "and later: "
            "an upgrade is going on. Finish it, then run again; nothing was changed."
        )
    return Schema(version=release, map_field=expected)


def _half_done(release: Version) -> str:
    return f"Longhorn says it is {release}, but spec.{NEW_MAP} of 1.7 is there already"
