# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The maintenance lock: one winner, renewal, take-over by our own clock, release."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.errors import Unreachable
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import LEASES, NODES
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.lease import (
    NAME,
    Lease,
    LeaseHeld,
    LeaseLost,
)
from tests.integration.api.conftest import World


class HandClock:
    """A monotonic clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def lease(world: World, holder: str, clock: HandClock) -> Lease:
    return Lease(world.client(), holder, clock=clock, sleep=clock.sleep)


def holder_of(world: World) -> str | None:
    found = world.client().find(LEASES, NAME)
    return found["spec"]["holderIdentity"] if found else None


def test_the_second_taker_is_told_who_holds_it(world: World) -> None:
    clock = HandClock()
    lease(world, "first", clock).acquire(0)
    with pytest.raises(LeaseHeld) as held:
        lease(world, "second", clock).acquire(10)
    assert "first" in str(held.value)
    assert holder_of(world) == "first"


def test_the_same_holder_may_come_back(world: World) -> None:
    clock = HandClock()
    lease(world, "play-1", clock).acquire(0)
    lease(world, "play-1", clock).acquire(0)
    assert holder_of(world) == "play-1"


def test_it_is_taken_over_only_after_it_stood_still_for_its_duration(world: World) -> None:
    clock = HandClock()
    dead = lease(world, "dead", clock)
    dead.acquire(0)
    began = clock.now
    told: list[str] = []
    assert lease(world, "next", clock).acquire(90, on_wait=told.append) == "dead"
    plain = "waiting for another maintenance to end: dead"
    assert list(dict.fromkeys(told)) == [plain] + [
        f"{plain} (no sign of it for {n} s; if it is dead, the lock is free in {60 - n} s)"
        for n in (20, 30, 40, 50)
    ]
    assert 60.0 <= clock.now - began < 65.0
    assert holder_of(world) == "next"
    with pytest.raises(LeaseLost):
        dead.renew()


def test_a_holder_that_renews_is_never_taken_over(world: World) -> None:
    clock = HandClock()
    alive = lease(world, "alive", clock)
    alive.acquire(0)
    with pytest.raises(LeaseHeld):
        lease(world, "next", clock).acquire(300, on_wait=lambda text: alive.keep())
    assert holder_of(world) == "alive"


def test_before_a_write_it_is_renewed_when_little_is_left(world: World) -> None:
    clock = HandClock()
    mine = lease(world, "mine", clock)
    mine.acquire(0)
    before = world.server.requests.total
    mine.ensure()
    assert world.server.requests.total == before
    clock.sleep(40)
    mine.ensure()
    assert world.server.requests.total > before


def test_a_stolen_lease_stops_the_next_write(world: World) -> None:
    clock = HandClock()
    mine = lease(world, "mine", clock)
    mine.acquire(0)
    lease(world, "thief", clock).acquire(90)
    with pytest.raises(LeaseLost):
        mine.ensure()


def test_a_write_that_is_sent_again_asks_for_the_lock_first(world: World) -> None:
    """While the server did not answer somebody else may have taken the lock over."""
    clock = HandClock()
    client = world.client()
    mine = Lease(client, "mine", clock=clock, sleep=clock.sleep)
    mine.acquire(0)
    send, lost = client.transport.send, []

    def lose_the_first(method: str, url: str, **options: Any) -> Any:
        if method == "PATCH" and "nodes" in url:
            lost.append(url)
            raise Unreachable("the connection was reset")
        return send(method, url, **options)

    vars(client.transport)["send"] = lose_the_first
    client.pause = lambda seconds: lease(world, "thief", clock).acquire(90)
    with pytest.raises(LeaseLost, match="no longer ours \\(now: thief\\)"):
        client.patch_json(NODES, "node-1", [{"op": "add", "path": "/spec/x", "value": 1}])
    assert len(lost) == 1, "it is not sent a second time"
    assert holder_of(world) == "thief"


def test_release_leaves_nothing_behind_and_touches_only_ones_own(world: World) -> None:
    clock = HandClock()
    mine = lease(world, "mine", clock)
    mine.acquire(0)
    mine.release()
    assert holder_of(world) is None
    other = lease(world, "other", clock)
    other.acquire(0)
    mine.release()
    assert holder_of(world) == "other"
