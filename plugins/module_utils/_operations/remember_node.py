# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the first change: note what cannot be read back, and close the node for new things.

The notes are annotations on the Longhorn node and on the images; they are written once and never
overwritten by a later run, so that the values are those from before the maintenance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    image_needs,
    map_entries,
    memory,
    minimum,
    moved,
    parse,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import Step
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Schema, escape
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import lower_minimums
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Work,
    spec_of,
)

DISK_FIELDS = (
    "path",
    "diskType",
    "diskDriver",
    "allowScheduling",
    "evictionRequested",
    "storageReserved",
    "tags",
)


def remember(work: Work, cluster: Cluster, request: Request) -> list[str]:
    """Write the notes that are missing; returns what was changed, in words."""
    scope = request.scope
    cordoned = cluster.kube_nodes[request.node].unschedulable
    close = bool(scope.disk) or replica_moves.closes_node(cluster, scope, request.intent)
    here = moved.held(cluster, scope)
    changed: list[str] = []

    def node_ops(raw: Object) -> Ops | None:
        if scope.disk:
            return _disk_ops(raw, scope, here)
        return _node_ops(raw, request, cordoned, close, here)

    work.where = f"Nothing of {scope.label} has been moved."
    work.irreversible()
    if work.patch(kinds.LONGHORN_NODES, request.node, node_ops) is not None:
        closed = ", closed for new replicas" if close else ""
        what = "disk" if scope.disk else "node"
        changed.append(f"{what} {scope.label}: earlier values noted{closed}")
    given_back = lower_minimums.give_back(work, _lowered(cluster, request))
    if given_back:
        changed.append(f"{given_back} images: minNumberOfCopies set back")
    names = _images_to_note(cluster, request)

    def note_image(name: str) -> bool:
        written = work.patch(
            kinds.BACKING_IMAGES, name, lambda raw: image_note(raw, cluster.schema, scope)
        )
        return written is not None

    noted = sum(work.in_parallel(note_image, names))
    if noted:
        changed.append(f"{noted} images: their placement maps noted")
    return changed


def pending(cluster: Cluster, request: Request) -> bool:
    """Whether `remember` has anything to write."""
    meta = cluster.nodes[request.node].meta
    if request.disk:
        noted = request.disk in memory.before(meta, memory.DISKS_BEFORE)
    else:
        noted = memory.before(meta).get("intent") == request.intent.value
    close = will_close(cluster, request)
    images = _images_to_note(cluster, request) or _lowered(cluster, request)
    return not noted or close or bool(images)


def _lowered(cluster: Cluster, request: Request) -> list[str]:
    """Images whose minNumberOfCopies was lowered for a reboot that became something else."""
    if not request.intent.leaves:
        return []
    return [
        name
        for name, image in sorted(cluster.images.items())
        if minimum.noted_number(memory.before(image.meta))
        and request.scope.marks(memory.before(image.meta))
    ]


def will_close(cluster: Cluster, request: Request) -> bool:
    """Whether the node, or the disk, is open and must not be while replicas move."""
    node = cluster.nodes[request.node]
    if request.disk:
        return any(disk.uuid == request.disk and disk.allow_scheduling for disk in node.disks)
    closes = replica_moves.closes_node(cluster, request.scope, request.intent)
    return node.allow_scheduling and closes


def reopen(work: Work, request: Request) -> bool:
    """After a reboot's replicas are safe: give the scheduling back that was only closed for
    them.
    """

    def decide(raw: Object) -> Ops | None:
        was_open = memory.before(parse.meta(raw)).get("allowScheduling") is True
        if spec_of(raw).get("allowScheduling") or not was_open:
            return None
        return [{"op": "replace", "path": "/spec/allowScheduling", "value": True}]

    return work.patch(kinds.LONGHORN_NODES, request.node, decide) is not None


def broken_images(cluster: Cluster) -> list[str]:
    """Images with a map entry that lacks what this version needs."""
    return sorted(
        name
        for name, image in cluster.images.items()
        if any(not copy.complete for copy in image.wanted)
    )


def repair_entries(work: Work, cluster: Cluster) -> list[str]:
    """Write every map entry in full that has no dataEngine; returns the images repaired."""

    def repair(name: str) -> bool:
        written = work.patch(
            kinds.BACKING_IMAGES,
            name,
            lambda raw: map_entries.repair(spec_of(raw), cluster.schema) or None,
        )
        return written is not None

    broken = broken_images(cluster)
    written = work.in_parallel(repair, broken)
    return [name for name, did in zip(broken, written, strict=True) if did]


def _node_ops(
    raw: Object, request: Request, cordoned: bool, close: bool, here: dict[str, Any]
) -> Ops | None:
    spec, identity = spec_of(raw), parse.meta(raw)
    noted = memory.before(identity)
    ops: Ops = []
    if noted.get("intent") != request.intent.value:
        before = noted or {**_values(raw, cordoned), **here}
        ops += memory.note(identity, {**before, "intent": request.intent.value})
    if close and spec.get("allowScheduling"):
        ops.append({"op": "replace", "path": "/spec/allowScheduling", "value": False})
    return ops or None


def _disk_ops(raw: Object, scope: Scope, held: Mapping[str, Any]) -> Ops | None:
    """Note one disk by its UUID, and close it; one write.

    Noted and open means that its operator has taken it into use again himself: what it is now is
    what it was before.
    """
    identity = parse.meta(raw)
    entry = (spec_of(raw).get("disks") or {}).get(scope.name)
    noted = memory.before(identity, memory.DISKS_BEFORE)
    ops: Ops = []
    if entry is None:
        return None
    if scope.disk not in noted or entry.get("allowScheduling"):
        kept = {key: entry[key] for key in DISK_FIELDS if key in entry}
        value = {"name": scope.name, "held": held, **kept}
        ops += memory.note(identity, {**noted, scope.disk: value}, memory.DISKS_BEFORE)
    if entry.get("allowScheduling"):
        path = f"/spec/disks/{escape(scope.name)}/allowScheduling"
        ops.append({"op": "replace", "path": path, "value": False})
    return ops or None


def _values(raw: Object, cordoned: bool) -> dict[str, Any]:
    spec = spec_of(raw)
    seen = (raw.get("status") or {}).get("diskStatus") or {}
    disks = {
        name: {
            **{key: disk[key] for key in DISK_FIELDS if key in disk},
            "uuid": (seen.get(name) or {}).get("diskUUID", ""),
        }
        for name, disk in (spec.get("disks") or {}).items()
    }
    return {
        "allowScheduling": bool(spec.get("allowScheduling")),
        "evictionRequested": bool(spec.get("evictionRequested")),
        "tags": spec.get("tags") or [],
        "unschedulable": cordoned,
        "disks": disks,
    }


def _images_to_note(cluster: Cluster, request: Request) -> list[str]:
    """Images whose map may change until the node is given back: those of volumes that get one more
    replica (its start adds a key by itself), and all that have a copy on the node, because Longhorn
    adds one elsewhere when the node is away for longer than 45 to 52 s.
    """
    names = {image.name for image in image_needs.concerned(cluster, request.scope)}
    for volume in replica_moves.concerned(cluster, request.scope):
        move = replica_moves.decide(cluster, volume, request.scope, request.intent)
        if move.step in (Step.RAISE, Step.ATTACH) and volume.image:
            names.add(volume.image)
    return sorted(
        name
        for name in names
        if name in cluster.images
        and not cluster.images[name].meta.deleting
        and "map" not in memory.before(cluster.images[name].meta)
    )


def image_note(raw: Object, schema: Schema, scope: Scope) -> Ops | None:
    """Note the map as it is, once."""
    identity = parse.meta(raw)
    noted = memory.before(identity)
    if identity.deleting or "map" in noted:
        return None
    value = {"map": spec_of(raw).get(schema.map_field) or {}, **scope.mark()}
    return memory.note(identity, {**noted, **value})
