# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete the Kubernetes node of a drained machine that is off; Longhorn's then goes by itself.

Nothing here deletes nodes.longhorn.io: up to 1.9 Longhorn lets that happen at any time, with all
that is on the node (rec: v1.6.4/w2-drain-remove).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import node_removal
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.node_removal import (
    Removal,
    Stage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import plan_drain
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Stopped,
    Work,
)

FOLLOWED = (kinds.LONGHORN_NODES, kinds.NODES, kinds.REPLICAS, kinds.ENGINES)


def delete_node(
    work: Work,
    request: Request,
    params: Mapping[str, Any],
    lock: Callable[[], AbstractContextManager[Work]],
) -> dict[str, Any]:
    """The step. Raises Stopped where it is not safe, TimedOut when Longhorn's node stays."""
    cluster = plan_drain.read(work.client, work.longhorn, request.node)
    found = node_removal.decide(cluster, request)
    if found.stage is Stage.UNSAFE and not work.check_mode:
        raise Stopped(
            f"{request.node} was not deleted: {found.why}. Nothing was changed. Drain it for "
            "'remove' first."
        )
    if work.check_mode or found.stage in (Stage.GONE, Stage.RUNNING, Stage.UNSAFE):
        changed = found.stage in (Stage.READY, Stage.LEAVING)
        return _result(request.node, found, deleted=False, changed=changed)
    with lock():
        deleted = found.stage is Stage.READY and _delete(work, request)
        seconds = _await_longhorn(work, request.node)
    result = _result(request.node, Removal(Stage.GONE), deleted=deleted, changed=True)
    result["report"] = [
        f"{request.node} is removed: its Kubernetes node is deleted, its Longhorn node went by "
        f"itself after {spell_seconds(seconds)}.",
        f"  {node_removal.NOT_WIPED}.",
    ]
    return result


def _result(node: str, found: Removal, *, deleted: bool, changed: bool) -> dict[str, Any]:
    return {
        "changed": changed,
        "deleted": deleted,
        "gone": found.stage is Stage.GONE,
        "stage": found.stage.value,
        "why": found.why,
        "report": _report(node, found),
    }


def _report(node: str, found: Removal) -> list[str]:
    if found.stage is Stage.GONE:
        return [f"{node} is neither a Kubernetes node nor a Longhorn node (any more)."]
    if found.stage is Stage.RUNNING:
        return [
            f"{node} is not deleted yet: {found.why}. Power it off, wait until Kubernetes has "
            "noticed (about 45 s), and run the same command again: it deletes the node then.",
        ]
    return [f"{node}: {found.stage.value}{': ' * bool(found.why)}{found.why}"]


def _delete(work: Work, request: Request) -> bool:
    """By uid, on a reading of its own: it must still be off, and still be safe."""
    node = request.node
    cluster = plan_drain.read(work.client, work.longhorn, node)
    again = node_removal.decide(cluster, request)
    if again.stage is not Stage.READY:
        raise Stopped(f"{node} was not deleted: {again.why or again.stage.value}. Run it again.")
    work.where = f"{node} is drained; its Kubernetes node is not deleted."
    work.irreversible()
    try:
        work.client.delete(kinds.NODES, node, uid=cluster.kube_nodes[node].meta.uid)
    except errors.NotFound:
        return False
    except errors.Conflict as error:
        raise Stopped(f"{node} was not deleted: another node of that name is there now.") from error
    return True


def _await_longhorn(work: Work, node: str) -> float:
    """Seconds until nodes.longhorn.io is gone (0.1 to 10 s where nothing holds it)."""
    began = work.deadline.elapsed()
    work.where = f"The Kubernetes node {node} is deleted; Longhorn's is still there."
    with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
        while True:
            work.safe_point()
            cluster = live.picture()
            if node in cluster.kube_nodes and cluster.kube_nodes[node].ready:
                raise Stopped(_back_again(node))
            if node not in cluster.nodes:
                return work.deadline.elapsed() - began
            work.progress.update("waiting for Longhorn to remove its node (up to 10 s)")
            if work.deadline.expired:
                raise TimedOut(_late(work, cluster, node))
            live.next_change(min(1.0, work.deadline.remaining()))


def _back_again(node: str) -> str:
    return (
        f"{node} was deleted, but its machine lives and has registered it again. Power the machine "
        "off and run the same command again."
    )


def _late(work: Work, cluster: Cluster, node: str) -> str:
    why = node_removal.why_it_stays(cluster, node) or "nothing that speaks against it"
    return (
        f"waited {spell_seconds(work.deadline.elapsed())} for Longhorn to remove its node {node}; "
        f"last seen: {why}."
    )
