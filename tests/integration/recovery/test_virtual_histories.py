# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories in virtual time: a recovery never takes the last right bytes away.

The truth is on the simulator's disks: an image exists as long as some disk, one that is off or
pulled out included, has a file of it whose SHA-512 is the recorded one. Files are lost and damaged,
nodes and disks go and return, managers crash, recoveries run in between and at the end; no source
delivers any more, so that what a recovery throws away does not come back. Where an
image is gone after a recovery, the same history runs once more without that recovery: what Longhorn
would have thrown away by itself is not ours. VIRTUAL_HISTORIES sets how many.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.integration.recovery.in_process import InProcess
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.disk_folder import DiskFolder

VERSIONS = ["1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.12"]
IMAGES = ("i0", "i1", "up")
BATCHES = 2
KINDS = ["lose", "lose on", "damage", "power", "power", "disk", "disk", "crash", "recover"]


class History:
    """One cluster and what happens to it; the same seed gives the same history."""

    def __init__(self, seed: int, folder: Path, skip: int = -1) -> None:
        self._chance = random.Random(seed)
        chance = self._chance
        self.version = chance.choice(VERSIONS)
        self.cluster = Cluster(
            self.version,
            nodes=chance.choice([3, 4]),
            disks=chance.choice([1, 2]),
            seed=seed,
            root=folder,
            time="virtual",
        )
        self.told: list[str] = []
        self.recoveries = 0
        self._skip = skip
        self._pulled: list[tuple[str, str, DiskFolder]] = []
        self._off: set[str] = set()
        for name in IMAGES:
            kind = "upload" if name == "up" else "download"
            self.cluster.create_image(name, source_type=kind, copies=chance.choice([1, 2, 3]))
        self.cluster.sources.refuse("images.local")

    def run(self) -> list[tuple[int, list[str]]]:
        """Play it; for each recovery its number and the images that were gone after it."""
        gone: list[tuple[int, list[str]]] = []
        steps = [self._chance.choice(KINDS) for _step in range(self._chance.randint(3, 7))]
        for kind in [*steps, "recover", "return", "recover"]:
            if kind == "recover":
                lost = self._recover()
                if lost:
                    gone.append((self.recoveries - 1, lost))
            elif kind == "return":
                self._return()
            else:
                self._disturb(kind)
        return gone

    def existing(self) -> set[str]:
        """Images of which some disk still has the right bytes."""
        folders = [disk for worker in self.cluster.workers for disk in worker.disks.values()]
        folders += [disk for _node, _path, disk in self._pulled]
        found = set()
        for image in self.cluster.store.list(names.IMAGES):
            name, status = image["metadata"]["name"], image["status"]
            for disk in folders:
                file = disk.image_dir(name, status["uuid"]) / "backing"
                if file.is_file() and disk.checksum(file) == status["checksum"]:
                    found.add(name)
        return found

    def _recover(self) -> list[str]:
        """Run a recovery of everything (or let the same time pass); the images it cost."""
        before = self.existing()
        number, self.recoveries = self.recoveries, self.recoveries + 1
        began = self.cluster.kernel.now()
        if number != self._skip:
            InProcess(self.cluster).recover(IMAGES, seconds=60)
        self.cluster.kernel.run_until(began + 120)
        after = self.existing()
        self.told.append(f"recover: {sorted(before)} -> {sorted(after)}")
        return sorted(before - after)

    def _disturb(self, kind: str) -> None:
        chance, cluster = self._chance, self.cluster
        image, node = chance.choice(IMAGES), chance.choice(cluster.nodes)
        if kind == "lose":
            cluster.remove_files(image)
        elif kind == "lose on":
            cluster.remove_files(image, node)
        elif kind == "damage":
            self._damage(image, chance)
        elif kind == "power":
            self._power(node, node in self._off)
        elif kind == "disk":
            self._disk(node)
        else:
            running = [
                pod["metadata"]["name"]
                for pod in cluster.manager_pods()
                if pod["spec"]["nodeName"] == node and pod["status"].get("phase") == "Running"
            ]
            for pod in running[:1]:
                cluster.kill_pod(pod)
        seconds = chance.choice([1, 5, 20, 60, 200])
        cluster.kernel.run_for(seconds)
        self.told.append(f"{kind} {image} {node}, {seconds} s")

    def _damage(self, image: str, chance: random.Random) -> None:
        uuid = chance.choice(self.cluster.disk_uuids() or [""])
        try:
            self.cluster.corrupt(image, uuid)
        except (KeyError, OSError):
            self.told.append("(nothing to damage)")

    def _power(self, node: str, on: bool) -> None:
        self.cluster.power(node, on)
        (self._off.discard if on else self._off.add)(node)

    def _disk(self, node: str) -> None:
        """Pull the node's first disk out, or put it back in."""
        worker = self.cluster.workers[node]
        for held in [each for each in self._pulled if each[0] == node]:
            worker.give_disk(held[1], held[2])
            self._pulled.remove(held)
            return
        path = next(iter(worker.disks))
        self._pulled.append((node, path, worker.lose_disk(path)))

    def _return(self) -> None:
        """Everything that is off or out comes back."""
        for node, path, disk in self._pulled:
            self.cluster.workers[node].give_disk(path, disk)
        self._pulled.clear()
        for node in sorted(self._off):
            self._power(node, True)
        self.cluster.kernel.run_for(120)


def play(seed: int, folder: Path, skip: int = -1) -> tuple[History, list[tuple[int, list[str]]]]:
    """One history from its beginning to its end."""
    history = History(seed, folder, skip)
    try:
        return history, history.run()
    finally:
        history.cluster.close()


def seeds(batch: int) -> list[int]:
    """The seeds of one test."""
    number = int(os.environ.get("VIRTUAL_HISTORIES", "12"))
    return list(range(batch, number, BATCHES))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_recovery_never_takes_the_last_right_bytes(batch: int, tmp_path: Path) -> None:
    for seed in seeds(batch):
        history, gone = play(seed, tmp_path / str(seed))
        for number, lost in gone:
            _control, without = play(seed, tmp_path / f"{seed}-{number}", skip=number)
            cost = set(lost) - {name for n, names_ in without if n == number for name in names_}
            assert not cost, (seed, history.version, number, sorted(cost), history.told)


def test_wanted_copies_end_on_as_many_nodes(tmp_path: Path) -> None:
    """With this seed Longhorn puts both on the disks of one node."""
    cluster = Cluster("1.12", nodes=2, disks=2, seed=5, root=tmp_path, time="virtual")
    cluster.create_image("img", copies=2)
    cluster.remove_files("img")
    cluster.kernel.run_for(150)
    run = InProcess(cluster)
    run.recover(["img"])
    on = [node for node in cluster.nodes if set(cluster.disk_uuids(node)) & ready(cluster)]
    cluster.close()
    assert on == list(cluster.nodes)
    assert "img: add_keys" in run.wrote


def ready(cluster: Cluster) -> set[str]:
    """Disks with a ready copy."""
    return set(cluster.ready_copies("img"))


def test_the_measure_sees_a_loss(tmp_path: Path) -> None:
    """Lost and damaged files count as gone, those on disks that are out do not."""
    history = History(3, tmp_path)
    try:
        assert history.existing() == set(IMAGES)
        history.cluster.remove_files("i0")
        assert history.existing() == {"i1", "up"}
        damaged = history.cluster.ready_copies("i1")
        for uuid in damaged:
            history.cluster.corrupt("i1", uuid)
        assert history.existing() == {"up"}
        for node in history.cluster.nodes:
            history._disk(node)
        assert history.existing() == {"up"}
    finally:
        history.cluster.close()
