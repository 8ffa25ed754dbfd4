# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn nodes for a person or a playbook: disks, conditions, space, and what they hold."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

KINDS = (kinds.BACKING_IMAGES, kinds.REPLICAS, kinds.LONGHORN_NODES, kinds.NODES)


def show(work: Work, name: str | None) -> dict[str, Any]:
    """All nodes, or one. Raises Failure for a node that Longhorn does not know."""
    cluster = read_cluster(work.client, work.longhorn, KINDS)
    if name and name not in cluster.nodes:
        raise Failure(
            f"Longhorn manages no node {name}. It manages: {names(sorted(cluster.nodes), 20)}."
        )
    images: dict[str, list[str]] = {}
    for image in cluster.images.values():
        for copy in image.wanted:
            images.setdefault(copy.disk, []).append(image.name)
    maintenance = proven.under_maintenance(cluster)
    chosen = [cluster.nodes[name]] if name else [cluster.nodes[n] for n in sorted(cluster.nodes)]
    return {
        "nodes": [_node(cluster, node, images, node.name in maintenance) for node in chosen],
        "longhorn_version": str(cluster.schema.version),
    }


def _node(
    cluster: Cluster, node: Node, images: dict[str, list[str]], maintenance: bool
) -> dict[str, Any]:
    kube_node = cluster.kube_nodes.get(node.name)
    disks = [_disk(cluster, disk, images) for disk in node.disks]
    return {
        "name": node.name,
        "ready": node.ready and kube_node is not None and kube_node.ready,
        "schedulable": node.schedulable,
        "cordoned": kube_node is not None and kube_node.unschedulable,
        "allow_scheduling": node.allow_scheduling,
        "eviction_requested": node.eviction_requested,
        "under_maintenance": maintenance,
        "zone": node.zone,
        "region": node.region,
        "tags": list(node.tags),
        "copies": sum(len(disk["copies"]) for disk in disks),
        "replicas": sum(1 for r in cluster.replicas.values() if r.node == node.name),
        "disks": disks,
        "conditions": [
            {"type": c.type, "status": c.status, "reason": c.reason, "message": c.message}
            for c in node.conditions
        ],
    }


def _disk(cluster: Cluster, disk: Disk, images: dict[str, list[str]]) -> dict[str, Any]:
    replicas = cluster.replicas_on_disk.get(disk.uuid, ()) if disk.uuid else ()
    return {
        "name": disk.name,
        "uuid": disk.uuid,
        "path": disk.path,
        "type": disk.kind,
        "ready": disk.ready,
        "schedulable": disk.schedulable,
        "allow_scheduling": disk.allow_scheduling,
        "eviction_requested": disk.eviction_requested,
        "tags": list(disk.tags),
        "storage_maximum": disk.storage_maximum,
        "storage_available": disk.storage_available,
        "storage_reserved": disk.storage_reserved,
        "storage_scheduled": disk.storage_scheduled,
        "copies": sorted(images.get(disk.uuid, ())) if disk.uuid else [],
        "replicas": sorted(replica.name for replica in replicas),
        "conditions": [
            {"type": c.type, "status": c.status, "reason": c.reason, "message": c.message}
            for c in disk.conditions
        ],
    }
