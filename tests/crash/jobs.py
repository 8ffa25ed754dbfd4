# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs that are killed, and what has to be true after each was run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Request as Return,
)
from tests.crash.scene import NODE
from tests.integration.drain.scene import SPACE, add_volume, ticket
from tests.stepped.session import Results, Session
from tests.stepped.transport import Killed, Write

Play = Callable[[Session], Results]
LOST = "lost"
SECOND_DISK = "disk-2"


@dataclass(frozen=True)
class Job:
    """``prepare`` makes the scene, ``first`` is killed, ``again`` is what is run after it.

    undo: the state must be that of before ``first``, not that of a run that was left alone.
    lucky: Longhorn itself chooses disks for copies, so how many come is not always the same.
    modes: how it is cut off unless everything is asked for.
    """

    name: str
    first: Play
    again: Play
    prepare: Callable[[Session], Any] = lambda session: None
    undo: bool = False
    lucky: bool = False
    modes: tuple[str, ...] = ("before", "after")


def drain(intent: Intent, *, own_mover: bool = True, lower_minimum: bool = False) -> Play:
    """A drain of the node."""
    request = Drain(NODE, intent, own_mover=own_mover, lower_minimum=lower_minimum)
    return lambda session: session.drain(request)


def evict_disk(session: Session) -> Results:
    """The second disk of the node emptied and taken out; the first one stays."""
    return session.drain(Drain(NODE, Intent.REMOVE, disk=SECOND_DISK))


def delete(session: Session) -> Results:
    """The node of a machine that is off, deleted."""
    return session.delete_node(Drain(NODE, Intent.REMOVE))


def give_back(*, cancel: bool = False) -> Play:
    """The return of the node, or the undoing of its drain."""
    return lambda session: session.restore(Return(NODE, cancel=cancel))


def rebooted(session: Session) -> None:
    """Drained, off until Kubernetes has noticed, and on again."""
    switched_off(session, Intent.REBOOT)
    session.cluster.power_on(NODE)


def switched_off(session: Session, intent: Intent = Intent.REMOVE) -> None:
    """Drained, and off until Kubernetes has noticed."""
    drain(intent)(session)
    cluster = session.cluster
    cluster.power_off(NODE)

    def gone() -> bool:
        conditions = cluster.store.get("nodes", "", NODE)["status"]["conditions"]
        return any(c["type"] == "Ready" and c["status"] != "True" for c in conditions)

    assert cluster.run_until_true(gone)


def half_drained(session: Session) -> None:
    """Killed as it was about to delete its first replica: all that can be undone has been done."""

    def stop(write: Write, when: str) -> None:
        if write.method == "DELETE" and "/replicas/" in write.path and when == "before":
            raise Killed

    before, session.wire.at_write = session.wire.at_write, stop
    try:
        drain(Intent.REMOVE)(session)
    except Killed:
        session.wire.at_write = before
        return
    raise AssertionError("the drain deleted no replica")


def recovery(session: Session) -> Results:
    """The recovery of the image that was lost."""
    return session.recover(LOST)


def lost(session: Session) -> None:
    """All files of an image are gone, under a volume that was attached by hand."""
    cluster = session.cluster
    cluster.create_image(LOST, copies=2)
    add_volume(cluster, "waiting", LOST, 2)
    ticket(cluster, "waiting", "ui", "node-1", "longhorn-api")
    status = cluster.store.get
    assert cluster.run_until_true(
        lambda: (
            status("volumes.longhorn.io", SPACE, "waiting")["status"].get("robustness") == "healthy"
        )
    )
    cluster.remove_files(LOST)
    cluster.kernel.run_for(150.0)


_REBOOT, _REMOVE = drain(Intent.REBOOT), drain(Intent.REMOVE)
_REINSTALL, _FLAGS = drain(Intent.REINSTALL), drain(Intent.REMOVE, own_mover=False)
_LOWER = drain(Intent.REBOOT, lower_minimum=True)
_RESTORE, _CANCEL = give_back(), give_back(cancel=True)

JOBS: tuple[Job, ...] = (
    Job("drain reboot", _REBOOT, _REBOOT),
    Job("drain remove", _REMOVE, _REMOVE),
    Job("drain reinstall", _REINSTALL, _REINSTALL, modes=()),
    Job("drain remove by flags", _FLAGS, _FLAGS, lucky=True, modes=("after",)),
    Job("restore", _RESTORE, _RESTORE, rebooted),
    Job("cancel", _CANCEL, _CANCEL, half_drained, modes=("after",)),
    Job("drain reboot, then cancel", _REBOOT, _CANCEL, undo=True, modes=("after",)),
    Job("drain remove, then cancel", _REMOVE, _CANCEL, undo=True, modes=("after",)),
    Job("recover", recovery, recovery, lost, lucky=True),
    Job("drain by flags, then cancel", _FLAGS, _CANCEL, undo=True, lucky=True, modes=()),
    Job("drain reboot, minimum lowered", _LOWER, _LOWER, modes=("after",)),
    Job("evict disk", evict_disk, evict_disk, modes=("after",)),
    Job("delete node", delete, delete, switched_off),
)
BY_NAME = {job.name: job for job in JOBS}
