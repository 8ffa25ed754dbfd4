# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a whole play: taken by one task, used by others, given back by the last."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

WATCH_SECONDS = 0.5


def take(work: Work, holder: str | None, purpose: str, wait_seconds: float) -> dict[str, Any]:
    """Take it under a new name, or go on under *holder*. Raises LeaseHeld, LeaseLost."""
    name = holder or lease.new_holder(purpose)
    if work.check_mode:
        return {"changed": _holder(work.client) != name, "holder": name}

    def on_wait(text: str) -> None:
        work.interrupt.check("Nothing was changed.")
        work.progress.update(text)

    if holder:
        lease.Lease(work.client, holder).rejoin()
        return {"changed": False, "holder": name}
    dead = lease.Lease(work.client, name).acquire(wait_seconds, on_wait, work.deadline)
    if dead:
        work.progress.update(f"took over the lock of {errors.cut(dead)}, a run that died")
    return {"changed": True, "holder": name, "taken_over_from": dead}


def give_back(work: Work, holder: str) -> dict[str, Any]:
    """Give it back if it is ours; one that is not, or gone, is left alone."""
    ours = _holder(work.client) == holder
    if ours and not work.check_mode:
        lease.drop(work.client, lease.NAME, holder)
    return {"changed": ours, "holder": holder}


def show(work: Work) -> dict[str, Any]:
    """Who holds it, since when and for what."""
    return {"changed": False, **_seen(work.client)}


def break_it(work: Work, holder: str) -> dict[str, Any]:
    """Take the lock away from the holder that is named, and from nobody else.

    The run that held it stops before its next write. Raises Failure when another holds it.
    """
    found = _seen(work.client)
    if not found["lock"]["held"]:
        return {"changed": False, **found}
    if found["lock"]["holder"] != holder:
        failure = Failure(
            f"The lock is not held by {errors.cut(holder)}. {found['lines'][0]} "
            "Nothing was changed: name the holder exactly, and only when you know it is dead."
        )
        failure.result = {"lock": found["lock"]}
        raise failure
    if work.check_mode or lease.drop(work.client, lease.NAME, holder):
        told = f"The lock of {errors.cut(holder)} is broken; that run stops before its next write."
        return {"changed": True, "lock": found["lock"], "lines": [told]}
    raise Failure("The lock changed while it was being broken. Look at it again.")


def keep(work: Work, holder: str, alive: Callable[[], bool]) -> dict[str, Any]:
    """Renew the lock as long as *alive* says that its play runs and the lock is the play's.

    For the time in which no module of ours runs: the operator's own tasks. Ends without an error,
    saying why.
    """
    lock = lease.Lease(work.client, holder)
    failing_since: float | None = None
    while alive() and not work.interrupt.requested:
        # This task has no end of its own, so each try gets its own limit.
        work.client.deadline = Deadline(lock.duration_seconds / 2.0)
        try:
            lock.rejoin()
            failing_since = None
        except lease.LeaseLost as lost:
            return {"changed": False, "holder": holder, "ended": str(lost)}
        except errors.ApiError as error:
            now = work.deadline.now()
            failing_since = now if failing_since is None else failing_since
            if now - failing_since > lock.duration_seconds:
                return {"changed": False, "holder": holder, "ended": str(error)}
        _watch(work, alive, lock.duration_seconds / 4.0)
    return {"changed": False, "holder": holder, "ended": "the playbook has ended"}


def _watch(work: Work, alive: Callable[[], bool], seconds: float) -> None:
    end = work.deadline.now() + seconds
    while work.deadline.now() < end and alive() and not work.interrupt.requested:
        work.sleep(WATCH_SECONDS)


def process_is_alive(number: int) -> bool:
    """Whether a process of this machine runs; one that has ended and only waits to be fetched
    does not.
    """
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[:1] != ["Z"]
    except OSError:
        return True


def _seen(client: Client) -> dict[str, Any]:
    found = lease.seen(client.find(kinds.LEASES, lease.NAME))
    return {"lock": found, "lines": _lines(found)}


def _lines(found: dict[str, Any]) -> list[str]:
    if not found["held"]:
        return ["Nobody holds the lock."]
    return [
        f"The lock is held by {errors.cut(found['holder'])}: '{errors.cut(found['purpose'])}' from "
        f"{errors.cut(found['host']) or 'an unknown host'}.",
        f"Taken {found['since'] or 'at an unknown time'}, last renewed "
        f"{found['renewed'] or 'never'} (by that host's clock).",
        f"It expires {found['duration_seconds']} s after the last renewal; a run that lives renews "
        "it every 15 s.",
        lease.how_to_break(found["holder"]),
    ]


def _holder(client: Client) -> str:
    current = client.find(kinds.LEASES, lease.NAME) or {}
    return str((current.get("spec") or {}).get("holderIdentity") or "")
