# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cordon and uncordon, with the operator's own cordon kept apart from ours."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory, parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Work,
    spec_of,
)


def cordon(work: Work, node: str) -> bool:
    """Close the node for new pods and note that it was open; False when it was closed before."""

    def decide(raw: Object) -> Ops | None:
        if spec_of(raw).get("unschedulable"):
            return None
        identity = parse.meta(raw)
        ops: Ops = [{"op": "add", "path": "/spec/unschedulable", "value": True}]
        if not memory.before(identity):
            ops += memory.note(identity, {"unschedulable": False})
        return ops

    return _change(work, node, decide)


def uncordon(work: Work, node: str, *, only_ours: bool = True) -> bool:
    """Open the node again. only_ours: leave a cordon alone that was there before our work."""

    def decide(raw: Object) -> Ops | None:
        identity = parse.meta(raw)
        noted = memory.before(identity)
        ops: Ops = []
        ours = noted.get("unschedulable") is False
        if spec_of(raw).get("unschedulable") and (ours or not only_ours):
            ops.append({"op": "remove", "path": "/spec/unschedulable"})
        if ops:
            ops += memory.forget(identity)
        return ops or None

    return _change(work, node, decide)


def is_cordoned(work: Work, node: str) -> bool:
    """Whether the node is closed for new pods. Raises Failure for an unknown node."""
    try:
        raw = work.client.get(kinds.NODES, node)
    except errors.NotFound as error:
        raise Failure(f"There is no Kubernetes node {node}. Nothing was changed.") from error
    return bool(spec_of(raw).get("unschedulable"))


def is_ours(work: Work, node: str) -> bool:
    """Whether the cordon was set by us."""
    noted = memory.before(parse.meta(work.client.get(kinds.NODES, node)))
    return noted.get("unschedulable") is False


def _change(work: Work, node: str, decide: Callable[[Object], Ops | None]) -> bool:
    work.irreversible()
    return work.patch(kinds.NODES, node, decide) is not None
