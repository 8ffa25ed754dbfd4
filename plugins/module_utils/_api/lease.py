# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One maintenance at a time: a Lease in Longhorn's namespace.

Taken by POST, or by a patch that tests the resourceVersion, so that of several takers one wins. It
is renewed from the loop that does the work: a thread would keep it alive in an orphan. Expiry is
judged by our own clock since renewTime was last seen to *change*; the clocks of two machines are
never compared.
"""

from __future__ import annotations

import datetime
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import (
    REQUEST_SECONDS,
    Client,
    Object,
    do_nothing,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.errors import (
    Conflict,
    FailedTest,
    NotFound,
    cut,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import LEASES
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure

NAME = "nodecare-longhorn-maintenance"
DURATION_SECONDS = 60
LOOK_AGAIN_SECONDS = 2.0
TRIES_MAX = 8
# A run that lives renews four times in the duration of its lease.
SILENT_SECONDS = 20.0


class LeaseHeld(Failure):
    """Somebody else works on this Longhorn."""


class LeaseLost(Failure):
    """The lease is not ours any more; no further write may happen."""


def new_holder(purpose: str) -> str:
    """A name for one run that no other run has, and a person can read."""
    return f"{purpose}@{_host()}:{os.getpid()}-{uuid.uuid4().hex[:8]}"


def surely_dead(holder: str) -> bool:
    """Whether the process that gave itself this name was on this machine and is gone. False where
    that cannot be known.
    """
    found = re.fullmatch(r"[^@]*@(?P<host>[^:]+):(?P<pid>[0-9]+)-[0-9a-f]{8}", holder)
    if found is None or found["host"] != _host():
        return False
    try:
        os.kill(int(found["pid"]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def _host() -> str:
    return re.sub(r"[^a-zA-Z0-9.-]", "-", socket.gethostname())[:63]


def wall_clock() -> str:
    """Now, in the form of a Lease's MicroTime. For people to read; nothing is decided by it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Lease:
    """The lock of one run. *holder* may be shared by the tasks of one play."""

    def __init__(
        self,
        client: Client,
        holder: str,
        *,
        name: str = NAME,
        duration_seconds: int = DURATION_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        timestamp: Callable[[], str] = wall_clock,
    ) -> None:
        self._client = client
        self.holder = holder
        self.name = name
        self.duration_seconds = duration_seconds
        self._clock = clock
        self._sleep = sleep
        self._timestamp = timestamp
        self._renewed_at = float("-inf")
        self._guard = threading.RLock()
        self.held = False

    # -- taking --------------------------------------------------------------------------------
    def acquire(
        self,
        wait_seconds: float,
        on_wait: Callable[[str], None] = lambda text: None,
        deadline: Deadline | None = None,
    ) -> str:
        """Take the lease, waiting at most *wait_seconds* for another holder to end or expire.

        *on_wait* is told whom we wait for and may raise to stop. Returns the name of a holder that
        had stopped to renew it, and whose lease it was; "" where it was free. Raises LeaseHeld.
        """
        limit = (deadline or Deadline(None, self._clock)).within(wait_seconds)
        last = ""
        last_at = self._clock()
        while True:
            current = self._client.find(LEASES, self.name)
            if current is None:
                if self._create():
                    return ""
                continue
            spec = current.get("spec") or {}
            holder = str(spec.get("holderIdentity") or "")
            mark = f"{holder} {spec.get('renewTime')} {spec.get('leaseTransitions')}"
            if mark != last:
                last, last_at = mark, self._clock()
            stood_still = self._clock() - last_at
            duration = float(spec.get("leaseDurationSeconds") or DURATION_SECONDS)
            free = not holder or holder == self.holder or stood_still >= duration
            if free and self._take(current):
                return "" if holder == self.holder else holder
            if limit.expired:
                held = LeaseHeld(_held_text(holder, spec, self._client.namespace, self.name))
                held.result = {"lock": seen(current)}
                raise held
            on_wait(_waiting_text(holder, stood_still, duration))
            self._sleep(min(LOOK_AGAIN_SECONDS, max(0.05, limit.remaining())))

    def _create(self) -> bool:
        now = self._timestamp()
        body: Object = {
            "metadata": {"name": self.name, "namespace": self._client.namespace},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.duration_seconds,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }
        started = self._clock()
        try:
            self._client.create(LEASES, body)
        except Conflict:
            return False
        return self._now_ours(started)

    def _take(self, current: Object) -> bool:
        spec = current.get("spec") or {}
        now = self._timestamp()
        same = spec.get("holderIdentity") == self.holder
        wanted = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.duration_seconds,
            "acquireTime": spec.get("acquireTime", now) if same else now,
            "renewTime": now,
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (0 if same else 1),
        }
        started = self._clock()
        try:
            self._client.patch_json(
                LEASES,
                self.name,
                [{"op": "add", "path": "/spec", "value": wanted}],
                resource_version=current["metadata"]["resourceVersion"],
            )
        except (FailedTest, Conflict, NotFound):
            return False
        return self._now_ours(started)

    def _now_ours(self, started: float) -> bool:
        # From before the request was sent: the server may have stored it at any time since.
        self._renewed_at = started
        self.held = True
        self._client.before_again = self.ensure
        return True

    def rejoin(self) -> None:
        """Go on under a lease that an earlier task of the play took.

        It is ours as long as nobody else took it, also after it expired. Raises LeaseLost when it
        is gone (somebody broke it) or another's: nobody may take it a second time by himself.
        """
        self.renew()

    # -- keeping -------------------------------------------------------------------------------
    def keep(self) -> None:
        """Renew if a quarter of the duration has passed. Call it from the working loop."""
        with self._guard:
            if self.held and self._clock() - self._renewed_at >= self.duration_seconds / 4.0:
                self.renew()

    def renew(self) -> None:
        """Renew now. Raises LeaseLost when it is somebody else's."""
        for _attempt in range(TRIES_MAX):
            current = self._client.find(LEASES, self.name)
            holder = str(((current or {}).get("spec") or {}).get("holderIdentity") or "")
            if current is None or holder != self.holder:
                self.held = False
                raise LeaseLost(
                    f"The lease {self.name} is no longer ours (now: {cut(holder) or 'nobody'}): it "
                    "was released, broken by name, or taken over after it had expired. "
                    "Stopped before the next write; run the same command again."
                )
            if self._take(current):
                return
        raise LeaseLost(f"The lease {self.name} could not be renewed in {TRIES_MAX} tries.")

    def ensure(self) -> None:
        """Before an irreversible write: ours, for at least one request's time-out more. Writes go
        on in several threads; one of them asks, and the others wait for its answer.
        """
        with self._guard:
            left = self.duration_seconds - (self._clock() - self._renewed_at)
            if not self.held or left < 2.0 * REQUEST_SECONDS:
                self.renew()

    # -- giving back ---------------------------------------------------------------------------
    def release(self) -> None:
        """Give the lease back if it is ours; a lease that is not, or gone, is left alone."""
        if self.held:
            self.held = False
            self._client.before_again = do_nothing
            drop(self._client, self.name, self.holder)


def drop(client: Client, name: str, holder: str) -> bool:
    """Delete the lease if it is this holder's; False where it is not, or gone.

    It may be renewed by another process of its play in the same moment, so a conflict is tried
    again.
    """
    for _attempt in range(TRIES_MAX):
        current = client.find(LEASES, name)
        spec = (current or {}).get("spec") or {}
        if current is None or spec.get("holderIdentity") != holder:
            return False
        try:
            client.delete(
                LEASES,
                name,
                uid=current["metadata"]["uid"],
                resource_version=current["metadata"]["resourceVersion"],
            )
        except NotFound:
            return False
        except Conflict:
            continue
        return True
    return False


def seen(current: Object | None) -> dict[str, Any]:
    """A lease as a person asks about it: who, what for, since when, how long without a sign."""
    spec = (current or {}).get("spec") or {}
    holder = str(spec.get("holderIdentity") or "")
    purpose, _at, host = holder.partition("@")
    return {
        "held": bool(holder),
        "holder": holder,
        "purpose": purpose,
        "host": host.partition(":")[0],
        "since": str(spec.get("acquireTime") or ""),
        "renewed": str(spec.get("renewTime") or ""),
        "duration_seconds": int(spec.get("leaseDurationSeconds") or 0),
    }


def _waiting_text(holder: str, silent: float, duration: float) -> str:
    """Whom we wait for; and since when there is no sign of it, once a run that lives would have
    renewed. Seconds in tens: a text that changes all the time is told all the time.
    """
    text = f"waiting for another maintenance to end: {cut(holder)}"
    if silent < SILENT_SECONDS:
        return text
    told, left = int(silent) // 10 * 10, max(0, round(duration - silent + 9) // 10 * 10)
    return f"{text} (no sign of it for {told} s; if it is dead, the lock is free in {left} s)"


def _held_text(holder: str, spec: Object, namespace: str, name: str) -> str:
    found = seen({"spec": spec})
    seconds = spell_seconds(float(found["duration_seconds"] or DURATION_SECONDS))
    return (
        f"Another maintenance is at work on this Longhorn: {cut(holder)}, that is "
        f"'{cut(found['purpose'])}' from {cut(found['host']) or 'an unknown host'}, since "
        f"{found['since'] or 'an unknown time'}, last renewed {found['renewed'] or 'never'}. "
        f"Wait for it; if that run is dead, its lock expires {seconds} after its last renewal "
        f"and the same command goes on (lease {namespace}/{name}). {how_to_break(holder)}"
    )


def how_to_break(holder: str) -> str:
    """The command that breaks the lock, for a name that can stand in a command."""
    text = "Only when you know that it is dead and cannot wait: "
    if re.fullmatch(r"[\w.@:-]+", holder, re.ASCII):
        return f"{text}ansible-playbook nodecare.longhorn.maintenance_lock -e release={holder}"
    return f"{text}delete the lease by hand; its holder is none that this collection has named."
