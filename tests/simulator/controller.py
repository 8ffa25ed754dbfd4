# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every controller has in common: a queue of keys, edges that fill it, a beat, and retries.

F§0.1: own objects come again every 30 s without any change, edges come from subscriptions only, a
failed pass is repeated after 5 ms doubling, three times, then dropped until the next reason; a
conflict is repeated without counting.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar

from tests.simulator.errors import ApiError
from tests.simulator.history import WatchEvent
from tests.simulator.kernel import Kernel, Timer
from tests.simulator.objects import Object, name_of, namespace_of
from tests.simulator.store import Store

Key = tuple[str, str]
Edge = Callable[[WatchEvent], Iterable[Key]]


def key_of(obj: Object) -> Key:
    """Return the queue key of an object: namespace and name."""
    return namespace_of(obj), name_of(obj)


class Controller(ABC):
    """A reconciler of one kind; subclasses set ``resource`` and write ``reconcile``.

    ``latency`` is the range in seconds between an event and the pass it causes; ``resync`` the beat
    in seconds (0: none), its phase drawn from the kernel's rng.
    """

    resource: ClassVar[str] = ""
    resync: ClassVar[float] = 30.0
    latency: ClassVar[tuple[float, float]] = (0.005, 0.05)
    first_retry: ClassVar[float] = 0.005
    max_retries: ClassVar[int] = 3

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self.kernel = kernel
        self.store = store
        self.running = False
        self.dropped = 0
        self._queued: dict[Key, Timer] = {}
        self._retries: dict[Key, int] = {}
        self._edges: dict[str, list[Edge]] = {}
        self._beat: Timer | None = None
        self._unsubscribe: Callable[[], None] | None = None
        if self.resource:
            self.watch(self.resource, lambda event: [key_of(event.obj)])

    @abstractmethod
    def reconcile(self, key: Key) -> float | None:
        """Do one pass over the object called ``key``; return seconds until the next one, None if
        none is needed.

        An ApiError is retried; anything else is a bug and ends the simulation.
        """

    def watch(self, res: str, edge: Edge) -> None:
        """Queue the keys that ``edge`` returns whenever an object of ``res`` is written."""
        self._edges.setdefault(res, []).append(edge)

    def start(self) -> None:
        """Begin to work: queue everything there is, subscribe, start the beat."""
        if self.running:
            return
        self.running = True
        self._unsubscribe = self.store.subscribe(self._on_event)
        self.enqueue_all()
        if self.resync:
            phase = self.kernel.rng.uniform(0, self.resync)
            self._beat = self.kernel.call_later(phase, self._on_beat)

    def stop(self) -> None:
        """Stop working and forget the queue, as a process that ends does."""
        self.running = False
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._beat is not None:
            self._beat.cancel()
        for timer in self._queued.values():
            timer.cancel()
        self._queued.clear()
        self._retries.clear()

    def enqueue(self, key: Key, delay: float | None = None) -> None:
        """Ask for a pass over ``key`` after ``delay`` seconds (default: drawn from ``latency``).

        A key that is queued already keeps its earlier time.
        """
        if not self.running:
            return
        seconds = self.kernel.rng.uniform(*self.latency) if delay is None else delay
        at = self.kernel.now() + seconds
        queued = self._queued.get(key)
        if queued is not None:
            if queued.at <= at:
                return
            queued.cancel()
        self._queued[key] = self.kernel.call_at(at, lambda: self._process(key))

    def enqueue_all(self) -> None:
        """Ask for a pass over every object of the own kind."""
        if self.resource:
            for obj in self.store.list(self.resource):
                self.enqueue(key_of(obj))

    def _on_event(self, event: WatchEvent) -> None:
        for edge in self._edges.get(event.res, ()):
            for key in edge(event):
                self.enqueue(key)

    def _on_beat(self) -> None:
        self.enqueue_all()
        self._beat = self.kernel.call_later(self.resync, self._on_beat)

    def _process(self, key: Key) -> None:
        self._queued.pop(key, None)
        if not self.running:
            return
        try:
            again = self.reconcile(key)
        except ApiError as error:
            self._retry(key, error)
            return
        self._retries.pop(key, None)
        if again is not None:
            self.enqueue(key, again)

    def _retry(self, key: Key, error: ApiError) -> None:
        if error.status == 409 and error.reason == "Conflict":
            self.enqueue(key, self.first_retry)
            return
        tried = self._retries.get(key, 0)
        if tried >= self.max_retries:
            self._retries.pop(key, None)
            self.dropped += 1
            return
        self._retries[key] = tried + 1
        self.enqueue(key, self.first_retry * 2**tried)
