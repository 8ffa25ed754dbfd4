# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists: consistent snapshots, selectors, pages.

A page token names a version and the key to go on after; the collection as it was at that version is
worked out from the history, so pages agree with each other however much is written between them.
Texts: apiserver pkg/storage/continue.go, pkg/storage/errors.go, apimachinery
pkg/apis/meta/internalversion/validation.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from tests.simulator.errors import ApiError, bad_request
from tests.simulator.history import ADDED, DELETED
from tests.simulator.http.gojson import syntax_error
from tests.simulator.http.requests import Request
from tests.simulator.objects import Object, name_of, namespace_of
from tests.simulator.selectors import object_match
from tests.simulator.store import Store

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first "
    "chunk was returned and now may show up in the list."
)
Key = tuple[str, str]


@dataclass(frozen=True)
class Page:
    """One page of a collection: the objects, its version, and how to go on."""

    items: list[Object]
    version: int
    token: str = ""
    remaining: int | None = None


def key_of(obj: Object) -> Key:
    """Return what a collection is ordered by."""
    return namespace_of(obj), name_of(obj)


def encode_token(version: int, key: Key) -> str:
    """Return the token that goes on after ``key``."""
    start = f"{key[0]}/{key[1]}" if key[0] else key[1]
    data = {"v": "meta.k8s.io/v1", "rv": version, "start": start + "\0"}
    text = json.dumps(data, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> tuple[int, Key]:
    """Return the version and key of a token. Raises ApiError 400 with the server's text."""
    prefix = "invalid continue token: continue key is not valid: "
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise bad_request(prefix + "illegal base64 data at input byte 0") from None
    text = raw.decode("latin-1")
    try:
        data = json.loads(text)
        if isinstance(data, dict) and data.get("v") != "meta.k8s.io/v1":
            shown = data.get("v") or ""
            raise bad_request(f"{prefix}server does not recognize this encoded version {shown}")
        start = str(data["start"]).rstrip("\0")
        namespace, _unused, name = start.rpartition("/")
        return int(data["rv"]), (namespace, name)
    except (KeyError, TypeError):
        raise bad_request(prefix + "incorrect encoded start resourceVersion") from None
    except ValueError:
        raise bad_request(prefix + syntax_error(text)) from None


def snapshot(store: Store, res: str, namespace: str, version: int) -> list[Object]:
    """Return a collection as it was at ``version``, in order. Raises ApiError 410 when that is
    forgotten.
    """
    current = store.list(res, namespace or None)
    if version >= store.version:
        return current
    changes = list(store.history.since(res, version))
    if not changes:
        return current
    objects = {key_of(o): o for o in current}
    for event in reversed(changes):
        key = key_of(event.obj)
        if namespace and key[0] != namespace:
            continue
        if event.type == ADDED:
            objects.pop(key, None)
        elif event.old is not None:
            objects[key] = event.old
        elif event.type == DELETED:
            objects[key] = event.obj
    return [objects[key] for key in sorted(objects)]


def too_large(wanted: int, current: int) -> ApiError:
    """504: a version from the future (apiserver pkg/storage/errors.go
    NewTooLargeResourceVersionError).
    """
    text = f"Too large resource version: {wanted}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details: dict[str, Any] = {"causes": [cause], "retryAfterSeconds": 1}
    return ApiError(504, "Timeout", f"Timeout: {text}", details)


def parse_version(request: Request) -> int | None:
    """Return the resourceVersion asked for, None without one. Raises ApiError 400 (lists) or
    500 (everything else), as a real server does.
    """
    text = request.query.get("resourceVersion", "")
    if not text:
        return None
    if not text.isdigit():
        problem = (
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
            "invalid syntax"
        )
        if request.is_watch or request.target.name:
            raise ApiError(500, "", problem)
        raise bad_request(f"invalid resource version: {problem}")
    return int(text)


def check_match(request: Request) -> None:
    """Refuse combinations of list options that make no sense. Raises ApiError 422."""
    match, version = (
        request.query.get("resourceVersionMatch", ""),
        request.query.get("resourceVersion", ""),
    )
    problem = ""
    initial = "sendInitialEvents" in request.query
    if initial and not request.is_watch:
        problem = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"
    elif initial and match != "NotOlderThan":
        problem = (
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
            "resourceVersionMatch to NotOlderThan"
        )
    elif match and not initial:
        if request.is_watch:
            problem = (
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch "
                "unless sendInitialEvents is provided"
            )
        elif not version:
            problem = (
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
                "resourceVersion is provided"
            )
        elif match not in ("Exact", "NotOlderThan"):
            problem = (
                f'resourceVersionMatch: Unsupported value: "{match}": supported values: '
                '"Exact", "NotOlderThan", ""'
            )
        elif match == "Exact" and version == "0":
            problem = (
                'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for '
                'resourceVersion "0"'
            )
    if problem:
        field, _unused, text = problem.partition(": ")
        reason = (
            "FieldValueNotSupported" if text.startswith("Unsupported") else "FieldValueForbidden"
        )
        details = {
            "group": "meta.k8s.io",
            "kind": "ListOptions",
            "causes": [{"reason": reason, "message": text, "field": field}],
        }
        message = f'ListOptions.meta.k8s.io "" is invalid: {problem}'
        raise ApiError(422, "Invalid", message, details)


def list_page(store: Store, request: Request) -> Page:
    """Return the page of a collection that a request asks for. Raises ApiError 400, 410, 422 or
    504.
    """
    check_match(request)
    resource, namespace = request.resource, request.target.namespace
    matches = object_match(
        request.query.get("labelSelector"),
        request.query.get("fieldSelector"),
        resource.selectable_fields,
    )
    limit, token = max(request.number("limit") or 0, 0), request.query.get("continue", "")
    after: Key | None = None
    version = store.version
    if token:
        if request.query.get("resourceVersion", "") not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        version, after = decode_token(token)
        if version < 0:
            version = store.version
    else:
        wanted = parse_version(request)
        if wanted is not None and wanted > store.version:
            raise too_large(wanted, store.version)
        exact = request.query.get("resourceVersionMatch") == "Exact"
        if (
            wanted
            and (exact or (limit and wanted))
            and request.query.get("resourceVersionMatch") != "NotOlderThan"
        ):
            version = wanted
    objects = _objects(store, resource.key, namespace, version, after)
    return _cut(objects, matches, limit, version)


def _objects(
    store: Store, res: str, namespace: str, version: int, after: Key | None
) -> list[Object]:
    try:
        objects = snapshot(store, res, namespace, version)
    except ApiError as error:
        if after is None:
            raise
        inconsistent = ApiError(410, "Expired", _TOO_OLD)
        inconsistent.token = encode_token(-1, after)
        raise inconsistent from error
    if after is None:
        return objects
    return objects[bisect_left(objects, (after[0], after[1] + "\0"), key=key_of) :]


def _cut(objects: list[Object], matches: Any, limit: int, version: int) -> Page:
    if matches is None:
        items = objects[:limit] if limit else objects
        left = len(objects) - len(items)
        if not left:
            return Page(items, version)
        return Page(items, version, encode_token(version, key_of(items[-1])), left)
    items = []
    for at, obj in enumerate(objects):
        if not matches(obj):
            continue
        if limit and len(items) == limit:
            return Page(items, version, encode_token(version, key_of(objects[at - 1])))
        items.append(obj)
    return Page(items, version)
