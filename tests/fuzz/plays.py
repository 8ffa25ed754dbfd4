# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plays of the roles, refusals of their plans included, on a machine whose clock may jump."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    disk_names,
    drain_text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    drain_steps,
    plan_drain,
    raise_copies,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recover import (
    Recovery,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.recovery_report import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.simulator.kernel import rfc3339_micro
from tests.stepped.session import DRAIN, LOCK_SECONDS, OPTIONS, STEP_SECONDS, Results, Session


class Plays(Session):
    """A session whose control node has a wall clock of its own."""

    clock_error = 0.0

    def work(self, seconds: float = STEP_SECONDS) -> Work:
        """One step's connection, with the clock of the machine that it runs on."""
        return dataclasses.replace(
            super().work(seconds), wall_clock=lambda: self.kernel.now() + self.clock_error
        )

    def drain_node(self, request: Drain) -> Results:
        """roles/drain_node, or roles/evict_disk for one disk. Raises Failure as a role fails."""
        work = self.work()
        reading = plan_drain.read(work.client, work.longhorn, request.node, storage=True)
        request = disk_names.resolved(reading, request)
        made = plan_drain.plan(work.client, reading, request, writing=True)
        if made.work and made.stopping:
            raise Failure(drain_text.refusal(made))
        results: Results = {}
        if made.work:
            steps = DRAIN if request.own_mover else (DRAIN[0], DRAIN[2], *DRAIN[1:])
            with self._play(f"drain-{request.node}") as locked:
                for name, step in steps:
                    if request.disk and name in ("cordon", "pods"):
                        continue
                    work = self.work()
                    results[name] = step(work, request, OPTIONS, locked(work))
        results["proof"] = drain_steps.prove(self.work(), request, {"steps": results})
        if not results["proof"]["safe_to"][request.intent.value]:
            raise Failure("\n".join(results["proof"]["report"]))
        return results

    def protect(self, copies: int) -> Results:
        """playbooks/protect_images."""
        work = self.work()
        with self._play("protect") as locked:
            told = raise_copies.run(work, ["all"], copies, [], locked(work), partial=True)
        return {"protect": told}

    def recover_all(self) -> Results:
        """roles/recover_backing_image for everything that is lost."""
        work = self.work()
        self._plays += 1
        task = Task(work.client, work.deadline, work.interrupt, work.progress)
        holder = f"recover@test:{self._plays}"
        request = Request(["all"], holder, lock_wait_seconds=LOCK_SECONDS, skip_source_check=True)
        return {"recover": Recovery(task, request).run()}

    def _lease(self, work: Work, holder: str) -> lease.Lease:
        client: Client = work.client
        return lease.Lease(
            client,
            holder,
            clock=self.kernel.now,
            sleep=self._pause,
            timestamp=lambda: rfc3339_micro(self.kernel.now() + self.clock_error),
        )


def safe_to(results: Results) -> list[str]:
    """What a drain's proof says the node may be put to."""
    proof: dict[str, Any] = results.get("proof") or {}
    return [what for what, yes in (proof.get("safe_to") or {}).items() if yes]
