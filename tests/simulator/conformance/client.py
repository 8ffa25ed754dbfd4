# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the recorded requests, byte for byte as they say."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_HEADERS = ("Content-Type", "Warning")


@dataclass
class Reply:
    """What came back: the status, the headers that count, the body (``_text`` where it is
    no JSON).
    """

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Stream:
    """What a watch brought."""

    status: int = 0
    content_type: str = ""
    events: list[Any] = field(default_factory=list)
    body: Any = None


class Client:
    """Speaks to one server."""

    def __init__(self, url: str, authority: Path, token: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 443)
        self._context = ssl.create_default_context(cafile=str(authority))
        self._token = token
        self._kept: http.client.HTTPSConnection | None = None

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        host, port = self._address
        return http.client.HTTPSConnection(host, port, context=self._context, timeout=timeout)

    def _headers(self, request: dict[str, Any]) -> dict[str, str]:
        headers = dict(request.get("headers") or {})
        if not request.get("anonymous"):
            headers.setdefault("Authorization", f"Bearer {self._token}")
        return headers

    def send(self, request: dict[str, Any]) -> Reply:
        """Send one request and return its answer."""
        body = request.get("rawBody")
        if body is None and "body" in request:
            body = json.dumps(request["body"])
        if self._kept is None:
            self._kept = self._connect(30.0)
        data = body.encode() if body is not None else None
        self._kept.request(request["method"], request["path"], data, self._headers(request))
        response = self._kept.getresponse()
        return Reply(response.status, _kept_headers(response), _parse(response.read()))

    def close(self) -> None:
        """Close the connection that was kept open."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def watch(self, request: dict[str, Any]) -> Watcher:
        """Open a watch and return it once the server has answered."""
        return Watcher(self._connect(30.0), request["path"], self._headers(request))


class Watcher:
    """Collects the events of one watch in a thread."""

    def __init__(
        self, connection: http.client.HTTPSConnection, path: str, headers: dict[str, str]
    ) -> None:
        self.stream = Stream()
        self._connection = connection
        self._closing = False
        connection.connect()
        self._socket = connection.sock
        connection.request("GET", path, None, headers)
        self._response = connection.getresponse()
        self.stream.status = self._response.status
        self.stream.content_type = self._response.headers.get("Content-Type", "")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            if self._response.status != 200:
                self.stream.body = _parse(self._response.read())
                return
            while line := self._response.readline():
                self.stream.events.append(json.loads(line))
        except (OSError, ValueError, http.client.HTTPException):
            if not self._closing:
                raise

    def finish(self, expected: int | None, quiet: float, limit: float) -> Stream:
        """Return the stream after its end, or when the expected events and a quiet time have
        passed.

        ``expected`` is None when any number will do; times are in seconds.
        """
        end = time.monotonic() + limit
        while self._thread.is_alive() and time.monotonic() < end:
            if expected is None or len(self.stream.events) >= expected:
                self._thread.join(quiet)
                break
            self._thread.join(0.02)
        self._closing = True
        if self._thread.is_alive():
            self._socket.shutdown(socket.SHUT_RDWR)
            self._thread.join()
        self._connection.close()
        return self.stream


def _kept_headers(response: http.client.HTTPResponse) -> dict[str, str]:
    found = {name: response.headers.get_all(name) for name in _HEADERS}
    return {name: ", ".join(values) for name, values in found.items() if values}


def _parse(data: bytes) -> Any:
    text = data.decode()
    try:
        return json.loads(text)
    except ValueError:
        return {"_text": text}
