# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects and their versions: the only owner of resourceVersion, generation, conflicts and
deletion.

Every write, also that of a controller, passes defaults, pruning, admission and validation. Objects
are replaced, never edited, so whatever is returned may be kept but must not be changed; reads copy
nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.simulator import errors
from tests.simulator.admission import Admission
from tests.simulator.deletion import Deletion
from tests.simulator.history import DELETED, History, WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.objects import Object, clone, labels_of, name_of, namespace_of
from tests.simulator.resources import Registry, Resource
from tests.simulator.selectors import parse_labels
from tests.simulator.writing import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    WriteOptions,
    Writer,
)

__all__ = [
    "APPLY_PATCH",
    "JSON_PATCH",
    "MERGE_PATCH",
    "STRATEGIC_MERGE_PATCH",
    "Store",
    "WriteOptions",
]

Key = tuple[str, str]
Subscriber = Callable[[WatchEvent], None]

# A real cluster has written its own objects before anybody can look: small versions are long gone.
FIRST_VERSION = 200


class _Table:
    """The objects of one kind, with their keys in order."""

    __slots__ = ("objects", "order")

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.order: list[Key] = []


class Store:
    """All objects of one simulated cluster."""

    def __init__(self, kernel: Kernel, registry: Registry) -> None:
        self.kernel = kernel
        self.registry = registry
        self.admission = Admission()
        self.history = History()
        self.version = FIRST_VERSION
        self._tables: dict[str, _Table] = {}
        self._subscribers: list[Subscriber] = []
        self._pending: deque[WatchEvent] = deque()
        self._dispatching = False
        self._writer = Writer(self)
        self._deletion = Deletion(self)

    # -- reading ---------------------------------------------------------------------------------

    def find(self, res: str, ns: str | None, name: str) -> Object | None:
        """Return an object, None if there is none; it must not be changed."""
        return self._table(res).objects.get((ns or "", name))

    def get(self, res: str, ns: str | None, name: str) -> Object:
        """Return an object; it must not be changed. Raises ApiError 404."""
        obj = self.find(res, ns, name)
        if obj is None:
            raise errors.not_found(self.registry.get(res), name)
        return obj

    def list(
        self, res: str, ns: str | None = None, label_selector: str | None = None
    ) -> list[Object]:
        """Return the objects of a kind, of one namespace or all, ordered by namespace and name."""
        table = self._table(res)
        keys = table.order
        if ns:
            keys = keys[bisect_left(keys, (ns, "")) : bisect_left(keys, (ns + "\0", ""))]
        objects = [table.objects[key] for key in keys]
        matches = parse_labels(label_selector)
        return objects if matches is None else [o for o in objects if matches(labels_of(o))]

    # -- writing ---------------------------------------------------------------------------------

    def create(self, res: str, obj: Object, options: WriteOptions | None = None) -> Object:
        """Store a new object and return it. Raises ApiError 400, 403, 404, 409 or 422."""
        options = options or WriteOptions()
        resource = self.registry.get(res)
        new = self._writer.decode(resource, obj, options)
        return self._writer.create(resource, new, options)

    def update(
        self,
        res: str,
        obj: Object,
        subresource: str | None = None,
        options: WriteOptions | None = None,
    ) -> Object:
        """Replace an object and return the stored one; an unchanged object keeps its version.

        With ``subresource="status"`` only the status changes, without it all but the status. Raises
        ApiError 404, 409 when the object carries a stale resourceVersion, 422 when it carries none
        (custom resources).
        """
        options = options or WriteOptions()
        resource = self.registry.get(res)
        new = self._writer.decode(resource, obj, options)
        old = self.get(res, namespace_of(new), name_of(new))
        return self._writer.update(resource, new, old, subresource, options)

    def patch(
        self,
        res: str,
        ns: str | None,
        name: str,
        body: Any,
        content_type: str,
        subresource: str | None = None,
        options: WriteOptions | None = None,
    ) -> Object:
        """Apply a patch of one of the four content types and return the stored object.

        A resourceVersion in the patch is a precondition. Raises ApiError 404, 409, 415 or 422.
        """
        options = options or WriteOptions()
        resource = self.registry.get(res)
        old = self.get(res, ns, name)
        patched = self._writer.patched(resource, old, body, content_type)
        new = self._writer.decode_patched(resource, patched, body, content_type, options)
        if name_of(new) != name:
            raise errors.bad_request(
                f"the name of the object ({name_of(new)}) does not match the name on the URL "
                f"({name})"
            )
        if resource.namespaced and namespace_of(new) not in ("", namespace_of(old)):
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        return self._writer.update(resource, new, old, subresource, options, patching=True)

    def mutate(
        self,
        res: str,
        ns: str | None,
        name: str,
        fn: Callable[[Object], None],
        subresource: str | None = None,
        options: WriteOptions | None = None,
    ) -> Object:
        """Let ``fn`` edit a copy of the present object in place, store it if it changed, and return
        what is stored.
        """
        old = self.get(res, ns, name)
        new = clone(old)
        fn(new)
        if new == old:
            return old
        options = options or WriteOptions()
        resource = self.registry.get(res)
        self._writer.read_in(resource, new, options)
        return self._writer.update(resource, new, old, subresource, options)

    def delete(
        self,
        res: str,
        ns: str | None,
        name: str,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str | None = None,
        grace: int | None = None,
        options: WriteOptions | None = None,
    ) -> Object | None:
        """Delete an object: return it where it stays marked (finalizers, grace period), None where
        it is gone.

        ``grace`` is in seconds; ``propagation`` is Background, Foreground or Orphan. Raises
        ApiError 404, 409 when uid or resource_version are not those of the object.
        """
        obj, gone = self.delete_object(
            res, ns, name, uid, resource_version, propagation, grace, options
        )
        return None if gone else obj

    def delete_object(
        self,
        res: str,
        ns: str | None,
        name: str,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str | None = None,
        grace: int | None = None,
        options: WriteOptions | None = None,
    ) -> tuple[Object, bool]:
        """Delete like ``delete``, and return the object in its last form and whether it is gone."""
        old = self.get(res, ns, name)
        return self._deletion.run(
            self.registry.get(res),
            old,
            (uid, resource_version),
            propagation,
            grace,
            options or WriteOptions(),
        )

    # -- events ----------------------------------------------------------------------------------

    def subscribe(self, fn: Subscriber) -> Callable[[], None]:
        """Call ``fn`` after every write, in order; the returned function ends that."""
        self._subscribers.append(fn)

        def unsubscribe() -> None:
            if fn in self._subscribers:
                self._subscribers.remove(fn)

        return unsubscribe

    def commit(self, resource: Resource, kind: str, obj: Object, old: Object | None) -> None:
        """Make a checked change final: give it a version and tell everybody. For the parts of the
        store only.
        """
        table, key = self._table(resource.key), (namespace_of(obj), name_of(obj))
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        if kind == DELETED:
            if table.objects.pop(key, None) is not None:
                del table.order[bisect_left(table.order, key)]
        else:
            if key not in table.objects:
                insort(table.order, key)
            table.objects[key] = obj
        event = WatchEvent(kind, resource.key, obj, old, self.version)
        self.history.append(event)
        self._pending.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            while self._pending:
                event = self._pending.popleft()
                for subscriber in list(self._subscribers):
                    subscriber(event)
        finally:
            self._dispatching = False

    def _table(self, res: str) -> _Table:
        table = self._tables.get(res)
        if table is None:
            self.registry.get(res)
            table = self._tables[res] = _Table()
            self.history.start(res, FIRST_VERSION)
        return table
