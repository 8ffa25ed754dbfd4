# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backing image controller's picture of its copies (F§2.3, F§2.5, F§2.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulator.longhorn import names
from tests.simulator.longhorn.image_rules import FileInfo, take_in
from tests.simulator.longhorn.replica_use import disks_in_use
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, is_terminating, name_of


def sync(world: World, image: Object) -> None:
    """Take in what data source and managers report; entries nobody reports are dropped."""
    status = image["status"]
    stamp = world.kernel.timestamp()
    source = world.store.find(names.DATA_SOURCES, names.NAMESPACE, name_of(image))
    preparing = _preparing_disk(source)
    reported: dict[str, FileInfo] = {}
    if source is not None and preparing:
        reported[preparing] = _of_source(source)
    for manager in world.store.list(names.MANAGERS, names.NAMESPACE):
        info = _of_manager(manager, name_of(image), status["uuid"])
        uuid = manager["spec"].get("diskUUID", "")
        if info is not None and uuid not in reported:
            reported[uuid] = info
    entries = status["diskFileStatusMap"]
    for uuid in [uuid for uuid in entries if uuid not in reported]:
        del entries[uuid]
    for uuid, info in sorted(reported.items()):
        take_in(status, uuid, info, stamp)
        if world.profile.has("data_engine"):
            entries[uuid]["dataEngine"] = "v1"


def _preparing_disk(source: Object | None) -> str:
    """The disk on which the first file is still being prepared; its manager is not asked."""
    if source is None:
        return ""
    if (source.get("status") or {}).get("currentState", "") == names.READY:
        return ""
    return str(source["spec"].get("diskUUID", ""))


def _of_source(source: Object) -> FileInfo:
    status: Mapping[str, Any] = source.get("status") or {}
    return FileInfo(
        state=status.get("currentState") or "",
        progress=status.get("progress") or 0,
        message=status.get("message") or "",
        checksum=status.get("checksum") or "",
        size=status.get("size") or 0,
        virtual_size=0,
        real_size=0,
        first_file=True,
    )


def _of_manager(manager: Object, image: str, uuid: str) -> FileInfo | None:
    if is_terminating(manager):
        return None
    files = (manager.get("status") or {}).get("backingImageFileMap") or {}
    file: Mapping[str, Any] | None = files.get(image)
    if file is None or file.get("uuid") != uuid:
        return None
    return FileInfo(
        state=file.get("state") or "",
        progress=file.get("progress") or 0,
        message=file.get("message") or "",
        checksum=file.get("currentChecksum") or "",
        size=file.get("size") or 0,
        virtual_size=file.get("virtualSize") or 0,
        real_size=file.get("realSize") or 0,
        first_file=False,
    )


def note_references(world: World, image: Object) -> None:
    """Keep, per key, since when no replica uses the disk's copy (F§2.8)."""
    wanted = image["spec"].get(world.profile.map_field) or {}
    used = disks_in_use(world.store, name_of(image))
    noted = image["status"]["diskLastRefAtMap"]
    for uuid in [uuid for uuid in noted if uuid not in wanted or uuid in used]:
        del noted[uuid]
    for uuid in wanted:
        if uuid not in used:
            noted.setdefault(uuid, world.kernel.timestamp())
