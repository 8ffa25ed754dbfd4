# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a manager's files are served, and what of it is chance."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.simulator.longhorn import names
from tests.simulator.longhorn.choices import (
    CLEAN_UP,
    DELETION,
    PREPARATION,
    Choices,
    Known,
    Walk,
    around,
)
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.names import manager_name
from tests.simulator.objects import Object
from tests.unit.simulator.longhorn.conftest import Maker

SMALL = "http://images.local/f/raw4.img"
THREE = ("one", "three", "two")


def of_manager(cluster: Cluster, uuid: str) -> Object:
    name = manager_name(cluster.profile, uuid)
    return cluster.store.get(names.MANAGERS, names.NAMESPACE, name)


def three_images(cluster: Cluster) -> None:
    for name in THREE:
        cluster.create_image(name, url=SMALL, copies=3)
        assert cluster.run_until_true(lambda n=name: len(cluster.ready_copies(n)) == 3, 120)


def order_gone(cluster: Cluster, folders: Mapping[str, Path], seconds: float) -> list[str]:
    """In which order these folders went, all within the time."""
    gone: list[str] = []

    def all_gone() -> bool:
        gone.extend(n for n, d in folders.items() if not d.exists() and n not in gone)
        return len(gone) == len(folders)

    assert cluster.run_until_true(all_gone, seconds)
    return gone


def test_a_map_is_walked_around_from_anywhere() -> None:
    choices = Choices(random.Random(3))
    seen = {tuple(choices.walk(DELETION, "d", "abcd", Walk("bd")).order) for turn in range(40)}
    assert seen == {("b", "c", "d", "a"), ("d", "a", "b", "c")}


def test_a_known_walk_leaves_out_only_what_is_late() -> None:
    choices = Choices(random.Random(3))
    choices.known_walk = lambda what, disk, listed, open_: Known(["c", "d"])
    assert choices.walk(DELETION, "d", "abcd", Walk("ac", late="a")).order == ["c", "d"]
    assert set(choices.walk(DELETION, "d", "abcd", Walk("ac")).order) == set("abcd")
    choices.known_walk = lambda what, disk, listed, open_: Known([], after=0.2)
    assert choices.walk(DELETION, "d", "abcd", Walk("ac")).after == 0.2, "later, whatever is open"


def test_files_go_in_the_order_of_the_walk(make_cluster: Maker) -> None:
    """Each takes a second, so the order decides what is judged when."""
    cluster = make_cluster("1.12")
    three_images(cluster)
    uuid = cluster.ready_copies("one")[0]
    asked: list[str] = []

    def walk(what: str, disk: str, listed: Sequence[str], open_: Walk) -> Known | None:
        if what != DELETION or disk != uuid:
            return None
        asked.append(" ".join(open_.names))
        return Known(around(listed, "two"))

    cluster.choices.known_walk = walk
    folders = {name: cluster.copy_dir(name, uuid) for name in THREE}
    for name in THREE:
        cluster.store.delete(names.IMAGES, names.NAMESPACE, name)
    gone = order_gone(cluster, folders, 20)
    assert asked and gone[0] == "two"


def test_a_pass_may_begin_later_and_its_requests_take_longer(make_cluster: Maker) -> None:
    cluster = make_cluster("1.12")
    cluster.create_image("one", url=SMALL, copies=1)
    uuid = cluster.ready_copies("one")[0]
    cluster.create_image("two", url=SMALL, copies=3)
    assert cluster.run_until_true(lambda: len(cluster.ready_copies("two")) == 3, 120)
    folder = cluster.copy_dir("one", uuid)
    began: list[float] = []

    def walk(what: str, disk: str, listed: Sequence[str], open_: Walk) -> Known | None:
        if what != DELETION:
            return None
        began.append(cluster.kernel.now())
        late = max(began[0] + 0.3 - cluster.kernel.now(), 0.0)
        return Known(list(listed), 0.0 if late < 0.001 else late, {"one": 1.5})

    cluster.choices.known_walk = walk
    key = f"/spec/{cluster.profile.map_field}/{uuid}"
    content = "application/json-patch+json"
    other = next(u for u in cluster.disk_uuids() if u != uuid)
    entry = cluster.profile.new_entry()
    edit = [
        {"op": "add", "path": key.replace(uuid, other), "value": entry},
        {"op": "remove", "path": key},
    ]
    cluster.store.patch(names.IMAGES, names.NAMESPACE, "one", edit, content)
    assert cluster.run_until_true(lambda: not folder.exists(), 5)
    assert cluster.kernel.now() - began[0] >= 0.299
    removed = cluster.kernel.now()
    assert cluster.run_until_true(
        lambda: "one" not in of_manager(cluster, uuid)["status"]["backingImageFileMap"], 8
    )
    assert cluster.kernel.now() - removed >= 0.9


def test_the_files_of_an_ending_manager_go_in_the_order_of_the_walk(make_cluster: Maker) -> None:
    cluster = make_cluster("1.12")
    three_images(cluster)
    uuid = cluster.ready_copies("one")[0]
    folders = {name: cluster.copy_dir(name, uuid) for name in THREE}
    cluster.choices.known_walk = lambda what, disk, listed, open_: (
        Known(around(listed, "three")) if what == CLEAN_UP else None
    )
    manager = of_manager(cluster, uuid)
    cluster.store.delete(names.MANAGERS, names.NAMESPACE, manager["metadata"]["name"])
    assert order_gone(cluster, folders, 10) == ["three", "two", "one"]


def test_a_copy_whose_record_is_there_does_not_hold_up_the_next(make_cluster: Maker) -> None:
    """From 1.7 a pass asks for one copy; "already exists" is none (prepareBackingImageFiles)."""
    cluster = make_cluster("1.12")
    three_images(cluster)
    uuid = cluster.ready_copies("one")[0]
    cluster.choices.known_walk = lambda what, disk, listed, open_: (
        Known(list(listed)) if what == PREPARATION else None
    )
    name = manager_name(cluster.profile, uuid)
    service = cluster.world.processes.service(name)
    assert service is not None
    record, other = service.files["one"], service.files["three"]
    # Nobody may delete: records and files are what they are while the pass asks.
    manager = of_manager(cluster, uuid)
    files = manager["status"]["backingImageFileMap"]
    mine = {**manager, "status": {**manager["status"], "backingImageFileMap": dict(files)}}
    del mine["status"]["backingImageFileMap"]["one"]
    del mine["status"]["backingImageFileMap"]["three"]
    del service.files["three"]
    controller = next(c for c in cluster.controllers if hasattr(c, "preparation"))
    asked = controller.preparation.run(mine, service)
    assert asked == 2, "one is there, three is asked for"
    assert service.files["one"] is record and service.files["three"] is not other


def test_an_image_wakes_the_managers_that_list_it(make_cluster: Maker) -> None:
    """Whatever its map says: enqueueForBackingImage goes by spec.backingImages."""
    cluster = make_cluster("1.12")
    cluster.create_image("one", url=SMALL, copies=1)
    uuid = cluster.ready_copies("one")[0]
    cluster.create_image("two", url=SMALL, copies=3)
    assert cluster.run_until_true(lambda: len(cluster.ready_copies("two")) == 3, 120)
    controller = next(c for c in cluster.controllers if hasattr(c, "preparation"))
    image = cluster.store.get(names.IMAGES, names.NAMESPACE, "one")
    without = {**image, "spec": {**image["spec"], cluster.profile.map_field: {}}}
    event = type("Event", (), {"obj": without, "old": image})
    assert [key[1] for key in controller._of_image(event)] == [manager_name(cluster.profile, uuid)]


def test_a_new_image_waits_for_its_writers_cache(make_cluster: Maker) -> None:
    """Between UUID and data source, in steps of 0.1 s (datastore/longhorn.go verifyUpdate)."""
    took: list[float] = []
    for wait in (0.0, 0.7):
        cluster = make_cluster("1.12")
        cluster.choices.known_image_wait = lambda image, w=wait: w
        began = cluster.kernel.now()
        cluster.create_image("one", url=SMALL, wait=False)
        find = cluster.store.find
        assert cluster.run_until_true(
            lambda f=find: f(names.DATA_SOURCES, names.NAMESPACE, "one") is not None, 5
        )
        took.append(cluster.kernel.now() - began)
    assert took[1] - took[0] >= 0.6


def test_a_slow_write_to_a_manager_holds_up_the_pass_a_conflict_ends_it(
    make_cluster: Maker,
) -> None:
    for seconds in (0.15, 0.8):
        cluster = make_cluster("1.12")
        cluster.create_image("one", url=SMALL, copies=1)
        uuid = cluster.ready_copies("one")[0]
        due = cluster.kernel.now() + seconds
        cluster.choices.known_listing = lambda image, disk, listed, d=due, c=cluster: (
            0.0 if listed or d - c.kernel.now() < 0.001 else d - c.kernel.now()
        )
        patch = [{"op": "replace", "path": f"/spec/{cluster.profile.map_field}", "value": {}}]
        content = "application/json-patch+json"
        cluster.store.patch(names.IMAGES, names.NAMESPACE, "one", patch, content)

        def left(c: Cluster = cluster, u: str = uuid) -> bool:
            found = c.store.find(names.MANAGERS, names.NAMESPACE, manager_name(c.profile, u))
            return found is None or "one" not in found["spec"]["backingImages"]

        assert cluster.run_until_true(left, 5)
        assert cluster.kernel.now() >= due - 0.001
        assert cluster.run_until_true(lambda c=cluster: c.ready_copies("one") != [], 90)
