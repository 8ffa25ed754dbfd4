# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster cannot hold any more once a node is gone for good."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_proof import prove
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import Request
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.held_without import (
    shortfalls,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Disk
from tests.unit.plugins.module_utils._domain import build

GIB = build.GIB
T = "n1"


def nodes(number: int, zones: str = "", **fields: Any) -> list[Any]:
    names = [f"n{n + 1}" for n in range(number)]
    return [
        build.node(name, zone=zones[n] if zones else "", **fields) for n, name in enumerate(names)
    ]


def on(volume: str, *names: str) -> list[Any]:
    return [build.replica(f"{volume}-{name}", volume, name) for name in names]


def short(*things: Any, version: str = "1.12.1", **fields: Any) -> list[Blocker]:
    return list(shortfalls(build.cluster(version, *things, **fields), T))


def told(found: list[Blocker]) -> list[tuple[str, bool]]:
    return [(one.rule, one.stops) for one in found]


def texts(blocker: Blocker) -> list[str]:
    return [change["text"] for way in blocker.ways for change in way["changes"]]


def test_three_replicas_need_three_nodes() -> None:
    volume, three = build.volume("v", 3), on("v", "n1", "n2", "n3")
    (found,) = short(*nodes(3), volume, *three)
    assert told([found]) == [("too_few_nodes", True)]
    assert found.reason == ("asks for 3 replicas of 1.0 GiB, without n1 only 2 nodes can hold one")
    assert texts(found) == [
        "lower its number of replicas from 3 to 2",
        "allow its replicas to share a node (replica-soft-anti-affinity)",
        "add a node with room for 1.0 GiB",
    ]
    assert short(*nodes(4), volume, *three) == []
    assert short(*nodes(3), volume, *three, settings={"replica-soft-anti-affinity": "true"}) == []
    lowered = build.volume("v", 4, before={"numberOfReplicas": 2, "node": T})
    assert short(*nodes(3), lowered, *three) == [], "our own raising asks for nothing"


def test_a_closed_node_is_the_cheapest_way() -> None:
    three = on("v", "n1", "n2", "n3")
    (found,) = short(*nodes(4), build.volume("v", 3), *three, cordoned=["n4"])
    assert (found.rule, found.remedy) == ("too_few_nodes", "uncordon node n4")
    assert "n4: node is cordoned" in found.detail


def test_a_volume_that_has_nothing_on_the_node_counts_too() -> None:
    volume, elsewhere = build.volume("v", 3), on("v", "n2", "n3")
    assert told(short(*nodes(3), volume, *elsewhere)) == [("too_few_nodes", True)]
    barred = build.volume("v", 3, node_selector=("ssd",))
    tagged = [build.node("n1"), build.node("n2", tags=("ssd",)), build.node("n3", tags=("ssd",))]
    assert told(short(*tagged, barred, *elsewhere)) == [("too_few_nodes", False)], (
        "the node could not take it either"
    )


def test_zones_count_where_they_may_not_be_shared() -> None:
    volume, here = build.volume("v", 2), on("v", "n1", "n2")
    hard = {"replica-zone-soft-anti-affinity": "false"}
    assert short(*nodes(4, "abbb"), volume, *here) == []
    (found,) = short(*nodes(4, "abbb"), volume, *here, settings=hard)
    assert told([found]) == [("too_few_zones", True)]
    assert found.reason.endswith("without n1 only 1 zone can hold one")
    assert "add a zone with room for 1.0 GiB" in texts(found)
    assert short(*nodes(4, "abba"), volume, *here, settings=hard) == []
    own = build.volume("v", 2, zone_soft_anti_affinity="enabled")
    assert short(*nodes(4, "abbb"), own, *here, settings=hard) == []
    more = build.volume("v", 3)
    assert told(short(*nodes(4, "aabb"), more, *on("v", "n1", "n3"), settings=hard)) == [
        ("too_few_zones", False)
    ], "two zones with and without it"


def test_an_image_needs_as_many_disks_as_copies() -> None:
    copies = [build.copy(f"{name}.0") for name in ("n1", "n2", "n3")]
    (found,) = short(*nodes(3), build.image("a", copies, min_copies=3))
    assert told([found]) == [("too_few_disks", False)]
    assert found.reason == "asks for 3 copies of 1.0 GiB, without n1 only 2 disks can hold one"
    assert found.remedy == "lower minNumberOfCopies of a from 3 to 2"
    assert short(*nodes(3), build.image("a", copies, min_copies=2)) == []
    assert short(*nodes(4), build.image("a", copies, min_copies=3)) == []
    assert short(*nodes(3), build.image("a", copies, min_copies=3), version="1.6.4") == []
    chosen = build.image("a", copies, min_copies=3, disk_selector=("fast",))
    assert told(short(*nodes(4), chosen)) == [("too_few_disks", False)], "n4 lacks the tag"
    noted = build.image("a", copies, min_copies=1, before={"minNumberOfCopies": 3, "node": T})
    assert told(short(*nodes(3), noted)) == [("too_few_disks", False)]


def room(node: str, free: int, used: int = 0, number: int = 0) -> Disk:
    total = (free + used) * GIB
    sizes = {"storage_maximum": total, "storage_scheduled": used * GIB}
    return build.disk(node, number, storage_available=total, **sizes)


def roomy(*free: int) -> list[Any]:
    return [build.node(f"n{n + 1}", [room(f"n{n + 1}", size)]) for n, size in enumerate(free)]


def test_one_volume_without_room_says_how_much_to_free() -> None:
    small = build.node("n2", [room("n2", 30, used=40)])
    volume = build.volume("v", 1, size=50 * GIB)
    (found,) = short(build.node("n1"), small, volume, *on("v", "n1"))
    assert told([found]) == [("too_little_space", True)]
    assert found.remedy == "free 20.0 GiB on n2/disk-0"


def test_room_that_the_image_may_not_use_does_not_count() -> None:
    """From 1.7 replicas go where the selectors of their image let them, too."""
    fast, slow = (room("n2", free, number=n) for n, free in enumerate((100, 500)))
    two = build.node("n2", [replace(fast, tags=("fast",)), slow])
    image = build.image("a", [], disk_selector=("fast",))
    volumes = [build.volume(f"v{n}", 1, size=60 * GIB, image="a") for n in range(2)]
    replicas = [one for n in range(2) for one in on(f"v{n}", "n1")]
    found = short(build.node("n1"), two, image, *volumes, *replicas)
    assert ("too_little_space", True) in told(found)
    other = [replace(volume, image="") for volume in volumes]
    assert "too_little_space" not in dict(told(short(build.node("n1"), two, *other, *replicas)))


def test_each_fits_but_not_all_of_them() -> None:
    volumes = [build.volume(f"v{n}", 1, size=60 * GIB) for n in range(3)]
    replicas = [one for n in range(3) for one in on(f"v{n}", "n1")]
    (found,) = short(*roomy(500, 100, 100), *volumes, *replicas)
    assert told([found]) == [("too_little_space", True)]
    assert "has 3 replicas of 180.0 GiB to take in" in found.reason
    assert found.remedy == "free 20.0 GiB or add a disk of that room"
    assert found.detail[0] == "without a place:" and len(found.detail) == 2
    assert short(*roomy(500, 100, 120), *volumes, *replicas) == []
    waiting = [build.volume(f"w{n}", 2, size=60 * GIB) for n in range(3)]
    held = [one for n in range(3) for one in on(f"w{n}", "n4")]
    before = short(*roomy(500, 100, 100, 500), *waiting, *held)
    assert told(before) == [("too_little_space", False)], "they are short of room with it, too"


def test_the_proof_says_it_for_remove_only() -> None:
    """Nothing is left on the node, so it may be reinstalled; but the volume needs a third node."""
    cluster = build.cluster(
        "1.12.1", *nodes(3), build.volume("v", 3), *on("v", "n2", "n3"), cordoned=[T]
    )
    proof = prove(cluster, Request(T, Intent.REMOVE))
    assert proof.safe(Intent.REINSTALL) and not proof.safe(Intent.REMOVE)
    assert proof.outcome == (
        "safe to reboot or reinstall; NOT safe to remove: volume v asks for 3 replicas of 1.0 GiB, "
        "without n1 only 2 nodes can hold one"
    )


sizes = st.lists(st.sampled_from((10, 20, 30, 50)), max_size=5)
rooms = st.lists(st.sampled_from((0, 20, 40, 60, 100)), min_size=1, max_size=3)


@settings(max_examples=250, deadline=None)
@given(sizes, rooms)
def test_what_is_called_impossible_is(wanted: list[int], free: list[int]) -> None:
    """Against all ways there are to lay single replicas on the disks."""
    volumes = [build.volume(f"v{n}", 1, size=size * GIB) for n, size in enumerate(wanted)]
    replicas = [one for n in range(len(wanted)) for one in on(f"v{n}", "n1")]
    found = short(*roomy(500, *free), *volumes, *replicas)
    possible = any(
        all(
            sum(size for size, at in zip(wanted, where, strict=True) if at == n) <= space
            for n, space in enumerate(free)
        )
        for where in product(range(len(free)), repeat=len(wanted))
    )
    if any(one.stops for one in found):
        assert not possible
    if not found:
        assert possible


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 3),
    st.text("abc", min_size=1, max_size=5),
    st.sets(st.integers(0, 4), max_size=3),
    st.booleans(),
)
def test_nodes_and_zones_against_all_choices(
    wanted: int, zones: str, held: set[int], hard: bool
) -> None:
    """Without the node, the replicas that are there and any choice of others: enough or not."""
    others = [f"n{n + 2}" for n in range(len(zones))]
    zone_of = dict(zip(others, zones, strict=True))
    holders = [name for n, name in enumerate(others) if n in held][:wanted]
    switched = {"replica-zone-soft-anti-affinity": str(not hard).lower()}
    cluster: Cluster = build.cluster(
        "1.12.1",
        build.node(T, zone="t"),
        *(build.node(name, zone=zone_of[name]) for name in others),
        build.volume("v", wanted),
        *on("v", *holders),
        settings=switched,
    )

    def fits(chosen: tuple[str, ...]) -> bool:
        return not hard or len({zone_of[name] for name in chosen}) == wanted

    enough = any(fits(chosen) for chosen in combinations(others, wanted))
    assert (not shortfalls(cluster, T)) == enough


def test_a_replica_goes_only_where_its_image_may_be() -> None:
    """From 1.7 Longhorn schedules no replica where the image's own selectors refuse its copy."""
    fast = [build.node("n1", tags=("fast",)), build.node("n2", tags=("fast",)), build.node("n3")]
    volume = build.volume("v", 2, image="i")
    held = [build.replica("r1", "v", "n1"), build.replica("r2", "v", "n2")]
    plain = build.image("i", [build.copy("n2.0")])
    assert told(short(*fast, volume, *held, plain)) == []
    picky = build.image("i", [build.copy("n2.0")], node_selector=("fast",))
    (found,) = short(*fast, volume, *held, picky)
    assert found.rule == "too_few_nodes"
    assert any("n3: its image may not be there: " in line for line in found.detail)
