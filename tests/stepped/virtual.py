# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual time for the collection: its clocks, its queues, its threads and its watches."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease, watch
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import evict_pods, work
from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kernel import Kernel, rfc3339_micro
from tests.simulator.objects import namespace_of
from tests.simulator.selectors import object_match
from tests.simulator.store import Store


class Inline:
    """A pool whose work is done by the time it is handed over."""

    def __init__(self, max_workers: int = 1) -> None:
        self.max_workers = max_workers

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_exc: object) -> None:
        return None

    def submit(self, action: Callable[..., Any], *args: Any) -> Future[Any]:
        """Do it now; a Failure is kept, as a pool keeps it."""
        future: Future[Any] = Future()
        try:
            future.set_result(action(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is under way."""

    def map(self, action: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Do it for each in turn."""
        return iter([action(item) for item in items])


def _queue_class(kernel: Kernel) -> type[queue.Queue[Any]]:
    class Stepped(queue.Queue[Any]):
        """Waits by letting virtual time pass, timer by timer."""

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            kernel.run_until_true(lambda: not self.empty(), timeout or 0.0)
            return super().get(block=False)

    return Stepped


def _follower_class(store: Store) -> type:
    class Follower:
        """Follows one kind without a thread: what is stored is known."""

        def __init__(
            self,
            client: Any,
            kind: Kind,
            namespace: str | None,
            version: str,
            keep: Callable[[Any], Any],
            changes: queue.Queue[Any],
            stop: Any,
            field_selector: str,
        ) -> None:
            self._kind, self._namespace, self._keep = kind, namespace, keep
            self._changes = changes
            fields = store.registry.get(kind.label).selectable_fields
            self._matches = object_match("", field_selector, fields)
            self._unsubscribe: Callable[[], None] = lambda: None

        def start(self) -> None:
            """From now on."""
            self._unsubscribe = store.subscribe(self._receive)

        def break_off(self) -> None:
            """No more."""
            self._unsubscribe()

        def _receive(self, event: WatchEvent) -> None:
            if event.res != self._kind.label:
                return
            if self._namespace is not None and namespace_of(event.obj) != self._namespace:
                return
            matches = self._matches is None or self._matches(event.obj)
            before = event.old is not None and (self._matches is None or self._matches(event.old))
            if matches and event.type != DELETED:
                obj = json.loads(json.dumps(event.obj))
                self._changes.put((self._kind, "changed", self._keep(obj)))
            elif before:
                key = (namespace_of(event.obj) or "", event.obj["metadata"]["name"])
                self._changes.put((self._kind, "deleted", key))

    return Follower


@contextmanager
def stepped(store: Store) -> Iterator[None]:
    """Inside the block the collection's watches and pools live in the store's virtual time."""
    kernel = store.kernel
    clock = SimpleNamespace(monotonic=kernel.now, sleep=kernel.run_for, time=time.time)
    queues = SimpleNamespace(Queue=_queue_class(kernel), Empty=queue.Empty)
    lock = lease.Lease.__init__
    by_default = {
        **(lock.__kwdefaults__ or {}),
        "clock": kernel.now,
        "sleep": kernel.run_for,
        "timestamp": lambda: rfc3339_micro(kernel.now()),
    }
    replaced: list[tuple[Any, str, Any]] = [
        (lock, "__kwdefaults__", by_default),
        (watch, "time", clock),
        (watch, "queue", queues),
        (watch, "_Follower", _follower_class(store)),
        (work, "ThreadPoolExecutor", Inline),
        (evict_pods, "ThreadPoolExecutor", Inline),
    ]
    kept = [(module, name, getattr(module, name)) for module, name, _new in replaced]
    for module, name, new in replaced:
        setattr(module, name, new)
    try:
        yield
    finally:
        for module, name, old in kept:
            setattr(module, name, old)
