# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backing image controller's part in managers: who holds which image (F§2.6)."""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.placement import DiskView, ready_disk
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone, is_terminating, name_of

COMPONENT = "longhorn-backing-image-controller"
BETWEEN_WRITES = (0.02, 0.1)


def handle(world: World, image: Object) -> float:
    """Bring the managers' lists in line with the image's placement map.

    The pass ends where a write meets a conflict that is known of: in so many seconds it succeeds.
    """
    wanted = image["spec"].get(world.profile.map_field) or {}
    if wait := _leave(world, image, set(wanted)):
        return wait
    name = name_of(image)
    for uuid in sorted(wanted, key=lambda u: (world.choices.known_listing(name, u, True), u)):
        if wait := _join(world, image, uuid):
            return wait
    return 0.0


def leave_all(world: World, image: Object) -> None:
    """Take the image out of every manager."""
    _leave(world, image, set())


def _leave(world: World, image: Object, wanted: set[str]) -> float:
    """Take the image out of managers of other disks, and delete managers that are not needed."""
    choices = world.choices
    name = name_of(image)
    current = world.profile.image_of(names.COMPONENT_MANAGER)

    def due(manager: Object) -> float:
        return choices.known_listing(name, manager["spec"].get("diskUUID", ""), False)

    for manager in sorted(world.store.list(names.MANAGERS, names.NAMESPACE), key=due):
        if is_terminating(manager) or not _concerns(manager, name):
            continue
        images = manager["spec"].get("backingImages") or {}
        outdated = manager["spec"].get("image") != current
        stays = manager["spec"].get("diskUUID") in wanted and not outdated
        left = dict(images)
        if not stays or left.get(name) not in (None, image["status"]["uuid"]):
            left.pop(name, None)
        if left != images:
            if wait := due(manager):
                return wait
            _store_images(world, manager, left)
        if outdated or (not left and not stays):
            _delete_soon(world, image, manager)
    return 0.0


def _concerns(manager: Object, name: str) -> bool:
    """An image looks after the managers that list it, and after empty ones."""
    images = manager["spec"].get("backingImages") or {}
    return name in images or not images


def _store_images(world: World, manager: Object, images: dict[str, str]) -> Object:
    new: Object = clone(manager)
    new["spec"]["backingImages"] = images
    return world.store.update(names.MANAGERS, new)


def _delete_soon(world: World, image: Object, manager: Object) -> None:
    """Delete a manager without images, a moment after the write that emptied its list.

    The moment counts: its own controller has begun by then to delete the file, and does so a
    second time (CR gone after 2.1 s: v1.6.4/g1-move-by-hand, v3-all-copies-lost-..).
    """
    name, uid = name_of(manager), manager["metadata"]["uid"]

    def delete() -> None:
        found = world.store.find(names.MANAGERS, names.NAMESPACE, name)
        if found is None or found["metadata"]["uid"] != uid or is_terminating(found):
            return
        world.store.delete(names.MANAGERS, names.NAMESPACE, name)
        spec = found["spec"]
        text = (
            f"deleting unused backing image manager {name} in disk {spec.get('diskUUID')} on node "
            f"{spec.get('nodeID')}"
        )
        world.event(image, COMPONENT, "Delete", text)

    known = world.choices.known_end(manager["spec"].get("diskUUID", ""))
    drawn = world.kernel.rng.uniform(*BETWEEN_WRITES)
    world.kernel.call_later(drawn if known is None else known, delete)


def _join(world: World, image: Object, uuid: str) -> float:
    """Put the image on the list of a disk's manager, which is created where there is none."""
    name, image_uuid = name_of(image), image["status"]["uuid"]
    current = world.profile.image_of(names.COMPONENT_MANAGER)
    for manager in world.store.list(names.MANAGERS, names.NAMESPACE):
        spec = manager["spec"]
        here = spec.get("diskUUID") == uuid and spec.get("image") == current
        if here and not is_terminating(manager):
            images = spec.get("backingImages") or {}
            if images.get(name) != image_uuid:
                if wait := world.choices.known_listing(name, uuid, True):
                    return wait
                _store_images(world, manager, {**images, name: image_uuid})
            return 0.0
    disk = ready_disk(world, uuid)
    if disk is not None:
        _create(world, image, disk)
    return 0.0


def _create(world: World, image: Object, disk: DiskView) -> None:
    name = names.manager_name(world.profile, disk.uuid)
    images = {name_of(image): image["status"]["uuid"]}
    body: Object = {
        "metadata": {
            "name": name,
            "namespace": names.NAMESPACE,
            "labels": names.manager_labels(disk.node_name, disk.uuid),
        },
        "spec": {
            "image": world.profile.image_of(names.COMPONENT_MANAGER),
            "nodeID": disk.node_name,
            "diskUUID": disk.uuid,
            "diskPath": disk.path,
            "backingImages": images,
        },
    }
    world.store.create(names.MANAGERS, body)
    text = (
        f"created default backing image manager {name} in disk {disk.uuid} on node {disk.node_name}"
    )
    world.event(image, COMPONENT, "Create", text)
