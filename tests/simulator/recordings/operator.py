# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the operator of a recording on a simulated cluster, action by action.

Every action becomes requests to the simulated API server, or a blow to a simulated machine. What
the server answers is kept beside what the real one answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.recordings.actions import (
    NAMESPACE,
    Action,
    Drain,
    Files,
    Kill,
    Machine,
    Request,
    Server,
    essence_of_status,
)
from tests.simulator.recordings.compare import Outcome
from tests.simulator.recordings.names import Names, with_identity
from tests.simulator.store import Store, WriteOptions

_CLUSTER_SCOPED = frozenset({"nodes"})
#: kubectl drain tries a refused eviction again after this many seconds.
_DRAIN_RETRY = 5.0
_DRAIN_LOOK = 1.0


class World(Protocol):
    """The simulated machines under the cluster."""

    def power(self, node: str, on: bool) -> None:
        """Switch a machine off or on."""

    def wipe(self, node: str) -> None:
        """Make a new file system on the first disk of a machine."""

    def remove_copy(self, node: str, folder: str) -> None:
        """Remove the files in a folder below backing-images ("*": in all of them)."""

    def lock(self, node: str, folder: str, locked: bool) -> None:
        """chattr +i or -i on a folder below backing-images."""

    def receiving(self, node: str, folder: str) -> bool:
        """Whether a transfer is writing into a folder below backing-images."""

    def kill_manager(self, pod: str) -> None:
        """kill -9 of the process in a pod of a backing image manager."""

    def kill_replica(self, node: str, volume: str) -> None:
        """kill -9 of the replica process of a volume on a node."""

    def serve(self) -> None:
        """From now on the file server serves what it refused."""

    def gate(self, name: str, is_open: bool) -> None:
        """Let the file server serve, or refuse, what is behind a gate."""

    def limit(self, mbit: float) -> None:
        """Limit what each manager sends, in Mbit/s; 0 lifts the limit."""


class Operator:
    """Performs actions against ``store`` and ``world``; ``outcomes`` grows pairwise."""

    def __init__(
        self,
        kernel: Kernel,
        store: Store,
        world: World,
        names: Names,
        zero: float,
        evict: Callable[[str, str, Any], object],
    ) -> None:
        self.outcomes: list[tuple[Outcome, Outcome]] = []
        self._kernel, self._store, self._world, self._names = kernel, store, world, names
        self._zero = zero
        self._evict_pod = evict
        self._drains: dict[Outcome, None] = {}
        self._versions: dict[tuple[str, str], list[str]] = {}
        store.subscribe(self._remember)

    def _remember(self, event: WatchEvent) -> None:
        meta = event.obj["metadata"]
        key = (str(event.res), str(meta["name"]))
        self._versions.setdefault(key, []).append(str(meta["resourceVersion"]))

    def perform(self, action: Action) -> None:
        """Do one action now."""
        if isinstance(action, Request):
            self._request(action)
        elif isinstance(action, Drain):
            self._drain(action)
        elif isinstance(action, Files):
            self._files(action)
        elif isinstance(action, Machine):
            self._machine(action)
        elif isinstance(action, Kill):
            self._kill(action)
        else:
            self._server(action)

    def _files(self, action: Files) -> None:
        node = self._names.forward(action.node, action.t)
        folder = self._folder(action.folder)
        if action.what.startswith("remove"):
            self._world.remove_copy(node, folder)
        if action.what in ("lock", "unlock"):
            self._world.lock(node, folder, action.what == "lock")
        if action.what == "remove, lock late":
            self._lock_late(node, folder)

    def _lock_late(self, node: str, folder: str) -> None:
        """Lock 2 s after a transfer has begun, as the recorded shell loop does."""
        if self._world.receiving(node, folder):
            self._kernel.call_later(2.0, lambda: self._world.lock(node, folder, True))
        else:
            self._kernel.call_later(0.02, lambda: self._lock_late(node, folder))

    def _folder(self, folder: str) -> str:
        """``<image>-<uuid>``: the image's uuid is another one here."""
        image = folder.rpartition("-")[0]
        obj = self._store.find("backingimages.longhorn.io", NAMESPACE, image)
        uuid = ((obj or {}).get("status") or {}).get("uuid")
        return f"{image}-{uuid}" if uuid else folder

    def _machine(self, action: Machine) -> None:
        node = self._names.forward(action.node, action.t)
        if action.what == "wipe":
            self._world.wipe(node)
        else:
            self._world.power(node, action.what == "on")

    def _kill(self, action: Kill) -> None:
        if action.what == "manager":
            self._world.kill_manager(self._names.forward(action.name, action.t))
        else:
            self._world.kill_replica(self._names.forward(action.node, action.t), action.name)

    def _server(self, action: Server) -> None:
        if action.what == "serve":
            self._world.serve()
        elif action.what in ("open", "close"):
            self._world.gate(action.name, action.what == "open")
        else:
            self._world.limit(action.value)

    def _request(self, action: Request) -> None:
        name = self._names.forward(action.name, action.t)
        body = self._names.forward(action.body, action.t)
        scope = None if action.resource in _CLUSTER_SCOPED else NAMESPACE
        target = self._store.find(action.resource, scope, name)
        body = with_identity(action, body, target, lambda: self._stale(action.resource, name))
        shown = f"{action.method} {action.resource}/{action.name}"
        recorded = Outcome(action.t - self._zero, shown, action.accepted, action.text)
        try:
            self._send(action, scope, name, body)
        except ApiError as error:
            text = self._names.back(essence_of_status(error.body()))
            text = f"{error.status} {text}" if action.text[:3].isdigit() else text
            self.outcomes.append((recorded, Outcome(recorded.t, shown, False, text)))
        else:
            self.outcomes.append((recorded, Outcome(recorded.t, shown, True)))

    def _stale(self, resource: str, name: str) -> str:
        """A version of the object that is not its present one."""
        known = self._versions.get((resource, name)) or ["2"]
        return known[-2] if len(known) > 1 else "1"

    def _send(self, action: Request, scope: str | None, name: str, body: Any) -> None:
        store, resource = self._store, action.resource
        options = WriteOptions(dry_run=action.dry_run)
        if action.subresource == "eviction":
            self._evict_pod(scope or "", name, body)
        elif action.method == "POST":
            store.create(resource, body, options)
        elif action.method == "PUT":
            store.update(resource, body, options=options)
        elif action.method == "PATCH":
            store.patch(resource, scope, name, body, action.content_type, options=options)
        elif action.method == "DELETE":
            conditions = (body or {}).get("preconditions") or {}
            uid, version = conditions.get("uid"), conditions.get("resourceVersion")
            store.delete(resource, scope, name, uid, version, options=options)

    def _drain(self, action: Drain) -> None:
        node = self._names.forward(action.node, action.t)
        recorded = Outcome(action.t - self._zero, f"drain {action.node}", action.accepted)
        self._drains[recorded] = None
        self._store.patch(
            "nodes", None, node, {"spec": {"unschedulable": True}}, "application/merge-patch+json"
        )
        self._evict(node, self._pods(node), self._kernel.now() + action.timeout, recorded)

    def _drained(self, recorded: Outcome, done: bool) -> None:
        del self._drains[recorded]
        self.outcomes.append((recorded, Outcome(recorded.t, recorded.action, done)))

    def finish(self) -> None:
        """The recording is over: what still drains has not ended well."""
        for recorded in list(self._drains):
            self._drained(recorded, False)

    def _pods(self, node: str) -> list[tuple[str, str, str]]:
        """Namespace, name and uid of the pods that a drain evicts."""
        found = []
        for pod in self._store.list("pods"):
            meta = pod["metadata"]
            owners = [owner["kind"] for owner in meta.get("ownerReferences") or []]
            if pod["spec"].get("nodeName") == node and "DaemonSet" not in owners:
                found.append((meta.get("namespace"), meta["name"], meta["uid"]))
        return found

    def _evict(
        self, node: str, pods: list[tuple[str, str, str]], deadline: float, recorded: Outcome
    ) -> None:
        """Evict ``pods``; try the refused again after 5 s; end when all of them are gone."""
        refused, waiting = [], []
        for namespace, name, uid in pods:
            present = self._store.find("pods", namespace, name)
            if present is None or present["metadata"]["uid"] != uid:
                continue
            try:
                if not present["metadata"].get("deletionTimestamp"):
                    self._evict_pod(namespace, name, {"metadata": {"name": name}})
                waiting.append((namespace, name, uid))
            except ApiError as error:
                if error.status != 429:
                    raise
                refused.append((namespace, name, uid))
        left = refused + waiting
        if not left:
            self._drained(recorded, True)
            return
        pause = _DRAIN_RETRY if refused else _DRAIN_LOOK
        if self._kernel.now() + pause > deadline:
            self._drained(recorded, False)
            return
        self._kernel.call_later(pause, lambda: self._evict(node, left, deadline, recorded))
