# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request over the connection pool of the `kubernetes` client, and nothing more.

Only the pool and the credentials of that package are used: its `call_api` changed between releases
while `rest_client.pool_manager.request` did not (measured on 24.2 to 37.0.2). `retries=False`
always: urllib3 would otherwise obey `Retry-After` inside the call, outside our deadline.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors


class Answer(Protocol):
    """What a sender returns: the parts of a urllib3 response that are used here."""

    status: int
    headers: Mapping[str, str]

    @property
    def data(self) -> bytes:
        """The whole body."""

    def stream(self, amt: int) -> Iterator[bytes]:
        """The body in pieces, as they come."""

    def close(self) -> None:
        """Give the connection up."""


class Transport:
    """Sends requests with the credentials of an `ApiClient` of the `kubernetes` package."""

    def __init__(self, api_client: Any, extra_headers: list[tuple[str, str]] | None = None) -> None:
        self._urllib3: Any = importlib.import_module("urllib3")
        self._pool = api_client.rest_client.pool_manager
        self._config = api_client.configuration
        self._extra = extra_headers or []
        self.host: str = str(self._config.host).rstrip("/")

    def _headers(self, content_type: str | None) -> Any:
        headers = self._urllib3.HTTPHeaderDict()
        headers.add("Accept", "application/json")
        headers.add("User-Agent", "nodecare.longhorn")
        if content_type:
            headers.add("Content-Type", content_type)
        # Asked for each request, so that a token from an exec plug-in or a file is refreshed.
        token = self._config.get_api_key_with_prefix(
            "authorization"
        ) or self._config.get_api_key_with_prefix("BearerToken")
        if token:
            headers.add("Authorization", token)
        elif self._config.username and self._config.password:
            pair = f"{self._config.username}:{self._config.password}".encode()
            headers.add("Authorization", "Basic " + base64.b64encode(pair).decode("ascii"))
        for name, value in self._extra:
            headers.add(name, value)
        return headers

    def send(
        self,
        method: str,
        url: str,
        *,
        what: str,
        body: bytes | None = None,
        content_type: str | None = None,
        connect_seconds: float,
        read_seconds: float,
        streamed: bool = False,
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        *url* is a path with its query. Raises Unreachable or Untrusted when there is no answer.
        """
        urllib3 = self._urllib3
        try:
            answer: Answer = self._pool.request(
                method,
                self.host + url,
                body=body,
                headers=self._headers(content_type),
                timeout=urllib3.Timeout(connect=connect_seconds, read=read_seconds),
                retries=False,
                redirect=False,
                preload_content=not streamed,
            )
        except urllib3.exceptions.SSLError as error:
            raise errors.Untrusted(plain_reason(error), request=what, host=self.host) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise errors.Untrusted(plain_reason(error), request=what, host=self.host) from error
            raise errors.Unreachable(plain_reason(error), request=what, host=self.host) from error
        return answer

    def break_off(self, answer: Answer) -> None:
        """End a streamed answer from another thread: a read that blocks on it returns at once."""
        connection = getattr(answer, "connection", None) or getattr(answer, "_connection", None)
        stream = getattr(connection, "sock", None)
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def pieces(self, answer: Answer, what: str) -> Iterator[bytes]:
        """The body of a streamed answer. Raises Unreachable when the stream breaks or is idle."""
        urllib3 = self._urllib3
        try:
            yield from answer.stream(65536)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            # ValueError and AttributeError are what a read on a connection closed by another
            # thread ends in; to the reader that is a cut like any other.
            raise errors.Unreachable(plain_reason(error), request=what, host=self.host) from error


def plain_reason(error: BaseException) -> str:
    """The innermost reason of a urllib3 error, without the object reprs around it."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "the server's certificate is not signed by a known authority"
    for mark, reason in (
        ("Name or service not known", "the host name is not known"),
        ("nodename nor servname", "the host name is not known"),
        ("Temporary failure in name resolution", "the host name could not be resolved"),
        ("Connection refused", "the connection was refused"),
        ("No route to host", "no route to the host"),
        ("Network is unreachable", "the network is unreachable"),
        ("Connection reset", "the connection was reset"),
        ("RemoteDisconnected", "the connection was closed without an answer"),
        ("timed out", "no answer in time"),
    ):
        if mark in text:
            return reason
    return type(error).__name__
