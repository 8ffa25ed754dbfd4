# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before anything is thrown away the source is asked: what it does not deliver is not recovered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from tests.integration.recovery.scene import Scene
from tests.simulator.longhorn import names
from tests.simulator.longhorn.sources import MIB, Answer, Content

Make = Callable[..., Scene]
URL = "http://images.local/f/raw8.img"


def refused(scene: Scene, **options: Any) -> tuple[str, dict[str, Any]]:
    """Text and image of the refusal; nothing was written."""
    with pytest.raises(Failure, match="img was not touched") as failure:
        scene.recover("img", **options)
    assert scene.writes() == []
    assert failure.value.result is not None
    image: dict[str, Any] = failure.value.result["images"][0]
    assert image["outcome"] == "refuse"
    return str(failure.value), image


def lost(make: Make, **answer: Any) -> Scene:
    """A scene with one lost image, whose source then does something else."""
    scene = make()
    scene.cluster.create_image("img", copies=2)
    scene.lose("img")
    if answer:
        scene.cluster.sources.serve(URL, Answer(**answer))
    return scene


def test_other_bytes_are_refused_and_the_word_for_it_is_checksum_pinned(make: Make) -> None:
    scene = lost(make, content=Content("rebuilt.img", 8 * MIB, 8 * MIB))
    text, image = refused(scene)
    assert "delivers other bytes" in text
    assert image["source"]["finding"] == "changed"
    missing = [check["name"] for check in image["checks"] if not check["shown"]]
    assert missing == ["same_bytes"]


def test_a_dead_source_is_refused(make: Make) -> None:
    text, image = refused(lost(make, error="expected status code 200, got 404 Not Found"))
    assert "answers 404" in text
    assert [check["name"] for check in image["checks"] if not check["shown"]] == ["source"]


def test_check_mode_asks_too_and_tells_what_is_thrown_away(make: Make) -> None:
    scene = lost(make)
    image = scene.recover("img", check_mode=True)["images"][0]
    assert image["source"]["finding"] == "same_bytes"
    assert image["source"]["checked_from"] == "controller"
    assert all(check["shown"] for check in image["checks"])
    assert {risk["state"] for risk in image["data_at_risk"]} == {"failed"}
    assert not any(risk["perhaps_whole"] for risk in image["data_at_risk"])
    assert scene.writes() == []


def test_what_may_be_whole_is_named_before_it_is_given_up(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", on=scene.cluster.disk_uuids("node-2"))
    scene.cluster.power_off("node-2")
    scene.cluster.kernel.run_for(120)
    result = scene.recover("img", accept_unknown_loss=True, check_mode=True)
    risk = result["images"][0]["data_at_risk"][0]
    assert risk["perhaps_whole"] and risk["place"].startswith("node-2/")
    assert "at risk: PERHAPS WHOLE: node-2/" in result["diff"]["after"]
    checks = {check["name"]: check["text"] for check in result["images"][0]["checks"]}
    assert "gone by the operator's word" in checks["unknown_gone"]


def test_a_new_url_for_a_lost_image(make: Make) -> None:
    """The old URL is dead; what Longhorn begins from it by itself is ended, too."""
    scene = lost(make, error="expected status code 200, got 404 Not Found")
    new = "http://images.local/mirror/raw8.img"
    scene.cluster.sources.serve(new, Answer(content=Content("raw8.img", 8 * MIB, 8 * MIB)))
    result = scene.recover("img", new_url=new, task=scene.task(seconds=110))
    assert result["images"][0]["outcome"] == "recovered"
    assert result["images"][0]["steps"][0] == "giving it its new URL"
    assert scene.object(names.IMAGES, "img")["spec"]["sourceParameters"]["url"] == new
    assert scene.object(names.DATA_SOURCES, "img")["spec"]["parameters"]["url"] == new
    assert scene.ready("img") >= 2


def test_a_new_url_for_an_image_that_never_had_a_copy(make: Make) -> None:
    scene = make()
    scene.cluster.create_image("img", url="http://images.local/gone/raw8.img", wait=False)
    scene.cluster.kernel.run_for(30)
    refused(scene)
    result = scene.recover("img", new_url=URL, task=scene.task(seconds=110))
    assert result["images"][0]["verdict_before"]["name"] == "first_download_failing"
    assert scene.ready("img") == 1


def test_a_new_url_that_delivers_something_else_is_refused(make: Make) -> None:
    text, _image = refused(lost(make), new_url="http://images.local/f/raw9.img")
    assert "the new URL does not do" in text
