# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies are raised on a served cluster: once, with a lock, and finished after a crash."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import raise_copies
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Stopped,
    Work,
)
from tests.integration.drain.scene import Scene, served
from tests.integration.drain.test_drain import Killed
from tests.integration.restore.test_killed import one_write
from tests.simulator.longhorn.cluster import Cluster

VERSIONS = ["1.6.4", "1.7.3", "1.12.1"]


def furnish(cluster: Cluster) -> None:
    """One image with a copy, one with two on one node, one with two on two nodes."""
    twin = cluster.disk_uuids("node-2")
    cluster.create_image("sole", copies=1, on=cluster.disk_uuids("node-1")[:1])
    cluster.create_image("twin", on=twin)
    cluster.create_image("whole", on=[twin[0], cluster.disk_uuids("node-3")[0]])
    # The next look at the disks, 30 s later at most, changes what is free: not amid a test.
    cluster.kernel.run_for(31)


def locked(work: Work) -> Callable[[], AbstractContextManager[Work]]:
    """The lock as `maintenance.locked` takes it."""

    @contextmanager
    def lock() -> Any:
        held = lease.Lease(work.client, "test")
        held.acquire(5.0, lambda text: None, work.deadline)
        work.lease = held
        try:
            with work.reporting():
                yield work
        finally:
            held.release()

    return lock


def protect(scene: Scene, *names: str, **options: Any) -> dict[str, Any]:
    """One run of the module's operation."""
    prepare = options.pop("prepare", lambda client: None)
    seconds = options.pop("seconds", 40.0)
    work = scene.work(seconds)
    work.check_mode = options.pop("check", False)
    prepare(work.client)
    copies, away = options.pop("copies", 2), options.pop("away", ())
    partial = options.pop("partial", False)
    assert not options, options
    lock = locked(work)
    return raise_copies.run(work, names or ("all",), copies, away, lock, partial=partial)


def nodes_of(scene: Scene, image: str) -> set[str]:
    """Nodes with a ready copy."""
    return {
        node
        for node in scene.cluster.nodes
        if scene.ready(image) & scene.disks(node) & scene.keys(image)
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_image_on_two_nodes_and_then_nothing(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        told = protect(scene, check=True)
        assert told["changed"] and scene.writes() == 0
        assert {item["image"] for item in told["copies_made"]} == {"sole", "twin"}
        done = protect(scene)
        assert done["copies_made"] == told["copies_made"]
        assert done["diff"] == told["diff"]
        for image in ("sole", "twin", "whole"):
            assert len(nodes_of(scene, image)) == 2, image
        spec = scene.get("backingimages.longhorn.io", "twin")["spec"]
        assert spec.get("minNumberOfCopies", 3) == 3
        before = scene.writes()
        again = protect(scene)
        assert not again["changed"] and scene.writes() == before


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_killed_at_every_write_it_is_finished_by_the_next(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, furnish) as scene:
        runs = 0
        while True:
            runs += 1
            assert runs < 20
            try:
                protect(scene, away=("node-3",), copies=1, prepare=one_write())
                protect(scene, copies=3, prepare=one_write())
            except Killed:
                continue
            break
        assert runs >= 3
        for image in ("sole", "twin", "whole"):
            assert len(nodes_of(scene, image)) == 3, image
        assert not protect(scene, copies=3)["changed"]


def test_only_the_named_image_and_never_the_nodes_left_out(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        done = protect(scene, "sole", copies=1, away=("node-1", "node-2"))
        assert [item["image"] for item in done["copies_made"]] == ["sole"]
        assert nodes_of(scene, "sole") == {"node-1", "node-3"}
        assert nodes_of(scene, "twin") == {"node-2"}


def test_what_cannot_be_is_said_after_the_others_are_safe(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        with pytest.raises(Stopped, match="cannot get all copies") as stopped:
            protect(scene, copies=4)
        assert len(nodes_of(scene, "sole")) == 3
        assert stopped.value.result is not None and stopped.value.result["copies_made"]
        assert not protect(scene, copies=4, partial=True)["changed"]


def test_names_that_do_not_exist_change_nothing(tmp_path: Path) -> None:
    with served("1.6.4", tmp_path, furnish) as scene:
        with pytest.raises(Failure, match="There is no image sloe. Did you mean sole"):
            protect(scene, "sloe")
        with pytest.raises(Failure, match="no Longhorn node node-9"):
            protect(scene, away=("node-9",))
        assert scene.writes() == 0


def test_a_copy_that_does_not_come_is_a_failure_with_what_was_seen(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        scene.server.call(scene.cluster.limit_transfers, 1.0)
        with pytest.raises(TimedOut, match=r"sole -> node-.*run the same command again") as late:
            protect(scene, "sole", seconds=1.5)
        assert late.value.result is not None and late.value.result["copies_made"]


def test_two_at_once_wait_for_each_other(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, furnish) as scene:
        found: list[dict[str, Any]] = []
        both = [threading.Thread(target=lambda: found.append(protect(scene))) for _run in "ab"]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join(40)
        assert sum(len(one["copies_made"]) for one in found) == 2
        assert all(len(scene.keys(image)) <= 3 for image in ("sole", "twin", "whole"))
