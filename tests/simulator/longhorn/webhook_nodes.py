# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission of Longhorn nodes (F§6.4)."""

from __future__ import annotations

from typing import Any

from tests.simulator.admission import CREATE, DELETE, UPDATE, AdmissionRequest
from tests.simulator.longhorn import names, refusals
from tests.simulator.longhorn.conditions import status_of
from tests.simulator.longhorn.webhook_images import add_finalizer
from tests.simulator.longhorn.workers import normal
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, condition, name_of

BYPASS = "longhorn.io/delete-node-from-longhorn"


class NodeAdmission:
    """The hooks of Longhorn nodes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.profile = world.profile

    def register(self) -> None:
        """Put the hooks into the store."""
        admission = self.world.store.admission
        admission.mutating(names.NODES, [CREATE, UPDATE], self.mutate)
        admission.validating(names.NODES, [UPDATE], self.validate_update)
        if self.profile.has("guard_node_delete"):
            admission.validating(names.NODES, [DELETE], self.validate_delete)

    def mutate(self, request: AdmissionRequest) -> None:
        """Sort tags, fill in lists and types."""
        spec = request.obj.setdefault("spec", {})
        spec["tags"] = sorted(set(spec.get("tags") or []))
        spec["disks"] = spec.get("disks") or {}
        for disk in spec["disks"].values():
            disk["tags"] = sorted(set(disk.get("tags") or []))
            disk["diskType"] = disk.get("diskType") or "filesystem"
            if self.profile.has("disk_details") and disk["diskType"] == "block":
                disk["diskDriver"] = disk.get("diskDriver") or "auto"
        if not request.obj["metadata"].get("deletionTimestamp"):
            add_finalizer(request.obj)

    def validate_update(self, request: AdmissionRequest) -> None:
        """The numbered rules of F§6.4."""
        old, new = request.old, request.obj
        if old is None or new["metadata"].get("deletionTimestamp"):
            return
        name, spec = name_of(new), new["spec"]
        if spec.get("evictionRequested") and spec.get("allowScheduling"):
            raise refusals.invalid(
                f"need to disable scheduling on node {name} for node eviction, or cancel eviction "
                "to enable scheduling on this node"
            )
        for disk, entry in sorted(spec["disks"].items()):
            _check_disk(disk, entry, (old["spec"].get("disks") or {}).get(disk))
        changed = old["spec"] != spec
        known = (old.get("status") or {}).get("diskStatus") or {}
        if changed and set(old["spec"].get("disks") or {}) != set(known):
            raise refusals.forbidden(
                f"spec and status of disks on node {name} are being syncing and please retry later."
            )
        self._check_removed(old, new, known)
        self._check_paths(name, spec)

    def _check_removed(self, old: Object, new: Object, known: dict[str, Any]) -> None:
        for disk, entry in sorted((old["spec"].get("disks") or {}).items()):
            if disk in new["spec"]["disks"]:
                continue
            state = known.get(disk) or {}
            if not entry.get("allowScheduling") and not state.get("storageScheduled"):
                continue
            what = "replicas"
            if self.profile.has("scheduled_images"):
                what = "replicas and backing images"
            raise refusals.invalid(
                f"Delete Disk on node {disk} error: Please disable the disk "
                f"{entry.get('path')} and remove all {what} first "
            )

    def _check_paths(self, name: str, spec: Object) -> None:
        if not self.profile.has("unique_disk_paths"):
            return
        paths = [normal(disk.get("path", "")) for disk in spec["disks"].values()]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        if twice:
            raise refusals.invalid(f"duplicate disk paths on node {name}: {', '.join(twice)}")

    def validate_delete(self, request: AdmissionRequest) -> None:
        """1.10+: only a node that is gone for good, and holds nothing (F§6.4)."""
        node = request.obj
        if (node["metadata"].get("annotations") or {}).get(BYPASS) is not None:
            return
        ready = condition(node, "Ready") or {}
        conditions = (node.get("status") or {}).get("conditions")
        replicas = self._count(names.REPLICAS, request.name)
        engines = self._count(names.ENGINES, request.name)
        gone = status_of(conditions, "Ready") != "True" and ready.get("reason") in (
            "KubernetesNodeGone",
            "ManagerPodMissing",
        )
        scheduling = bool(node["spec"].get("allowScheduling"))
        if gone and not scheduling and not replicas and not engines:
            return
        raise refusals.invalid(
            f"could not delete node {request.name} with node ready condition is "
            f"{ready.get('status', '')}, reason is {ready.get('reason', '')}, node schedulable "
            f"{str(scheduling).lower()}, and {replicas} replica, {engines} engine running on it"
        )

    def _count(self, res: str, node: str) -> int:
        found = self.world.store.list(res, names.NAMESPACE)
        return sum(1 for obj in found if obj["spec"].get("nodeID") == node)


def _check_disk(name: str, entry: dict[str, Any], old: dict[str, Any] | None) -> None:
    if entry.get("evictionRequested") and entry.get("allowScheduling"):
        raise refusals.invalid(
            f"need to disable scheduling on disk {name} for disk eviction, or cancel eviction to "
            "enable scheduling on this disk"
        )
    if (entry.get("storageReserved") or 0) < 0:
        raise refusals.invalid(
            f"The storageReserved setting of disk {name} is not valid, should be positive and no "
            "more than storageMaximum and storageAvailable"
        )
    if old is not None and old.get("diskType", "filesystem") != entry.get("diskType"):
        raise refusals.invalid(
            f"Update disk on node {name} error: The disk {name} type is not allow to change"
        )
