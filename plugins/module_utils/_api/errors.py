# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server answers, as one class for each status that somebody handles.

Only the fields of a Kubernetes Status object are kept. An answer that is not a Status may hold
anything (a proxy's page, a token), so it is dropped; texts are cut, so that nothing long is logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

TEXT_LENGTH_MAX = 256


def cut(text: str, length: int = TEXT_LENGTH_MAX) -> str:
    """The text without control characters, at most *length* characters long."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def _address(url: str) -> str:
    """The URL of a server, without a user and password in it."""
    scheme, mark, rest = url.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


class ApiError(Failure):
    """An answer other than success. *status* is the HTTP status, 0 when there was no answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        request: str = "",
        host: str = "",
        causes: tuple[str, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.message = cut(message)
        self.request = cut(request)
        self.server = cut(
            f"The Kubernetes API at {_address(host)}" if host else "The Kubernetes API"
        )
        self.causes = tuple(cut(cause) for cause in causes)
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The failure as one sentence; subclasses add the remedy they know."""
        told = "; ".join(self.causes) or self.message or self.reason or "no reason given"
        return f"{self.request}: the API server answered {self.status}: {told}"


class Unreachable(ApiError):
    """No answer: name not found, refused, cut, timed out."""

    def sentence(self) -> str:
        """What was tried and how it ended."""
        return (
            f"{self.server} could not be reached: {self.message} ({self.request}). "
            "Check the address, the network and the kubeconfig."
        )


class Untrusted(ApiError):
    """The server's certificate, or ours, was not accepted; trying again cannot help."""

    def sentence(self) -> str:
        """Which side failed, and the options that decide it."""
        return (
            f"{self.server} could not be trusted: {self.message} ({self.request}). "
            "Check ca_cert, client_cert, client_key and validate_certs."
        )


class BadRequest(ApiError):
    """400: the request itself is wrong."""


class Unauthorized(ApiError):
    """401: no credential, or one that is not valid (any more)."""

    def sentence(self) -> str:
        """The remedy is always a new credential."""
        return (
            f"{self.server} does not accept the credentials ({self.request}, 401). "
            "The token may have expired: renew it, or check kubeconfig, context and api_key."
        )


class Forbidden(ApiError):
    """403 by RBAC: the right is named. (A webhook's 403 is :class:`Refused`.)"""

    def sentence(self) -> str:
        """The missing right, in the words of a role."""
        return (
            f"Not allowed: {self.message or self.request}. "
            f"The account needs this right: {self.right}."
        )

    @property
    def right(self) -> str:
        """The missing right as verb, resource and namespace."""
        return self.request


class NotFound(ApiError):
    """404."""


class Conflict(ApiError):
    """409: stale resourceVersion in a PUT or merge patch, wrong precondition, object exists."""


class Gone(ApiError):
    """410: the resourceVersion or continue token is too old; list again."""


class FailedTest(ApiError):
    """422 without causes: a `test` of a JSON patch did not hold."""


class Refused(ApiError):
    """A validation or an admission webhook said no; its words are in *causes*."""

    def sentence(self) -> str:
        """The words of the webhook, unchanged."""
        return f"{self.request} was refused: {'; '.join(self.causes) or self.message}"


class TooManyRequests(ApiError):
    """429: overload, or (for an eviction) a disruption budget."""


class ServerError(ApiError):
    """5xx: the server failed; trying again may help."""


class Settling(ServerError):
    """401 or 403 by a server that has just come back and does not know its accounts yet."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    429: TooManyRequests,
}


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    if isinstance(parsed, dict) and parsed.get("kind") == "Status":
        return parsed
    return {}


def _causes(status: Mapping[str, Any]) -> tuple[str, ...]:
    details = status.get("details") or {}
    found = []
    for cause in details.get("causes") or ():
        field = cause.get("field") or ""
        message = cause.get("message") or cause.get("reason") or ""
        found.append(f"{field}: {message}" if field and field not in message else message)
    return tuple(text for text in found if text)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return float(headers.get("Retry-After", ""))
    except ValueError:
        return None


def _class_of(code: int, causes: tuple[str, ...], message: str) -> type[ApiError]:
    # A webhook's own answer is final whatever its code; one that could not be called is not.
    if "admission webhook" in message and "denied the request" in message:
        return Refused
    if code == 422:
        return Refused if causes else FailedTest
    if code >= 500:
        return ServerError
    return _BY_STATUS.get(code, ApiError)


def from_answer(
    code: int, body: bytes, headers: Mapping[str, str], request: str, host: str = ""
) -> ApiError:
    """The error for an HTTP answer of *host*. *request* says what was asked ("list nodes")."""
    status = _status_object(body)
    causes = _causes(status)
    message = str(status.get("message") or "")
    return _class_of(code, causes, message)(
        message,
        status=code,
        reason=str(status.get("reason") or ""),
        request=request,
        host=host,
        causes=causes,
        retry_after_seconds=_retry_after(headers),
    )


def from_event(status: Mapping[str, Any], request: str) -> ApiError:
    """The error for an ERROR event of a watch, whose object is a Status."""
    code = int(status.get("code") or 500)
    return from_answer(code, json.dumps({**status, "kind": "Status"}).encode(), {}, request)
