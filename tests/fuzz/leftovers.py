# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a maintenance that has ended: nothing."""

from __future__ import annotations

from typing import Any

from tests.simulator.kernel import parse_rfc3339
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import Object, name_of

PREFIX = "longhorn.nodecare.dev/"
KINDS = ("nodes", names.NODES, names.IMAGES, names.VOLUMES, names.ATTACHMENTS)
State = dict[str, Any]


def state(cluster: Cluster) -> State:
    """What a maintenance changes and gives back, by the name of what may touch it."""
    store = cluster.store
    found: State = {}
    for volume in store.list(names.VOLUMES):
        found[f"volume {name_of(volume)}"] = volume["spec"]["numberOfReplicas"]
    for image in store.list(names.IMAGES):
        found[f"image {name_of(image)}"] = image["spec"].get("minNumberOfCopies")
    for node in store.list("nodes"):
        found[f"cordon {name_of(node)}"] = bool(node["spec"].get("unschedulable"))
    for node in store.list(names.NODES):
        found[f"node {name_of(node)}"] = _open(node)
    return found


def _open(node: Object) -> State:
    spec = node["spec"]
    disks = [
        {
            key: disk.get(key)
            for key in ("path", "allowScheduling", "evictionRequested", "storageReserved", "tags")
        }
        for disk in (spec.get("disks") or {}).values()
    ]
    return {
        "allowScheduling": spec.get("allowScheduling"),
        "evictionRequested": spec.get("evictionRequested"),
        "tags": spec.get("tags") or [],
        "disks": sorted(disks, key=lambda disk: str(disk["path"])),
    }


def left(cluster: Cluster, before: State, touched: set[str]) -> list[str]:
    """Everything that is not as it was, and was not touched by anybody else."""
    found = []
    after = state(cluster)
    for key, value in before.items():
        if key in after and after[key] != value and key not in touched:
            found.append(f"left behind: {key} {after[key]} instead of {value}")
    store = cluster.store
    for kind in KINDS:
        for obj in store.list(kind):
            notes = obj["metadata"].get("annotations") or {}
            ours = {key: text for key, text in notes.items() if key.startswith(PREFIX)}
            if ours:
                found.append(f"left behind: {kind} {name_of(obj)} {ours}")
    for attachment in store.list(names.ATTACHMENTS):
        if "nodecare" in (attachment["spec"].get("attachmentTickets") or {}):
            found.append(f"left behind: our ticket of {name_of(attachment)}")
    now = store.kernel.now()
    for lease in store.list("leases.coordination.k8s.io", names.NAMESPACE):
        spec = lease["spec"]
        if not name_of(lease).startswith("nodecare") or not spec.get("holderIdentity"):
            continue
        if parse_rfc3339(spec["renewTime"]) + spec["leaseDurationSeconds"] > now:
            found.append(f"left behind: the lock of {spec['holderIdentity']}")
    return found


def hung(cluster: Cluster) -> list[str]:
    """Where the cluster itself stands still though nothing is in the way any more: what a
    maintenance waits for then it waits for in vain.
    """
    found = []
    store = cluster.store
    for volume in store.list(names.VOLUMES):
        tickets = store.get(names.ATTACHMENTS, names.NAMESPACE, name_of(volume))["spec"]
        wanted = bool(tickets.get("attachmentTickets"))
        if wanted != ((volume.get("status") or {}).get("state") == "attached"):
            found.append(f"{name_of(volume)} is {volume['status'].get('state')}")
    for replica in store.list(names.REPLICAS):
        running = (replica.get("status") or {}).get("currentState") == "running"
        if replica["spec"].get("desireState") == "running" and not running:
            found.append(f"{name_of(replica)} does not start")
    for image in store.list(names.IMAGES):
        if image["metadata"].get("deletionTimestamp"):
            found.append(f"{name_of(image)} is being deleted")
        for uuid, entry in ((image.get("status") or {}).get("diskFileStatusMap") or {}).items():
            if uuid in image["spec"].get(cluster.profile.map_field, {}) and (
                entry.get("state") != "ready"
            ):
                found.append(f"{name_of(image)} is {entry.get('state')} on {uuid}")
    for attachment in store.list("volumeattachments.storage.k8s.io"):
        if attachment["metadata"].get("deletionTimestamp"):
            found.append(f"{name_of(attachment)[:12]} is not detached")
    return found
