# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of the API server, with the texts and bodies of a real one.

Texts: k8s.io/apimachinery pkg/api/errors, as recorded in kube-api-conformance.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.resources import Resource

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


@dataclass(frozen=True)
class Cause:
    """One reason why an object is invalid: the field, the kind of mistake, the text after the
    field's name.
    """

    field: str
    reason: str
    message: str


class ApiError(Exception):
    """An answer of the API server that is not a success.

    ``status`` is the HTTP code; ``details`` is None where the real body has none; ``token`` is a
    page token to go on with after a 410.
    """

    def __init__(
        self, status: int, reason: str, message: str, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details
        self.token = ""

    def body(self) -> dict[str, Any]:
        """Return the Status object that goes over the wire."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.token} if self.token else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.status
        return body


def details_of(resource: Resource | None, name: str = "", use_kind: bool = False) -> dict[str, Any]:
    """Return the details block of an error about one object."""
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if resource is not None:
        if resource.group:
            details["group"] = resource.group
        details["kind"] = resource.kind if use_kind else resource.plural
    return details


def not_found(resource: Resource, name: str) -> ApiError:
    """404: the object does not exist."""
    return ApiError(
        404, "NotFound", f'{resource.key} "{name}" not found', details_of(resource, name)
    )


def already_exists(resource: Resource, name: str) -> ApiError:
    """409: an object of this name exists."""
    text = f'{resource.key} "{name}" already exists'
    return ApiError(409, "AlreadyExists", text, details_of(resource, name))


def conflict(
    resource: Resource, name: str, why: str = MODIFIED, use_kind: bool = False
) -> ApiError:
    """409: the object is not (or no longer) what the caller thinks it is."""
    what = resource.qualified_kind if use_kind else resource.key
    text = f'Operation cannot be fulfilled on {what} "{name}": {why}'
    return ApiError(409, "Conflict", text, details_of(resource, name, use_kind))


def invalid(
    resource: Resource,
    name: str,
    causes: Sequence[Cause],
    kind: str | None = None,
    by_plural: bool = False,
) -> ApiError:
    """422: the object breaks its schema or a rule.

    There is a cause for each time a rule was found broken (a server checks metadata more than
    once); the message has each text once.
    """
    shown = resource.key if by_plural else resource.qualified(kind or resource.kind)
    texts = list(dict.fromkeys(f"{c.field}: {c.message}" for c in causes))
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = details_of(resource, name)
    details["kind"] = resource.plural if by_plural else (kind or resource.kind)
    details["causes"] = [
        {"reason": c.reason, "message": c.message, "field": c.field} for c in causes
    ]
    return ApiError(422, "Invalid", f'{shown} "{name}" is invalid: {joined}', details)


def rejected_patch() -> ApiError:
    """422: a JSON patch that cannot be applied, a failed ``test`` included; it says no more than
    that.
    """
    text = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", text, {})


def undecodable(resource: Resource, problem: object, version: str = "", kind: str = "") -> ApiError:
    """400: the body fits no type, or is of another ``kind`` or ``version``."""
    return bad_request(
        f'{kind or resource.kind} in version "{version or resource.version}" cannot be handled as '
        f"a {resource.kind}: {problem}"
    )


def undecodable_patch(shown: str, problem: str) -> ApiError:
    """422: the object after a patch, or the patch itself (``shown``, in quotes), fits no type."""
    message = f"Invalid value: {shown}: {problem}"
    cause = {"reason": "FieldValueInvalid", "message": message, "field": "patch"}
    return ApiError(422, "Invalid", f' "" is invalid: patch: {message}', {"causes": [cause]})


def invalid_options(kind: str, cause: Cause) -> ApiError:
    """422: the parameters of a request (``kind``: CreateOptions and so on) make no sense."""
    shown = {"reason": cause.reason, "message": cause.message, "field": cause.field}
    details = {"group": "meta.k8s.io", "kind": kind, "causes": [shown]}
    text = f'{kind}.meta.k8s.io "" is invalid: {cause.field}: {cause.message}'
    return ApiError(422, "Invalid", text, details)


def bad_request(message: str) -> ApiError:
    """400: the request makes no sense."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401: credentials were sent that nobody knows."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource | None, name: str, why: str, key: str = "") -> ApiError:
    """403: known, but not allowed."""
    what = key or (resource.key if resource else "")
    shown = f'{what} "{name}"' if name else what
    return ApiError(403, "Forbidden", f"{shown} is forbidden: {why}", details_of(resource, name))


def method_not_allowed() -> ApiError:
    """405: this path does not know this method."""
    text = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", text, {})


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    """415: a body in a format that this path does not read."""
    text = "the body of the request was in an unknown format - accepted media types include: "
    return ApiError(415, "UnsupportedMediaType", text + ", ".join(accepted))


def expired(message: str) -> ApiError:
    """410: the version asked for is no longer kept."""
    return ApiError(410, "Expired", message)


def too_many_requests(
    message: str, causes: Sequence[dict[str, str]] = (), retry: int = 0
) -> ApiError:
    """429: not now."""
    details: dict[str, Any] = {"causes": list(causes)} if causes else {}
    if retry:
        details["retryAfterSeconds"] = retry
    return ApiError(429, "TooManyRequests", message, details)


def internal(message: str) -> ApiError:
    """500: the server, or a webhook it asked, failed."""
    text = f"Internal error occurred: {message}"
    return ApiError(500, "InternalError", text, {"causes": [{"message": message}]})


def denied_by_webhook(
    webhook: str,
    message: str,
    status: int = 422,
    reason: str = "Invalid",
    details: dict[str, Any] | None = None,
) -> ApiError:
    """A refusal by an admission webhook (apiserver
    pkg/admission/plugin/webhook/errors/statuserror.go).
    """
    text = f'admission webhook "{webhook}" denied the request: {message}'
    return ApiError(status, reason, text, details)
