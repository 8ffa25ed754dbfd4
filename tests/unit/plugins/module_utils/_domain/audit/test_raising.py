# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which copies are made: on distinct nodes and zones, once, and never more than that."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import drain_plan
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import (
    holdings,
    raising,
    raising_text,
    shortfall,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.cost import costs
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.raising import (
    Raise,
    Wish,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
)
from tests.unit.plugins.module_utils._domain.audit.scenes import three
from tests.unit.plugins.module_utils._domain.build import (
    GIB,
    cluster,
    copy,
    disk,
    image,
    node,
    source,
)


def need(held: Cluster, **wish: Any) -> Raise:
    """What the first image needs."""
    name = next(iter(held.images))
    return raising.assess(held, Wish((name,), **wish))[0]


def labels(one: Raise) -> list[str]:
    return [disk.label for disk in one.targets]


def test_a_second_copy_goes_to_another_node_and_zone_with_the_minimum() -> None:
    one = need(three("1.12.1", image("i", [copy("a.0")])))
    assert labels(one) == ["c/disk-0"]
    assert one.minimum == 2
    old = need(three("1.6.4", image("i", [copy("a.0")])))
    assert labels(old) == ["c/disk-0"] and old.minimum == 0


def test_nothing_to_do_is_nothing_to_write() -> None:
    one = need(three("1.12.1", image("i", [copy("a.0"), copy("c.0")], min_copies=2)))
    assert one.settled and not one.writes and not one.short


def test_copies_that_are_there_get_only_their_minimum() -> None:
    one = need(three("1.12.1", image("i", [copy("a.0"), copy("b.0"), copy("c.0")])))
    assert labels(one) == [] and one.minimum == 2 and one.writes


def test_copies_that_are_there_are_kept_although_a_node_that_is_left_out_has_one_too() -> None:
    """Longhorn counts the copy on that node, and would take one of the others away as too many."""
    copies = [copy("a.0"), copy("b.0"), copy("c.0")]
    one = need(three("1.12.1", image("i", copies, min_copies=2)), away=("a",))
    assert labels(one) == [] and one.minimum == 3
    kept = three("1.12.1", image("i", copies, min_copies=3))
    assert not need(kept, away=("a",)).writes


def test_a_third_copy_where_both_share_a_zone() -> None:
    one = need(three("1.12.1", image("i", [copy("a.0"), copy("b.0")], min_copies=2)))
    assert labels(one) == ["c/disk-0"] and one.minimum == 3


def test_two_copies_on_one_node_need_a_third_elsewhere() -> None:
    twin = node("a", [disk("a"), disk("a", 1)], zone="east")
    one = need(three("1.12.1", twin, image("i", [copy("a.0"), copy("a.1")], min_copies=2)))
    assert labels(one) == ["c/disk-0"] and one.minimum == 3


def test_nodes_that_are_left_out_neither_count_nor_receive() -> None:
    held = three("1.12.1", image("i", [copy("a.0")]))
    one = need(held, away=("a", "c"))
    assert labels(one) == ["b/disk-0"]
    assert one.minimum == 2
    assert "no other can take one" in one.short and "next in line" in one.short


def test_no_second_copy_on_a_node_but_up_to_the_minimum_of_longhorn() -> None:
    twins = [node(name, [disk(name), disk(name, 1)]) for name in ("a", "b")]
    held = cluster("1.12.1", *twins, image("i", [copy("a.0"), copy("b.0")], min_copies=2))
    assert labels(need(held, copies=3)) == [] and need(held, copies=3).short
    wants = dataclasses.replace(held.images["i"], min_copies=3)
    assert len(need(dataclasses.replace(held, images={"i": wants}), copies=2).targets) == 1


def test_the_minimum_does_not_grow_from_run_to_run() -> None:
    dead = copy("gone.0", "unknown")
    held = three("1.12.1", image("i", [copy("a.0"), copy("c.0"), dead], min_copies=1))
    assert need(held).minimum == 2
    later = image("i", [copy("a.0"), copy("c.0"), dead], min_copies=2)
    assert not need(three("1.12.1", later)).writes
    away = image("i", [copy("a.0"), copy("c.0"), copy("b.0")], min_copies=3)
    assert not need(three("1.12.1", away), away=("a",)).writes


def test_what_stands_in_the_way_is_said() -> None:
    assert "no proven copy" in need(three("1.12.1", image("i", [copy("a.0", "failed")]))).short
    unfinished = three("1.12.1", image("i", [copy("a.0")]), source("i", done=False))
    assert "first file" in need(unfinished).short
    frozen = image("i", [copy("a.0")], source_parameters={"url": "ftp://x/y"})
    assert "scheme" in need(three("1.12.1", frozen)).short
    huge = image("i", [copy("a.0")], size=400 * GIB)
    assert "needs 400.0 GiB" in need(three("1.12.1", huge)).short


def test_a_copy_that_fails_again_is_waited_for_if_it_was_asked_for() -> None:
    held = three("1.12.1", image("i", [copy("a.0"), copy("c.0", "failed")], min_copies=2))
    assert labels(need(held)) == ["b/disk-0"]
    waiting = raising.assess(held, Wish(("i",)), {"i": {"c.0"}})[0]
    assert not waiting.writes and not waiting.settled
    assert "failed" in raising_text.seen([waiting])


def test_entries_that_longhorn_cannot_write_are_repaired() -> None:
    broken = image("i", [copy("a.0"), copy("c.0", complete=False)], min_copies=2)
    one = need(three("1.12.1", broken))
    assert one.repair and one.writes and labels(one) == []
    assert "entries without dataEngine" in raising_text.diff([one])["before"]


def test_before_and_after_as_a_person_reads_it() -> None:
    one = need(three("1.12.1", image("ubuntu", [copy("a.0")])))
    shown = raising_text.diff([one])
    assert shown["before"] == "ubuntu   1 copy     a/disk-0   minimum 1\n"
    assert shown["after"] == "ubuntu   2 copies   a/disk-0, c/disk-0   minimum 2   (+1.0 GiB)\n"
    old = three("1.6.4", image("ubuntu", [copy("a.0")]))
    told = raising_text.summary(old, Wish(("ubuntu",)), [need(old)], [need(old)])
    assert "1 copy to make (1.0 GiB)" in told[0] and "after 60 min" in told[-1]


STATES = ["ready", "ready", "ready", "failed", "unknown", "in-progress", ""]


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Up to five nodes with one or two large disks in up to three zones, and a few images."""
    count = draw(st.integers(2, 5))
    nodes = [
        node(
            name := f"n{number}",
            [disk(name, d) for d in range(draw(st.integers(1, 2)))],
            zone=draw(st.sampled_from(["x", "y", "z"])),
        )
        for number in range(count)
    ]
    uuids = [found.uuid for held in nodes for found in held.disks]
    images = []
    for number in range(draw(st.integers(1, 4))):
        at = draw(st.lists(st.sampled_from(uuids), unique=True, min_size=1, max_size=4))
        copies: list[Copy] = [copy(uuid, draw(st.sampled_from(STATES))) for uuid in at]
        minimum = draw(st.integers(1, 3))
        images.append(image(f"i{number}", copies, min_copies=minimum))
    version = draw(st.sampled_from(["1.6.4", "1.7.3", "1.12.1"]))
    return cluster(version, *nodes, *images)


@settings(max_examples=120, deadline=None)
@given(clusters(), st.integers(1, 3))
def test_what_is_counted_is_what_is_made(held: Cluster, copies: int) -> None:
    names = tuple(held.images)
    places = holdings.reliable_places(held)
    every = holdings.hold_all(held.images.values(), places)
    counted = {
        one.image.name: (one.copies, one.minimum)
        for one in shortfall.shortfalls(held, every, copies)
    }
    made = {
        one.image.name: (len(one.targets), one.minimum > 0)
        for one in raising.assess(held, Wish(names, copies))
        if one.writes
    }
    assert counted == made


@settings(max_examples=120, deadline=None)
@given(clusters(), st.integers(1, 3))
def test_done_once_there_is_nothing_left_to_do(held: Cluster, copies: int) -> None:
    wish = Wish(tuple(held.images), copies)
    made = {one.image.name: one for one in raising.assess(held, wish)}
    images = {}
    for name, before in held.images.items():
        one = made[name]
        added = {disk.uuid: copy(disk.uuid) for disk in one.targets}
        minimum = one.minimum or before.min_copies
        images[name] = dataclasses.replace(
            before, copies={**before.copies, **added}, min_copies=minimum
        )
        assert minimum >= before.min_copies
        assert not {disk.uuid for disk in one.targets} & set(before.copies)
    after = dataclasses.replace(held, images=images)
    assert not [one for one in raising.assess(after, wish) if one.writes]


@settings(max_examples=120, deadline=None)
@given(clusters())
def test_the_cost_of_a_drain_is_that_of_its_plan(held: Cluster) -> None:
    places = holdings.reliable_places(held)
    found = costs(held, holdings.hold_all(held.images.values(), places))
    for name in held.nodes:
        for intent in (Intent.REBOOT, Intent.REMOVE):
            planned = drain_plan.make(held, Request(name, intent)).bytes_to_copy
            assert found[name][intent].bytes == planned, (name, intent)
