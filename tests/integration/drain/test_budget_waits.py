# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wait for the budget of an instance manager says what holds it, what moves, and what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from tests.integration.drain.scene import OPTIONS, SPACE, Scene, add_volume, served, ticket
from tests.integration.drain.test_edges import _nothing
from tests.simulator.longhorn.cluster import Cluster

VOLUMES = "volumes.longhorn.io"
REPLICAS = "replicas.longhorn.io"
SETTINGS = "settings.longhorn.io"
NODES = ("node-1", "node-2", "node-3")


class Heard(Progress):
    """Progress that keeps every text, and does something once when one contains a word."""

    def __init__(self, word: str = "", react: Callable[[], None] = lambda: None) -> None:
        super().__init__(None, Interrupt())
        self.texts: list[str] = []
        self._word = word
        self._react = react

    def update(self, text: str, *, at_once: bool = False) -> None:
        """Keep it; react outside the loop that is waiting."""
        self.texts.append(text)
        if self._word and self._word in text:
            self._word = ""
            threading.Thread(target=self._react).start()

    def position(self, *words: str) -> int:
        """Index of the first text with all these words."""
        found = [i for i, text in enumerate(self.texts) if all(word in text for word in words)]
        assert found, f"never said {words}: {self.texts}"
        return found[0]


def one_replica(cluster: Cluster) -> None:
    """Volume db with one replica, its engine on another node."""
    cluster.create_image("base", on=[cluster.disk_uuids("node-1")[0]])
    add_volume(cluster, "db", "base", 1)
    store = cluster.store
    (replica,) = store.list(REPLICAS, SPACE)
    other = next(node for node in NODES if node != replica["spec"]["nodeID"])
    ticket(cluster, "db", "rig", other, "longhorn-api")
    assert cluster.run_until_true(
        lambda: store.get(VOLUMES, SPACE, "db")["status"].get("robustness") == "healthy"
    )


def by_hand(cluster: Cluster) -> None:
    """Volume db with three replicas, attached to node-3 by the operator."""
    cluster.create_image("base", on=[cluster.disk_uuids("node-1")[0]])
    add_volume(cluster, "db", "base", 3)
    ticket(cluster, "db", "rig", "node-3", "longhorn-api")
    assert cluster.run_until_true(
        lambda: cluster.store.get(VOLUMES, SPACE, "db")["status"].get("robustness") == "healthy"
    )


def cordoned(scene: Scene, node: str) -> Request:
    request = Request(node, Intent.REBOOT)
    work = scene.work()
    drain_steps.cordon(work, request, OPTIONS, lambda: _nothing(work))
    return request


def evict(scene: Scene, request: Request, heard: Heard, seconds: float) -> dict[str, Any]:
    work: Work = scene.work(seconds=seconds)
    work.progress = heard
    return drain_steps.evict(work, request, OPTIONS, lambda: _nothing(work))


def change(scene: Scene, resource: str, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    scene.server.call(scene.cluster.store.mutate, resource, SPACE, name, edit)


@pytest.mark.parametrize("version", ["1.6.4", "1.12.1"])
def test_a_last_replica_is_named_and_then_its_rebuild(version: str, tmp_path: Path) -> None:
    with served(version, tmp_path, one_replica, scale=10.0) as scene:
        (replica,) = scene.all(REPLICAS)
        name, node = replica["metadata"]["name"], replica["spec"]["nodeID"]
        request = cordoned(scene, node)
        short = Heard()
        with pytest.raises(Failure) as failure:
            evict(scene, request, short, 3.0)
        said = str(failure.value)
        assert f"replica {name} is the only healthy one of volume db" in said
        assert "policy block-if-contains-last-replica" in said
        assert "It will not clear by itself: set numberOfReplicas of volume db to 2" in said
        assert short.position("held by its budget", f"replica {name}", "since 0:") >= 0

        def more() -> None:
            change(scene, VOLUMES, "db", lambda obj: obj["spec"].update(numberOfReplicas=2))

        heard = Heard("is the only healthy one", more)
        result = evict(scene, request, heard, 60.0)
        first = heard.position(f"replica {name} is the only healthy one")
        then = heard.position(f"replica {name} of volume db has no healthy peer yet")
        assert first < then
        assert "will not clear" not in heard.texts[then]
        assert any("instance-manager" in pod for pod in result["evicted"])
        assert result["blockers"] == []
        assert result["longest_wait_seconds"] > 0
        assert {one["ended"] for one in result["blocked"]} == {"cleared"}
        told = [one for one in result["blocked"] if one["name"] in (name, "db")]
        assert told and all(one["seconds"] > 0 and one["since"].endswith("Z") for one in told)


def test_a_setting_written_during_the_wait_is_seen(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, by_hand, scale=10.0) as scene:
        request = cordoned(scene, "node-3")
        name = "detach-manually-attached-volumes-when-cordoned"

        def allow() -> None:
            change(scene, SETTINGS, name, lambda obj: obj.update(value="true"))

        heard = Heard("is attached to node-3 by hand (ticket rig)", allow)
        result = evict(scene, request, heard, 60.0)
        assert (
            f"will not clear by itself: detach it, or set {name} to true"
            in heard.texts[heard.position("by hand")]
        )
        assert any("instance-manager" in pod for pod in result["evicted"])
        assert not scene.get("volumeattachments.longhorn.io", "db")["spec"]["attachmentTickets"]


def test_a_policy_that_evicts_is_waited_for(tmp_path: Path) -> None:
    with served("1.12.1", tmp_path, one_replica, scale=10.0) as scene:
        (replica,) = scene.all(REPLICAS)
        change(
            scene,
            SETTINGS,
            "node-drain-policy",
            lambda obj: obj.update(value="block-for-eviction"),
        )
        request = cordoned(scene, replica["spec"]["nodeID"])
        heard = Heard()
        result = evict(scene, request, heard, 90.0)
        moved = heard.position("of volume db is moved away by Longhorn (policy block-for-eviction)")
        assert "will not clear" not in heard.texts[moved]
        assert any("instance-manager" in pod for pod in result["evicted"])
        (now,) = scene.all(REPLICAS)
        assert now["spec"]["nodeID"] != replica["spec"]["nodeID"]
