# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of a controller: edges, beat, retries."""

from __future__ import annotations

from tests.simulator.controller import Controller, Key
from tests.simulator.errors import ApiError, conflict, internal
from tests.simulator.store import Store
from tests.unit.simulator.example import IMAGES, NS, RES, image, make_store


class Recorder(Controller):
    """Notes every pass, and fails as often as told."""

    resource = RES

    def __init__(self, store: Store) -> None:
        super().__init__(store.kernel, store)
        self.passes: list[tuple[float, str]] = []
        self.failures: list[ApiError] = []
        self.again: float | None = None

    def reconcile(self, key: Key) -> float | None:
        self.passes.append((round(self.kernel.now() - self.started, 3), key[1]))
        if self.failures:
            raise self.failures.pop(0)
        return self.again

    def begin(self) -> None:
        self.started = self.kernel.now()
        self.start()


def test_one_pass_for_many_edges_and_a_beat_every_30_s() -> None:
    store = make_store()
    recorder = Recorder(store)
    recorder.begin()
    store.create(RES, image("a"))
    for copies in range(2, 9):
        store.mutate(RES, NS, "a", lambda o, n=copies: o["spec"].update(copies=n))
    store.kernel.run_for(0.06)
    assert len(recorder.passes) == 1
    store.kernel.run_for(90)
    beats = [t for t, _unused in recorder.passes[1:]]
    assert len(beats) == 3
    assert all(
        29.9 < later - earlier < 30.1 for earlier, later in zip(beats, beats[1:], strict=False)
    )


def test_errors_are_retried_three_times_then_dropped() -> None:
    store = make_store()
    store.create(RES, image("a"))
    recorder = Recorder(store)
    recorder.resync = 0
    recorder.failures = [internal("no") for _unused in range(9)]
    recorder.begin()
    store.kernel.run_for(60)
    assert len(recorder.passes) == 4
    assert recorder.dropped == 1
    gaps = [b[0] - a[0] for a, b in zip(recorder.passes, recorder.passes[1:], strict=False)]
    assert [round(g, 3) for g in gaps] == [0.005, 0.01, 0.02]


def test_conflicts_are_retried_without_counting() -> None:
    store = make_store()
    store.create(RES, image("a"))
    recorder = Recorder(store)
    recorder.failures = [conflict(IMAGES, "a") for _unused in range(9)]
    recorder.begin()
    store.kernel.run_for(0.5)
    assert len(recorder.passes) == 10
    assert recorder.dropped == 0


def test_a_pass_may_ask_for_the_next_one_and_stop_ends_all() -> None:
    store = make_store()
    store.create(RES, image("a"))
    recorder = Recorder(store)
    recorder.again = 2.0
    recorder.begin()
    store.kernel.run_for(5)
    assert len(recorder.passes) == 3
    recorder.stop()
    store.create(RES, image("b"))
    store.kernel.run_for(120)
    assert len(recorder.passes) == 3


def test_edges_of_other_kinds() -> None:
    store = make_store()
    recorder = Recorder(store)
    recorder.watch("pods", lambda event: [(NS, "owner-of-" + event.obj["metadata"]["name"])])
    recorder.begin()
    store.create("pods", {"metadata": {"name": "p", "namespace": NS}, "spec": {}})
    store.kernel.run_for(1)
    assert [name for _unused, name in recorder.passes] == ["owner-of-p"]
