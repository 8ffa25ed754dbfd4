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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulator import errors, patches, schema
from tests.simulator.admission import CREATE, UPDATE, Admission, AdmissionRequest
from tests.simulator.deletion import Deletion
from tests.simulator.history import ADDED, DELETED, MODIFIED, History, WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.metadata import (
    drop_empty,
    finalizer_warnings,
    keep_system_fields,
    validate_metadata,
    validate_metadata_update,
)
from tests.simulator.objects import Object, clone, labels_of, name_of, namespace_of
from tests.simulator.resources import Registry, Resource
from tests.simulator.selectors import parse_labels

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Key = tuple[str, str]
Subscriber = Callable[[WatchEvent], None]

# A real cluster has written its own objects before anybody can look: small versions are long gone.
FIRST_VERSION = 200


@dataclass
class WriteOptions:
    """How a write is to be done, and what it reports back.

    ``validation`` is the client's ``fieldValidation`` (Ignore, Warn or Strict); ``warnings``
    collects the texts that go into Warning headers.
    """

    user: str = ""
    dry_run: bool = False
    validation: str = "Warn"
    warnings: list[str] = field(default_factory=list)


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
        new = self._decode(resource, obj, options)
        metadata = new["metadata"]
        self._require_namespace(resource, metadata)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self.kernel.random_suffix()
        request = self._request(CREATE, resource, new, None, options)
        hooked = self.admission.mutate(request)
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"):
            metadata.pop(name, None)
        for name in ("managedFields", "selfLink", "generation"):
            metadata.pop(name, None)
        if resource.generation:
            metadata["generation"] = 1
        metadata["uid"] = self.kernel.new_uid()
        metadata["creationTimestamp"] = self.kernel.timestamp()
        if resource.status_subresource and not resource.created_with_status:
            new.pop("status", None)
        if resource.prepare is not None:
            resource.prepare(self, new)
        self._complete(resource, new, hooked)
        self._check(resource, new, validate_metadata(resource, new))
        self.admission.validate(request)
        table, key = self._table(res), (namespace_of(new), name_of(new))
        if key in table.objects:
            raise errors.already_exists(resource, key[1])
        if not resource.builtin:
            options.warnings += finalizer_warnings(new, None)
        if not options.dry_run:
            self._commit(resource, ADDED, new, None)
        return new

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
        new = self._decode(resource, obj, options)
        old = self.get(res, namespace_of(new), name_of(new))
        return self._update(resource, new, old, subresource, options)

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
        if content_type == JSON_PATCH:
            patched = patches.json_patch(old, body)
        elif content_type in (MERGE_PATCH, APPLY_PATCH):
            patched = patches.merge_patch(old, body)
        elif content_type == STRATEGIC_MERGE_PATCH and resource.builtin:
            patched = patches.strategic_merge(old, body)
        else:
            raise errors.unsupported_media_type(accepted_patches(resource))
        if patched.get("metadata", {}).get("name") != name:
            raise errors.bad_request(
                f"the name of the object ({name_of(patched)}) does not match the name on the URL "
                f"({name})"
            )
        new = self._decode(resource, patched, options)
        return self._update(resource, new, old, subresource, options)

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
        self._read_in(resource, new, options)
        return self._update(resource, new, old, subresource, options)

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
        self._commit(resource, kind, obj, old)

    # -- the steps of a write --------------------------------------------------------------------

    def _table(self, res: str) -> _Table:
        table = self._tables.get(res)
        if table is None:
            self.registry.get(res)
            table = self._tables[res] = _Table()
            self.history.start(res, FIRST_VERSION)
        return table

    def _decode(self, resource: Resource, obj: Object, options: WriteOptions) -> Object:
        """Return a private copy with defaults and without unknown fields."""
        new: Object = clone(obj)
        self._read_in(resource, new, options)
        return new

    def _read_in(self, resource: Resource, new: Object, options: WriteOptions) -> None:
        new.setdefault("apiVersion", resource.api_version)
        new.setdefault("kind", resource.kind)
        if not isinstance(new.get("metadata"), dict):
            new["metadata"] = {}
        if resource.schema is not None and new["kind"] == resource.kind:
            unknown = schema.prune(resource.schema, new)
            texts = [f'unknown field "{path}"' for path in unknown]
            if texts and options.validation == "Strict":
                raise errors.bad_request(
                    f'{resource.kind} in version "{resource.version}" cannot be handled as a '
                    f"{resource.kind}: "
                    f"strict decoding error: {', '.join(texts)}"
                )
            if options.validation == "Warn":
                options.warnings += texts
            schema.apply_defaults(resource.schema, new)

    def _require_namespace(self, resource: Resource, metadata: Object) -> None:
        if not resource.namespaced:
            metadata.pop("namespace", None)
            return
        namespace = metadata.setdefault("namespace", "default")
        found = self.find("namespaces", "", namespace)
        if found is None:
            raise errors.not_found(self.registry.get("namespaces"), namespace)
        if found["metadata"].get("deletionTimestamp"):
            why = (
                f"unable to create new content in namespace {namespace} "
                "because it is being terminated"
            )
            raise errors.forbidden(resource, metadata.get("name") or "", why)

    def _request(
        self,
        operation: str,
        resource: Resource,
        obj: Object,
        old: Object | None,
        options: WriteOptions,
    ) -> AdmissionRequest:
        return AdmissionRequest(
            operation,
            resource,
            namespace_of(obj),
            name_of(obj),
            obj,
            old,
            options.user,
            options.dry_run,
        )

    def _complete(self, resource: Resource, obj: Object, hooked: bool) -> None:
        """Bring an object to its stored form; ``hooked`` tells whether hooks may have edited it."""
        if resource.default is not None:
            resource.default(obj)
        if hooked and resource.schema is not None and obj["kind"] == resource.kind:
            schema.prune(resource.schema, obj)
            schema.apply_defaults(resource.schema, obj)
        drop_empty(obj)

    def _check(self, resource: Resource, obj: Object, causes: Sequence[errors.Cause]) -> None:
        if not resource.builtin:
            wrong = [
                errors.Cause(
                    name, "FieldValueInvalid", f'Invalid value: "{obj[name]}": must be {must}'
                )
                for name, must in (("kind", resource.kind), ("apiVersion", resource.api_version))
                if obj[name] != must
            ]
            if wrong:
                raise errors.invalid(resource, name_of(obj), wrong, kind=obj["kind"])
        if resource.schema is not None:
            causes = [*causes, *schema.validate(resource.schema, obj)]
        if causes:
            raise errors.invalid(resource, name_of(obj), causes)

    def _update(
        self,
        resource: Resource,
        new: Object,
        old: Object,
        subresource: str | None,
        options: WriteOptions,
    ) -> Object:
        name = name_of(old)
        request = self._request(UPDATE, resource, new, old, options)
        hooked = subresource is None and self.admission.mutate(request)
        self._check_version(resource, new, old)
        keep_system_fields(new, old)
        _keep_other_half(resource, new, old, subresource)
        self._complete(resource, new, hooked)
        self._bump_generation(resource, new, old, subresource)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        self._check(resource, new, validate_metadata_update(new, old))
        if subresource is None:
            self.admission.validate(request)
        if not resource.builtin:
            options.warnings += finalizer_warnings(new, old)
        if new == old:
            return old
        if options.dry_run:
            return new
        metadata = new["metadata"]
        if (
            metadata.get("deletionTimestamp")
            and not metadata.get("finalizers")
            and not metadata.get("deletionGracePeriodSeconds")
        ):
            self._commit(resource, DELETED, new, old)
        else:
            self._commit(resource, MODIFIED, new, old)
        return self.find(resource.key, namespace_of(old), name) or new

    def _check_version(self, resource: Resource, new: Object, old: Object) -> None:
        metadata, name = new["metadata"], name_of(old)
        version = metadata.get("resourceVersion") or ""
        if not version and not resource.builtin:
            text = "Invalid value: 0: must be specified for an update"
            cause = errors.Cause("metadata.resourceVersion", "FieldValueInvalid", text)
            raise errors.invalid(resource, name, [cause], by_plural=True)
        uid = metadata.get("uid") or old["metadata"]["uid"]
        if uid != old["metadata"]["uid"]:
            why = (
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
                f"{old['metadata']['uid']}"
            )
            raise errors.conflict(resource, name, why)
        if version and version != old["metadata"]["resourceVersion"]:
            raise errors.conflict(resource, name)

    def _bump_generation(
        self, resource: Resource, new: Object, old: Object, subresource: str | None
    ) -> None:
        if not resource.generation or subresource is not None:
            return
        ignored = {"metadata", "status"} if resource.status_subresource else {"metadata"}
        if any(new.get(k) != old.get(k) for k in (new.keys() | old.keys()) - ignored):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def _commit(self, resource: Resource, kind: str, obj: Object, old: Object | None) -> None:
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


def accepted_patches(resource: Resource) -> list[str]:
    """Return the content types that a PATCH of this kind may have, in the server's order."""
    accepted = [JSON_PATCH, MERGE_PATCH]
    if resource.builtin:
        accepted.append(STRATEGIC_MERGE_PATCH)
    return [*accepted, APPLY_PATCH]


def _keep_other_half(resource: Resource, new: Object, old: Object, subresource: str | None) -> None:
    """Undo, in place, what this kind of write may not change."""
    if subresource is None:
        if resource.status_subresource:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        return
    status = new.get("status")
    metadata = new["metadata"] if resource.builtin else clone(old["metadata"])
    for name in list(new):
        if name not in old:
            del new[name]
    new.update({name: value for name, value in old.items() if name not in ("metadata", "status")})
    new["metadata"] = metadata
    new.pop("status", None)
    if status is not None:
        new["status"] = status
