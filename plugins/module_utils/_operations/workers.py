# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's nodes as machines to log in to: address, zone, readiness, and the disks they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
    read_cluster,
)


def read_workers(client: Client, address_types: Sequence[str]) -> list[dict[str, Any]]:
    """All nodes that Longhorn manages, by name.

    ``address`` is the first that the core Node has of *address_types*, in their order, "" where it
    has none. Raises NoLonghorn, Unsupported, or what the API answers.
    """
    longhorn = find_longhorn(client)
    cluster = read_cluster(client, longhorn, (kinds.LONGHORN_NODES, kinds.NODES))
    addresses = dict(client.list(kinds.NODES, _addresses).items)
    return [
        _worker(cluster, cluster.nodes[name], _first(addresses.get(name, ()), address_types))
        for name in sorted(cluster.nodes)
    ]


def _addresses(raw: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    entries = (raw.get("status") or {}).get("addresses") or []
    found = [(str(e.get("type", "")), str(e.get("address", ""))) for e in entries]
    return str(raw["metadata"]["name"]), found


def _first(addresses: Sequence[tuple[str, str]], types: Sequence[str]) -> str:
    for wanted in types:
        for kind, address in addresses:
            if kind == wanted and address:
                return address
    return ""


def _worker(cluster: Cluster, node: Node, address: str) -> dict[str, Any]:
    kube_node = cluster.kube_nodes.get(node.name)
    return {
        "name": node.name,
        "address": address,
        "ready": node.ready and kube_node is not None and kube_node.ready,
        "schedulable": node.schedulable,
        "cordoned": kube_node is not None and kube_node.unschedulable,
        "zone": node.zone,
        "region": node.region,
        "tags": list(node.tags),
        "version": str(cluster.schema.version),
        "disks": [_disk(disk) for disk in node.disks],
    }


def _disk(disk: Disk) -> dict[str, Any]:
    return {
        "name": disk.name,
        "uuid": disk.uuid,
        "path": disk.path,
        "type": disk.kind,
        "ready": disk.ready,
        "schedulable": disk.schedulable,
        "tags": list(disk.tags),
        "storage_maximum": disk.storage_maximum,
        "storage_available": disk.storage_available,
    }
