# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons in the node itself, its peers and its pods."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    budget_blockers,
    evictions,
    memory,
    pod_filters,
    setting,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import (
    left_on,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names

DISKS_BY_LABEL = "create-default-disk-labeled-nodes"
DISK_LABEL = "node.longhorn.io/create-default-disk"


def of_node(cluster: Cluster, request: Request) -> Iterator[Blocker]:
    """The node must be there to send its copies; its peers must not be away at the same time."""
    node, scope = cluster.nodes[request.node], request.scope
    uuids = scope.uuids(cluster)
    holds = any(scope.holds(r) for r in cluster.replicas.values()) or any(
        copy.disk in uuids for image in cluster.images.values() for copy in image.wanted
    )
    if holds and not (node.ready and cluster.kube_nodes[node.name].ready):
        yield Blocker(
            "node_not_ready",
            "node",
            node.name,
            "is not Ready: what it holds cannot be read or moved",
            "bring it back first",
        )
    if cluster.lock_holder:
        yield Blocker(
            "maintenance_running",
            "lock",
            cluster.lock_holder,
            "holds the lock: another maintenance of this Longhorn is under way, or was cut off "
            "less than a minute ago",
            "wait until it has ended; the drain itself waits for it too (lock_timeout)",
            Clears.BY_ITSELF,
            stops=False,
        )
    if not request.own_mover:
        yield from _flags(cluster, request)
    if request.intent.leaves and request.remove_disks:
        yield from _made_again(cluster, request)
    for name, peer in sorted(cluster.nodes.items()):
        if name == node.name:
            if scope.disk and memory.before(peer.meta):
                yield _drained(name)
            continue
        if memory.before(peer.meta):
            if name in request.peers:
                yield _together(name)
                continue
            left = left_on(cluster, Scope(name))
            yield Blocker(
                "other_maintenance",
                "node",
                name,
                f"is under maintenance too and holds {left.words()}: nothing on it counts",
                f"give {name} back first: uncordon it and, when all is well there, remove its "
                f"annotation {memory.BEFORE} (nodes.longhorn.io)",
                stops=left.data,
            )
        elif name in cluster.kube_nodes and cluster.kube_nodes[name].unschedulable:
            yield Blocker(
                "other_cordoned",
                "node",
                name,
                "is cordoned too: its replicas do not protect their peers",
                f"uncordon {name} if nothing speaks against it",
                stops=False,
            )


def _made_again(cluster: Cluster, request: Request) -> Iterator[Blocker]:
    """A labelled node gets its disks again as soon as it has none: the drain would never be done,
    and a disk that is wiped would be known by its old UUID (longhorn-manager
    controller/kubernetes_node_controller.go syncDefaultDisks, v1.6.4 to v1.12.0).
    """
    node = request.node
    label = cluster.kube_nodes[node].meta.labels.get(DISK_LABEL, "").lower()
    entries = {disk.name for disk in cluster.nodes[node].disks if disk.in_spec}
    last = entries and entries <= set(left_on(cluster, request.scope).disks)
    if not last or label not in ("true", "config"):
        return
    if setting.flag(cluster.settings, DISKS_BY_LABEL, False):
        yield Blocker(
            "disks_made_again",
            "node",
            node,
            f"gets its disks again as soon as the last one is taken out: label {DISK_LABEL}={label}"
            f", and setting {DISKS_BY_LABEL} is true",
            f"take the label off until the node is back: kubectl label node {node} {DISK_LABEL}-",
        )


def _together(node: str) -> Blocker:
    """A peer of the same batch: what is counted on without it was proven to be enough."""
    return Blocker(
        "other_maintenance",
        "node",
        node,
        "is under maintenance in the same batch of this run: nothing on it counts",
        "nothing: they are given back together",
        stops=False,
    )


def _drained(node: str) -> Blocker:
    """One disk of a node that is drained as a whole: the drain empties it, too."""
    return Blocker(
        "other_maintenance",
        "node",
        node,
        "is drained as a whole already",
        f"finish that drain, or undo it: drain_node -e node={node} -e cancel=true",
    )


def _flags(cluster: Cluster, request: Request) -> Iterator[Blocker]:
    refused = cluster.schema.eviction_flags_refused
    if not request.intent.leaves:
        refused = "Longhorn's eviction empties the node; a reboot does not ask for that"
    if refused:
        yield Blocker(
            "mover",
            "node",
            request.scope.label,
            refused,
            "leave the mover at its default",
            Clears.NEVER,
        )


def of_pods(
    cluster: Cluster, request: Request, pods: tuple[pod_filters.Verdict, ...]
) -> Iterator[Blocker]:
    """Pods that need the operator's word, budgets that allow nothing now, pods that cannot end."""
    for verdict in pods:
        # A first file is told as its image's blocker, with the progress.
        if verdict.fate is pod_filters.Fate.BLOCK and verdict.reason != pod_filters.FIRST_FILE_POD:
            yield evictions.needs_word(verdict)
    going = [v.pod for v in pods if v.fate is pod_filters.Fate.EVICT]
    asked = [
        pod
        for pod in going
        if not pod_filters.is_instance_manager(pod)
        and not pod.finished
        and not pod.meta.deleting
        and pod.phase != "Pending"
    ]
    yield from budget_blockers.blockers(cluster, asked, request.consent.disable_eviction)
    for pod in going:
        if pod.finalizers:
            yield _kept(pod)
    for label in sorted(cluster.unreadable):
        yield Blocker(
            "right_missing",
            "right",
            f"list and watch {label}",
            "is missing: what Kubernetes itself holds on the node cannot be seen, Longhorn's own "
            "notes are used instead",
            "grant it as docs/rbac.yaml does",
            stops=False,
        )


def _kept(pod: Pod) -> Blocker:
    listed = names(list(pod.finalizers))
    if pod.meta.deleting:
        return Blocker(
            "pod_finalizers",
            "pod",
            pod.key,
            f"is being deleted, but is kept by its finalizers ({listed})",
            "see why what has set them does not take them away; removing them by hand is the last "
            "way",
        )
    return Blocker(
        "pod_finalizers",
        "pod",
        pod.key,
        f"stays after its end until its finalizers are taken away ({listed})",
        "see that what has set them still runs",
        Clears.BY_ITSELF,
        stops=False,
    )
