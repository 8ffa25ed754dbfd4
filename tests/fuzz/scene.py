# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A random cluster: machines, disks, zones, tags, images of every kind, volumes, pods, budgets."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.integration.drain.scene import SPACE, add_volume, detach
from tests.scenery import workloads
from tests.simulator.errors import ApiError
from tests.simulator.longhorn.cluster import Cluster

VERSIONS = ("1.5", "1.6.4", "1.7.3", "1.8.2", "1.10", "1.12.1")
ZONE = "topology.kubernetes.io/zone"


def build(seed: int, version: str, root: Path) -> tuple[Cluster, str]:
    """The cluster of a seed, and the node that is worked on."""
    chance = random.Random(f"scene-{seed}")
    nodes, disks = chance.choice([2, 3, 3, 4, 5, 6]), chance.choice([1, 1, 2, 3])
    cluster = Cluster(version, nodes=nodes, disks=disks, seed=seed, root=root, time="virtual")
    if chance.random() < 0.5:
        _zones(cluster, chance.choice([2, 3]))
    images = _images(cluster, chance)
    _volumes(cluster, chance, images)
    if chance.random() < 0.6:
        _pods(cluster, chance)
    cluster.kernel.run_for(40.0)
    node = chance.choice(cluster.nodes)
    if chance.random() < 0.2:
        _tag(cluster, node)
    if chance.random() < 0.15:
        cluster.store.mutate("nodes", "", node, lambda o: o["spec"].update(unschedulable=True))
    return cluster, node


def _zones(cluster: Cluster, number: int) -> None:
    for index, name in enumerate(cluster.nodes):

        def label(obj: dict[str, Any], zone: str = f"zone-{index % number}") -> None:
            obj["metadata"].setdefault("labels", {})[ZONE] = zone

        cluster.store.mutate("nodes", "", name, label)


def _tag(cluster: Cluster, node: str) -> None:
    def tag(obj: dict[str, Any]) -> None:
        obj["spec"]["tags"] = ["ssd"]

    cluster.store.mutate("nodes.longhorn.io", SPACE, node, tag)


def _images(cluster: Cluster, chance: random.Random) -> list[str]:
    made: list[str] = []
    uuids = cluster.disk_uuids()
    for number in range(chance.randint(1, 4)):
        kind = chance.choice(["download", "download", "upload", "clone"])
        kind = kind if made or kind != "clone" else "download"
        name = f"image-{number}"
        parameters = {"backing-image": chance.choice(made)} if kind == "clone" else None
        copies = min(chance.choice([1, 1, 2, 3]), len(cluster.nodes))
        on = chance.sample(uuids, copies) if chance.random() < 0.5 else []
        try:
            cluster.create_image(
                name, source_type=kind, copies=copies, on=on, parameters=parameters
            )
        except (TimeoutError, ApiError):
            continue
        made.append(name)
    return made


def _volumes(cluster: Cluster, chance: random.Random, images: list[str]) -> None:
    for number in range(chance.choice([0, 1, 2, 2, 3])):
        image = chance.choice([*images, ""])
        replicas = min(chance.choice([1, 2, 2, 3]), len(cluster.nodes))
        name, attached = f"volume-{number}", chance.random() < 0.7
        try:
            add_volume(cluster, name, image, replicas, chance.choice(cluster.nodes))
            if not attached:
                detach(cluster, name)
        except (AssertionError, ApiError):
            continue


def _pods(cluster: Cluster, chance: random.Random) -> None:
    number = chance.randint(1, 3)
    labels = {"app": "web"}
    body = workloads.workload("ReplicaSet", "web", number, workloads.template(labels))
    cluster.store.create("replicasets.apps", body)
    if chance.random() < 0.5:
        budget = workloads.budget("web", labels, minAvailable=max(0, number - 1))
        cluster.store.create("poddisruptionbudgets.policy", budget)
