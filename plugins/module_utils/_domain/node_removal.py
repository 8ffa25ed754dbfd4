# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May the Kubernetes node of a drained machine be deleted, and how far has that come?

Longhorn's own guard on its node exists only from 1.10 (longhorn-manager
webhook/resources/node/validator.go); before, a node goes with everything that is on it. So the
proof is asked here, on every version. The machine has to be off: a living kubelet registers the
node again at once, and Longhorn with it, open for scheduling.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import drain_proof
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import (
    left_on,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope

NOT_WIPED = (
    "Removed is not wiped: a machine of this name that comes back registers again, with its disk "
    "open for scheduling, and takes the old disk up where longhorn-disk.cfg is still on it"
)


class Stage(str, Enum):
    """gone: neither node is there. leaving: only Longhorn's is. running: the machine must be
    switched off first. unsafe: something speaks against it. ready: it may be deleted.
    """

    GONE = "gone"
    LEAVING = "leaving"
    RUNNING = "running"
    UNSAFE = "unsafe"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Removal:
    """The decision, and why in a person's words ("" where there is nothing to say)."""

    stage: Stage
    why: str = ""


def begun(cluster: Cluster, node: str) -> bool:
    """Whether the Kubernetes node is deleted already: there is nothing left to drain."""
    return bool(node) and node not in cluster.kube_nodes


def decide(cluster: Cluster, request: Request) -> Removal:
    """What is to be done next so that the node is removed."""
    node = request.node
    if begun(cluster, node):
        if node not in cluster.nodes:
            return Removal(Stage.GONE)
        return Removal(Stage.LEAVING, why_it_stays(cluster, node))
    proof = drain_proof.prove(cluster, request)
    if not proof.safe(Intent.REMOVE):
        return Removal(Stage.UNSAFE, "; ".join(proof.against[Intent.REMOVE]))
    if node in cluster.nodes and cluster.nodes[node].allow_scheduling:
        return Removal(Stage.UNSAFE, f"{node} is open for new replicas: drain it first")
    if cluster.kube_nodes[node].ready:
        return Removal(Stage.RUNNING, f"the machine of {node} still runs (its node is Ready)")
    return Removal(Stage.READY)


def why_it_stays(cluster: Cluster, node: str) -> str:
    """What keeps Longhorn (1.10 and later) from removing a node whose Kubernetes node is gone."""
    left = left_on(cluster, Scope(node))
    told = [f"{left.words()} left on it"] if left.replicas or left.engines else []
    if cluster.nodes[node].allow_scheduling:
        told.append("it is open for scheduling")
    return " and ".join(told)
