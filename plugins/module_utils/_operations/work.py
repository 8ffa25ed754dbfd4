# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all steps of a maintenance share: client, lock, deadline, progress, stop, and how to write.

Every write is conditional. A failed test or a conflict means that the object changed: it is read
again and decided again, at most eight times, half a second apart. Before a write that cannot be
taken back the lock is confirmed and a wish to stop is obeyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.lease import Lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.watch import LiveView
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    Longhorn,
)

T = TypeVar("T")
R = TypeVar("R")
Ops = list[dict[str, Any]]

TRIES = 8
PAUSE_SECONDS = 0.5
SYNCING_SECONDS = 35.0
WRITERS = 6
BATCH = 60
SYNCING = "are being syncing"


class Stopped(Failure):
    """The work stopped before a write that it could not prove safe."""


@dataclass
class Work:
    """One step of a maintenance. `where` is told when it is asked to stop."""

    client: Client
    longhorn: Longhorn
    deadline: Deadline
    interrupt: Interrupt
    progress: Progress
    lease: Lease | None = None
    where: str = ""
    check_mode: bool = False
    sleep: Callable[[float], None] = time.sleep
    wall_clock: Callable[[], float] = time.time
    done: dict[str, Any] = field(default_factory=dict)

    def safe_point(self) -> None:
        """Renew the lock and obey a wish to stop; called in every turn of a waiting loop."""
        if self.lease is not None:
            self.lease.keep()
        self.interrupt.check(self.where)

    def irreversible(self) -> None:
        """Call it right before a write that cannot be taken back."""
        self.interrupt.check(self.where)
        if self.lease is not None:
            self.lease.ensure()

    def pause(self, seconds: float) -> None:
        """Wait a moment, never beyond the deadline."""
        self.sleep(min(seconds, self.deadline.remaining()))

    def wall_seconds_since(self, epoch: float) -> float:
        """Seconds since a moment of the wall clock; only for a report, nothing is decided by it."""
        return max(0.0, self.wall_clock() - epoch)

    def patch(
        self,
        kind: Kind,
        name: str,
        decide: Callable[[Object], Ops | None],
        known: Object | None = None,
    ) -> Object | None:
        """Read, decide, write with a test of what was read; again when it had changed.

        decide: the operations for this object, None when nothing is to be written (any more).
        Returns the object as written, None where nothing was. Raises Stopped when the object never
        stood still, Refused when a webhook said no for another reason than its own syncing.
        """
        refused_since: float | None = None
        tries = 0
        while tries < TRIES:
            raw = known if known is not None else self.client.find(kind, name)
            known = None
            ops = decide(raw) if raw is not None else None
            if raw is None or ops is None:
                return None
            try:
                return self.client.patch_json(
                    kind, name, ops, resource_version=raw["metadata"]["resourceVersion"]
                )
            except (errors.FailedTest, errors.Conflict, errors.NotFound):
                tries += 1
            except errors.Refused as error:
                now = self.deadline.now()
                refused_since = now if refused_since is None else refused_since
                waited = now - refused_since
                if SYNCING not in str(error) or waited > SYNCING_SECONDS or self.deadline.expired:
                    raise
            self.pause(PAUSE_SECONDS)
            self.irreversible()
        raise Stopped(
            f"{kind.label} {name} changed {TRIES} times while it was being written. "
            f"{self.where} Run the same command again."
        )

    def in_parallel(self, action: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Do the same for many objects, a few at a time; the first failure ends it.

        Before each one the lock is confirmed and a wish to stop obeyed. *action* runs in threads.
        """

        def guarded(item: T) -> R:
            self.irreversible()
            return action(item)

        results: list[R] = []
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            if len(batch) < 2:
                results += [guarded(item) for item in batch]
                continue
            with ThreadPoolExecutor(max_workers=min(WRITERS, len(batch))) as pool:
                results += list(pool.map(guarded, batch))
        return results

    @contextmanager
    def reporting(self) -> Iterator[dict[str, Any]]:
        """A failure inside the block carries what was done until then."""
        try:
            yield self.done
        except Failure as failure:
            earlier = getattr(failure, "result", None) or {}
            failure.result = {**self.done, **earlier}
            raise


def spec_of(raw: Object) -> dict[str, Any]:
    """The object's spec, {} where it has none."""
    value = raw.get("spec")
    return value if isinstance(value, dict) else {}


def take_in(live: LiveView, kind: Kind, raw: Object) -> None:
    """Show the answer of our own write at once (a Status, from a delete, shows nothing)."""
    if raw.get("kind") != "Status" and (raw.get("metadata") or {}).get("name"):
        live.note(kind, raw)
