# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets on generated clusters: every rule holds, a plan made half-way keeps what is placed, and
what a remedy asks for is enough.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.image_needs import (
    Need,
    assess,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
    Image,
    Node,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.placement import Placement
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.remedies import (
    Change,
    Remedies,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.unit.plugins.module_utils._domain import build

GIB = build.GIB
NEXT = ("n4",)
SCOPE = Scope("t")


def rarely(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 7)) == 0


def some_disk(draw: st.DrawFn, node: str, number: int) -> Disk:
    return build.disk(
        node,
        number,
        tags=draw(st.sampled_from(((), ("fast",), ("fast", "cold")))),
        allow_scheduling=not rarely(draw),
        storage_available=draw(st.integers(48, 80)) * GIB,
        storage_scheduled=draw(st.sampled_from((0, 0, 180 * GIB))),
        conditions=build.conditions(schedulable=not rarely(draw)),
    )


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    nodes = [build.node("t", [build.disk("t", 0), build.disk("t", 1)], zone="a")]
    for number in range(1, draw(st.integers(2, 5))):
        name = f"n{number}"
        disks = [some_disk(draw, name, n) for n in range(draw(st.integers(1, 2)))]
        nodes.append(
            build.node(
                name,
                disks,
                zone=draw(st.sampled_from(("a", "b"))),
                tags=draw(st.sampled_from(((), ("ssd",)))),
                allow_scheduling=not rarely(draw),
                before={"intent": "reboot"} if rarely(draw) else None,
            )
        )
    elsewhere = [disk.uuid for node in nodes[1:] for disk in node.disks]
    images = []
    for number in range(draw(st.integers(1, 6))):
        held = draw(st.sets(st.sampled_from(elsewhere), max_size=1))
        states = ("ready", "ready", "failed", "in-progress")
        copies = [build.copy(uuid, draw(st.sampled_from(states))) for uuid in held]
        images.append(
            build.image(
                f"i{number}",
                [build.copy(draw(st.sampled_from(("t.0", "t.1")))), *copies],
                size=draw(st.integers(1, 20)) * GIB,
                min_copies=draw(st.integers(1, 3)),
                node_selector=draw(st.sampled_from(((), (), ("ssd",)))),
                disk_selector=draw(st.sampled_from(((), (), ("fast",)))),
            )
        )
    cordoned = ["n2"] if rarely(draw) else []
    return build.cluster("1.12.1", *nodes, *images, cordoned=cordoned)


def planned(cluster: Cluster) -> tuple[tuple[Need, ...], Placement]:
    return assess(cluster, SCOPE, Intent.REMOVE, NEXT)


def may_take(cluster: Cluster, image: Image, disk: Disk, following: tuple[str, ...] = NEXT) -> bool:
    """The rules once more, room apart, straight from the words of the design."""
    node = cluster.nodes[disk.node]
    return (
        node.name not in ("t", *following)
        and "longhorn.nodecare.dev/before" not in node.meta.annotations
        and not cluster.kube_nodes[node.name].unschedulable
        and node.allow_scheduling
        and disk.allow_scheduling
        and disk.schedulable
        and set(image.node_selector) <= set(node.tags)
        and set(image.disk_selector) <= set(disk.tags)
        and disk.uuid not in image.copies
    )


def bytes_free(cluster: Cluster, disk: Disk) -> int:
    """A quarter stays free, no more is promised than there is, what comes is taken already."""
    coming = [i.size for i in cluster.images.values() if _state(i, disk) == "in-progress"]
    written = disk.storage_available - disk.storage_maximum // 4 - sum(coming)
    return min(written, disk.storage_maximum - disk.storage_scheduled - sum(coming))


def _state(image: Image, disk: Disk) -> str:
    return image.copies[disk.uuid].state if disk.uuid in image.copies else ""


@settings(max_examples=70, deadline=None, derandomize=True)
@given(clusters())
def test_every_rule_holds(cluster: Cluster) -> None:
    needs, placement = planned(cluster)
    given_to: dict[str, int] = {}
    for need in needs:
        uuids = [disk.uuid for disk in need.targets]
        assert len(set(uuids)) == len(uuids) <= max(0, need.wanted - len(need.proven))
        for disk in need.targets:
            assert may_take(cluster, need.image, disk)
            given_to[disk.uuid] = given_to.get(disk.uuid, 0) + need.image.file_bytes
    for uuid, total in given_to.items():
        assert total <= bytes_free(cluster, cluster.disks[uuid])
    for need in needs:
        if need.reachable < need.wanted:
            for disk in cluster.disks.values():
                if may_take(cluster, need.image, disk) and disk not in need.targets:
                    left = bytes_free(cluster, disk) - given_to.get(disk.uuid, 0)
                    assert left < need.image.file_bytes, "a copy left out where there is room"
    turned = dataclasses.replace(
        cluster,
        nodes=dict(reversed(cluster.nodes.items())),
        images=dict(reversed(cluster.images.items())),
    )
    again, _placement = planned(turned)
    assert [need.targets for need in again] == [need.targets for need in needs]
    assert placement.last is not None


@settings(max_examples=40, deadline=None, derandomize=True)
@given(clusters(), st.data())
def test_a_plan_made_half_way_keeps_what_is_placed(cluster: Cluster, data: st.DataObject) -> None:
    needs, _placement = planned(cluster)
    images = dict(cluster.images)
    for need in needs:
        done = [d for d in need.targets if data.draw(st.booleans())]
        copies = {**need.image.copies}
        for disk in done:
            copies[disk.uuid] = build.copy(
                disk.uuid, data.draw(st.sampled_from(("", "in-progress")))
            )
        images[need.image.name] = dataclasses.replace(need.image, copies=copies)
    later, _placement = planned(dataclasses.replace(cluster, images=images))
    for before, after in zip(needs, later, strict=True):
        assert {copy.disk for copy in before.coming} <= {copy.disk for copy in after.coming}
        assert after.reachable == before.reachable, "as many copies as planned at first"


def changed(cluster: Cluster, change: Change) -> Cluster:
    """The cluster after the operator has done it."""
    fields: dict[str, Any] = {}
    if change.what == "uncordon":
        kube = build.kube_node(change.object)
        return dataclasses.replace(cluster, kube_nodes={**cluster.kube_nodes, change.object: kube})
    name, _slash, disk_name = change.object.partition("/")
    node = cluster.nodes[name]
    if not disk_name:
        if change.what == "open_scheduling":
            fields["allow_scheduling"] = True
        elif change.what == "add_tag":
            fields["tags"] = (*node.tags, change.value)
        return _with(cluster, dataclasses.replace(node, **fields))
    disk = next(d for d in node.disks if d.name == disk_name)
    if change.what == "open_scheduling":
        fields["allow_scheduling"] = True
    elif change.what == "add_tag":
        fields["tags"] = (*disk.tags, change.value)
    elif change.what == "free_space":
        fields["storage_available"] = disk.storage_available + change.bytes
        fields["storage_scheduled"] = max(0, disk.storage_scheduled - change.bytes)
        fields["conditions"] = build.YES
    new = dataclasses.replace(disk, **fields)
    disks = tuple(new if d.name == disk_name else d for d in node.disks)
    return _with(cluster, dataclasses.replace(node, disks=disks))


def _with(cluster: Cluster, node: Node) -> Cluster:
    return dataclasses.replace(cluster, nodes={**cluster.nodes, node.name: node})


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],
)
@given(clusters())
def test_what_a_remedy_asks_for_is_enough(cluster: Cluster) -> None:
    needs, placement = planned(cluster)
    short = [need for need in needs if need.reachable < need.wanted]
    remedies = Remedies(cluster, placement)
    for need in short:
        ways = remedies.ways(need.image, need.reachable, need.targets)
        assert list(ways) == sorted(ways, key=lambda way: way.cost)
        for way in ways:
            kinds = {change.what for change in way.changes}
            if "lower_copies" in kinds:
                assert way.changes[0].value == str(need.reachable)
                continue
            after, following = cluster, NEXT
            for change in way.changes:
                if change.what == "next_nodes":
                    following = tuple(name for name in following if name != change.object)
                else:
                    after = changed(after, change)
            disk = next(d for d in after.disks.values() if d.label == way.disk)
            assert may_take(after, need.image, disk, following), way.text
            given_to = sum(n.image.file_bytes for n in needs if way.disk in _labels(n))
            left = bytes_free(after, disk) - given_to
            assert left >= need.image.file_bytes, way.text
            if len(short) == 1 and need.wanted - need.reachable == 1:
                again, _placement = assess(after, SCOPE, Intent.REMOVE, following)
                assert all(n.reachable >= n.wanted for n in again), way.text


def _labels(need: Need) -> list[str]:
    return [disk.label for disk in need.targets]


def test_the_cheapest_change_comes_first() -> None:
    closed = build.node("n2", [build.disk("n2", allow_scheduling=False)])
    full = build.node("n3", [build.disk("n3", storage_available=58 * GIB)])
    image = build.image("a", [build.copy("t.0")], size=10 * GIB, disk_selector=())
    cluster = build.cluster("1.12.1", build.node("t"), closed, full, build.node("n4"), image)
    _needs, placement = planned(cluster)
    assert [way.text for way in Remedies(cluster, placement).ways(image)] == [
        "open scheduling on disk n2/disk-0",
        "take n4 out of next_nodes",
        "free 2.0 GiB on n3/disk-0",
    ]
