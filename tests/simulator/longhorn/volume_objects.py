# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects Longhorn makes for a volume: attachment, engine, replicas."""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.volume_scene import LABEL_DISK, LABEL_NODE, labels_for
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, name_of, owner_reference

#: rebuildRetryCount of a replica made for a running volume: none is to be reused (rec: */v6-..).
NO_REUSE = 5


def _of(volume: Object, kind: str, name: str, spec: Object, labels: dict[str, str]) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": names.NAMESPACE,
            "labels": labels,
            "finalizers": [names.FINALIZER],
            "ownerReferences": [owner_reference(volume, controller=False)],
        },
        "spec": spec,
    }


def suffix(world: World) -> str:
    """8 hexadecimal characters."""
    return f"{world.kernel.rng.getrandbits(32):08x}"


def attachment(volume: Object) -> Object:
    """The VolumeAttachment of a volume."""
    spec = {"volume": name_of(volume), "attachmentTickets": {}}
    labels = {"longhornvolume": name_of(volume)}
    return _of(volume, "VolumeAttachment", name_of(volume), spec, labels)


def engine(world: World, volume: Object) -> Object:
    """The engine of a volume, stopped."""
    name = name_of(volume)
    spec = _instance_spec(world, volume) | {
        "disableFrontend": False,
        "frontend": volume["spec"].get("frontend", ""),
        "replicaAddressMap": {},
    }
    return _of(volume, "Engine", f"{name}-e-0", spec, labels_for(name))


def replica(world: World, volume: Object, retry: int) -> Object:
    """A replica that has no place yet; ``retry`` is its rebuildRetryCount."""
    name, image = name_of(volume), volume["spec"].get("backingImage") or ""
    spec = _instance_spec(world, volume) | {
        "backingImage": image,
        "dataDirectoryName": "",
        "diskID": "",
        "diskPath": "",
        "engineName": f"{name}-e-0",
        "evictionRequested": False,
        "failedAt": "",
        "hardNodeAffinity": "",
        "healthyAt": "",
        "nodeID": "",
        "rebuildRetryCount": retry,
    }
    labels = labels_for(name, disk="")
    if image:
        labels[names.LABEL_IMAGE] = image
    return _of(volume, "Replica", f"{name}-r-{suffix(world)}", spec, labels)


def settle(world: World, made: Object, place: tuple[str, str, str]) -> None:
    """Give a replica its node and disk, in place."""
    node, disk, path = place
    spec, labels = made["spec"], made["metadata"]["labels"]
    spec.update(nodeID=node, diskID=disk, diskPath=path)
    spec["dataDirectoryName"] = f"{spec['volumeName']}-{suffix(world)}"
    labels.update({LABEL_NODE: node, LABEL_DISK: disk})


def _instance_spec(world: World, volume: Object) -> Object:
    spec: Object = {
        "active": True,
        "desireState": "stopped",
        "volumeName": name_of(volume),
        "volumeSize": volume["spec"].get("size", "0"),
        "nodeID": "",
        "logRequested": False,
        "salvageRequested": False,
        "revisionCounterDisabled": False,
    }
    image = world.profile.image_of("longhorn-engine")
    if "image" in volume["spec"] or world.profile.has("restore_source"):
        spec["image"] = image
        spec["dataEngine"] = volume["spec"].get("dataEngine") or "v1"
    else:
        spec["engineImage"] = image
    return spec
