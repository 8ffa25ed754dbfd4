# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lost images come back: copies on disk, volumes attached and healthy, nothing of ours left."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import steps
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import recover
from tests.integration.recovery.conftest import GENERATIONS
from tests.integration.recovery.scene import Scene
from tests.simulator.longhorn import names

Make = Callable[..., Scene]


@pytest.mark.parametrize("longhorn", GENERATIONS)
def test_an_image_under_an_attached_volume(make: Make, longhorn: str) -> None:
    scene = make(longhorn)
    scene.cluster.create_image("img", copies=2)
    scene.volume("vol", "img")
    before = scene.tickets("vol")
    scene.lose("img")
    assert scene.ready("img") == 0
    result = scene.recover("img")
    assert result["changed"]
    assert [image["outcome"] for image in result["images"]] == ["recovered"]
    assert result["images"][0]["verdict"]["name"] == "healthy"
    assert scene.ready("img") >= 2
    assert scene.tickets("vol") == before
    assert scene.volume_state("vol") == ("attached", "healthy")
    assert scene.notes() == []
    written = len(scene.writes())
    again = scene.recover("img")
    assert not again["changed"]
    assert len(scene.writes()) == written


@pytest.mark.parametrize("longhorn", GENERATIONS)
def test_an_image_that_nobody_uses(make: Make, longhorn: str) -> None:
    scene = make(longhorn)
    scene.cluster.create_image("img", copies=2)
    scene.lose("img")
    scene.recover("img")
    assert scene.ready("img") >= 2
    assert scene.notes() == []


@pytest.mark.parametrize("longhorn", ["1.6", "1.12"])
def test_five_images_with_five_volumes_in_one_loop(make: Make, longhorn: str) -> None:
    scene = make(longhorn)
    images = [f"img-{number}" for number in range(5)]
    for image in images:
        scene.cluster.create_image(image, copies=2)
        scene.volume(f"vol-{image}", image)
    scene.cluster.create_image("whole", copies=2)
    scene.lose(*images)
    result = scene.recover("all", task=scene.task(seconds=110))
    assert sorted(image["name"] for image in result["images"]) == images
    assert {image["outcome"] for image in result["images"]} == {"recovered"}
    assert all(scene.ready(image) >= 2 for image in images)
    assert all(scene.volume_state(f"vol-{i}") == ("attached", "healthy") for i in images)
    assert scene.notes() == []


@pytest.mark.parametrize("longhorn", ["1.6", "1.12"])
def test_the_hang_after_the_wrong_order(
    make: Make, longhorn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data source was deleted while the map still listed failed copies."""
    monkeypatch.setattr(steps, "EMPTY_AGAIN_SECONDS", 1.0)
    scene = make(longhorn)
    scene.cluster.create_image("img", copies=2)
    scene.lose("img")
    store = scene.cluster.store
    store.delete(names.DATA_SOURCES, names.NAMESPACE, "img")
    scene.cluster.kernel.run_for(60)
    source = scene.object(names.DATA_SOURCES, "img")
    assert source["status"]["currentState"] == "ready"
    assert not source["spec"]["fileTransferred"]
    result = scene.recover("img", window_seconds=7.0, task=scene.task(seconds=110))
    assert result["images"][0]["verdict_before"]["name"] == "data_source_stuck"
    assert scene.ready("img") >= 2


def test_an_image_lost_for_so_long_that_longhorn_begins_in_the_moment_its_map_is_empty(
    make: Make,
) -> None:
    """Then the managers still have their records, and what it begins would hang."""
    scene = make("1.12")
    scene.cluster.create_image("img", copies=2)
    scene.cluster.create_image("beside", copies=3)
    scene.lose("img", settle=500)
    result = scene.recover("img", task=scene.task(seconds=110))
    assert result["images"][0]["outcome"] == "recovered"
    assert scene.ready("img") >= 2


@pytest.mark.parametrize("longhorn", GENERATIONS)
def test_the_only_copy_is_on_a_node_that_is_off(make: Make, longhorn: str) -> None:
    """Refused without the operator's word, recovered with it."""
    scene = make(longhorn)
    scene.cluster.create_image("img", on=scene.cluster.disk_uuids("node-2"))
    scene.cluster.power_off("node-2")
    scene.cluster.kernel.run_for(120)
    with pytest.raises(Failure, match="accept_unknown_loss=true"):
        scene.recover("img")
    assert scene.writes() == []
    scene.recover("img", accept_unknown_loss=True, task=scene.task(seconds=110))
    assert scene.ready("img") == 1


def test_a_node_that_was_taken_out_needs_no_word(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", on=scene.cluster.disk_uuids("node-2"))
    scene.cluster.power_off("node-2")
    scene.cluster.kernel.run_for(120)
    store = scene.cluster.store
    closed = {"allowScheduling": False}
    store.mutate(names.NODES, names.NAMESPACE, "node-2", lambda node: node["spec"].update(closed))
    store.delete("nodes", None, "node-2")
    scene.cluster.kernel.run_for(60)
    if store.find(names.NODES, names.NAMESPACE, "node-2") is not None:
        store.delete(names.NODES, names.NAMESPACE, "node-2")
        scene.cluster.kernel.run_for(5)
    assert store.find(names.NODES, names.NAMESPACE, "node-2") is None
    scene.recover("img", task=scene.task(seconds=110))
    assert scene.ready("img") == 1


def test_check_mode_tells_and_writes_nothing(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", copies=2)
    scene.volume("vol", "img")
    scene.lose("img")
    result = scene.recover("img", check_mode=True)
    assert scene.writes() == []
    assert result["changed"]
    assert "1 to recover" in result["summary"][0]
    assert "placement map emptied" in result["diff"]["after"]
    assert "tickets given back later: vol" in result["diff"]["after"]


def test_a_dead_source_fails_with_its_cause_and_is_finished_when_it_is_alive(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make()
    url = "http://images.local/gate/door/raw8.img"
    scene.cluster.sources.open_gate("door")
    scene.cluster.create_image("img", url=url, copies=2)
    scene.volume("vol", "img")
    scene.lose("img")
    scene.cluster.sources.close_gate("door")
    with monkeypatch.context() as patch, pytest.raises(Failure, match="404"):
        patch.setattr(recover, "FAILING_SECONDS_MAX", 4.0)
        scene.recover("img", skip_source_check=True)
    assert scene.tickets("vol") == {}
    scene.call(lambda: scene.cluster.sources.open_gate("door"))
    scene.recover("img", task=scene.task(seconds=110))
    assert scene.volume_state("vol") == ("attached", "healthy")
    assert scene.notes() == []
