# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's node is deleted while its return waits for it: told, not stumbled over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Stopped
from tests.integration.drain.scene import SPACE, add_volume
from tests.integration.drain.trap_scene import NODES, REPLICAS, Trap, trap
from tests.simulator.objects import Object

WAITS = "waiting: Longhorn still"
OFTEN = 0.05


def vanish(scene: Trap) -> None:
    """Longhorn forgets the node altogether."""
    scene.edit(NODES, "node-3", lambda obj: obj["metadata"].update(finalizers=[]))
    scene.store.delete(NODES, SPACE, "node-3")


def when_it_waits(scene: Trap) -> None:
    """It vanishes as soon as the return says that it waits for it."""
    if any(WAITS in text for text in scene.session.texts):
        vanish(scene)
    else:
        scene.kernel.call_later(OFTEN, lambda: when_it_waits(scene))


def forgetting(scene: Trap) -> None:
    """A disk entry is out of the spec, its status is still there, for as long as the node is."""
    scene.cluster.create_image("base", on=[scene.disk("node-3")])
    scene.drain("node-3", "remove")

    def add(obj: Object) -> None:
        old = {"diskUUID": "u", "diskType": "filesystem", "conditions": []}
        obj["status"].setdefault("diskStatus", {}).setdefault("old", old)

    def keep() -> None:
        if scene.store.find(NODES, SPACE, "node-3"):
            scene.store.mutate(NODES, SPACE, "node-3", add, subresource="status")
            scene.kernel.call_later(OFTEN / 10, keep)

    keep()


def evicting(scene: Trap) -> None:
    """Longhorn's own eviction was begun: a replica is still asked to go."""
    add_volume(scene.cluster, "db", "", 3, attach_to="node-1")
    scene.drain("node-3", "reboot")
    scene.evict_by_flag("node-3")
    assert scene.until(lambda: any(flagged(scene)))


def flagged(scene: Trap) -> list[bool]:
    return [bool(r["spec"].get("evictionRequested")) for r in scene.store.list(REPLICAS)]


@pytest.mark.parametrize("stands", [forgetting, evicting])
def test_a_node_that_goes_while_it_is_waited_for(
    stands: Callable[[Trap], None], tmp_path: Path
) -> None:
    with trap("1.6.4", tmp_path) as scene:
        stands(scene)
        scene.session.texts.clear()
        when_it_waits(scene)
        with pytest.raises(Stopped, match="Longhorn node node-3 was deleted while it was given"):
            scene.cancel("node-3")
        assert WAITS in scene.session.texts[-1]
