# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drains, returns and recoveries as their roles run them, step by step, in virtual time.

Every step is a process of its own to the cluster: its own client, deadline and lock object, as a
module has them; only the holder of the lock is shared by the steps of one play.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import disk_names
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Request as Return,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    delete_node,
    drain_steps,
    lock,
    plan_drain,
    restore_steps,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recover import (
    Recovery,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_report import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.simulator.faults import Faults
from tests.simulator.http.app import App
from tests.simulator.kernel import rfc3339_micro
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.rbac import Tokens
from tests.stepped.transport import SteppedTransport, Wire
from tests.stepped.virtual import stepped

OPTIONS: dict[str, Any] = {
    "repair_entries": False,
    "state": "cordoned",
    "only_ours": True,
    "terminate_grace_period": None,
    "remove_disks": True,
}
STEP_SECONDS = 900.0
LOCK_SECONDS = 120.0
DRAIN: tuple[tuple[str, drain_steps.Step], ...] = (
    ("begin", drain_steps.begin),
    ("replicas", drain_steps.move_replicas),
    ("images", drain_steps.relocate_images),
    ("cordon", drain_steps.cordon),
    ("pods", drain_steps.evict),
    ("release", drain_steps.release),
)
Results = dict[str, dict[str, Any]]


class Told(Progress):
    """Progress that is kept."""

    def __init__(self, interrupt: Interrupt, texts: list[str]) -> None:
        super().__init__(None, interrupt)
        self._texts = texts

    def update(self, text: str, *, at_once: bool = False) -> None:
        """Keep each text once."""
        if not self._texts or self._texts[-1] != text:
            self._texts.append(text)


class Session:
    """A cluster and whoever works on it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.kernel = cluster.kernel
        tokens = Tokens(cluster.kernel.seed)
        self.app = App(cluster.store, tokens, cluster.logs, Faults())
        self.wire = Wire(cluster.kernel, self.app, tokens.admin)
        self.texts: list[str] = []
        self.interrupt = Interrupt()
        self._plays = 0

    def work(self, seconds: float = STEP_SECONDS) -> Work:
        """One step's connection, deadline and flags."""
        deadline = Deadline(seconds, self.kernel.now)
        transport: Any = SteppedTransport(self.wire)
        client = Client(transport, deadline=deadline)
        client.pause = self._pause
        return Work(
            client,
            find_longhorn(client),
            deadline,
            self.interrupt,
            Told(self.interrupt, self.texts),
            sleep=self._pause,
            wall_clock=self.kernel.now,
        )

    def _pause(self, seconds: float) -> None:
        self.kernel.run_for(seconds)

    # -- plays ---------------------------------------------------------------------------------
    def drain(self, request: Drain, seconds: float = STEP_SECONDS, **options: Any) -> Results:
        """What roles/drain_node (or evict_disk) does; results by step, the proof last."""
        work = self.work(seconds)
        reading = plan_drain.read(work.client, work.longhorn, request.node)
        request = disk_names.resolved(reading, request)
        made = plan_drain.plan(work.client, reading, request, writing=True)
        results: Results = {}
        params = {**OPTIONS, **options}
        if made.work:
            steps = DRAIN if request.own_mover else (DRAIN[0], DRAIN[2], *DRAIN[1:])
            if request.disk:
                steps = tuple(step for step in steps if step[0] not in ("cordon", "pods"))
            with self._play(f"drain-{request.node}") as locked:
                for name, step in steps:
                    work = self.work(seconds)
                    results[name] = step(work, request, params, locked(work))
        results["proof"] = drain_steps.prove(self.work(), request, {"steps": results})
        return results

    def delete_node(self, request: Drain) -> Results:
        """What roles/drain_node does at the end of a removal, once the machine is off."""
        work = self.work()

        @contextmanager
        def alone() -> Iterator[Work]:
            with self._play(f"delete-{request.node}") as locked, locked(work)() as held:
                yield held

        return {"delete": delete_node.delete_node(work, request, {}, alone)}

    def restore(self, request: Return, seconds: float = STEP_SECONDS) -> Results:
        """What roles/restore_node does; results by phase."""
        results: Results = {}
        if not restore_steps.plan(self.work(), request)[1].work:
            finish = restore_steps.finish(self.work(), request, {}, _no_lock)
            return {"finish": finish}
        with self._play(f"restore-{request.node}") as locked:
            for name, step in restore_steps.PHASES.items():
                work = self.work(seconds)
                results[name] = step(work, request, {"steps": results}, locked(work))
        return results

    def recover(self, *images: str) -> Results:
        """What roles/recover_backing_image does."""
        work = self.work()
        self._plays += 1
        task = Task(work.client, work.deadline, work.interrupt, work.progress)
        holder = f"recover@test:{self._plays}"
        # No socket leads out of this world, to a source neither.
        request = Request([*images], holder, lock_wait_seconds=LOCK_SECONDS, skip_source_check=True)
        return {"recover": Recovery(task, request).run()}

    @contextmanager
    def _play(self, purpose: str) -> Iterator[Callable[[Work], Any]]:
        """The lock of a play: waits for a dead run's to expire, and is given back also when a step
        fails (the role's `always`), but not by a process that was killed.
        """
        self._plays += 1
        holder = f"{purpose}@test:{self._plays}"
        self._lease(self.work(), holder).acquire(LOCK_SECONDS)

        def locked(work: Work) -> Callable[[], Any]:
            @contextmanager
            def take() -> Iterator[Work]:
                work.lease = self._lease(work, holder)
                work.lease.acquire(LOCK_SECONDS, deadline=work.deadline)
                with work.reporting():
                    yield work

            return take

        try:
            yield locked
        except Exception:
            lock.give_back(self.work(), holder)
            raise
        lock.give_back(self.work(), holder)

    def _lease(self, work: Work, holder: str) -> lease.Lease:
        return lease.Lease(
            work.client,
            holder,
            clock=self.kernel.now,
            sleep=self._pause,
            timestamp=lambda: rfc3339_micro(self.kernel.now()),
        )


def _no_lock() -> Any:
    raise AssertionError("nothing was to be written")


@contextmanager
def session(cluster: Cluster) -> Iterator[Session]:
    """The cluster, worked on in its own time."""
    with stepped(cluster.store):
        yield Session(cluster)


def describe(results: Mapping[str, Mapping[str, Any]]) -> dict[str, bool]:
    """Which steps have changed something."""
    return {name: bool(result.get("changed")) for name, result in results.items()}
