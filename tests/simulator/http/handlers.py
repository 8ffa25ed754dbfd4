# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each verb does to an object or a collection, between the HTTP layer and the store.

Source: apiserver pkg/endpoints/handlers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulator import errors
from tests.simulator.decoding import Undecodable, check_types
from tests.simulator.http.deleting import delete_options
from tests.simulator.http.gojson import summarize
from tests.simulator.http.listing import list_page, parse_version, too_large
from tests.simulator.http.requests import Request, decode_yaml
from tests.simulator.http.subresources import Answer, Subresources, no_such_kind
from tests.simulator.http.tables import Shape, shape_list, shape_object
from tests.simulator.objects import Object, name_of, namespace_of, uid_of
from tests.simulator.podlogs import PodLogs
from tests.simulator.rbac import Authorizer, Tokens, User
from tests.simulator.resources import Resource
from tests.simulator.selectors import object_match
from tests.simulator.store import Store
from tests.simulator.writing import APPLY_PATCH, WriteOptions, accepted_patches

_OTHER_NAMESPACE = (
    "the namespace of the provided object does not match the namespace sent on the request"
)
_UNSUPPORTED = {"POST": "create", "DELETE": "delete"}


class Handlers:
    """The verbs of the API, over one store."""

    def __init__(self, store: Store, authorizer: Authorizer, tokens: Tokens, logs: PodLogs) -> None:
        self._store = store
        self._others = Subresources(store, authorizer, tokens, logs)

    def handle(self, request: Request, user: User, shape: Shape) -> Answer:
        """Do what a request asks for and answer it. Raises ApiError."""
        target, resource = request.target, request.resource
        if target.subresource not in ("", "status"):
            return self._others.handle(request)
        if target.subresource == "status" and not resource.status_subresource:
            raise errors.ApiError(
                404, "NotFound", "the server could not find the requested resource", {}
            )
        if resource.plural == "selfsubjectaccessreviews":
            return self._others.access_review(request, user)
        if (
            resource.namespaced
            and not target.namespace
            and (target.name or request.method == "POST")
        ):
            raise errors.method_not_allowed()
        verbs: dict[str, Callable[[Request, Shape], Answer]] = {
            "GET": self._get if target.name else self._list,
            "POST": self._create,
            "PUT": self._replace,
            "PATCH": self._patch,
            "DELETE": self._delete if target.name else self._delete_collection,
        }
        if not target.name and not resource.builtin and request.method in ("PUT", "PATCH"):
            raise errors.bad_request("name must be provided")
        if target.subresource and not resource.builtin and request.method in _UNSUPPORTED:
            verb = _UNSUPPORTED[request.method]
            text = f'{verb} is not supported on resources of kind "{resource.key}"'
            raise errors.ApiError(405, "MethodNotAllowed", text, errors.details_of(resource))
        allowed = ("GET", "PUT", "PATCH", "DELETE") if target.name else ("GET", "POST", "DELETE")
        if target.name and not resource.builtin:
            allowed = (*allowed, "POST")
        if (
            request.method not in allowed
            or target.subresource
            and request.method in ("POST", "DELETE")
        ):
            raise errors.method_not_allowed()
        return verbs[request.method](request, shape)

    def _shaped(
        self, request: Request, obj: Object, shape: Shape, status: int, options: WriteOptions
    ) -> Answer:
        body = shape_object(request.resource, obj, shape, self._store.kernel.now())
        return Answer(status, body, warnings=options.warnings)

    def _get(self, request: Request, shape: Shape) -> Answer:
        wanted = parse_version(request)
        if wanted is not None and wanted > self._store.version:
            raise too_large(wanted, self._store.version)
        target = request.target
        obj = self._store.get(request.resource.key, target.namespace, target.name)
        return self._shaped(request, obj, shape, 200, WriteOptions())

    def _list(self, request: Request, shape: Shape) -> Answer:
        page = list_page(self._store, request)
        metadata: Object = {"resourceVersion": str(page.version)}
        if page.token or not request.resource.builtin:
            metadata["continue"] = page.token
        if page.remaining:
            metadata["remainingItemCount"] = page.remaining
        now = self._store.kernel.now()
        return Answer(200, shape_list(request.resource, page.items, metadata, shape, now))

    def _create(self, request: Request, shape: Shape) -> Answer:
        obj = self._placed(request, request.decode())
        if request.target.name and not name_of(obj):
            obj["metadata"]["name"] = request.target.name
        options = request.write_options()
        if obj["metadata"].get("resourceVersion"):
            text = "resourceVersion should not be set on objects to be created"
            raise errors.ApiError(500, "", text)
        made = self._store.create(request.resource.key, obj, options)
        return self._shaped(request, made, shape, 201, options)

    def _replace(self, request: Request, shape: Shape) -> Answer:
        obj, target = self._placed(request, request.decode()), request.target
        if name_of(obj) != target.name:
            raise errors.bad_request(
                f"the name of the object ({name_of(obj)}) does not match the name on the URL "
                f"({target.name})"
            )
        options, key = request.write_options(), request.resource.key
        missing = self._store.find(key, target.namespace, target.name) is None
        if missing and request.resource.create_on_update and not target.subresource:
            made = self._store.create(key, obj, options)
            return self._shaped(request, made, shape, 201, options)
        stored = self._store.update(key, obj, target.subresource or None, options)
        return self._shaped(request, stored, shape, 200, options)

    def _placed(self, request: Request, obj: Any) -> Object:
        """Return a sent object with the namespace of the path. Raises ApiError 400."""
        resource, target = request.resource, request.target
        if not isinstance(obj, dict):
            raise errors.bad_request("the object provided is not an object")
        if not resource.builtin and not obj.get("kind"):
            text = request.body.decode(errors="replace")
            raise errors.bad_request(
                f"the object provided is unrecognized (must be of type {resource.kind}): Object "
                f"'Kind' is missing in '{text}' ({summarize(request.body)})"
            )
        _check_version_of_body(resource, obj)
        try:
            check_types(resource, obj)
        except Undecodable as problem:
            raise errors.undecodable(resource, problem) from None
        if not obj.get("metadata"):
            obj["metadata"] = {}
        metadata = obj["metadata"]
        if resource.namespaced:
            if metadata.get("namespace") not in (None, "", target.namespace):
                raise errors.bad_request(_OTHER_NAMESPACE)
            metadata["namespace"] = target.namespace
        result: Object = obj
        return result

    def _patch(self, request: Request, shape: Shape) -> Answer:
        resource, target = request.resource, request.target
        kind = request.content_type()
        if kind not in accepted_patches(resource):
            raise errors.unsupported_media_type(accepted_patches(resource))
        options = request.write_options()
        if kind == APPLY_PATCH:
            return self._apply(request, shape, options)
        body = request.decode_patch()
        patched = self._store.patch(
            resource.key,
            target.namespace,
            target.name,
            body,
            kind,
            target.subresource or None,
            options,
        )
        return self._shaped(request, patched, shape, 200, options)

    def _apply(self, request: Request, shape: Shape, options: WriteOptions) -> Answer:
        """Server-side apply without a record of who owns which field: a merge, or a create."""
        resource, target = request.resource, request.target
        if not request.query.get("fieldManager"):
            cause = "Required value: is required for apply patch"
            raise errors.ApiError(
                422,
                "Invalid",
                f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {cause}',
                {
                    "group": "meta.k8s.io",
                    "kind": "PatchOptions",
                    "causes": [
                        {"reason": "FieldValueRequired", "message": cause, "field": "fieldManager"}
                    ],
                },
            )
        body = self._placed(request, decode_yaml(request.body))
        if self._store.find(resource.key, target.namespace, target.name) is None:
            body["metadata"].setdefault("name", target.name)
            made = self._store.create(resource.key, body, options)
            return self._shaped(request, made, shape, 201, options)
        applied = self._store.patch(
            resource.key,
            target.namespace,
            target.name,
            body,
            APPLY_PATCH,
            target.subresource or None,
            options,
        )
        return self._shaped(request, applied, shape, 200, options)

    def _delete(self, request: Request, shape: Shape) -> Answer:
        resource, target = request.resource, request.target
        asked = delete_options(request)
        obj, gone = self._store.delete_object(
            resource.key,
            target.namespace,
            target.name,
            asked.uid,
            asked.version,
            asked.propagation,
            asked.grace,
            asked.options,
        )
        if not gone or resource.returns_deleted:
            return self._shaped(request, obj, shape, 200, asked.options)
        details = {**errors.details_of(resource, target.name), "uid": uid_of(obj)}
        return Answer(
            200,
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Success",
                "details": details,
            },
        )

    def _delete_collection(self, request: Request, shape: Shape) -> Answer:
        resource, target = request.resource, request.target
        matches = object_match(
            request.query.get("labelSelector"),
            request.query.get("fieldSelector"),
            resource.selectable_fields,
        )
        asked = delete_options(request)
        found = self._store.list(resource.key, target.namespace or None)
        chosen = [o for o in found if matches is None or matches(o)]
        for obj in chosen:
            self._store.delete(
                resource.key,
                namespace_of(obj),
                name_of(obj),
                propagation=asked.propagation,
                grace=asked.grace,
                options=asked.options,
            )
        metadata: Object = {"resourceVersion": str(self._store.version)}
        if not resource.builtin:
            metadata["continue"] = ""
        now = self._store.kernel.now()
        return Answer(200, shape_list(resource, chosen, metadata, shape, now))


def _check_version_of_body(resource: Resource, obj: Object) -> None:
    """Refuse a body of another API version, or for built-in kinds of another kind."""
    sent, kind = obj.get("apiVersion") or "", obj.get("kind") or resource.kind
    if resource.builtin and sent and sent != resource.api_version and kind == resource.kind:
        version = sent.rpartition("/")[2]
        raise errors.undecodable(resource, no_such_kind(kind, sent), version, kind)
    if sent != resource.api_version and (sent or not resource.builtin):
        raise errors.bad_request(
            f"the API version in the data ({sent}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if resource.builtin and kind != resource.kind:
        problem = f"converting ({kind}) to ({resource.kind}): unknown conversion"
        raise errors.undecodable(resource, problem, kind=kind)
