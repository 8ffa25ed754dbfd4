# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a whole play: shown, kept while others work, broken only by its holder's name."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.lease import (
    NAME,
    Lease,
    LeaseHeld,
    LeaseLost,
    drop,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import lock
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import Longhorn
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.integration.api.conftest import World
from tests.integration.api.test_lease import HandClock, holder_of


def work(world: World, clock: HandClock | None = None) -> Work:
    found = clock or HandClock()
    interrupt = Interrupt()
    return Work(
        world.client(),
        Longhorn(detect("v1.12.1", ()), {}),
        Deadline(None, found),
        interrupt,
        Progress(None, interrupt),
        sleep=found.sleep,
    )


def test_who_holds_it_is_told_with_the_way_to_break_it(world: World) -> None:
    assert lock.show(work(world))["lines"] == ["Nobody holds the lock."]
    taken = lock.take(work(world), None, "rolling-7", 0)
    shown = lock.show(work(world))
    assert not shown["changed"]
    assert shown["lock"]["held"] and shown["lock"]["purpose"] == "rolling-7"
    assert shown["lock"]["since"] == shown["lock"]["renewed"] != ""
    assert f"-e release={taken['holder']}" in shown["lines"][-1]
    with pytest.raises(LeaseHeld) as held:
        lock.take(work(world), None, "drain-n1", 0)
    assert "'rolling-7' from" in str(held.value) and taken["holder"] in str(held.value)
    assert (held.value.result or {})["lock"]["holder"] == taken["holder"]


def test_only_the_holder_that_is_named_is_broken_and_it_does_not_come_back(world: World) -> None:
    holder = lock.take(work(world), None, "drain-n1", 0)["holder"]
    with pytest.raises(Failure, match="is not held by drain-n1"):
        lock.break_it(work(world), "drain-n1")
    assert holder_of(world) == holder
    assert lock.break_it(work(world), holder)["changed"]
    assert holder_of(world) is None
    assert not lock.break_it(work(world), holder)["changed"]
    # The run that held it has no way to go on by itself, also while nobody else has it.
    with pytest.raises(LeaseLost):
        lock.take(work(world), holder, "", 0)
    with pytest.raises(LeaseLost):
        Lease(world.client(), holder).rejoin()


def test_a_name_that_is_no_name_never_stands_in_a_command(world: World) -> None:
    Lease(world.client(), "x; rm -rf /").acquire(0)
    lines = lock.show(work(world))["lines"]
    assert "release=" not in " ".join(lines)


def test_only_its_holders_lock_is_dropped(world: World) -> None:
    taken = lock.take(work(world), None, "rolling-7", 0)
    assert not drop(world.client(), NAME, "somebody-else")
    assert lock.show(work(world))["lock"]["holder"] == taken["holder"]
    assert drop(world.client(), NAME, taken["holder"])
    assert not drop(world.client(), NAME, taken["holder"])


def test_it_is_kept_while_the_play_lives_and_not_a_moment_longer(world: World) -> None:
    clock = HandClock()
    holder = lock.take(work(world), None, "rolling-7", 0)["holder"]
    other = Lease(world.client(), "other", clock=clock, sleep=clock.sleep)
    began = clock.now

    def alive() -> bool:
        return clock.now - began < 600

    kept = lock.keep(work(world, clock), holder, alive)
    assert kept["ended"] == "the playbook has ended"
    assert clock.now - began < 602
    renewals = [e for e in world.server.requests.entries if e.verb == "patch"]
    assert len(renewals) == 40  # every 15 s for ten minutes
    with pytest.raises(LeaseHeld):
        other.acquire(30)
    other.acquire(90)


def test_keeping_ends_when_the_lock_is_given_back_or_broken(world: World) -> None:
    clock = HandClock()
    holder = lock.take(work(world), None, "rolling-7", 0)["holder"]
    looks = [0]

    def alive() -> bool:
        looks[0] += 1
        if looks[0] == 50:
            lock.give_back(work(world), holder)
        return True

    kept = lock.keep(work(world, clock), holder, alive)
    assert "no longer ours" in kept["ended"]
    assert holder_of(world) is None


def test_a_process_that_has_ended_is_not_alive() -> None:
    assert lock.process_is_alive(os.getpid())
    child = subprocess.Popen(["sleep", "60"])
    assert lock.process_is_alive(child.pid)
    child.kill()
    # Ended, but its parent has not fetched it yet.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not lock.process_is_alive(child.pid)
    child.wait()
    assert not lock.process_is_alive(child.pid)
