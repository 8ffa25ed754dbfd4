# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that images come from, over real HTTP: a proxy that answers for every host.

Image URLs of a simulated cluster name hosts that do not exist. Whoever asks for one through this
proxy gets what a data source of the cluster would get: the same bytes, the same 404, the same cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from tests.simulator.longhorn.sources import Answer, Content, Sources

HOST = "127.0.0.1"
PIECE = 1 << 18
# What Go's texts say, for those who look at a status instead.
_NOT_FOUND = "got 404"


class SourceProxy:
    """Serves *sources*; *scale* says how many simulated seconds pass in one."""

    def __init__(self, sources: Sources, scale: Callable[[], float]) -> None:
        self._sources = sources
        self._scale = scale
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None), shutdown_timeout=0.5
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        address = self._runner.addresses[0]
        self.url = f"http://{address[0]}:{address[1]}"

    async def stop(self) -> None:
        """Close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405)
        if "://" not in request.raw_path:
            return web.Response(status=400, text="this is a proxy: ask for a whole URL\n")
        found = self._sources.get(request.raw_path)
        if found.content is None:
            return web.Response(status=404 if _NOT_FOUND in found.error else 502)
        answer = web.StreamResponse(headers={"Content-Length": str(found.content.size)})
        await answer.prepare(request)
        if request.method == "GET":
            await self._send(request, answer, found, found.content)
        return answer

    async def _send(
        self,
        request: web.BaseRequest,
        answer: web.StreamResponse,
        found: Answer,
        content: Content,
    ) -> None:
        end = content.size if found.cut_after is None else min(content.size, found.cut_after)
        payload, zeros = content.payload, bytes(PIECE)
        sent = 0
        while sent < end:
            piece = payload[sent : sent + PIECE] if sent < len(payload) else zeros
            piece = piece[: end - sent]
            await answer.write(piece)
            sent += len(piece)
            pause = len(piece) / (found.rate * max(1.0, self._scale()))
            await asyncio.sleep(pause if pause > 0.001 else 0)
        if end < content.size and request.transport is not None:
            request.transport.close()
