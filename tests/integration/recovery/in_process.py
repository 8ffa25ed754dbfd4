# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's rules on a simulated cluster in virtual time: its objects as a picture, and the
recovery's own writes straight into its store. Minutes pass in milliseconds; nothing is served.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster as Picture,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import gate
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    next_step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    skipped,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    IMAGE_KINDS,
    VERSION_SETTING,
    LiveCluster,
    Longhorn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.observation import (
    Observation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_writes import (
    ChangedMeanwhile,
    RecoveryWrites,
)
from tests.simulator.errors import ApiError
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster

WINDOW_SECONDS = 10.0
JSON_PATCH = "application/json-patch+json"


class StoreClient:
    """The part of the client that a recovery writes with, on a store."""

    def __init__(self, cluster: Cluster) -> None:
        self._store = cluster.store

    def get(self, kind: Kind, name: str) -> dict[str, Any]:
        """One object. Raises NotFound."""
        found = self._store.find(kind.label, self._space(kind), name)
        if found is None:
            raise errors.NotFound(404, "NotFound", f"{kind.label} {name}", "get")
        return cast("dict[str, Any]", found)

    def patch_json(
        self, kind: Kind, name: str, ops: Iterable[Mapping[str, Any]], resource_version: str
    ) -> dict[str, Any]:
        """A conditional patch. Raises FailedTest when the object has changed."""
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version}
        body = [test, *(dict(op) for op in ops)]
        try:
            done = self._store.patch(kind.label, self._space(kind), name, body, JSON_PATCH)
        except ApiError as error:
            raise errors.FailedTest(422, "Invalid", str(error), "patch") from error
        return cast("dict[str, Any]", done)

    def delete(self, kind: Kind, name: str, uid: str, resource_version: str) -> None:
        """A conditional delete. Raises Conflict."""
        try:
            self._store.delete(
                kind.label, self._space(kind), name, uid=uid, resource_version=resource_version
            )
        except ApiError as error:
            raise errors.Conflict(409, "Conflict", str(error), "delete") from error

    @staticmethod
    def _space(kind: Kind) -> str | None:
        return names.NAMESPACE if kind.namespaced else None


class StoreView:
    """The part of the live view that a recovery needs: always the present."""

    def __init__(self, cluster: Cluster) -> None:
        settings = cluster.store.list(names.SETTINGS)
        values = {s["metadata"]["name"]: str(s.get("value") or "") for s in settings}
        self.longhorn = Longhorn(detect(values[VERSION_SETTING], []), values)
        self._store = cluster.store

    def picture(self) -> Picture:
        """Everything the verdicts look at."""
        held = {
            kind: [self.longhorn.parser(kind)(raw) for raw in self._store.list(kind.label)]
            for kind in IMAGE_KINDS
        }
        return self.longhorn.assemble(names.NAMESPACE, held)

    def note(self, kind: Kind, raw: Mapping[str, Any]) -> None:
        """Nothing is kept that could be old."""


class InProcess:
    """A cluster in virtual time, looked at and recovered by the collection's own rules."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.view = StoreView(cluster)
        self._writes = RecoveryWrites(
            cast(Client, StoreClient(cluster)),
            self.view.longhorn,
            cast(LiveCluster, self.view),
            lambda: None,
        )
        self.wrote: list[str] = []

    def watch(self, images: Iterable[str], seconds: float = WINDOW_SECONDS + 1) -> Observation:
        """A window of sights, one each second."""
        seen = Observation(WINDOW_SECONDS)
        for _second in range(int(seconds)):
            seen.record(self.view.picture(), images, self.cluster.kernel.now())
            self.cluster.kernel.run_for(1)
        seen.record(self.view.picture(), images, self.cluster.kernel.now())
        return seen

    def recover(self, images: Iterable[str], seconds: float = 240.0) -> None:
        """One recovery of these images without the operator's word, as its loop does it, until all
        are done or *seconds* have passed; sources count as good.
        """
        listed = list(images)
        seen = self.watch(listed)
        works = [name for name in listed if self._may(seen, name)]
        deadline = self.cluster.kernel.now() + seconds
        deleted: set[str] = set()
        while works and self.cluster.kernel.now() < deadline:
            seen.record(self.view.picture(), works, self.cluster.kernel.now())
            works = [name for name in works if not self._advance(seen, name, deleted)]
            self.cluster.kernel.run_for(0.3)

    @staticmethod
    def _may(seen: Observation, name: str) -> bool:
        window = seen.window(name)
        return bool(window) and gate.decide(window, source=skipped()).works

    def _advance(self, seen: Observation, name: str, deleted: set[str]) -> bool:
        """One step; whether the image is done."""
        window = seen.window(name)
        if not window:
            return True
        step = next_step(window)
        if step.action is Action.DONE:
            return True
        again = step.action is Action.DELETE_SOURCE and step.names[0] in deleted
        if step.action is Action.WAIT or again:
            return False
        try:
            self._writes.perform(name, step)
        except ChangedMeanwhile:
            return False
        self.wrote.append(f"{name}: {step.action.value}")
        if step.action is Action.DELETE_SOURCE:
            deleted.add(step.names[0])
        return False
