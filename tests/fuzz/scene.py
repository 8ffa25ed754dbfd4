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
    node = chance.choice(cluster.nodes)
    images = _images(cluster, chance)
    _volumes(cluster, chance, images, node)
    if chance.random() < 0.6:
        _pods(cluster, chance)
    cluster.kernel.run_for(40.0)
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
        kind = kind if made else "download"
        name = f"image-{number}"
        parameters = {"backing-image": chance.choice(made)} if kind == "clone" else None
        copies = min(chance.choice([1, 1, 2, 3]), len(cluster.nodes))
        on = chance.sample(uuids, copies) if chance.random() < 0.5 else []
        try:
            cluster.create_image(
                name, source_type=kind, copies=copies, on=on, parameters=parameters
            )
        except ApiError:
            # Not a type of this version.
            continue
        except TimeoutError:
            cluster.store.delete("backingimages.longhorn.io", SPACE, name)
            continue
        made.append(name)
    return made


def _volumes(cluster: Cluster, chance: random.Random, images: list[str], node: str) -> None:
    """Used by a pod that moves (and is let go), attached elsewhere by hand, or detached."""
    others = [name for name in cluster.nodes if name != node]
    for number in range(chance.choice([0, 1, 2, 2, 3])):
        image = chance.choice([*images, *images, ""])
        # With a replica on every node none of them could leave: rarely.
        most = len(cluster.nodes) - (chance.random() < 0.9)
        replicas = min(chance.choice([1, 2, 2, 3]), most)
        name, used = f"volume-{number}", chance.choice(["pod", "hand", "hand", "detached"])
        try:
            add_volume(cluster, name, image, replicas, "" if used == "pod" else others[0])
            if used == "detached":
                detach(cluster, name)
            elif used == "pod":
                _pod_of(cluster, name)
            elif used == "hand" and chance.random() < 0.3:
                parameters = {"volume-name": name, "export-type": "raw"}
                cluster.create_image(
                    f"export-{number}", source_type="export-from-volume", parameters=parameters
                )
        except (AssertionError, ApiError, TimeoutError):
            continue


def _pod_of(cluster: Cluster, volume: str) -> None:
    persistent, claim = workloads.bound_claim(volume)
    cluster.store.create("persistentvolumes", persistent)
    cluster.store.create("persistentvolumeclaims", claim)
    pod = workloads.template({"app": volume}, claim=volume)
    cluster.store.create("statefulsets.apps", workloads.workload("StatefulSet", volume, 1, pod))
    cluster.kernel.run_for(60.0)


def _pods(cluster: Cluster, chance: random.Random) -> None:
    number = chance.randint(1, 3)
    labels = {"app": "web"}
    body = workloads.workload("ReplicaSet", "web", number, workloads.template(labels))
    cluster.store.create("replicasets.apps", body)
    if chance.random() < 0.5:
        budget = workloads.budget("web", labels, minAvailable=max(0, number - 1))
        cluster.store.create("poddisruptionbudgets.policy", budget)
