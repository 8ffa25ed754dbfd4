# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP server on loopback that misbehaves in every way a source can."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

MIB = 1 << 20
BODY = bytes(range(256)) * 4096  # 1 MiB
CHECKSUM = hashlib.sha512(BODY).hexdigest()
PIECE = 1 << 14
BIG = 48 * MIB
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def qcow2(virtual_size: int) -> bytes:
    """A file that begins as a qcow2 of that virtual size does."""
    head = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(16) + virtual_size.to_bytes(8, "big")
    return head.ljust(1000, b"\0")


class SourceServer:
    """Serves on 127.0.0.1 in a thread of its own. As a proxy for plain http it answers for any
    host, so that the URLs of the tests need not name a loopback address.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: dict[str, bytes] = {"/whole.img": BODY}
        self.redirections: dict[str, str] = {}
        self.port = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    @property
    def proxy(self) -> str:
        """What to give as `source_proxy`."""
        return f"http://127.0.0.1:{self.port}"

    def methods(self, path: str) -> list[str]:
        """Which methods were asked for on a path, in order."""
        return [method for method, asked, _headers in self.requests if asked == path]

    def close(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _main(self) -> None:
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _start(self) -> None:
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None), shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]
        self._ready.set()

    async def _answer(self, request: Any) -> web.StreamResponse:
        path = request.path
        self.requests.append((request.method, path, dict(request.headers)))
        known: dict[str, Handler] = {
            "/401": self._locked,
            "/nohead.img": self._no_head,
            "/endless.img": self._endless,
            "/silent.img": self._silent,
            "/trickle.img": self._trickle,
            "/big.img": self._big,
            "/cut.img": self._cut,
            "/cut-changing.img": self._cut,
            "/cut-unprovable.img": self._cut,
            "/moved.img": self._moved,
            "/circle": self._circle,
            "/to-loopback": self._to_loopback,
        }
        if path in self.redirections:
            return web.Response(status=301, headers={"Location": self.redirections[path]})
        if path in known:
            return await known[path](request)
        body = self.bodies.get(path)
        if body is None:
            return web.Response(status=404)
        return web.Response(body=b"" if request.method == "HEAD" else body, headers=_length(body))

    async def _locked(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == "Basic dXNlcjpzM2NyZXQ=":
            return web.Response(body=BODY)
        return web.Response(status=401)

    async def _no_head(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=405) if request.method == "HEAD" else web.Response(body=BODY)

    async def _moved(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://mirror.example/whole.img"})

    async def _circle(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "/circle"})

    async def _to_loopback(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/secret"})

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        return await self._stream(request, 0.0)

    async def _trickle(self, request: web.Request) -> web.StreamResponse:
        return await self._stream(request, 0.05, b"x")

    async def _stream(
        self, request: web.Request, pause: float, piece: bytes = bytes(PIECE)
    ) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        while request.method == "GET" and request.transport and not request.transport.is_closing():
            try:
                await answer.write(piece)
            except ConnectionError:
                break
            await asyncio.sleep(pause)
        return answer

    async def _big(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(BIG)})
        await answer.prepare(request)
        for _piece in range(BIG // PIECE if request.method == "GET" else 0):
            await answer.write(bytes(PIECE))
        return answer

    async def _silent(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers=_length(BODY))
        await answer.prepare(request)
        if request.method == "GET":
            await answer.write(BODY[:PIECE])
            await asyncio.sleep(5)
        return answer

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        """The first GET ends after a third; a Range is honoured while the ETag is the same."""
        gets = sum(1 for m, path, _h in self.requests if m == "GET" and path == request.path)
        tag = '"other"' if request.path == "/cut-changing.img" and gets > 1 else '"one"'
        headers = {} if "unprovable" in request.path else {"ETag": tag}
        begin = 0
        if request.headers.get("If-Range") == tag:
            begin = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        body = BODY if tag == '"one"' else bytes(len(BODY))
        status = 206 if begin else 200
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(body) - 1}/{len(body)}"
        answer = web.StreamResponse(status=status, headers=headers | _length(body[begin:]))
        await answer.prepare(request)
        if request.method == "GET":
            end = len(body) // 3 if gets == 1 else len(body)
            await answer.write(body[begin:end])
            if gets == 1:
                await asyncio.sleep(0.05)
                assert request.transport is not None
                request.transport.close()
        return answer


def _length(body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))}
