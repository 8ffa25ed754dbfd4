# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few requests the collection makes: read, list in pages, patch, create, delete, evict.

Every request is retried inside the client's deadline when the server is overloaded, fails or cannot
be reached (see retry.py); every other answer is raised as an error of its own class (errors.py).
A write that was cut may have happened: that is safe here because every write carries a `test`, a
precondition or a fixed name, so that its repetition fails instead of acting twice.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload
from urllib.parse import urlencode

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, retry
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import (
    LEASES,
    PODS,
    Kind,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.outage import Outage
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.transport import (
    Answer,
    Transport,
)

T = TypeVar("T")
Object = dict[str, Any]

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
PAGE_SIZE = 1000
PAGE_RESTARTS_MAX = 5
CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 15.0
# Before the first answer a wrong address is likelier than an outage: fail soon.
FIRST_CONTACT_RETRIES_MAX = 2


@dataclasses.dataclass(frozen=True)
class Listing(Generic[T]):
    """All items of a list, and the resourceVersion a watch goes on from."""

    items: list[T]
    resource_version: str


def do_nothing() -> None:
    """Stands where nobody wants to be asked."""


def without_managed_fields(obj: Object) -> Object:
    """The object without its bookkeeping, often half of its size: the default reduction."""
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return obj


class Client:
    """Requests against one cluster; *namespace* is the one Longhorn lives in.

    *deadline* bounds retries. *dry_run* lets the server check every write without storing it.
    """

    def __init__(
        self,
        transport: Transport,
        namespace: str = "longhorn-system",
        deadline: Deadline | None = None,
        *,
        dry_run: bool = False,
    ) -> None:
        self.transport = transport
        self.namespace = namespace
        self.deadline = deadline or Deadline(120.0)
        self.dry_run = dry_run
        #: Sleeps so many seconds before the next try of a request; may raise to stop.
        self.pause: Callable[[float], None] = time.sleep
        #: Asked before a write is sent once more, and may raise to stop: while the server was away
        #: the lock may have become another's. The lock itself is written without it.
        self.before_again: Callable[[], None] = do_nothing
        self.requests = 0
        self.writes = 0
        self._answered = False
        self._outage = Outage()
        self._count_lock = threading.Lock()

    # -- reading -------------------------------------------------------------------------------
    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object. Raises NotFound."""
        path = kind.path(self._namespace_of(kind, namespace), name)
        return self.raw("GET", path, what=f"get {self._spell(kind, name, namespace)}")

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None where it does not exist."""
        try:
            return self.get(kind, name, namespace)
        except errors.NotFound:
            return None

    @overload
    def list(
        self,
        kind: Kind,
        *,
        namespace: str | None = ...,
        all_namespaces: bool = ...,
        label_selector: str | None = ...,
        field_selector: str | None = ...,
    ) -> Listing[Object]: ...

    @overload
    def list(
        self,
        kind: Kind,
        reduce: Callable[[Object], T],
        *,
        namespace: str | None = ...,
        all_namespaces: bool = ...,
        label_selector: str | None = ...,
        field_selector: str | None = ...,
    ) -> Listing[T]: ...

    def list(
        self,
        kind: Kind,
        reduce: Callable[[Object], Any] = without_managed_fields,
        *,
        namespace: str | None = None,
        all_namespaces: bool = False,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> Listing[Any]:
        """All objects of a kind, in pages; *reduce* turns each into what is kept of it.

        A continue token that is too old (410) starts the list again, a bounded number of times.
        """
        where = None if all_namespaces else self._namespace_of(kind, namespace)
        query = {"limit": str(PAGE_SIZE)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        what = f"list {kind.label}" + (f" in namespace {where}" if where else "")
        for attempt in range(PAGE_RESTARTS_MAX + 1):
            try:
                return self._pages(kind.path(where), query, what, reduce)
            except errors.Gone:
                if attempt == PAGE_RESTARTS_MAX:
                    raise
        raise AssertionError("the loop above returns or raises")

    def _pages(
        self, path: str, query: Mapping[str, str], what: str, reduce: Callable[[Object], T]
    ) -> Listing[T]:
        items: list[T] = []
        token = ""
        while True:
            page = self.raw("GET", path, query={**query, "continue": token}, what=what)
            metadata = page.get("metadata") or {}
            kind = str(page.get("kind") or "").removesuffix("List")
            for item in page.get("items") or ():
                # Items of a list of a built-in kind come without these two.
                item.setdefault("kind", kind)
                item.setdefault("apiVersion", page.get("apiVersion"))
                items.append(reduce(item))
            token = metadata.get("continue") or ""
            if not token:
                return Listing(items, str(metadata.get("resourceVersion") or ""))

    def pod_log(
        self, pod: str, container: str, namespace: str | None = None, *, once: bool = False
    ) -> str:
        """What a container has logged, as text. Raises NotFound, or Forbidden without pods/log.

        once: no retries; a node that does not answer its API server is a 500 for long.
        """
        where = namespace or self.namespace
        what = f"get {self._spell(PODS, pod, namespace, 'log')}"
        url = PODS.path(where, pod, "log") + _query({"container": container})
        data = retry.call(
            lambda: self._send("GET", url, what=what).data,
            self.deadline,
            sleep=self.pause,
            retries_max=0 if once else None,
        )
        return data.decode("utf-8", "replace")

    # -- writing -------------------------------------------------------------------------------
    def patch_json(
        self,
        kind: Kind,
        name: str,
        ops: Sequence[Mapping[str, Any]],
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
        uid: str | None = None,
    ) -> Object:
        """A JSON patch, preceded by a `test` of *resource_version* and *uid* where given.

        Raises FailedTest when a test did not hold, Refused when a webhook or the schema said no.
        """
        tests: list[Mapping[str, Any]] = []
        if uid is not None:
            tests.append({"op": "test", "path": "/metadata/uid", "value": uid})
        if resource_version is not None:
            tests.append(
                {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version}
            )
        return self._write(
            "PATCH", kind, name, namespace, [*tests, *ops], content_type=JSON_PATCH, verb="patch"
        )

    def patch_merge(
        self, kind: Kind, name: str, body: Mapping[str, Any], namespace: str | None = None
    ) -> Object:
        """A merge patch; a resourceVersion in *body* makes it conditional (409: Conflict)."""
        return self._write(
            "PATCH", kind, name, namespace, body, content_type=MERGE_PATCH, verb="patch"
        )

    def create(
        self,
        kind: Kind,
        body: Mapping[str, Any],
        namespace: str | None = None,
        *,
        once: bool = False,
    ) -> Object:
        """A new object. Raises Conflict where the name is taken.

        once: no retries; a webhook that does not answer is a 500 for long.
        """
        whole = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        return self._write(
            "POST", kind, None, namespace, whole, content_type=JSON, verb="create", once=once
        )

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str,
        resource_version: str | None = None,
        grace_seconds: int | None = None,
        once: bool = False,
    ) -> Object:
        """Delete exactly the object that was read. Raises Conflict when it is another by now.

        once: no retries, the first answer counts.
        """
        preconditions = {"uid": uid}
        if resource_version is not None:
            preconditions["resourceVersion"] = resource_version
        body: Object = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": preconditions,
        }
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        return self._write(
            "DELETE", kind, name, namespace, body, content_type=JSON, verb="delete", once=once
        )

    def evict(
        self, pod: str, namespace: str, *, uid: str, grace_seconds: int | None = None
    ) -> None:
        """Ask for the eviction of one pod. Raises TooManyRequests with the budget's words.

        Nothing is retried here: 429 is an answer ("not now, because …"), 500 may be one (two
        budgets count the pod), and who evicts many knows best when to ask again.
        """
        options: Object = {"preconditions": {"uid": uid}}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
            "deleteOptions": options,
        }
        self._write(
            "POST",
            PODS,
            pod,
            namespace,
            body,
            content_type=JSON,
            verb="create",
            sub="eviction",
            once=True,
        )

    def _write(
        self,
        method: str,
        kind: Kind,
        name: str | None,
        namespace: str | None,
        body: Any,
        *,
        content_type: str,
        verb: str,
        sub: str = "",
        once: bool = False,
    ) -> Object:
        path = kind.path(self._namespace_of(kind, namespace), name, sub)
        what = f"{verb} {self._spell(kind, name, namespace, sub)}"
        query = {"dryRun": "All"} if self.dry_run else {}
        with self._count_lock:
            self.writes += 1
        return self.raw(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            what=what,
            once=once,
            guarded=kind is not LEASES,
        )

    # -- the request itself --------------------------------------------------------------------
    def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        what: str = "",
        once: bool = False,
        guarded: bool = False,
    ) -> Object:
        """One request; the answer as a JSON object ({} for an empty one).

        Retried inside the deadline unless *once* is asked for; *guarded*: only while
        `before_again` lets it.
        """
        encoded = None if body is None else json.dumps(body).encode()
        url = path + _query(query or {})
        what = what or f"{method} {path}"

        sent = [False]

        def send() -> Object:
            if guarded and sent[0]:
                self.before_again()
            sent[0] = True
            answer = self._send(method, url, what=what, body=encoded, content_type=content_type)
            return _decoded(answer.data, what)

        if once:
            return send()
        retries_max = None if self._answered else FIRST_CONTACT_RETRIES_MAX
        return retry.call(send, self.deadline, sleep=self.pause, retries_max=retries_max)

    def open_stream(self, path: str, query: Mapping[str, str], what: str, idle: float) -> Answer:
        """Begin a watch: the caller reads the body; *idle* seconds of silence end it."""
        return self._send("GET", path + _query(query), what=what, read_seconds=idle, streamed=True)

    def _send(
        self,
        method: str,
        url: str,
        *,
        what: str,
        body: bytes | None = None,
        content_type: str | None = None,
        read_seconds: float = REQUEST_SECONDS,
        streamed: bool = False,
    ) -> Answer:
        with self._count_lock:
            self.requests += 1
        try:
            answer = self.transport.send(
                method,
                url,
                what=what,
                body=body,
                content_type=content_type,
                connect_seconds=CONNECT_SECONDS,
                read_seconds=read_seconds,
                streamed=streamed,
            )
        except errors.Unreachable:
            self._outage.lost()
            raise
        self._answered = True
        if answer.status >= 300:
            host = self.transport.host
            raise self._outage.judged(
                errors.from_answer(answer.status, answer.data, answer.headers, what, host)
            )
        self._outage.accepted()
        return answer

    # -- names ---------------------------------------------------------------------------------
    def _namespace_of(self, kind: Kind, namespace: str | None) -> str | None:
        return (namespace or self.namespace) if kind.namespaced else None

    def _spell(self, kind: Kind, name: str | None, namespace: str | None, sub: str = "") -> str:
        where = self._namespace_of(kind, namespace)
        label = kind.label if not sub else f"{kind.label}/{sub}"
        text = f"{label} {name}" if name else label
        return f"{text} in namespace {where}" if where else text


def _query(values: Mapping[str, str]) -> str:
    given = {key: value for key, value in values.items() if value != ""}
    return "?" + urlencode(given) if given else ""


def _decoded(data: bytes, what: str) -> Object:
    if not data.strip():
        return {}
    try:
        parsed = json.loads(data)
    except ValueError as error:
        # An answer cut in the middle: the same as no answer.
        raise errors.Unreachable("the answer was not JSON", request=what) from error
    if not isinstance(parsed, dict):
        raise errors.Unreachable("the answer was not a JSON object", request=what)
    return parsed
