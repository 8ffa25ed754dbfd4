# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the node really come back? Only what a living node can make counts.

After a power-off the objects show the values of before for some seconds (with 1.6.4 node and disks
read Ready 0.6 s after the core node). So: an instance manager that runs, with its budget, which
exists only on a node that is open; the backing image manager of each disk running; each copy
`ready` since the return; each disk Ready, and the same disk as before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Disk,
    Replica,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.node_before import (
    NodeBefore,
)

# longhorn-manager monitor/disk_monitor.go, v1.6.4 to v1.12.1: end of the message of a disk.
NO_MOUNT = "cannot find disk config file"
AUTOSCALER = "kubernetes-cluster-autoscaler-enabled"


def returned_at(cluster: Cluster, node: str) -> str:
    """When the core node became Ready last (RFC 3339); "" where nobody noticed it was away."""
    kube_node = cluster.kube_nodes.get(node)
    found = condition(kube_node.conditions, "Ready") if kube_node else None
    return found.since if found is not None and found.true else ""


def not_alive(cluster: Cluster, node: str) -> tuple[str, ...]:
    """What is still missing on the node itself, in words; () when it lives.

    A node that its operator keeps cordoned gets no instance manager, so none is asked for there.
    """
    kube_node = cluster.kube_nodes.get(node)
    if kube_node is None or not kube_node.ready:
        return (f"Kubernetes node {node} is not Ready",)
    longhorn = cluster.nodes.get(node)
    if longhorn is None or not longhorn.ready:
        found = condition(longhorn.conditions, "Ready") if longhorn else None
        told = f" ({found.reason}: {found.message})" if found and found.reason else ""
        return (f"Longhorn node {node} is not Ready{told}",)
    found_missing = [] if kube_node.unschedulable else list(_no_instance_manager(cluster, node))
    for disk in longhorn.disks:
        found_missing += disk_missing(cluster, disk)
    return (*found_missing, *_copies_missing(cluster, node))


def _no_instance_manager(cluster: Cluster, node: str) -> Iterator[str]:
    running = [
        manager.name
        for manager in cluster.instance_managers.values()
        if manager.node == node and manager.state == "running" and not manager.meta.deleting
    ]
    if not running:
        yield f"no instance manager runs on {node}"
    elif not _setting(cluster, AUTOSCALER) and not {b.name for b in cluster.budgets} & set(running):
        yield f"{running[0]} has no budget yet"


def disk_missing(cluster: Cluster, disk: Disk) -> Iterator[str]:
    """What is still missing on one disk of a living node."""
    if not disk.in_spec:
        yield f"Longhorn still forgets disk {disk.label}"
    elif not disk.ready:
        found = condition(disk.conditions, "Ready")
        told = f" ({found.reason}: {found.message})" if found and found.reason else ""
        yield f"disk {disk.label} is not Ready{told}"
    elif any(copy.disk == disk.uuid for i in cluster.images.values() for copy in i.wanted):
        managers = cluster.managers_of_disk.get(disk.uuid, ())
        states = [manager.state for manager in managers if not manager.running]
        if not managers or states:
            state = states[0] or "not started" if states else "not there"
            yield f"the image manager of disk {disk.label} is {state}"


def _copies_missing(cluster: Cluster, node: str) -> Iterator[str]:
    uuids = cluster.disk_uuids(node)
    for image in cluster.images.values():
        for copy in image.wanted:
            if copy.disk in uuids and not image.meta.deleting:
                why = why_stale(cluster, copy, node)
                if why:
                    yield f"image {image.name} on {cluster.disks[copy.disk].label}: {why}"


def why_stale(cluster: Cluster, copy: Copy, node: str) -> str:
    """Empty for a copy of the node that has been `ready` since its return, else what it is."""
    if copy.state != "ready":
        return copy.state or "not reported"
    returned = returned_at(cluster, node)
    if returned and copy.since and copy.since < returned:
        return f"ready since {copy.since}, which is older than the node's return at {returned}"
    return ""


def drifted(cluster: Cluster, node: str, before: NodeBefore) -> tuple[str, ...]:
    """Disks that are not the ones of before though replicas or copies still count on them."""
    found: list[str] = []
    for noted in before.disks:
        disk = next((d for d in cluster.nodes[node].disks if d.name == noted.name), None)
        if disk is None or not disk.in_spec or not noted.uuid:
            continue
        if proven.is_another(disk):
            found.append(
                f"disk {disk.label} at {disk.path} is another one or was wiped: Longhorn knows it "
                f"as {noted.uuid}, and that is not what longhorn-disk.cfg on it says"
            )
        elif disk.uuid and disk.uuid != noted.uuid and _named(cluster, noted.uuid):
            found.append(
                f"disk {disk.label} at {disk.path} has UUID {disk.uuid}; before it was "
                f"{noted.uuid}, which {_named(cluster, noted.uuid)} still count on"
            )
    return tuple(found)


def unmounted(cluster: Cluster, node: str) -> tuple[str, ...]:
    """Paths of disks whose configuration file is missing: most likely a mount."""
    return tuple(
        disk.path
        for disk in cluster.nodes[node].disks
        if any(NO_MOUNT in c.message or c.reason == "NoDiskInfo" for c in disk.conditions)
    )


def _named(cluster: Cluster, uuid: str) -> str:
    replicas = len(cluster.replicas_on_disk.get(uuid, ()))
    images = sum(
        1 for image in cluster.images.values() if any(c.disk == uuid for c in image.wanted)
    )
    return f"{replicas} replicas and {images} images" if replicas or images else ""


def not_whole(cluster: Cluster, node: str, left_out: frozenset[str] = frozenset()) -> list[str]:
    """Attached volumes with a replica on the node that are not whole yet, each with its state."""
    found: list[str] = []
    for name in sorted({r.volume for r in cluster.replicas.values() if r.node == node}):
        volume = cluster.volumes.get(name)
        if volume is None or volume.meta.deleting or name in left_out:
            continue
        why = _why_not_whole(cluster, volume)
        if why:
            found.append(f"volume {name}: {why}")
    return found


def _why_not_whole(cluster: Cluster, volume: Volume) -> str:
    """All replicas running and RW, robustness healthy. A healthy volume no longer needs a failed
    replica (it was replaced while the node was away); one that wants more replicas than can be
    placed never gets healthy, and its own are enough then.
    """
    if volume.state == "detached":
        return ""
    engine = cluster.engine(volume.name)
    modes = engine.modes if engine else {}
    behind = [
        f"{r.name} {_state(r, modes.get(r.name, ''))}"
        for r in cluster.replicas_of_volume.get(volume.name, ())
        if r.node
        and not _replaced(volume, r)
        and (not r.running or r.failed_at or modes.get(r.name) != "RW")
    ]
    told = f"{volume.state} {volume.robustness}"
    if behind:
        return f"{told} ({', '.join(behind)})"
    scheduled = next((c for c in volume.conditions if c.type.lower() == "scheduled"), None)
    unplaced = scheduled is not None and scheduled.status == "False"
    return "" if volume.robustness == "healthy" or unplaced else told


def replaced(cluster: Cluster, node: str) -> list[str]:
    """Volumes that were rebuilt elsewhere while the node was away (longer than
    replica-replenishment-wait-interval, 600 s). Their failed replicas here are Longhorn's to
    remove.
    """
    return sorted(
        replica.volume
        for replica in cluster.replicas.values()
        if replica.node == node
        and replica.volume in cluster.volumes
        and _replaced(cluster.volumes[replica.volume], replica)
    )


def _replaced(volume: Volume, replica: Replica) -> bool:
    return bool(replica.failed_at) and volume.robustness == "healthy"


def _state(replica: Replica, mode: str) -> str:
    return "failed" if replica.failed_at else mode or replica.state or "not started"


def _setting(cluster: Cluster, name: str) -> bool:
    value = cluster.settings.get(name, "")
    try:
        parsed = json.loads(value)
    except ValueError:
        return False
    return parsed is True or (isinstance(parsed, dict) and parsed.get("v1") in (True, "true"))
