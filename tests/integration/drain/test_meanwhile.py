# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Longhorn and others do between our reading and our write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.drain.scene import SPACE, add_volume
from tests.integration.drain.trap_scene import IMAGES, NODES, VOLUMES, Trap, trap
from tests.simulator.objects import Object
from tests.stepped.transport import Write


def right_before(scene: Trap, number: int, path: str, do: Callable[[], None]) -> None:
    """When the n-th of our writes to this object has left and has not arrived."""
    seen: list[Write] = []

    def look(write: Write, when: str) -> None:
        if when == "before" and str(write) == f"PATCH {path}":
            seen.append(write)
            if len(seen) == number:
                do()

    scene.session.wire.at_write = look


def only_on(scene: Trap, *nodes: str) -> None:
    """New replicas and copies go to these nodes only."""
    for name in scene.cluster.nodes:
        wanted = name in nodes
        scene.edit(NODES, name, lambda o, wanted=wanted: o["spec"].update(allowScheduling=wanted))


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_a_key_that_comes_meanwhile_is_no_reason_for_another(longhorn: str, tmp_path: Path) -> None:
    """Longhorn, or a replica that starts, adds the copy that was missing right before we do."""
    with trap(longhorn, tmp_path, nodes=4) as scene:
        scene.cluster.create_image("base", on=[scene.disk("node-4")])

        def key(obj: Object) -> None:
            spec = obj["spec"]
            field = scene.cluster.profile.map_field
            (entry,) = spec[field].values()
            spec[field] = {**spec[field], scene.disk("node-2"): entry}

        # The first one notes the map.
        right_before(scene, 2, "backingimages/base", lambda: scene.edit(IMAGES, "base", key))
        result = scene.drain("node-4")
        assert result["proof"]["safe_to"]["remove"]
        assert set(scene.keys("base")) == {scene.disk("node-2")}
        assert result["images"]["copies_made"] == []


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_a_volume_that_is_deleted_meanwhile_is_no_failure(longhorn: str, tmp_path: Path) -> None:
    with trap(longhorn, tmp_path) as scene:
        only_on(scene, "node-3")
        add_volume(scene.cluster, "db", "", 1, attach_to="node-1")
        only_on(scene, *scene.cluster.nodes)

        def delete() -> None:
            scene.store.delete(VOLUMES, SPACE, "db")
            assert scene.until(lambda: scene.store.find(VOLUMES, SPACE, "db") is None)

        right_before(scene, 1, "volumes/db", delete)
        assert scene.drain("node-3")["proof"]["safe_to"]["remove"]
