# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look before anything is written: is the input right, what would be done, what is in the way?"""

from __future__ import annotations

import dataclasses

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import (
    errors,
    kinds,
    lease,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    disk_names,
    drain_plan,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_plan import Plan
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rights
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    Longhorn,
    read_cluster,
)

KINDS = (
    kinds.BACKING_IMAGES,
    kinds.DATA_SOURCES,
    kinds.MANAGERS,
    kinds.LONGHORN_NODES,
    kinds.NODES,
    kinds.VOLUMES,
    kinds.REPLICAS,
    kinds.ENGINES,
    kinds.ATTACHMENTS,
    kinds.INSTANCE_MANAGERS,
)
STORAGE = (kinds.PERSISTENT_VOLUMES, kinds.NODE_ATTACHMENTS)


class BadInput(Failure):
    """The operator's input does not fit the cluster; every problem is in the text."""


def read(client: Client, longhorn: Longhorn, node: str, *, storage: bool = False) -> Cluster:
    """One list per kind: everything of Longhorn, the node's pods, all budgets.

    storage: also which volumes Kubernetes has bound and attached, where the account may read that.
    """
    readable, unreadable = rights.split_readable(client, STORAGE) if storage else ((), ())
    cluster = read_cluster(
        client,
        longhorn,
        (*KINDS, *readable),
        (kinds.PODS, kinds.BUDGETS),
        {kinds.PODS: f"spec.nodeName={node}"},
        unreadable,
    )
    return dataclasses.replace(cluster, lock_holder=lock_holder(client)) if storage else cluster


def lock_holder(client: Client) -> str:
    """Who holds the lock of maintenances now, "" where nobody does or it may not be read."""
    try:
        found = client.find(kinds.LEASES, lease.NAME)
    except errors.Forbidden:
        return ""
    return str(((found or {}).get("spec") or {}).get("holderIdentity") or "")


def input_problems(cluster: Cluster, request: Request) -> list[str]:
    """What is wrong with the names that were given."""
    problems: list[str] = []
    known = sorted(cluster.nodes)
    if not request.node:
        problems.append(f"Name the node: -e node=NAME. Longhorn manages: {names(known, 20)}.")
    elif request.node not in cluster.kube_nodes:
        problems.append(
            f"There is no node {request.node} in this cluster. Longhorn manages: "
            f"{names(known, 20)}. Check the spelling (-e node=…)."
        )
    elif request.node not in cluster.nodes:
        problems.append(
            f"Node {request.node} is not managed by Longhorn: it has no nodes.longhorn.io in "
            f"namespace {cluster.namespace}, so it holds no image and no replica. Longhorn "
            f"manages: {names(known, 20)}. Drain it with kubectl drain."
        )
    if request.disk and not problems and not request.disk_name:
        problems.append(disk_names.unknown(cluster, request))
    if request.delete_node and request.intent is not Intent.REMOVE:
        problems.append(
            f"delete_node=true is for -e intent=remove only: a node that is drained for "
            f"{request.intent.value!r} comes back."
        )
    for name in request.next_nodes:
        if name not in cluster.nodes:
            problems.append(
                f"next_nodes names {name}, which Longhorn does not manage. It manages: "
                f"{names(known, 20)}."
            )
    return problems


def plan(client: Client, cluster: Cluster, request: Request, *, writing: bool) -> Plan:
    """The plan. writing: also ask for the rights that it will need.

    Raises BadInput with all problems at once.
    """
    problems = input_problems(cluster, request)
    made = None if problems else drain_plan.make(cluster, request)
    if writing and (made is None or made.work):
        volumes = made is None or bool(made.to_move)
        wanted = rights.for_drain(
            client.namespace,
            volumes=volumes,
            leaves=request.intent.leaves,
            around_budgets=request.consent.disable_eviction,
        )
        wanted += rights.for_deletion() if request.delete_node else []
        problems += [
            f"The account lacks a right: {right}. Grant it by a Role or ClusterRole."
            for right in rights.missing(client, wanted)
        ]
    if problems or made is None:
        raise BadInput("\n".join([*problems, "Nothing was changed."]))
    return made
