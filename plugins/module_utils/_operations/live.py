# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as it changes: one list and one watch per kind, seen through the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.watch import LiveView
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import snapshot


class LiveCluster:
    """A model of the chosen kinds that follows the cluster; use it in a `with` block.

    start: an earlier reading: its schema, settings and the kinds that are not followed.
    pods_of: also follow that node's pods and all budgets.
    """

    def __init__(
        self, client: Client, start: Cluster, followed: Iterable[Kind], pods_of: str = ""
    ) -> None:
        self._start = start
        everywhere = (kinds.PODS, kinds.BUDGETS) if pods_of else ()
        self.view = LiveView(
            client,
            tuple(followed),
            everywhere=everywhere,
            keep=self._keep,
            field_selectors={kinds.PODS: f"spec.nodeName={pods_of}"} if pods_of else {},
        )
        self._pods = bool(pods_of)
        self._built = -1
        self._cluster = start

    def _keep(self, kind: Kind, raw: Object) -> Any:
        if kind == kinds.BACKING_IMAGES:
            return parse.image(raw, self._start.schema)
        if kind == kinds.PODS:
            return parse.pod(raw)
        if kind == kinds.BUDGETS:
            return parse.budget(raw)
        return snapshot.FIELDS[kind][1](raw)

    def __enter__(self) -> LiveCluster:
        self.view.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.view.__exit__(*exc)

    @property
    def cluster(self) -> Cluster:
        """The model as of the last change that was taken in."""
        if self._built != self.view.version:
            content: dict[str, Any] = {}
            for kind in self.view.kinds:
                if kind in (kinds.PODS, kinds.BUDGETS):
                    field = "pods" if kind == kinds.PODS else "budgets"
                    content[field] = tuple(self.view.all(kind))
                    continue
                field = "images" if kind == kinds.BACKING_IMAGES else snapshot.FIELDS[kind][0]
                content[field] = {item.name: item for item in self.view.all(kind)}
            self._cluster = dataclasses.replace(self._start, **content)
            self._built = self.view.version
        return self._cluster

    def note(self, kind: Kind, raw: Object) -> None:
        """Take over the answer of our own write (Status objects, from a delete, tell nothing)."""
        if raw.get("kind") != "Status" and (raw.get("metadata") or {}).get("name"):
            self.view.note(kind, raw)
