# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that is killed at: everything a drain has to do at least once, and no luck in it.

Each volume has an image of its own, so where Longhorn puts a new replica decides no count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.integration.drain.scene import SPACE, add_volume, detach
from tests.simulator.longhorn.cluster import Cluster

NODE = "node-3"
NODES = ("node-1", "node-2", NODE)


def furnish(cluster: Cluster) -> None:
    """On node-3: the only copy of three images, one of two, one of three; the only replica of an
    attached and of a detached volume, and one of two. An operator's tag, and a workload's pod.
    """
    one, two, three = (cluster.disk_uuids(node) for node in NODES)
    _setting(cluster, "replica-replenishment-wait-interval", "36000")
    cluster.create_image("alone", on=[three[1]])
    cluster.create_image("for-sole", on=[three[0]])
    cluster.create_image("for-quiet", on=[three[0]])
    cluster.create_image("for-pair", on=[three[1], one[0]])
    cluster.create_image("three", on=[three[0], one[0], two[0]])
    only_on(cluster, {NODE: three[0]})
    add_volume(cluster, "sole", "for-sole", 1, attach_to="node-1")
    add_volume(cluster, "quiet", "for-quiet", 1, attach_to="node-1")
    detach(cluster, "quiet")
    only_on(cluster, {"node-1": one[0], NODE: three[1]})
    add_volume(cluster, "pair", "for-pair", 2, attach_to="node-1")
    only_on(cluster, dict.fromkeys(NODES, ""))

    def tag(obj: dict[str, Any]) -> None:
        obj["spec"]["tags"] = ["ssd"]

    cluster.store.mutate("nodes.longhorn.io", SPACE, NODE, tag)
    _pod(cluster)
    cluster.kernel.run_for(35.0)


def only_on(cluster: Cluster, places: Mapping[str, str]) -> None:
    """New replicas and copies go to these nodes only, and there to this disk ("": to any)."""
    for name in NODES:

        def allow(obj: dict[str, Any], name: str = name) -> None:
            obj["spec"]["allowScheduling"] = name in places
            for disk, entry in obj["spec"]["disks"].items():
                uuid = obj["status"]["diskStatus"][disk]["diskUUID"]
                entry["allowScheduling"] = places.get(name, "") in ("", uuid)

        cluster.store.mutate("nodes.longhorn.io", SPACE, name, allow)
    cluster.kernel.run_for(35.0)


def _setting(cluster: Cluster, name: str, value: str) -> None:
    def change(obj: dict[str, Any]) -> None:
        obj["value"] = value

    cluster.store.mutate("settings.longhorn.io", SPACE, name, change)


def _pod(cluster: Cluster) -> None:
    """A pod with an owner that makes no other."""
    store = cluster.store
    owner = store.create("configmaps", {"metadata": {"name": "owner", "namespace": "default"}})
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    metadata = {"name": "web", "namespace": "default", "ownerReferences": [reference]}
    spec = {"nodeName": NODE, "containers": [{"name": "web", "image": "web"}]}
    store.create("pods", {"metadata": metadata, "spec": spec})
