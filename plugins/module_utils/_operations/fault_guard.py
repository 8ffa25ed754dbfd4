# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster guard of the fault plays: nothing happens in a cluster that was not named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import (
    current_context,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure


def cluster_of(client: Client) -> str:
    """What tells a cluster from all others: the UID of its namespace kube-system."""
    return str(client.get(kinds.NAMESPACES, "kube-system")["metadata"]["uid"])


def confirm(client: Client, context: str, given: str) -> None:
    """Raises Failure unless *given* is this cluster's UID or the name of the context."""
    uid = cluster_of(client)
    if given and given in (uid, context):
        return
    known = f" (context {context})" if context else ""
    asked = f"confirm_cluster is {given!r}" if given else "confirm_cluster is not given"
    raise Failure(
        f"{asked}, and the connection is to the cluster {uid}{known}. This play makes faults, so "
        "it has to be told in which cluster: give the UID of its namespace kube-system or the name "
        "of the context, if this is your test cluster. Nothing was changed."
    )


def of(params: Mapping[str, Any]) -> Callable[[Client], None]:
    """The guard of a module, by its options; to be called with a client before all else."""
    return lambda client: confirm(
        client, current_context(params), str(params["confirm_cluster"] or "")
    )
