# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes what lost its owners (kubernetes pkg/controller/garbagecollector), and empties namespaces
that go.
"""

from __future__ import annotations

from tests.simulator.deletion import FOREGROUND_FINALIZER, ORPHAN_FINALIZER
from tests.simulator.errors import ApiError
from tests.simulator.history import ADDED, DELETED, WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.objects import Object, is_terminating, name_of, namespace_of, uid_of
from tests.simulator.store import Store

Node = tuple[str, str, str]
DELAY = (0.02, 0.15)


class GarbageCollector:
    """Follows owner references by uid; reacts to events only, with a small delay."""

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self._kernel = kernel
        self._store = store
        self._dependents: dict[str, set[Node]] = {}

    def start(self) -> None:
        """Begin with what is there, then follow every write."""
        for resource in self._store.registry:
            for obj in self._store.list(resource.key):
                self._learn(resource.key, obj, None)
        self._store.subscribe(self._on_event)

    def _on_event(self, event: WatchEvent) -> None:
        obj = event.obj
        if event.type == DELETED:
            self._forget(event.res, obj)
            for node in sorted(self._dependents.get(uid_of(obj), ())):
                self._later(node)
            self._wake_owners(obj)
            return
        self._learn(event.res, obj, event.old)
        if event.type == ADDED and _owners(obj):
            self._later((event.res, namespace_of(obj), name_of(obj)))
        if is_terminating(obj) and not (event.old and is_terminating(event.old)):
            self._later((event.res, namespace_of(obj), name_of(obj)))

    def _learn(self, res: str, obj: Object, old: Object | None) -> None:
        node = (res, namespace_of(obj), name_of(obj))
        before = {o["uid"] for o in _owners(old)} if old else set()
        now = {o["uid"] for o in _owners(obj)}
        for uid in before - now:
            self._dependents.get(uid, set()).discard(node)
        for uid in now - before:
            self._dependents.setdefault(uid, set()).add(node)

    def _forget(self, res: str, obj: Object) -> None:
        node = (res, namespace_of(obj), name_of(obj))
        for owner in _owners(obj):
            self._dependents.get(owner["uid"], set()).discard(node)

    def _wake_owners(self, obj: Object) -> None:
        """An owner that waits for its dependents may be able to go now."""
        for reference in _owners(obj):
            found = self._owner(obj, reference)
            if found is not None and is_terminating(found[1]):
                self._later((found[0], namespace_of(found[1]), name_of(found[1])))

    def _later(self, node: Node) -> None:
        delay = self._kernel.rng.uniform(*DELAY)
        self._kernel.call_later(delay, lambda: self._process(node))

    def _process(self, node: Node) -> None:
        res, namespace, name = node
        obj = self._store.find(res, namespace, name)
        if obj is None:
            return
        try:
            if is_terminating(obj):
                self._finish(node, obj)
            elif _owners(obj) and all(self._owner(obj, o) is None for o in _owners(obj)):
                self._store.delete(res, namespace, name, uid=uid_of(obj))
        except ApiError as error:
            if error.status not in (404, 409):
                self._kernel.call_later(1.0, lambda: self._process(node))

    def _finish(self, node: Node, obj: Object) -> None:
        """Do what the orphan and foreground finalizers of a terminating object ask for."""
        finalizers = obj["metadata"].get("finalizers") or []
        dependents = sorted(self._dependents.get(uid_of(obj), ()))
        if ORPHAN_FINALIZER in finalizers:
            for res, namespace, name in dependents:
                self._store.mutate(res, namespace, name, lambda d: _disown(d, uid_of(obj)))
            self._drop(node, ORPHAN_FINALIZER)
        elif FOREGROUND_FINALIZER in finalizers:
            for res, namespace, name in dependents:
                found = self._store.find(res, namespace, name)
                if found is not None and not is_terminating(found):
                    self._store.delete(res, namespace, name, propagation="Foreground")
            if not self._dependents.get(uid_of(obj)):
                self._drop(node, FOREGROUND_FINALIZER)

    def _drop(self, node: Node, finalizer: str) -> None:
        def edit(obj: Object) -> None:
            kept = [f for f in obj["metadata"].get("finalizers") or [] if f != finalizer]
            obj["metadata"]["finalizers"] = kept

        self._store.mutate(*node, edit)

    def _owner(self, obj: Object, reference: Object) -> tuple[str, Object] | None:
        registry = self._store.registry
        resource = registry.by_kind(reference["apiVersion"], reference["kind"])
        if resource is None:
            return None
        namespace = namespace_of(obj) if resource.namespaced else ""
        found = self._store.find(resource.key, namespace, reference["name"])
        if found is None or uid_of(found) != reference["uid"]:
            return None
        return resource.key, found


class Namespaces:
    """Empties a namespace that is being deleted, then lets it go."""

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self._kernel = kernel
        self._store = store

    def start(self) -> None:
        """Follow the namespaces."""
        self._store.subscribe(self._on_event)

    def _on_event(self, event: WatchEvent) -> None:
        if event.res == "namespaces" and event.type != DELETED and is_terminating(event.obj):
            self._kernel.call_later(0.1, lambda: self._empty(name_of(event.obj)))

    def _empty(self, namespace: str) -> None:
        found = self._store.find("namespaces", "", namespace)
        if found is None:
            return
        left = 0
        for resource in self._store.registry:
            if not resource.namespaced:
                continue
            for obj in self._store.list(resource.key, namespace):
                left += 1
                if not is_terminating(obj):
                    self._store.delete(resource.key, namespace, name_of(obj))
        if left:
            self._kernel.call_later(1.0, lambda: self._empty(namespace))
            return
        self._store.mutate("namespaces", "", namespace, lambda o: o["spec"].pop("finalizers"))


def _owners(obj: Object) -> list[Object]:
    return obj["metadata"].get("ownerReferences") or []


def _disown(obj: Object, uid: str) -> None:
    obj["metadata"]["ownerReferences"] = [o for o in _owners(obj) if o["uid"] != uid]
