# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching: one stream of one kind, and a live view of several kinds to wait on.

Three layers: `events` reads one stream to its end, a follower thread per kind goes on for ever
(resumes after a cut, lists again after 410), `LiveView` keeps what is known of several kinds and
waits until a condition on it holds. Both time-outs are always set, or a silent server hangs us.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import (
    Client,
    Object,
    without_managed_fields,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.transport import Answer

T = TypeVar("T")
View = TypeVar("View", bound="LiveView")

SERVER_SECONDS = 50.0
IDLE_SECONDS = 60.0
RECONNECT_SECONDS = 1.0
TICK_SECONDS = 1.0
SETTLE_SECONDS = 0.05


def events(
    client: Client,
    kind: Kind,
    resource_version: str,
    namespace: str | None,
    seconds: float,
    field_selector: str = "",
    opened: Callable[[Answer], None] = lambda answer: None,
) -> Iterator[Object]:
    """The events of one stream, bookmarks included, until the server ends it or it breaks.

    *opened* is given the answer, so that another thread can break it off.

    Raises Gone when *resource_version* is too old, Unreachable when the stream is cut or idle.
    """
    server_seconds = max(1, int(min(SERVER_SECONDS, seconds)))
    what = f"watch {kind.label}" + (f" in namespace {namespace}" if namespace else "")
    query = {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": resource_version,
        "timeoutSeconds": str(server_seconds),
        "fieldSelector": field_selector,
    }
    idle = server_seconds + IDLE_SECONDS - SERVER_SECONDS
    answer = client.open_stream(kind.path(namespace), query, what, idle)
    opened(answer)
    try:
        rest = b""
        for piece in client.transport.pieces(answer, what):
            *lines, rest = (rest + piece).split(b"\n")
            for line in filter(None, lines):
                event = json.loads(line)
                if event.get("type") == "ERROR":
                    raise errors.from_event(event.get("object") or {}, what)
                yield event
    finally:
        answer.close()


Key = tuple[str, str]
Kept = tuple[Key, Any]
Change = tuple[Kind, str, Any]


class _Follower(threading.Thread):
    """Follows one kind and puts (kind, "list" | "changed" | "deleted" | "error", payload) into the
    queue. Objects are reduced here, so that only what is kept of them waits in it.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        namespace: str | None,
        version: str,
        keep: Callable[[Object], Kept],
        changes: queue.Queue[Change],
        stop: threading.Event,
        field_selector: str,
    ) -> None:
        super().__init__(daemon=True, name=f"watch {kind.label}")
        self._keep = keep
        self._answer: Answer | None = None
        self._client = client
        self._kind = kind
        self._namespace = namespace
        self._version = version
        self._changes = changes
        self._stop_asked = stop
        self._field_selector = field_selector

    def _opened(self, answer: Answer) -> None:
        self._answer = answer
        if self._stop_asked.is_set():
            self.break_off()

    def break_off(self) -> None:
        """End the stream that is open now, so that the thread ends too."""
        if self._answer is not None:
            self._client.transport.break_off(self._answer)

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self._one_stream()
            except errors.Gone:
                self._list_again()
            except (errors.Unreachable, errors.ServerError, errors.TooManyRequests) as error:
                self._stop_asked.wait(error.retry_after_seconds or RECONNECT_SECONDS)
            except Exception as error:  # a fault here must reach the waiting thread
                self._changes.put((self._kind, "error", error))
                return

    def _one_stream(self) -> None:
        started = time.monotonic()
        stream = events(
            self._client,
            self._kind,
            self._version,
            self._namespace,
            SERVER_SECONDS,
            self._field_selector,
            self._opened,
        )
        for event in stream:
            if self._stop_asked.is_set():
                return
            obj = event.get("object") or {}
            self._version = (obj.get("metadata") or {}).get("resourceVersion") or self._version
            if event.get("type") == "DELETED":
                self._changes.put((self._kind, "deleted", _key(obj)))
            elif event.get("type") in ("ADDED", "MODIFIED"):
                self._changes.put((self._kind, "changed", self._keep(obj)))
        if time.monotonic() - started < RECONNECT_SECONDS:
            self._stop_asked.wait(RECONNECT_SECONDS)

    def _list_again(self) -> None:
        listing = self._client.list(
            self._kind,
            self._keep,
            namespace=self._namespace,
            all_namespaces=self._namespace is None,
            field_selector=self._field_selector,
        )
        self._version = listing.resource_version
        self._changes.put((self._kind, "list", listing.items))


class LiveView:
    """What is known of several kinds: one list each, then one watch each.

    *keep* reduces every object when it comes in. Objects are found by (namespace, name). *since*:
    kinds that are not listed but watched from an earlier resourceVersion on, to see what happened
    meanwhile; where that is too old they are listed after all.
    """

    def __init__(
        self,
        client: Client,
        kinds: Iterable[Kind],
        *,
        everywhere: Iterable[Kind] = (),
        keep: Callable[[Kind, Object], Any] = lambda kind, obj: without_managed_fields(obj),
        field_selectors: Mapping[Kind, str] | None = None,
        since: Mapping[Kind, str] | None = None,
    ) -> None:
        self._client = client
        self._since = dict(since or {})
        self._everywhere = tuple(everywhere)
        self.kinds = tuple(kinds) + self._everywhere
        self._keep = keep
        self._field_selectors = dict(field_selectors or {})
        self._changes: queue.Queue[Change] = queue.Queue()
        self._stop = threading.Event()
        self._followers: list[_Follower] = []
        self._objects: dict[Kind, dict[Key, Any]] = {kind: {} for kind in self.kinds}
        self.version = 0

    def _namespace_of(self, kind: Kind) -> str | None:
        return self._client.namespace if kind.namespaced and kind not in self._everywhere else None

    def _reducer(self, kind: Kind) -> Callable[[Object], Kept]:
        return lambda obj: (_key(obj), self._keep(kind, obj))

    def __enter__(self: View) -> View:
        for kind in self.kinds:
            follower = _Follower(
                self._client,
                kind,
                self._namespace_of(kind),
                self._since.get(kind) or self._listed(kind),
                self._reducer(kind),
                self._changes,
                self._stop,
                self._field_selectors.get(kind, ""),
            )
            self._followers.append(follower)
            follower.start()
        return self

    def _listed(self, kind: Kind) -> str:
        """List a kind; the resourceVersion to watch it from."""
        listing = self._client.list(
            kind,
            self._reducer(kind),
            namespace=self._namespace_of(kind),
            all_namespaces=self._namespace_of(kind) is None,
            field_selector=self._field_selectors.get(kind, ""),
        )
        self._objects[kind] = dict(listing.items)
        self.version += 1
        return listing.resource_version

    def __exit__(self, *_exc: object) -> None:
        # The threads are daemons: what does not end now ends with the process.
        self._stop.set()
        for follower in self._followers:
            follower.break_off()

    # -- content -------------------------------------------------------------------------------
    def all(self, kind: Kind) -> list[Any]:
        """Every known object of a kind."""
        return list(self._objects[kind].values())

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Any | None:
        """One object, or None."""
        where = (namespace or self._client.namespace) if kind.namespaced else ""
        return self._objects[kind].get((where, name))

    def note(self, kind: Kind, obj: Object) -> None:
        """Take over what the answer to our own write said, before the watch says it again."""
        key, kept = self._reducer(kind)(obj)
        self._objects[kind][key] = kept
        self.version += 1

    def _take_in(self, change: Change) -> None:
        kind, what, payload = change
        if what == "error":
            raise payload
        if what == "list":
            self._objects[kind] = dict(payload)
        elif what == "deleted":
            self._objects[kind].pop(payload, None)
        else:
            key, kept = payload
            self._objects[kind][key] = kept
        self.version += 1

    # -- waiting -------------------------------------------------------------------------------
    def next_change(self, seconds: float) -> bool:
        """Take in what has come; wait up to *seconds* for it. False when nothing came."""
        try:
            change = self._changes.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return False
        self._take_in(change)
        # Changes come in flocks: one decision for a flock, not one for each.
        settle = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                self._take_in(self._changes.get(timeout=max(0.0, settle - time.monotonic())))
            except queue.Empty:
                return True

    def wait_until(
        self,
        condition: Callable[[LiveView], T | None],
        deadline: Deadline,
        *,
        waited_for: str,
        describe: Callable[[LiveView], str],
        each_tick: Callable[[], None] = lambda: None,
    ) -> T:
        """The first result of *condition* that is not None.

        It is asked after every change and at least once per tick. *each_tick* renews the lease,
        shows progress and asks for interruption, and may raise. Raises TimedOut.
        """
        while True:
            each_tick()
            result = condition(self)
            if result is not None:
                return result
            if deadline.expired:
                raise TimedOut(
                    f"waited {spell_seconds(deadline.elapsed())} for {waited_for}; "
                    f"last seen: {describe(self)}"
                )
            self.next_change(min(TICK_SECONDS, deadline.remaining()))


def _key(obj: Object) -> Key:
    metadata = obj["metadata"]
    return (metadata.get("namespace") or "", metadata["name"])
