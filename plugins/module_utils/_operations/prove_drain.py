# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof after a drain, waited for where only Longhorn's status lags behind the truth."""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_proof import (
    Proof,
    prove,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import plan_drain
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

LAG_SECONDS = 75.0


def prove_drain(work: Work, request: Request) -> Proof:
    """A fresh reading; followed for up to 75 s while nothing but status entries is left.

    An image's entry outlives its key by up to 30 s, after a manager's restart by a minute.
    """
    cluster = plan_drain.read(work.client, work.longhorn, request.node)
    proof = prove(cluster, request)
    if proof.safe(request.intent) or not _only_lag(proof):
        return proof
    limit = work.deadline.within(LAG_SECONDS)
    followed = plan_drain.KINDS
    pods = (kinds.PODS, kinds.BUDGETS)
    selectors = {kinds.PODS: f"spec.nodeName={request.node}"}
    with LiveCluster(work.client, work.longhorn, followed, pods, selectors) as live:
        while True:
            work.safe_point()
            proof = prove(live.picture(), request)
            if proof.safe(request.intent) or not _only_lag(proof) or limit.expired:
                return proof
            work.progress.update(f"waiting for Longhorn's status: {proof.left.words()} left")
            live.next_change(min(1.0, limit.remaining()))


def _only_lag(proof: Proof) -> bool:
    """Whether time alone may still make it true."""
    left = proof.left
    held = left.replicas or left.images or left.first_files
    return not held and bool(left.entries or left.manager_records or left.engines)
