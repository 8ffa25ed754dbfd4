# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be true after a job: each check returns the sentences that say what is not."""

from __future__ import annotations

from tests.observer.api import LONGHORN, NAMESPACE, Api
from tests.observer.view import Image, View

NOTE = "longhorn.nodecare.dev/"


def whole(view: View, name: str) -> list[str]:
    """An image has as many proven copies as it wants (at most one per disk)."""
    image = view.images.get(name)
    if image is None:
        return [f"{name}: there is no such image"]
    wanted = max(image.minimum, sum(copy.wanted for copy in image.copies))
    proven = len(image.proven())
    if proven >= wanted:
        return []
    return [f"{name}: {proven} of {wanted} copies proven ({_states(image)})"]


def lost(view: View, name: str) -> list[str]:
    """No copy of an image is proven and no file of it is left."""
    image = view.images.get(name)
    if image is None:
        return [f"{name}: there is no such image"]
    return [
        f"{name}: there is still a copy on {copy.disk.node}/{copy.disk.name}"
        for copy in image.copies
        if copy.proven or copy.file is not None
    ]


def spread(view: View, name: str, nodes: int, without: str = "") -> list[str]:
    """An image has proven copies on so many distinct nodes, one node not counted."""
    image = view.images.get(name)
    if image is None:
        return [f"{name}: there is no such image"]
    found = {copy.disk.node for copy in image.proven()} - {without}
    if len(found) >= nodes:
        return []
    return [f"{name}: proven copies on {len(found)} of {nodes} nodes ({_states(image)})"]


def safe_without(view: View, node: str) -> list[str]:
    """Every image has a proven copy on another node."""
    return [
        f"{image.name}: no proven copy outside {node} ({_states(image)})"
        for image in view.images.values()
        if all(copy.disk.node == node for copy in image.proven())
    ]


def cordoned(api: Api, node: str) -> list[str]:
    """The Kubernetes node takes no new pods. Raises Refused where it is absent."""
    spec = api.get(f"/api/v1/nodes/{node}")["spec"]
    return [] if spec.get("unschedulable") else [f"{node}: not cordoned"]


def empty(view: View, node: str) -> list[str]:
    """Nothing of value is on a node: no replica, no key of a map, no file of an image."""
    uuids = {disk.uuid for disk in view.disks.values() if disk.node == node}
    found = [
        f"replica {replica['metadata']['name']} is on {node}"
        for replica in view.replicas
        if replica["spec"].get("nodeID") == node or replica["spec"].get("diskID") in uuids
    ]
    for image in view.images.values():
        for copy in image.copies:
            place = f"{copy.disk.node}/{copy.disk.name}"
            if copy.disk.node == node and copy.wanted:
                found.append(f"{image.name}: the map still names {place}")
            if copy.disk.node == node and copy.file is not None:
                found.append(f"{image.name}: its file is still on {place}")
    return found


def drained(api: Api, view: View, node: str, intent: str) -> list[str]:
    """A node is drained for an intent: reboot, reinstall or remove."""
    found = cordoned(api, node) + safe_without(view, node)
    return found if intent == "reboot" else found + empty(view, node)


def removed(api: Api, view: View, node: str) -> list[str]:
    """Neither Kubernetes nor Longhorn knows the node, and every image is safe without it."""
    core = {item["metadata"]["name"] for item in api.items("/api/v1/nodes")}
    found = [f"{node} is still a Kubernetes node"] if node in core else []
    if node in view.nodes:
        found.append(f"{node} is still a Longhorn node")
    found += [
        f"replica {replica['metadata']['name']} is on {node}"
        for replica in view.replicas
        if replica["spec"].get("nodeID") == node
    ]
    return found + safe_without(view, node)


def evicted(api: Api, view: View, node: str, path: str) -> list[str]:
    """One disk is empty and out of Longhorn; its node is open."""
    spec = api.get(f"{LONGHORN}/nodes/{node}")["spec"]
    name = path.rstrip("/").rpartition("/")[2]
    found = open_node(api, node)
    if any(disk["path"].rstrip("/") == path.rstrip("/") for disk in spec["disks"].values()):
        found.append(f"{path} is still in Longhorn")
    uuids = {
        disk.uuid
        for disk in view.disks.values()
        if disk.node == node and disk.folder is not None and disk.folder.name == name
    }
    if not uuids:
        return [*found, f"{node} has no folder {name}"]
    found += [
        f"replica {replica['metadata']['name']} is on {path}"
        for replica in view.replicas
        if replica["spec"].get("diskID") in uuids
    ]
    for image in view.images.values():
        copies = [copy for copy in image.copies if copy.disk.uuid in uuids]
        found += [f"{image.name}: the map still names {path}" for c in copies if c.wanted]
        found += [f"{image.name}: its file is still on {path}" for c in copies if c.file]
    return found


def returned(api: Api, view: View, node: str, disks: int) -> list[str]:
    """A node is open again with so many Ready, schedulable disks; nothing carries a note."""
    spec = api.get(f"{LONGHORN}/nodes/{node}")["spec"]
    found = open_node(api, node)
    ready = [disk for disk in view.disks.values() if disk.node == node and disk.ready]
    open_disks = [disk for disk in spec["disks"].values() if disk.get("allowScheduling")]
    if len(ready) != disks or len(open_disks) != disks:
        found.append(f"{node}: {len(ready)} of {disks} disks Ready, {len(open_disks)} schedulable")
    kinds = [api.items("/api/v1/nodes")]
    kinds += [api.longhorn(plural) for plural in ("nodes", "backingimages", "volumes")]
    return found + [
        f"{item.get('kind', 'object')} {item['metadata']['name']} has a note"
        for items in kinds
        for item in items
        if any(key.startswith(NOTE) for key in item["metadata"].get("annotations") or {})
    ]


def open_node(api: Api, node: str) -> list[str]:
    """Pods and replicas may come to a node."""
    found = [f"{node}: cordoned"] if not cordoned(api, node) else []
    if not api.get(f"{LONGHORN}/nodes/{node}")["spec"]["allowScheduling"]:
        found.append(f"{node}: closed for new replicas")
    return found


def volumes_healthy(view: View, attached: int = 0) -> list[str]:
    """Every attached volume is healthy, and at least ``attached`` of them are attached."""
    states = {name: volume.get("status") or {} for name, volume in view.volumes.items()}
    found = [
        f"volume {name}: {status.get('robustness')}"
        for name, status in states.items()
        if status.get("state") == "attached" and status.get("robustness") != "healthy"
    ]
    count = sum(status.get("state") == "attached" for status in states.values())
    if count < attached:
        found.append(f"{count} of {attached} volumes are attached")
    return found


def unlocked(api: Api) -> list[str]:
    """No Lease in Longhorn's namespace is held by a maintenance."""
    leases = api.items(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases")
    return [
        f"lease {lease['metadata']['name']} is held by {lease['spec']['holderIdentity']}"
        for lease in leases
        if lease["metadata"]["name"].startswith("nodecare") and lease["spec"].get("holderIdentity")
    ]


def _states(image: Image) -> str:
    if not image.copies:
        return "no copy at all"
    return ", ".join(
        f"{copy.disk.node}/{copy.disk.name} {copy.state or 'not reported'}"
        f"{'' if copy.wanted else ', not in the map'}{'' if copy.whole else ', file not whole'}"
        for copy in image.copies
    )
