# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object of the API, as it is read or watched, tells about retries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    ENTRY,
    POD,
    SOURCE,
    Observation,
)

POD_LABEL = "longhorn.io/backing-image-data-source"


def of_pod(raw: Mapping[str, Any]) -> list[Observation]:
    """The creation of a data source's pod (``backing-image-ds-<name>``); [] for any other pod."""
    metadata = raw["metadata"]
    labels = metadata.get("labels") or {}
    image = str(labels.get(POD_LABEL) or "")
    if not image:
        return []
    owners = metadata.get("ownerReferences") or [{}]
    return [
        Observation(
            moment.seconds(metadata["creationTimestamp"]),
            POD,
            image,
            clock=str(labels.get("longhorn.io/node") or ""),
            uid=str(owners[0].get("uid") or ""),
        )
    ]


def of_source(raw: Mapping[str, Any]) -> list[Observation]:
    """The creation of a data source."""
    metadata = raw["metadata"]
    at = moment.seconds(metadata["creationTimestamp"])
    return [Observation(at, SOURCE, str(metadata["name"]), uid=str(metadata.get("uid") or ""))]


def of_image(raw: Mapping[str, Any]) -> list[Observation]:
    """The last transition of every entry of an image."""
    found: list[Observation] = []
    entries = (raw.get("status") or {}).get("diskFileStatusMap") or {}
    for disk, entry in entries.items():
        since = entry.get("lastStateTransitionTime")
        if since:
            state, message = str(entry.get("state") or ""), str(entry.get("message") or "")
            at = moment.seconds(since)
            name = str(raw["metadata"]["name"])
            found.append(Observation(at, ENTRY, name, disk=disk, state=state, message=message))
    return found
