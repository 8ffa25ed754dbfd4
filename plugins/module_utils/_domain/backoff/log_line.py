# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what Longhorn's managers log about retries (logrus text)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    LOG_DOWNLOAD,
    LOG_SYNC,
    Observation,
)

_FIELD = re.compile(r'(?<!\S)(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
# Message -> what it means, and the field that names the image (controller/
# backing_image_data_source_controller.go and backing_image_manager_controller.go, 1.5 to 1.12).
_MESSAGES = {
    "Creating backing image data source pod": (LOG_DOWNLOAD, "backingImageDataSource"),
    "Requesting syncing backing image": (LOG_SYNC, "backingImage"),
}


def fields(line: str) -> dict[str, str]:
    """The ``key=value`` pairs of a line; the first of a name counts."""
    found: dict[str, str] = {}
    for key, value in _FIELD.findall(line):
        plain = value[1:-1] if value.startswith('"') and value.endswith('"') else value
        found.setdefault(key, plain)
    return found


def observe(line: str, manager: str = "") -> Observation | None:
    """The attempt a line tells of, or None. *manager* names the pod where the line does not name
    its node. A line cut off by rotation, or without a readable time, tells nothing.
    """
    if not any(message in line for message in _MESSAGES):
        return None
    found = fields(line)
    kind, name_field = _MESSAGES.get(found.get("msg", ""), ("", ""))
    image = found.get(name_field, "")
    if not kind or not image:
        return None
    try:
        at = moment.seconds(found.get("time", ""))
    except ValueError:
        return None
    disk = found.get("diskUUID", "") if kind == LOG_SYNC else ""
    return Observation(at, kind, image, disk=disk, clock=found.get("node") or manager)


def observe_all(lines: Iterable[str], manager: str = "") -> list[Observation]:
    """The attempts that these lines tell of."""
    return [seen for line in lines if (seen := observe(line, manager)) is not None]
