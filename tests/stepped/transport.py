# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests straight into the API server's handler, and a place to stop at each write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors
from tests.simulator.http.app import App
from tests.simulator.kernel import Kernel

REQUEST_SECONDS = 0.01
QUESTIONS = "/selfsubjectaccessreviews"


class Killed(BaseException):
    """The process is gone: nothing that it would still have done happens."""


@dataclass
class Answer:
    """The parts of an HTTP answer that the client reads."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    def stream(self, amt: int) -> Iterator[bytes]:
        """The whole body: nothing is streamed here."""
        yield self.data

    def close(self) -> None:
        """Nothing is open."""


class _Raw:
    """What the handler reads of an HTTP request."""

    def __init__(self, method: str, url: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.rel_url = URL(url, encoded=True)
        self.query = self.rel_url.query
        self.headers = headers
        self.transport = None
        self._body = body

    async def read(self) -> bytes:
        return self._body


@dataclass(frozen=True)
class Write:
    """A request that changes something: the n-th of all, counted from 1."""

    number: int
    method: str
    path: str

    @property
    def renewal(self) -> bool:
        """Whether it only keeps a lock that is ours."""
        return self.method == "PATCH" and "/leases/" in self.path

    def __str__(self) -> str:
        parts = [part for part in self.path.partition("?")[0].split("/") if part]
        skip = parts.index("namespaces") + 2 if "namespaces" in parts[:-2] else 2
        return f"{self.method} {'/'.join(parts[skip:])}"


Hook = Callable[[Write, str], None]


class Wire:
    """The way from every client of one test to its API server.

    *at_write* is called with "before" and "after" around each write and may raise Killed; from then
    on every request of the run that was killed ends in Killed.
    """

    def __init__(self, kernel: Kernel, app: App, token: str) -> None:
        self.kernel = kernel
        self.app = app
        self.writes: list[Write] = []
        self.at_write: Hook = lambda write, when: None
        self.generation = 0
        self._token = token

    def send(self, method: str, url: str, body: bytes | None, content_type: str | None) -> Answer:
        """One request, a moment after the last."""
        self.kernel.run_for(REQUEST_SECONDS)
        headers = {"Accept": "application/json", "User-Agent": "nodecare.longhorn"}
        headers["Authorization"] = f"Bearer {self._token}"
        if content_type:
            headers["Content-Type"] = content_type
        raw: Any = _Raw(method, url, headers, body or b"")
        if method == "GET" or QUESTIONS in url:
            return self._handle(raw)
        write = Write(len(self.writes) + 1, method, url)
        self.writes.append(write)
        self.at_write(write, "before")
        answer = self._handle(raw)
        self.at_write(write, "after")
        return answer

    def _handle(self, raw: Any) -> Answer:
        coroutine = self.app(raw)
        try:
            coroutine.send(None)
        except StopIteration as end:
            response = end.value
            return Answer(response.status, response.headers, bytes(response.body or b""))
        raise AssertionError("a request waited; only watches may")


class SteppedTransport:
    """What a client has in the place of its connection pool; dies with its run."""

    host = "https://stepped"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._generation = wire.generation

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
        """Send one request and return the answer, whatever its status. Raises Killed."""
        if self._generation != self._wire.generation:
            raise Killed
        try:
            return self._wire.send(method, url, body, content_type)
        except Killed:
            self._wire.generation += 1
            raise
        except ConnectionError as error:
            raise errors.Unreachable("the connection was reset", request=what) from error

    def break_off(self, answer: Answer) -> None:
        """No stream is ever open."""
