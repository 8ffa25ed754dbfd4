# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a write: reading in, patching, admission, checks, generation.

The order is that of a real server (apiserver pkg/endpoints/handlers and pkg/registry/rest): decode
with pruning and defaults, mutating hooks, version check, validation by schema, validating hooks,
storage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulator import decoding, errors, patches, schema
from tests.simulator.admission import CREATE, UPDATE, AdmissionRequest
from tests.simulator.history import ADDED, DELETED, MODIFIED
from tests.simulator.metadata import (
    drop_empty,
    finalizer_warnings,
    keep_system_fields,
    validate_metadata,
    validate_metadata_update,
)
from tests.simulator.objects import Object, clone, name_of, namespace_of
from tests.simulator.resources import Resource

if TYPE_CHECKING:
    from tests.simulator.store import Store

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_LONGEST_PREFIX = 58
_SET_BY_SERVER = ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion") + (
    "managedFields",
    "selfLink",
    "generation",
)


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


class Writer:
    """The writing half of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, resource: Resource, new: Object, options: WriteOptions) -> Object:
        """Store a decoded new object and return it. Raises ApiError 403, 404, 409 or 422."""
        store, metadata = self._store, new["metadata"]
        self._require_namespace(resource, metadata)
        if not metadata.get("name") and metadata.get("generateName"):
            prefix = metadata["generateName"][:_LONGEST_PREFIX]
            metadata["name"] = prefix + store.kernel.random_suffix()
        request = self._request(CREATE, resource, new, None, options)
        hooked = store.admission.mutate(request)
        for name in _SET_BY_SERVER:
            metadata.pop(name, None)
        if resource.generation:
            metadata["generation"] = 1
        metadata["uid"] = store.kernel.new_uid()
        metadata["creationTimestamp"] = store.kernel.timestamp()
        if resource.status_subresource and not resource.created_with_status:
            new.pop("status", None)
        if resource.prepare is not None:
            resource.prepare(store, new)
        self._complete(resource, new, hooked)
        self._check(resource, new, validate_metadata(resource, new))
        store.admission.validate(request)
        if store.find(resource.key, namespace_of(new), name_of(new)) is not None:
            raise errors.already_exists(resource, name_of(new))
        if not resource.builtin:
            options.warnings += finalizer_warnings(new, None)
        if not options.dry_run:
            store.commit(resource, ADDED, new, None)
        return new

    def patched(self, resource: Resource, old: Object, body: Any, content_type: str) -> Object:
        """Return ``old`` after a patch, not checked yet. Raises ApiError 400, 415 or 422."""
        if content_type == JSON_PATCH:
            new: Any = patches.json_patch(old, body)
        elif content_type == APPLY_PATCH and resource.builtin:
            new = patches.strategic_merge(old, body)
        elif content_type in (MERGE_PATCH, APPLY_PATCH):
            new = patches.merge_patch(old, body)
        elif content_type == STRATEGIC_MERGE_PATCH and resource.builtin:
            new = patches.strategic_merge(old, body)
        else:
            raise errors.unsupported_media_type(accepted_patches(resource))
        name = name_of(old)
        if not isinstance(new, dict):
            raise errors.bad_request("the patch does not leave an object")
        metadata = new.get("metadata")
        if not metadata or isinstance(metadata, dict) and not metadata.get("name"):
            raise errors.bad_request(
                f"the name of the object ({name} based on URL) was undeterminable: name must be "
                "provided"
            )
        result: Object = new
        return result

    def decode(self, resource: Resource, obj: Object, options: WriteOptions) -> Object:
        """Return a private copy with defaults and without unknown fields. Raises ApiError 400."""
        new: Object = clone(obj)
        try:
            decoding.check_types(resource, new)
            self.read_in(resource, new, options)
        except decoding.Undecodable as problem:
            raise errors.undecodable(resource, problem) from None
        return new

    def decode_patched(
        self,
        resource: Resource,
        patched: Object,
        body: Any,
        content_type: str,
        options: WriteOptions,
    ) -> Object:
        """Do what ``decode`` does for the outcome of a patch, ``body``. Raises ApiError 422."""
        strategic = content_type == STRATEGIC_MERGE_PATCH
        new: Object = clone(patched)
        try:
            decoding.check_types(resource, new, strategic)
            self.read_in(resource, new, options)
        except decoding.Undecodable as problem:
            shown = f'"{decoding.show_map(body)}"' if strategic else decoding.show_json(patched)
            raise errors.undecodable_patch(shown, str(problem)) from None
        return new

    def read_in(self, resource: Resource, new: Object, options: WriteOptions) -> None:
        """Give an object defaults, drop unknown fields, in place. Raises Undecodable for those
        when they are to be refused.
        """
        new.setdefault("apiVersion", resource.api_version)
        new.setdefault("kind", resource.kind)
        if not isinstance(new.get("metadata"), dict):
            new["metadata"] = {}
        custom = (
            resource.schema is not None
            and new["kind"] == resource.kind
            and new["apiVersion"] == resource.api_version
        )
        known = resource.schema if custom else decoding.FIELDS.get(resource.key)
        if known is not None:
            texts = [f'unknown field "{path}"' for path in schema.prune(known, new)]
            if texts and options.validation == "Strict":
                raise decoding.Undecodable(f"strict decoding error: {', '.join(texts)}")
            if options.validation == "Warn":
                options.warnings += texts
        if custom and resource.schema is not None:
            schema.apply_defaults(resource.schema, new)

    def update(
        self,
        resource: Resource,
        new: Object,
        old: Object,
        subresource: str | None,
        options: WriteOptions,
        patching: bool = False,
    ) -> Object:
        """Store a decoded changed object and return what is stored. Raises ApiError 403, 409 or
        422.

        A uid is a precondition of an update; of a patch (``patching``) it is a change.
        """
        store = self._store
        request = self._request(UPDATE, resource, new, old, options)
        hooked = subresource is None and store.admission.mutate(request)
        self._check_version(resource, new, old, patching)
        kept_metadata = subresource is not None and not resource.builtin
        sent = {} if kept_metadata else dict(new["metadata"])
        keep_system_fields(new, old)
        _keep_other_half(resource, new, old, subresource)
        self._complete(resource, new, hooked)
        self._bump_generation(resource, new, old, subresource)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        causes = validate_metadata_update(resource, new, old, sent)
        self._check(resource, new, causes, old, subresource)
        if subresource is None:
            store.admission.validate(request)
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
            and not (resource.key == "namespaces" and new["spec"].get("finalizers"))
        ):
            store.commit(resource, DELETED, new, old)
        else:
            store.commit(resource, MODIFIED, new, old)
        return store.find(resource.key, namespace_of(old), name_of(old)) or new

    def _require_namespace(self, resource: Resource, metadata: Object) -> None:
        if not resource.namespaced:
            metadata.pop("namespace", None)
            return
        namespace = metadata.setdefault("namespace", "default")
        found = self._store.find("namespaces", "", namespace)
        if found is None:
            raise errors.not_found(self._store.registry.get("namespaces"), namespace)
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

    def _check(
        self,
        resource: Resource,
        obj: Object,
        causes: Sequence[errors.Cause],
        old: Object | None = None,
        subresource: str | None = None,
    ) -> None:
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
        if resource.schema is not None and subresource == "status":
            causes = [*causes, *schema.validate_status(resource.schema, obj, old)]
        elif resource.schema is not None:
            causes = [*causes, *schema.validate(resource.schema, obj, old)]
        if resource.check is not None and subresource is None:
            causes = [*causes, *resource.check(obj, old)]
        if causes:
            raise errors.invalid(resource, name_of(obj), causes)

    def _check_version(self, resource: Resource, new: Object, old: Object, patching: bool) -> None:
        metadata, name = new["metadata"], name_of(old)
        version = metadata.get("resourceVersion") or ""
        if version and not version.isdigit():
            text = f"strconv.ParseUint: parsing {json.dumps(version)}: invalid syntax"
            raise errors.ApiError(500, "", text)
        if not version and (resource.needs_version or not resource.builtin):
            text = "Invalid value: 0: must be specified for an update"
            cause = errors.Cause("metadata.resourceVersion", "FieldValueInvalid", text)
            raise errors.invalid(resource, name, [cause], by_plural=True)
        uid = metadata.get("uid") or old["metadata"]["uid"]
        if uid != old["metadata"]["uid"] and not patching:
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
    if subresource == "binding":
        new.update({k: v for k, v in old.items() if k not in ("metadata", "spec")})
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
