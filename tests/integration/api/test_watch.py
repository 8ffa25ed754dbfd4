# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live view over HTTP: changes, a cut, a version that is too old, a silent server."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, watch
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    TimedOut,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import LEASES
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.watch import LiveView
from tests.integration.api.conftest import EXAMPLE, World


def names(view: LiveView) -> list[str]:
    return sorted(item["metadata"]["name"] for item in view.all(EXAMPLE))


def wait_for(view: LiveView, wanted: list[str], seconds: float = 10.0) -> None:
    view.wait_until(
        lambda v: True if names(v) == wanted else None,
        Deadline(seconds),
        waited_for=f"{wanted}",
        describe=lambda v: f"{names(v)}",
    )


def test_it_lists_once_and_then_follows(world: World) -> None:
    world.add("a")
    client = world.client()
    with LiveView(client, [EXAMPLE, LEASES]) as view:
        assert names(view) == ["a"]
        world.add("b")
        wait_for(view, ["a", "b"])
        uid = client.get(EXAMPLE, "a")["metadata"]["uid"]
        client.delete(EXAMPLE, "a", uid=uid)
        wait_for(view, ["b"])
    lists = world.server.requests.select(verb="list", resource="images.longhorn.io")
    watches = world.server.requests.select(verb="watch", resource="images.longhorn.io")
    assert (len(lists), len(watches)) == (1, 1)


def test_a_change_is_seen_at_once(world: World) -> None:
    with LiveView(world.client(), [EXAMPLE]) as view:
        view.next_change(0.3)
        began = time.monotonic()
        world.add("a")
        wait_for(view, ["a"])
        assert time.monotonic() - began < 0.5


def test_a_cut_stream_is_resumed_without_a_new_list(world: World) -> None:
    world.server.faults.add(action="cut", verb="watch", seconds=0.2)
    with LiveView(world.client(), [EXAMPLE]) as view:
        time.sleep(0.5)
        world.add("a")
        wait_for(view, ["a"])
    assert len(world.server.requests.select(verb="list")) == 1
    assert len(world.server.requests.select(verb="watch")) >= 2


def test_a_version_that_is_too_old_is_listed_again(world: World) -> None:
    world.add("a")
    world.server.faults.add(action="error", verb="watch", status=410)
    with LiveView(world.client(), [EXAMPLE]) as view:
        world.add("b")
        wait_for(view, ["a", "b"])
    assert len(world.server.requests.select(verb="list")) == 2


def test_a_refused_watch_reaches_the_waiting_loop(world: World) -> None:
    world.server.faults.add(action="error", verb="watch", status=409)
    with LiveView(world.client(), [EXAMPLE]) as view, pytest.raises(errors.Conflict):
        wait_for(view, ["never"])


def test_a_wait_that_runs_out_says_what_for_and_what_it_saw(world: World) -> None:
    world.add("a")
    with LiveView(world.client(), [EXAMPLE]) as view, pytest.raises(TimedOut) as late:
        wait_for(view, ["b"], seconds=1.0)
    assert "waited 1 s for ['b']; last seen: ['a']" in str(late.value)


def test_a_silent_server_does_not_hang_the_stream(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that keeps the connection open beyond its own time-out is given up after it."""
    monkeypatch.setattr(watch, "SERVER_SECONDS", 1.0)
    monkeypatch.setattr(watch, "IDLE_SECONDS", 2.0)
    world.server.faults.add(action="delay", verb="watch", seconds=6.0)
    client = world.client()
    began = time.monotonic()
    with pytest.raises(errors.Unreachable):
        list(watch.events(client, EXAMPLE, "1", client.namespace, 1.0))
    assert time.monotonic() - began < 5.0


def test_leaving_ends_the_threads_and_their_streams(world: World) -> None:
    with LiveView(world.client(), [EXAMPLE, LEASES]) as view:
        view.next_change(0.3)
        threads = [t for t in threading.enumerate() if t.name.startswith("watch ")]
        assert len(threads) == 2
    for thread in threads:
        thread.join(timeout=3.0)
    assert not any(thread.is_alive() for thread in threads)
