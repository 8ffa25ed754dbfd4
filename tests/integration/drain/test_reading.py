# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told about nodes, and the lock of a play."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils import query
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import lock, show_nodes
from tests.integration.drain.scene import Scene, add_volume, served
from tests.simulator.longhorn.cluster import Cluster


def furnish(cluster: Cluster) -> None:
    cluster.create_image("base", on=[cluster.disk_uuids("node-1")[1]])
    add_volume(cluster, "db", "base", 2, attach_to="node-2")


@pytest.fixture(scope="module", params=["1.6.4", "1.12.1"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with served(request.param, tmp_path_factory.mktemp("cluster"), furnish) as made:
        yield made


def test_nodes_with_their_disks_and_what_they_hold(scene: Scene) -> None:
    shown = show_nodes.show(scene.work(), None)
    assert [node["name"] for node in shown["nodes"]] == ["node-1", "node-2", "node-3"]
    assert shown["longhorn_version"] in ("1.6.4", "1.12.1")
    first = shown["nodes"][0]
    assert first["ready"] and first["schedulable"] and not first["cordoned"]
    assert {disk["uuid"] for disk in first["disks"]} == scene.disks("node-1")
    copies = {disk["uuid"]: disk["copies"] for node in shown["nodes"] for disk in node["disks"]}
    assert {uuid for uuid, images in copies.items() if images} == scene.keys("base")
    assert sum(node["replicas"] for node in shown["nodes"]) == 2
    assert all(disk["storage_maximum"] > 0 for disk in first["disks"])


def test_one_node_and_a_query(scene: Scene) -> None:
    shown = show_nodes.show(scene.work(), "node-2")
    assert query.search("nodes[].name", shown) == ["node-2"]
    with pytest.raises(Failure, match="It manages: node-1, node-2, node-3"):
        show_nodes.show(scene.work(), "node-9")


def test_the_lock_of_a_play(scene: Scene) -> None:
    first = lock.take(scene.work(), None, "drain-node-3", 0.0)
    assert first["changed"] and first["holder"].startswith("drain-node-3@")
    assert not lock.take(scene.work(), first["holder"], "", 0.0)["changed"]
    with pytest.raises(Failure, match="Another maintenance is at work"):
        lock.take(scene.work(), None, "other", 0.0)
    assert not lock.give_back(scene.work(), "somebody")["changed"]
    assert lock.give_back(scene.work(), first["holder"])["changed"]
    assert scene.all("leases.coordination.k8s.io") == []
    assert not lock.give_back(scene.work(), first["holder"])["changed"]
