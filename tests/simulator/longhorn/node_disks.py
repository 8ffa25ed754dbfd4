# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node pass makes of its disks (F§6.1, F§6.3)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.simulator.longhorn import names
from tests.simulator.longhorn.conditions import set_condition, status_of
from tests.simulator.longhorn.disk_monitor import DiskSight, Sights
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, lookup, name_of


def refresh(world: World, node: Object, sights: Sights) -> None:
    """Bring status.diskStatus in line with the last look at the disks, in place."""
    wanted = node["spec"].get("disks") or {}
    old = node["status"].get("diskStatus") or {}
    known = {name: old.get(name) or _new(world) for name in sorted(wanted)}
    node["status"]["diskStatus"] = known
    twins = Counter(sight.filesystem for sight in sights.values() if sight.filesystem)
    for name, entry in known.items():
        _one(world, node, name, entry, sights[name], twins)


def mark_unready(world: World, node: Object, stamp: str) -> None:
    """1.11+: another manager marks the disks of a node that is not ready, in place."""
    for entry in (node["status"].get("diskStatus") or {}).values():
        text = f"Node {name_of(node)} is not ready"
        for kind in ("Ready", "Schedulable"):
            set_condition(entry["conditions"], kind, False, stamp, "NodeNotReady", text)


def _new(world: World) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "conditions": [],
        "diskUUID": "",
        "diskType": "filesystem",
        "filesystemType": "ext2/ext3",
        "scheduledReplica": {},
        "storageMaximum": 0,
        "storageAvailable": 0,
        "storageScheduled": 0,
    }
    if world.profile.has("scheduled_images"):
        entry["scheduledBackingImage"] = {}
    return entry


def _one(
    world: World,
    node: Object,
    name: str,
    entry: dict[str, Any],
    sight: DiskSight,
    twins: Counter[str],
) -> None:
    spec = node["spec"]["disks"][name]
    stamp = world.kernel.timestamp()
    what = f"Disk {name}({spec.get('path')}) on node {name_of(node)}"
    entry["diskType"] = spec.get("diskType", "filesystem")
    if world.profile.has("disk_details"):
        entry.update(diskName=name, diskPath=spec.get("path", ""))
        entry["diskDriver"] = spec.get("diskDriver", "")
        entry.setdefault("instanceManagerName", "")
    problem = _problem(entry, sight, twins)
    if problem is not None:
        reason, text = problem
        message = f"{what} is not ready: {text}"
        set_condition(entry["conditions"], "Ready", False, stamp, reason, message)
        entry.update(storageScheduled=0, scheduledReplica={})
        text = f"the disk {name}({spec.get('path')}) on the node {name_of(node)} is not ready"
        set_condition(entry["conditions"], "Schedulable", False, stamp, "DiskNotReady", text)
        return
    entry["diskUUID"] = sight.uuid
    entry.update(storageMaximum=sight.maximum, storageAvailable=sight.available)
    set_condition(entry["conditions"], "Ready", True, stamp, "", f"{what} is ready")
    _count(world, entry)
    _schedulable(world, entry, spec, what, stamp)


def _problem(
    entry: dict[str, Any], sight: DiskSight, twins: Counter[str]
) -> tuple[str, str] | None:
    recorded = entry.get("diskUUID") or ""
    if sight.problem:
        return ("DiskFilesystemChanged" if recorded else "NoDiskInfo", sight.problem)
    if recorded and recorded != sight.uuid:
        return ("DiskFilesystemChanged", "record diskUUID doesn't match the one on the disk")
    ready = status_of(entry["conditions"], "Ready") == "True"
    if twins[sight.filesystem] > 1 and not ready:
        text = f"disk has same file system ID {sight.filesystem} as other disks"
        return ("DiskFilesystemChanged", text)
    return None


def _count(world: World, entry: dict[str, Any]) -> None:
    """Who is on the disk; lags behind the objects by one node sync (procedures.md 0.5)."""
    uuid = entry["diskUUID"]
    replicas = {
        name_of(replica): int(replica["spec"].get("volumeSize") or 0)
        for replica in world.store.list(names.REPLICAS, names.NAMESPACE)
        if replica["spec"].get("diskID") == uuid
    }
    entry["scheduledReplica"] = replicas
    scheduled = sum(replicas.values())
    if world.profile.has("scheduled_images"):
        field = world.profile.map_field
        images = {
            name_of(image): int(lookup(image, "status.realSize") or 0)
            for image in world.store.list(names.IMAGES, names.NAMESPACE)
            if uuid in (image["spec"].get(field) or {})
        }
        entry["scheduledBackingImage"] = images
        scheduled += sum(images.values())
    entry["storageScheduled"] = scheduled


def _schedulable(
    world: World, entry: dict[str, Any], spec: dict[str, Any], what: str, stamp: str
) -> None:
    least = entry["storageMaximum"] * world.setting_int("storage-minimal-available-percentage")
    over = world.setting_int("storage-over-provisioning-percentage")
    room = (entry["storageMaximum"] - (spec.get("storageReserved") or 0)) * over
    enough = entry["storageAvailable"] * 100 > least
    if enough and entry["storageScheduled"] * 100 <= room:
        set_condition(entry["conditions"], "Schedulable", True, stamp, "", f"{what} is schedulable")
        return
    text = f"{what} has {entry['storageAvailable']} available, but requires reserved"
    set_condition(entry["conditions"], "Schedulable", False, stamp, "DiskPressure", text)
