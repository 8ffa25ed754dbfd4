# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of a first file come from, by source type (F§1.3)."""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.sources import Answer, Content, Sources
from tests.simulator.objects import lookup
from tests.simulator.store import Store

EXPORTED = "volume "
RESTORED = "backup "


def answer_for(store: Store, sources: Sources, image: str) -> Answer:
    """What the data source of an image gets when it begins to fetch."""
    source = store.find(names.DATA_SOURCES, names.NAMESPACE, image)
    if source is None:
        return Answer(error=f"backing image data source {image} not found")
    spec = source["spec"]
    parameters: dict[str, str] = spec.get("parameters") or {}
    kind = spec.get("sourceType", "download")
    if kind == "export-from-volume":
        return _exported(store, parameters)
    if kind == "clone":
        return _cloned(store, sources, parameters)
    if kind == "restore":
        url = parameters.get("backup-url", "")
        return Answer(content=Content(RESTORED + url, 64 << 20, 64 << 20))
    return sources.get(parameters.get("url", ""))


def _exported(store: Store, parameters: dict[str, str]) -> Answer:
    volume = store.find(names.VOLUMES, names.NAMESPACE, parameters.get("volume-name", ""))
    if volume is None:
        return Answer(error=f"volume {parameters.get('volume-name', '')} not found")
    size = int(lookup(volume, "spec.size") or 0)
    name = EXPORTED + parameters.get("volume-name", "")
    return Answer(content=Content(name, size, size))


def _cloned(store: Store, sources: Sources, parameters: dict[str, str]) -> Answer:
    origin = store.find(names.IMAGES, names.NAMESPACE, parameters.get("backing-image", ""))
    if origin is None:
        return Answer(error=f"backing image {parameters.get('backing-image', '')} not found")
    url = lookup(origin, "spec.sourceParameters.url")
    if url and not sources.get(url).error:
        return sources.get(url)
    size = int(lookup(origin, "status.size") or 0)
    virtual = int(lookup(origin, "status.virtualSize") or size)
    return Answer(content=Content(str(origin["metadata"]["name"]), size, virtual))
