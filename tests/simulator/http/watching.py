# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches: what was, what happens, and the marks in between.

Source: apiserver pkg/storage/cacher (convertToWatchEvent, bookmarks) and
pkg/endpoints/handlers/watch.go.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from tests.simulator.errors import ApiError
from tests.simulator.history import ADDED, DELETED, MODIFIED, WatchEvent
from tests.simulator.http.listing import check_match, parse_version
from tests.simulator.http.requests import Request
from tests.simulator.http.tables import Shape, shape_object, table
from tests.simulator.objects import Object, namespace_of
from tests.simulator.selectors import ObjectMatch, object_match
from tests.simulator.store import Store

_BOOKMARK_SECONDS = 60.0
_DEFAULT_SECONDS = 1800.0
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One open watch."""

    def __init__(self, store: Store, request: Request, shape: Shape) -> None:
        """Read what the client wants. Raises ApiError 400 or 422."""
        check_match(request)
        self._store = store
        self._resource = request.resource
        self._namespace = request.target.namespace
        self._shape = shape
        self._headed = False
        fields = request.query.get("fieldSelector", "")
        if request.target.name:
            fields = f"metadata.name={request.target.name}" + (f",{fields}" if fields else "")
        self._matches: ObjectMatch | None = object_match(
            request.query.get("labelSelector"), fields, self._resource.selectable_fields
        )
        self._version = parse_version(request)
        self._initial = request.query.get("sendInitialEvents", "")
        self._bookmarks = request.flag("allowWatchBookmarks")
        self.seconds = float(request.number("timeoutSeconds") or _DEFAULT_SECONDS)
        self._queue: asyncio.Queue[WatchEvent | None] = asyncio.Queue()
        self._last = 0

    def close(self) -> None:
        """End the stream after what is queued."""
        self._queue.put_nowait(None)

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the events, a line each, until the time is over or ``close`` is called."""
        loop = asyncio.get_running_loop()
        unsubscribe = self._store.subscribe(self._receive)
        try:
            try:
                first = self._first()
            except ApiError as error:
                yield self._line("ERROR", error.body())
                return
            for line in first:
                yield line
            end = loop.time() + self.seconds
            mark = loop.time() + _BOOKMARK_SECONDS
            while True:
                now = loop.time()
                if now >= end:
                    return
                if self._bookmarks and now >= mark:
                    mark = now + _BOOKMARK_SECONDS
                    yield self._bookmark(self._store.version)
                try:
                    async with asyncio.timeout(max(0.0, min(end, mark) - now)):
                        event = await self._queue.get()
                except TimeoutError:
                    continue
                if event is None:
                    return
                live = self._convert(event)
                if live is not None:
                    yield live
        finally:
            unsubscribe()

    def _receive(self, event: WatchEvent) -> None:
        if event.res == self._resource.key:
            self._queue.put_nowait(event)

    def _first(self) -> list[bytes]:
        """Return what comes before the live events. Raises ApiError 410."""
        store, res = self._store, self._resource.key
        self._last = store.version
        fresh = self._version in (None, 0)
        if (fresh and self._initial != "false") or self._initial == "true":
            objects = [o for o in store.list(res, self._namespace or None) if self._passes(o)]
            lines = [self._object(ADDED, obj) for obj in objects]
            if self._initial == "true" and self._bookmarks:
                lines.append(self._bookmark(store.version, _INITIAL_END))
            return lines
        if fresh:
            return []
        assert self._version is not None
        self._last = self._version
        events = store.history.since(res, self._version)
        lines = [line for line in map(self._convert, events) if line is not None]
        self._last = max(self._last, store.version if self._version <= store.version else 0)
        return lines

    def _passes(self, obj: Object | None) -> bool:
        return obj is not None and (self._matches is None or self._matches(obj))

    def _convert(self, event: WatchEvent) -> bytes | None:
        """Return the line for a write, None when the client does not see it."""
        if event.version <= self._last:
            return None
        if self._namespace and namespace_of(event.obj) != self._namespace:
            return None
        now = event.type != DELETED and self._passes(event.obj)
        before = event.type != ADDED and self._passes(event.old)
        if now:
            return self._object(MODIFIED if before else ADDED, event.obj)
        if not before or event.old is None:
            return None
        gone = event.obj if event.type == DELETED else event.old
        metadata = {**gone["metadata"], "resourceVersion": str(event.version)}
        return self._object(DELETED, {**gone, "metadata": metadata})

    def _object(self, kind: str, obj: Object) -> bytes:
        now = self._store.kernel.now()
        if self._shape.kind == "Table":
            version = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            header, self._headed = not self._headed, True
            shaped = table(self._resource, [obj], version, now, self._shape.include, header)
        else:
            shaped = shape_object(self._resource, obj, self._shape, now)
        return self._line(kind, shaped)

    def _bookmark(self, version: int, annotations: dict[str, str] | None = None) -> bytes:
        metadata: Object = {"resourceVersion": str(version)}
        if annotations:
            metadata["annotations"] = annotations
        obj: Object = {
            "kind": self._resource.kind,
            "apiVersion": self._resource.api_version,
            "metadata": metadata,
        }
        if self._shape.kind == "Table":
            obj = table(self._resource, [], metadata, 0.0, header=False)
        return self._line("BOOKMARK", obj)

    @staticmethod
    def _line(kind: str, obj: Object) -> bytes:
        data = {"type": kind, "object": obj}
        return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
