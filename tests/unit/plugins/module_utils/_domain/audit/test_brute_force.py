# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every node, disk and zone is taken away in turn, and what is left is counted from scratch."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from tests.unit.plugins.module_utils._domain.audit.scenes import ask
from tests.unit.plugins.module_utils._domain.build import (
    cluster,
    conditions,
    copy,
    disk,
    image,
    kube_node,
    node,
    replica,
    source,
    volume,
)

ZONES = ("east", "west", "")
STATES = ("ready", "ready", "ready", "failed", "unknown", "in-progress", "")


@dataclass
class Model:
    """The cluster in the simplest words: where a whole file, and where whole data is.

    A place is (node, disk, zone).
    """

    files: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    data: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    made_from: dict[str, str] = field(default_factory=dict)

    def costs(self, fails: Callable[[tuple[str, str, str]], bool]) -> dict[str, list[str]]:
        """What is there now and not any more when every place goes for which *fails*."""

        def rest(places: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
            return [place for place in places if not fails(place)]

        lost = sorted(n for n, places in self.files.items() if places and not rest(places))
        gone = sorted(n for n, places in self.data.items() if places and not rest(places))
        stuck = sorted(
            name
            for name, places in self.data.items()
            if rest(places) and self.made_from[name] in lost
        )
        return {"images": lost, "volumes": gone, "stopped": stuck}


def generated(chance: random.Random) -> tuple[Cluster, Model]:
    """A cluster with all that makes a copy or a replica worth nothing, and its simple model."""
    model, things = Model(), []
    good: dict[str, tuple[str, str, str]] = {}
    for number in range(chance.randint(1, 5)):
        name, zone = f"n{number}", chance.choice(ZONES)
        ready, kube_ready = chance.random() > 0.1, chance.random() > 0.1
        evicted, noted = chance.random() < 0.1, chance.random() < 0.1
        disks = []
        for index in range(chance.randint(1, 3)):
            disk_ready, disk_evicted = chance.random() > 0.1, chance.random() < 0.1
            made = disk(
                name, index, conditions=conditions(disk_ready), eviction_requested=disk_evicted
            )
            disks.append(made)
            if ready and kube_ready and disk_ready and not (evicted or noted or disk_evicted):
                good[made.uuid] = (name, f"{name}/{made.name}", zone)
        things += [
            node(
                name,
                disks,
                zone=zone,
                conditions=conditions(ready),
                eviction_requested=evicted,
                before={"intent": "reboot"} if noted else None,
            ),
            kube_node(name, ready=kube_ready),
        ]
    uuids = [d.uuid for thing in things if hasattr(thing, "disks") for d in thing.disks] + ["gone"]
    for number in range(chance.randint(0, 5)):
        _image(f"i{number}", uuids, good, chance, model, things)
    for number in range(chance.randint(0, 5)):
        _volume(f"v{number}", uuids, good, chance, model, things)
    return cluster("1.12.1", *things), model


def _image(
    name: str,
    uuids: list[str],
    good: dict[str, Any],
    chance: random.Random,
    model: Model,
    things: list[Any],
) -> None:
    copies, places = [], []
    for uuid in chance.sample(uuids, chance.randint(0, min(3, len(uuids)))):
        state, in_map, evicted = chance.choice(STATES), chance.random() > 0.1, chance.random() < 0.1
        copies.append(copy(uuid, state, in_map=in_map, eviction_requested=evicted))
        if state == "ready" and in_map and not evicted and uuid in good:
            places.append(good[uuid])
    kind = chance.choice(["download", "upload"])
    things += [image(name, copies, source_type=kind), source(name, done=chance.random() > 0.2)]
    model.files[name] = places


def _volume(
    name: str,
    uuids: list[str],
    good: dict[str, Any],
    chance: random.Random,
    model: Model,
    things: list[Any],
) -> None:
    made_from = chance.choice(["", *model.files])
    model.data[name], model.made_from[name] = [], made_from
    things.append(volume(name, 2, image=made_from))
    for number, uuid in enumerate(chance.sample(uuids, min(len(uuids), chance.randint(0, 3)))):
        failed, never = chance.random() < 0.2, chance.random() < 0.1
        things.append(
            replica(
                f"{name}-r{number}",
                name,
                uuid.partition(".")[0],
                disk=uuid,
                image=made_from,
                failed_at="2026-01-05T09:00:00Z" if failed else "",
                healthy_at="" if never else "2026-01-05T08:00:00Z",
            )
        )
        if not failed and not never and uuid in good:
            model.data[name].append(good[uuid])


@pytest.mark.parametrize("part", range(4))
def test_what_a_failure_costs_is_what_is_missing_afterwards(part: int) -> None:
    told = 0
    for seed in range(part * 100, part * 100 + 100):
        held, model = generated(random.Random(seed))
        found = ask(held)
        for place, kind in enumerate(("node", "disk", "zone")):
            for unit in found.impacts[kind]:
                expected = model.costs(lambda at, place=place, unit=unit: at[place] == unit.name)
                shown = {"images": unit.images, "volumes": unit.volumes, "stopped": unit.stopped}
                assert shown == expected, (seed, unit)
                told += sum(map(len, expected.values()))
    assert told > 100
