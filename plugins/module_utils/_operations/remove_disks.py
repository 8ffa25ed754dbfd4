# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a node's disk entries out of Longhorn, one by one, in two writes each.

The webhook looks at the old object, so closing a disk and removing it cannot be one write; and it
looks at the status, which lags: its refusal is tried again for 35 s. Longhorn takes the status
entry out 5 to 30 s later and refuses further writes of the node until then.
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import (
    left_on,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
    spec_of,
)

READ = (kinds.LONGHORN_NODES, kinds.BACKING_IMAGES, kinds.REPLICAS, kinds.DATA_SOURCES)
LAGGING = "Delete Disk on node"
LAGGING_SECONDS = 35.0
RETRY_SECONDS = 2.0


def remove_disks(work: Work, scope: Scope) -> list[str]:
    """Remove every disk entry of the scope; returns the names of those that were there.

    The webhook is blind to replicas and keys where a disk is not Ready, so the objects themselves
    are asked before each one. Raises Stopped when the scope still holds data, or when an entry
    that was taken out is there again.
    """
    node = scope.node
    removed: list[str] = []
    gone: set[str] = set()
    work.done["disks_removed"] = removed
    while True:
        work.where = f"{count(len(removed), 'disk entry', 'disk entries')} of {node} taken out."
        disk = _next(_emptied(work, scope), scope, gone)
        if disk is None:
            return removed
        if disk.in_spec:
            _close(work, node, disk.name)
            _remove(work, node, disk.name)
            removed.append(disk.name)
        _wait_for_status(work, node, disk.name)
        gone.add(disk.name)
        work.progress.update(f"disk {disk.label} is out of Longhorn", at_once=True)


def _emptied(work: Work, scope: Scope) -> Cluster:
    """A reading of its own that proves it. Raises Stopped."""
    cluster = read_cluster(work.client, work.longhorn, READ)
    left = left_on(cluster, scope)
    if left.replicas or left.images or left.first_files:
        raise Stopped(f"{scope.label} stays in Longhorn: {left.words()} left there. {work.where}")
    return cluster


def _next(cluster: Cluster, scope: Scope, gone: set[str]) -> Disk | None:
    """The next entry to take out. Raises Stopped for one that has come back."""
    names = left_on(cluster, scope).disks
    back = sorted(gone & set(names))
    if back:
        raise Stopped(_came_back(scope.node, back[0]))
    node = cluster.nodes.get(scope.node)
    return next((disk for disk in node.disks if disk.name in names), None) if node else None


def _came_back(node: str, disk: str) -> str:
    return (
        f"disk {disk} of {node} was taken out of Longhorn and is there again: somebody has put it "
        "in, or a label of the node makes Longhorn do it (node.longhorn.io/create-default-disk)."
    )


def _close(work: Work, node: str, disk: str) -> None:
    path = f"/spec/disks/{escape(disk)}/allowScheduling"

    def decide(raw: Object) -> Ops | None:
        entry = (spec_of(raw).get("disks") or {}).get(disk)
        if entry is None or not entry.get("allowScheduling"):
            return None
        return [{"op": "replace", "path": path, "value": False}]

    work.irreversible()
    work.patch(kinds.LONGHORN_NODES, node, decide)


def _remove(work: Work, node: str, disk: str) -> None:
    def decide(raw: Object) -> Ops | None:
        if disk not in (spec_of(raw).get("disks") or {}):
            return None
        return [{"op": "remove", "path": f"/spec/disks/{escape(disk)}"}]

    started = work.deadline.now()
    while True:
        work.irreversible()
        try:
            work.patch(kinds.LONGHORN_NODES, node, decide)
            return
        except errors.Refused as error:
            waited = work.deadline.now() - started
            if LAGGING not in str(error) or waited > LAGGING_SECONDS or work.deadline.expired:
                raise
            work.progress.update(
                f"Longhorn still counts something on disk {disk} (its status lags up to 30 s)"
            )
        work.pause(RETRY_SECONDS)


def _wait_for_status(work: Work, node: str, disk: str) -> None:
    with LiveCluster(work.client, work.longhorn, (kinds.LONGHORN_NODES,)) as live:
        while True:
            work.safe_point()
            found = live.picture().nodes.get(node)
            entry = next((d for d in found.disks if d.name == disk), None) if found else None
            if entry is None:
                return
            if entry.in_spec:
                raise Stopped(_came_back(node, disk))
            work.progress.update(f"waiting for Longhorn to forget disk {disk} (up to 30 s)")
            if work.deadline.expired:
                raise TimedOut(
                    f"waited {spell_seconds(work.deadline.elapsed())} for Longhorn to forget disk "
                    f"{disk} of {node}; last seen: its status still shows it."
                )
            live.next_change(min(1.0, work.deadline.remaining()))
