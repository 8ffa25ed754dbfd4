# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of new copies: who is refused and why, and who is chosen among the rest."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.image_needs import (
    assess,
    wanted_copies,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import Placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.unit.plugins.module_utils._domain import build

GIB = build.GIB


def refusal(disk: Any = None, node: Any = None, image: Any = None, **fields: Any) -> str:
    """Why disk n2/disk-0 is refused for an image of 1 GiB on n1."""
    disk = disk or build.disk("n2")
    node = node or build.node("n2", [disk])
    image = image or build.image("a", [build.copy("n1.0")])
    cluster = build.cluster("1.12.1", build.node("n1"), node, image, **fields)
    return Placement(cluster, {"n1": "being drained"}).refusals(image)["n2/disk-0"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"disk": build.disk("n2", allow_scheduling=False)}, "scheduling is disabled on the disk"),
        ({"disk": build.disk("n2", eviction_requested=True)}, "disk is being evicted"),
        ({"disk": build.disk("n2", kind="block")}, "it is a block disk"),
        ({"disk": build.disk("n2", in_status=False)}, "Longhorn has not taken the disk up yet"),
        (
            {"disk": build.disk("n2", conditions=build.conditions(ready=False))},
            "disk is not Ready (DiskNotReady)",
        ),
        (
            {"disk": build.disk("n2", conditions=build.conditions(schedulable=False))},
            "disk is not Schedulable (DiskPressure)",
        ),
        ({"node": build.node("n2", allow_scheduling=False)}, "scheduling is disabled on the node"),
        ({"node": build.node("n2", eviction_requested=True)}, "node is being evicted"),
        ({"node": build.node("n2", conditions=build.conditions(ready=False))}, "node is not Ready"),
        ({"cordoned": ["n2"]}, "node is cordoned"),
        (
            {"image": build.image("a", [build.copy("n1.0")], node_selector=("ssd",))},
            "node lacks the tag ssd",
        ),
        (
            {"image": build.image("a", [build.copy("n1.0")], disk_selector=("fast",))},
            "disk lacks the tag fast",
        ),
        (
            {"image": build.image("a", [build.copy("n1.0"), build.copy("n2.0", "failed")])},
            "already has a copy (failed)",
        ),
    ],
)
def test_each_refusal_has_its_reason(fields: dict[str, Any], reason: str) -> None:
    assert refusal(**fields) == reason


def test_space_is_refused_with_the_numbers() -> None:
    image = build.image("a", [build.copy("n1.0")], size=120 * GIB)
    assert refusal(image=image) == (
        "needs 120.0 GiB, but only 100.0 GiB may be used (reservation and Longhorn's limits kept)"
    )
    reserved = build.disk("n2", storage_reserved=190 * GIB)
    small = build.image("a", [build.copy("n1.0")], size=11 * GIB)
    assert refusal(disk=reserved, image=small).startswith("needs 11.0 GiB, but only 10.0 GiB")
    generous = {"storage-over-provisioning-percentage": "200"}
    assert refusal(disk=reserved, image=small, settings=generous) == "not needed"


def test_the_real_size_counts_where_longhorn_reports_it() -> None:
    image = build.image("a", [build.copy("n1.0")], size=120 * GIB, real_size=2 * GIB)
    assert refusal(image=image) == "not needed"


def test_tagged_disks_can_be_reserved() -> None:
    tagged = build.disk("n2", tags=("fast",))
    assert refusal(disk=tagged) == "not needed"
    only = {"allow-empty-disk-selector-volume": "false"}
    assert refusal(disk=tagged, settings=only) == "disk is reserved by the tag fast"


def spread(*nodes: Any, images: int, copies: int = 1, **fields: Any) -> list[str]:
    made = [
        build.image(
            f"i{n}",
            [build.copy("t.0")],
            size=(n + 1) * GIB,
            min_copies=copies,
        )
        for n in range(images)
    ]
    cluster = build.cluster("1.12.1", build.node("t"), *nodes, *made, **fields)
    needs, _placement = assess(cluster, Scope("t"), Intent.REMOVE)
    return [disk.label for need in needs for disk in need.targets]


def test_bytes_are_spread_so_that_the_slowest_disk_ends_early() -> None:
    """Sizes 6 5 4 3 2 1 on two disks: both get 11 or 10 GiB, never all on one."""
    chosen = spread(build.node("n1"), build.node("n2"), images=6)
    load = {label: 0 for label in chosen}
    for size, label in zip(range(6, 0, -1), chosen, strict=True):
        load[label] += size
    assert sorted(load.values()) == [10, 11]


def test_copies_go_to_other_nodes_and_zones_first() -> None:
    two_disks = build.node("n1", [build.disk("n1", 0), build.disk("n1", 1)], zone="a")
    assert {
        d.split("/")[0] for d in spread(two_disks, build.node("n2", zone="a"), images=1, copies=2)
    } == {
        "n1",
        "n2",
    }
    chosen = spread(
        build.node("n1", zone="a"),
        build.node("n2", zone="a"),
        build.node("n3", zone="b"),
        images=1,
        copies=2,
    )
    assert {"n3"} < {label.split("/")[0] for label in chosen}
    alone = spread(two_disks, images=1, copies=2)
    assert alone == ["n1/disk-0", "n1/disk-1"], "where there is no other node, the other disk"


def old(*copies: Any, **fields: Any) -> tuple[Cluster, Any]:
    image = build.image("a", copies, **fields)
    return build.cluster("1.6.4", *[build.node(f"n{n}") for n in (1, 2, 3)], image), image


def test_how_many_copies_are_wanted() -> None:
    cluster, image = old(build.copy("n1.0"), build.copy("n2.0"))
    assert wanted_copies(cluster, image, Intent.REMOVE) == 2, "up to 1.6 the keys tell"
    assert wanted_copies(cluster, image, Intent.REBOOT) == 1
    cluster, image = old(
        build.copy("n1.0"), build.copy("n2.0"), build.copy("n3.0"), before={"map": {"n1.0": ""}}
    )
    assert wanted_copies(cluster, image, Intent.REMOVE) == 1, "keys as noted before the work began"
    modern = build.image("a", [build.copy("n1.0")], min_copies=3)
    newer = build.cluster("1.12.1", build.node("n1"), modern)
    assert wanted_copies(newer, modern, Intent.REINSTALL) == 3


def test_a_copy_that_is_coming_is_not_asked_for_twice() -> None:
    image = build.image("a", [build.copy("n1.0"), build.copy("n2.0", "in-progress")])
    cluster = build.cluster("1.12.1", *[build.node(f"n{n}") for n in (1, 2, 3)], image)
    needs, _placement = assess(cluster, Scope("n1"), Intent.REMOVE)
    assert needs[0].targets == () and not needs[0].safe
    broken = build.image("a", [build.copy("n1.0"), build.copy("n2.0", "failed")])
    cluster = build.cluster("1.12.1", *[build.node(f"n{n}") for n in (1, 2, 3)], broken)
    needs, _placement = assess(cluster, Scope("n1"), Intent.REMOVE)
    assert [disk.label for disk in needs[0].targets] == ["n3/disk-0"]


def test_a_node_that_is_being_evicted_can_still_give_its_copies() -> None:
    image = build.image("a", [build.copy("n1.0", eviction_requested=True)])
    leaving = build.node("n1", eviction_requested=True, allow_scheduling=False)
    cluster = build.cluster("1.12.1", leaving, build.node("n2"), image)
    needs, _placement = assess(cluster, Scope("n1"), Intent.REMOVE)
    assert [disk.label for disk in needs[0].targets] == ["n2/disk-0"]
    off = build.node("n1", conditions=build.conditions(ready=False))
    cluster = build.cluster("1.12.1", off, build.node("n2"), image)
    needs, _placement = assess(cluster, Scope("n1"), Intent.REMOVE)
    assert needs[0].targets == () and needs[0].sources == ()
