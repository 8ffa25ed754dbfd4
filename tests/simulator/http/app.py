# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One handler for every request: log, faults, who, may they, then the object or the document.

All of it runs in one event loop, and everything between two awaits happens at one moment of
simulated time, so the order of requests is the order in which they arrive.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import yaml
from aiohttp import web

from tests.simulator.errors import ApiError
from tests.simulator.faults import Fault, Faults, send_signal
from tests.simulator.http.control import PREFIX, Control
from tests.simulator.http.discovery import discover
from tests.simulator.http.handlers import Handlers
from tests.simulator.http.requests import Request, Target, access_of, parse_path
from tests.simulator.http.subresources import Answer
from tests.simulator.http.tables import Shape, negotiate
from tests.simulator.http.watching import Watch
from tests.simulator.podlogs import PodLogs
from tests.simulator.rbac import Access, Authorizer, Tokens, User
from tests.simulator.requestlog import Entry, RequestLog
from tests.simulator.resources import Resource, unknown_resource
from tests.simulator.store import Store

_HEALTH = ("/readyz", "/livez", "/healthz")
_TEXT = "text/plain; charset=utf-8"
_NO_PAGE = "404 page not found\n"


class App:
    """The handler and everything it needs."""

    def __init__(self, store: Store, tokens: Tokens, logs: PodLogs, faults: Faults) -> None:
        self.store = store
        self.tokens = tokens
        self.faults = faults
        self.log = RequestLog()
        self.authorizer = Authorizer(store)
        self.control = Control(store.kernel, faults, self.log)
        self.address = "127.0.0.1:0"
        self._handlers = Handlers(store, self.authorizer, tokens, logs)
        self._watches: set[Watch] = set()

    def close_watches(self) -> None:
        """End every open watch, as a server that shuts down does."""
        for watch in list(self._watches):
            watch.close()

    async def __call__(self, raw: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = raw.rel_url.raw_path
        body = await raw.read()
        target = parse_path(path)
        access = Access(raw.method.lower(), path=path)
        resource = None
        if target is not None:
            access = access_of(raw.method, target, raw.query)
            resource = self.store.registry.by_path(target.group, target.version, target.plural)
        agent = raw.headers.get("User-Agent", "")
        entry = self._entry(access, resource, path, agent)
        before = self.store.version
        try:
            hits = [] if path.startswith(PREFIX) else self.faults.hit_by(access, resource, agent)
            for rule in hits:
                if rule.action == "refuse":
                    return self._broken(raw, entry)
                if rule.action == "delay":
                    await asyncio.sleep(rule.seconds)
                if rule.action == "error":
                    raise rule.error(resource, access.name)
            user = self.tokens.user_of(raw.headers.get("Authorization"))
            entry.user = user.name
            response = await self._answer(raw, body, target, access, resource, user, hits)
        except ApiError as error:
            response = _error_response(error)
        entry.changed = self.store.version != before
        entry.status = response.status
        return await self._deliver(raw, response, hits if resource else [], entry)

    def _entry(self, access: Access, resource: Resource | None, path: str, agent: str) -> Entry:
        return self.log.add(
            Entry(
                0,
                self.store.kernel.now(),
                access.verb,
                resource.key if resource else access.resource,
                access.namespace,
                access.name,
                access.subresource,
                path,
                "",
                agent,
            )
        )

    async def _answer(
        self,
        raw: web.BaseRequest,
        body: bytes,
        target: Target | None,
        access: Access,
        resource: Resource | None,
        user: User,
        hits: list[Fault],
    ) -> web.StreamResponse:
        path = raw.rel_url.raw_path
        if path.startswith(PREFIX):
            return self._control(raw, path, body, user)
        self.authorizer.check(user, access)
        if path in _HEALTH or path.startswith(tuple(f"{h}/" for h in _HEALTH)):
            return web.Response(text="ok", headers={"Content-Type": _TEXT})
        if target is None:
            document = None
            if raw.method == "GET":
                document = discover(self.store.registry, path.rstrip("/") or "/", self.address)
            return (
                web.Response(status=404, text=_NO_PAGE, headers={"Content-Type": _TEXT})
                if (document is None)
                else _json(document)
            )
        if resource is None and any(
            r.builtin for r in self.store.registry.in_version(target.group, target.version)
        ):
            raise unknown_resource()
        if resource is None or _misplaced(target, resource, raw.method):
            return web.Response(status=404, text=_NO_PAGE, headers={"Content-Type": _TEXT})
        method = "GET" if raw.method == "HEAD" and not resource.builtin else raw.method
        request = Request(method, target, resource, raw.query, raw.headers, body, user.name)
        logs = target.subresource == "log"
        shape = (
            Shape()
            if logs
            else negotiate(raw.headers.get("Accept", ""), raw.query.get("includeObject", ""))
        )
        if request.is_watch:
            return await self._watch(raw, Watch(self.store, request, shape), hits)
        try:
            answer = self._handlers.handle(request, user, shape)
        except ApiError as error:
            return _warn(_error_response(error), request.warnings)
        return _warn(_response(answer, shape), request.warnings)

    def _control(self, raw: web.BaseRequest, path: str, body: bytes, user: User) -> web.Response:
        if not user.is_admin:
            raise ApiError(403, "Forbidden", "the simulator's controls want the admin's token", {})
        try:
            data: Any = json.loads(body) if body.strip() else dict(raw.query)
        except ValueError:
            raise ApiError(400, "BadRequest", "the body is not JSON") from None
        return _json(self.control.handle(path, raw.method, data))

    async def _watch(
        self, raw: web.BaseRequest, watch: Watch, hits: list[Fault]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(raw)
        cut = next((r for r in hits if r.action == "cut"), None)
        self._watches.add(watch)
        if cut is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(cut.seconds, _abort, raw)
        try:
            async for line in watch.lines():
                await response.write(line)
            await response.write_eof()
        except ConnectionError:
            pass
        finally:
            self._watches.discard(watch)
        return response

    async def _deliver(
        self, raw: web.BaseRequest, response: web.StreamResponse, hits: list[Fault], entry: Entry
    ) -> web.StreamResponse:
        """Send the answer, or as much of it as a fault lets through."""
        for rule in hits:
            if rule.action == "kill":
                send_signal(rule)
                return self._broken(raw, entry)
            if rule.action == "cut" and isinstance(response, web.Response):
                whole = response.body if isinstance(response.body, bytes) else b""
                partial = web.StreamResponse(status=response.status, headers=response.headers)
                partial.content_length = len(whole)
                await partial.prepare(raw)
                await partial.write(whole[: len(whole) // 2])
                return self._broken(raw, entry)
        return response

    @staticmethod
    def _broken(raw: web.BaseRequest, entry: Entry) -> web.Response:
        entry.status = -1
        _abort(raw)
        return web.Response(status=500)


def _misplaced(target: Target, resource: Resource, method: str) -> bool:
    """Tell whether a path leaves out a namespace that it needs, or has one too many. Raises
    ApiError 404 for a built-in kind, whose server says it otherwise.
    """
    writing = method not in ("GET", "HEAD") and not resource.builtin
    wrong = bool(target.namespace) and not resource.namespaced
    if resource.namespaced and not target.namespace:
        wrong = bool(target.name) or writing
    if wrong and resource.builtin:
        raise unknown_resource()
    return wrong


def _abort(raw: web.BaseRequest) -> None:
    if raw.transport is not None:
        raw.transport.abort()


def _encode(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _json(data: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=_encode(data), headers={"Content-Type": "application/json"}
    )


def _error_response(error: ApiError) -> web.Response:
    response = _json(error.body(), error.status)
    retry = (error.details or {}).get("retryAfterSeconds")
    if retry:
        response.headers["Retry-After"] = str(retry)
    return response


def _response(answer: Answer, shape: Shape) -> web.Response:
    if answer.text is not None:
        return web.Response(status=answer.status, text=answer.text)
    if shape.yaml:
        text = yaml.safe_dump(answer.body, sort_keys=True)
        headers = {"Content-Type": "application/yaml"}
        response = web.Response(status=answer.status, text=text, headers=headers)
    else:
        response = _json(answer.body, answer.status)
    return response


def _warn(response: web.Response, warnings: list[str]) -> web.Response:
    for warning in warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response
