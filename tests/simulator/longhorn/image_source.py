# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backing image controller's part in the first file: making, moving and turning over its
data source (F§2.2, F§2.4, F§2.7).
"""

from __future__ import annotations

from typing import Protocol

from tests.simulator import errors
from tests.simulator.errors import ApiError
from tests.simulator.longhorn import image_rules, names
from tests.simulator.longhorn.placement import DiskView, candidates, disks, ready_disk, serves
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, name_of, owner_reference

FIRST_FILE = "first file"


class NoDisk(ApiError):
    """The picker found no disk: the pass fails and is repeated."""

    def __init__(self) -> None:
        super().__init__(500, "NoDisk", "unable to get a ready node disk")


class ImageSide(Protocol):
    """What is needed of the controller."""

    world: World


def handle(side: ImageSide, image: Object) -> None:
    """Make sure that the image has a data source that stands for its state.

    Raises NoDisk where no disk can be had; nothing is written then.
    """
    world = side.world
    name = name_of(image)
    source = world.store.find(names.DATA_SOURCES, names.NAMESPACE, name)
    if source is None:
        _create(side, image)
        return
    new: Object = clone(source)
    _turn_over(world, image, new)
    spec = new["spec"]
    if not spec.get("fileTransferred"):
        place = (spec.get("nodeID", ""), spec.get("diskPath", ""))
        if not serves(world, spec.get("diskUUID", ""), *place):
            _put_on(new, _picked(side, image))
    if new != source:
        world.store.update(names.DATA_SOURCES, new)


def _turn_over(world: World, image: Object, source: Object) -> None:
    """Mark the first file as taken over, or start again when every copy is lost; in place."""
    spec, status = source["spec"], source.get("status") or {}
    entries = image["status"]["diskFileStatusMap"]
    if not spec.get("fileTransferred"):
        own = entries.get(spec.get("diskUUID", ""), {})
        if status.get("currentState") == names.READY and own.get("state") == names.READY:
            spec["fileTransferred"] = True
        return
    keys = image["spec"].get(world.profile.map_field) or {}
    wait = world.setting_int("backing-image-recovery-wait-interval")
    if not image_rules.all_unavailable(keys, entries, wait, world.kernel.now()):
        return
    if spec.get("sourceType") == "download":
        spec.update(fileTransferred=False, nodeID="", diskUUID="", diskPath="")


def _create(side: ImageSide, image: Object) -> None:
    world = side.world
    disk, transferred = _for_new(side, image)
    spec = {
        "nodeID": disk.node_name,
        "uuid": image["status"]["uuid"],
        "diskUUID": disk.uuid,
        "diskPath": disk.path,
        "checksum": image["spec"].get("checksum", ""),
        "sourceType": image["spec"].get("sourceType", ""),
        "parameters": dict(image["spec"].get("sourceParameters") or {}),
        "fileTransferred": transferred,
    }
    metadata: Object = {
        "name": name_of(image),
        "namespace": names.NAMESPACE,
        "ownerReferences": [owner_reference(image)],
    }
    volume = spec["parameters"].get("volume-name")
    if spec["sourceType"] == "export-from-volume" and volume:
        metadata["labels"] = {names.LABEL_EXPORT: volume}
    try:
        world.store.create(names.DATA_SOURCES, {"metadata": metadata, "spec": spec})
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
        resource = world.store.registry.get(names.DATA_SOURCES)
        raise errors.conflict(resource, name_of(image)) from error


def _for_new(side: ImageSide, image: Object) -> tuple[DiskView, bool]:
    """Disk of a new data source, and whether a ready copy there makes a transfer needless."""
    world = side.world
    wanted = image["spec"].get(world.profile.map_field) or {}
    entries = image["status"]["diskFileStatusMap"]
    ready = [disk for uuid in wanted if (disk := ready_disk(world, uuid)) is not None]
    whole = [d for d in ready if entries.get(d.uuid, {}).get("state") == names.READY]
    if whole:
        return _choose(side, image, whole), True
    if ready:
        return _choose(side, image, ready), False
    return _picked(side, image), False


def _choose(side: ImageSide, image: Object, found: list[DiskView]) -> DiskView:
    uuids = sorted(disk.uuid for disk in found)
    uuid = side.world.choices.pick(FIRST_FILE, name_of(image), uuids)
    return next(disk for disk in found if disk.uuid == uuid)


def _picked(side: ImageSide, image: Object) -> DiskView:
    found = candidates(side.world, image)
    if image["spec"].get("sourceType") == "clone" and found:
        found = _with_origin(side.world, image) or found
    if not found:
        raise NoDisk
    uuid = side.world.choices.pick(FIRST_FILE, name_of(image), found)
    return next(disk for disk in disks(side.world) if disk.uuid == uuid)


def _with_origin(world: World, image: Object) -> list[str]:
    """Ready disks with a ready copy of the image that is to be cloned."""
    parameters = image["spec"].get("sourceParameters") or {}
    origin = world.store.find(names.IMAGES, names.NAMESPACE, parameters.get("backing-image", ""))
    entries = ((origin or {}).get("status") or {}).get("diskFileStatusMap") or {}
    ready = [uuid for uuid, entry in entries.items() if entry.get("state") == names.READY]
    return sorted(uuid for uuid in ready if ready_disk(world, uuid) is not None)


def _put_on(source: Object, disk: DiskView) -> None:
    source["spec"].update(nodeID=disk.node_name, diskUUID=disk.uuid, diskPath=disk.path)
