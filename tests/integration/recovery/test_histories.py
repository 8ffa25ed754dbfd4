# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories of lost files, nodes that go off and on, and managers that crash; then recovery.

Whatever happened before, a recovery without the operator's word never takes the last file of an
image away, and it ends with everything recovered or with a sentence. HISTORIES sets how many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from tests.integration.recovery.scene import Scene
from tests.simulator.longhorn import names

Make = Callable[..., Scene]
VERSIONS = ["1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.12"]
IMAGES = ("i0", "i1", "i2")


def furnish(scene: Scene, chance: random.Random) -> None:
    """Three images, some under volumes."""
    for image in IMAGES:
        scene.cluster.create_image(image, copies=chance.choice([1, 2, 2, 3]))
        if chance.random() < 0.5:
            attached = chance.random() < 0.7
            scene.volume(f"v-{image}", image, replicas=chance.choice([1, 2]), attached=attached)


def disturb(scene: Scene, chance: random.Random) -> str:
    """One thing that goes wrong, and some time after it; what it was."""
    cluster = scene.cluster
    kind = chance.choice(["lose", "lose", "lose on", "power", "crash"])
    image, node = chance.choice(IMAGES), chance.choice(cluster.nodes)
    if kind == "lose":
        cluster.remove_files(image)
    elif kind == "lose on":
        cluster.remove_files(image, node)
    elif kind == "power":
        cluster.power(node, chance.random() < 0.4)
    else:
        pods = [
            pod["metadata"]["name"]
            for pod in cluster.manager_pods()
            if pod["spec"]["nodeName"] == node and pod["status"].get("phase") == "Running"
        ]
        for pod in pods[:1]:
            cluster.kill_pod(pod)
    seconds = chance.choice([1, 5, 20, 60, 200])
    cluster.kernel.run_for(seconds)
    return f"{kind} {image} {node}, {seconds} s"


def files(scene: Scene) -> dict[str, int]:
    """How many complete files each image has on all disks, those of nodes that are off included."""
    store, workers = scene.cluster.store, scene.cluster.workers
    found = {}
    for image in scene.call(lambda: list(store.list(names.IMAGES))):
        name, uuid = image["metadata"]["name"], image["status"]["uuid"]
        folders = [
            disk.image_dir(name, uuid) for worker in workers for disk in worker.disks.values()
        ]
        found[name] = sum(1 for folder in folders if (folder / "backing").is_file())
    return found


@pytest.mark.parametrize("seed", range(int(os.environ.get("HISTORIES", "8"))))
def test_the_last_file_is_never_taken_away(make: Make, seed: int) -> None:
    chance = random.Random(seed)
    version = chance.choice(VERSIONS)
    scene = make(version, seed=seed, disks=chance.choice([1, 2]), nodes=chance.choice([3, 4]))
    furnish(scene, chance)
    history = [disturb(scene, chance) for _step in range(chance.randint(1, 4))]
    before = files(scene)
    scene.serve()
    said = ""
    try:
        scene.recover("all", task=scene.task(seconds=60), window_seconds=0.5)
    except Failure as failure:
        said = str(failure)
    after = files(scene)
    lost = [name for name, count in before.items() if count and not after[name]]
    assert lost == [], (version, history, said)
    assert not said or "may come back" in said, (version, history, said)
