# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node pass does to images: cleanup of unused copies, eviction flags (F§2.8, F§7.1)."""

from __future__ import annotations

from tests.simulator.longhorn import image_rules, names
from tests.simulator.longhorn.disk_monitor import evicts
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, name_of

COMPONENT = "longhorn-node-controller"


class ManagerCrash(Exception):
    """The manager process dies of a nil pointer (F§7.1, 1.7.0 to 1.7.3 and 1.8.0)."""


def disk_flags(node: Object) -> dict[str, bool]:
    """Which disks of a node, by UUID, are to be evicted."""
    wanted = node["spec"].get("disks") or {}
    known = node["status"].get("diskStatus") or {}
    flags = {}
    for name in sorted(set(wanted) & set(known)):
        uuid = known[name].get("diskUUID")
        if uuid:
            flags[uuid] = evicts(node, wanted[name])
    return flags


def flag_copies(world: World, node: Object) -> None:
    """Carry the node's eviction flags to the keys of images; nothing without a flag (F§7.1).

    Raises ManagerCrash where the release stumbles over an entry without a key, ApiError where a
    write is refused.
    """
    flags = disk_flags(node)
    if not world.profile.has("file_spec_map") or not any(flags.values()):
        return
    for image in world.store.list(names.IMAGES, names.NAMESPACE):
        _flag_image(world, image, flags)


def _flag_image(world: World, image: Object, flags: dict[str, bool]) -> None:
    field = world.profile.map_field
    entries = (image.get("status") or {}).get("diskFileStatusMap") or {}
    wanted = image["spec"].get(field) or {}
    written = {uuid: world.profile.written_entry(value) for uuid, value in wanted.items()}
    turned = []
    for uuid in sorted(set(entries) & set(flags)):
        if uuid not in written:
            if world.profile.bug("crash_on_stale_entry"):
                raise ManagerCrash(name_of(image))
            continue
        if written[uuid]["evictionRequested"] != flags[uuid]:
            written[uuid]["evictionRequested"] = flags[uuid]
            turned.append(uuid)
    if not turned:
        return
    new: Object = clone(image)
    new["spec"][field] = written
    world.store.update(names.IMAGES, new)
    for uuid in turned:
        reason = "EvictionUserRequested" if flags[uuid] else "EvictionCanceled"
        text = f"Requesting backing image copy on disk {uuid} eviction: {flags[uuid]}"
        world.event(new, COMPONENT, reason, text)


def clean_up(world: World, node: Object) -> None:
    """Remove copies that no replica has used for the cleanup interval (F§2.8)."""
    interval = 60.0 * world.setting_int("backing-image-cleanup-wait-interval")
    disks = disk_flags(node)
    if interval <= 0:
        return
    for image in world.store.list(names.IMAGES, names.NAMESPACE):
        _clean_image(world, image, set(disks), interval)


def _clean_image(world: World, image: Object, disks: set[str], interval: float) -> None:
    status, field = image.get("status") or {}, world.profile.map_field
    noted = status.get("diskLastRefAtMap") or {}
    wanted = dict(image["spec"].get(field) or {})
    due = [
        uuid
        for uuid in sorted(disks & set(wanted) & set(noted))
        if image_rules.seconds_of(noted[uuid]) + interval <= world.kernel.now()
    ]
    if not due:
        return
    source = world.store.find(names.DATA_SOURCES, names.NAMESPACE, name_of(image))
    preparing = source is not None and not source["spec"].get("fileTransferred")
    modern = world.profile.has("file_spec_map")
    if source is None or (preparing and modern):
        return
    minimum = max(1, image["spec"].get("minNumberOfCopies") or 0) if modern else 1
    entries = status.get("diskFileStatusMap") or {}
    for uuid in due:
        if preparing and source["spec"].get("diskUUID") == uuid:
            continue
        if image_rules.cleanable(uuid, wanted, entries, minimum):
            del wanted[uuid]
    if wanted == (image["spec"].get(field) or {}):
        return
    new: Object = clone(image)
    written = world.profile.written_entry
    new["spec"][field] = {uuid: written(value) for uuid, value in wanted.items()}
    world.store.update(names.IMAGES, new)
