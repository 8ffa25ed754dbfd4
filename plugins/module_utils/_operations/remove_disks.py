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
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
    spec_of,
)

LAGGING = "Delete Disk on node"
LAGGING_SECONDS = 35.0
RETRY_SECONDS = 2.0


def remove_disks(work: Work, cluster: Cluster, scope: Scope) -> list[str]:
    """Remove every disk entry of the scope; `cluster` is a reading after it was emptied.

    The webhook is blind to replicas and keys where a disk is not Ready, so the objects themselves
    are asked first. Raises Stopped when it still holds data.
    """
    node = scope.node
    left = left_on(cluster, scope)
    held = left.replicas or left.images or left.first_files
    if held:
        raise Stopped(
            f"{scope.label} stays in Longhorn: {left.words()} left there. No disk was removed."
        )
    removed: list[str] = []
    for disk in cluster.nodes[node].disks:
        if disk.name not in left.disks:
            continue
        work.where = f"{len(removed)} disk entries of {node} taken out of Longhorn."
        if disk.in_spec:
            _close(work, node, disk.name)
            _remove(work, node, disk.name)
            removed.append(disk.name)
        _wait_for_status(work, node, disk.name)
        work.progress.update(f"disk {disk.label} is out of Longhorn", at_once=True)
    return removed


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
            if found is None or all(item.name != disk for item in found.disks):
                return
            work.progress.update(f"waiting for Longhorn to forget disk {disk} (up to 30 s)")
            if work.deadline.expired:
                raise TimedOut(
                    f"waited {spell_seconds(work.deadline.elapsed())} for Longhorn to forget disk "
                    f"{disk} of {node}; last seen: its status still shows it."
                )
            live.next_change(min(1.0, work.deadline.remaining()))
