# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On generated clusters: whatever a drain decides, no image ever loses its last proven copy, and
no replica goes that is still needed.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_plan,
    guards,
    image_needs,
    placement,
    proven,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.unit.plugins.module_utils._domain import build

STATES = ["ready", "ready", "ready", "in-progress", "failed", "unknown", "", "starting"]
T = "node-0"
# A whole node, or one disk of it: the same rules.
scopes = st.sampled_from([Scope(T), Scope(T, f"{T}.0", "disk-0")])


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Two to five nodes, some broken, closed or cordoned; images and volumes in any state."""
    names = [f"node-{n}" for n in range(draw(st.integers(2, 5)))]
    things: list[Any] = []
    uuids: list[str] = []
    mostly = st.integers(0, 5).map(lambda n: n > 0)
    for name in names:
        disks = []
        for number in range(draw(st.integers(1, 2))):
            disks.append(
                build.disk(
                    name,
                    number,
                    allow_scheduling=draw(mostly),
                    storage_available=draw(st.sampled_from([150, 60, 51])) * build.GIB,
                    conditions=build.conditions(draw(mostly), draw(mostly)),
                )
            )
            uuids.append(disks[-1].uuid)
        ready = draw(mostly)
        before = {"intent": "reboot"} if name != T and draw(st.integers(0, 7)) == 0 else None
        things.append(
            build.node(
                name,
                disks,
                allow_scheduling=draw(mostly),
                conditions=build.conditions(ready),
                before=before,
                zone=draw(st.sampled_from(["a", "b"])),
            )
        )
        things.append(build.kube_node(name, cordoned=not draw(mostly), ready=ready))
    for number in range(draw(st.integers(1, 4))):
        keys = draw(st.lists(st.sampled_from(uuids), min_size=1, max_size=4, unique=True))
        copies = [
            build.copy(
                uuid,
                draw(st.sampled_from(STATES)),
                in_map=draw(mostly),
                eviction_requested=not draw(mostly),
            )
            for uuid in keys
        ]
        image = build.image(f"image-{number}", copies, min_copies=draw(st.integers(1, 3)))
        things += [image, build.source(image.name, done=draw(mostly))]
    images = [thing for thing in things if isinstance(thing, Image)]
    for number in range(draw(st.integers(0, 3))):
        volume = f"volume-{number}"
        placed = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        base = draw(st.sampled_from(images)).name
        replicas = [
            build.replica(
                f"{volume}-r-{index}",
                volume,
                place,
                image=base,
                state=draw(st.sampled_from(["running", "running", "stopped", "error"])),
                failed_at="" if draw(mostly) else "2026-01-05T09:00:00Z",
                healthy_at="2026-01-05T08:00:00Z" if draw(mostly) else "",
            )
            for index, place in enumerate(placed)
        ]
        serving = [r.name for r in replicas if draw(mostly)]
        wanted = draw(st.integers(1, 3))
        note = {"numberOfReplicas": max(1, wanted - 1), "node": T} if not draw(mostly) else None
        things += replicas
        things += [
            build.volume(
                volume,
                wanted,
                image=base,
                before=note,
                state=draw(st.sampled_from(["attached", "attached", "detached", "attaching"])),
            ),
            build.engine(volume, draw(st.sampled_from(names)), serving),
            build.attachment(volume),
        ]
    return build.cluster(draw(st.sampled_from(["1.6.4", "1.7.3", "1.12.1"])), *things)


def outside(cluster: Cluster, image: str, scope: Scope) -> int:
    """Proven copies out of what is emptied and off every node under maintenance."""
    return len(proven.proven(cluster, cluster.images[image], scope.gone(cluster)))


def without_key(cluster: Cluster, image: Image, disk: str) -> Cluster:
    copies = {
        uuid: dataclasses.replace(copy, in_map=False) if uuid == disk else copy
        for uuid, copy in image.copies.items()
    }
    changed = dataclasses.replace(image, copies=copies)
    return dataclasses.replace(cluster, images={**cluster.images, image.name: changed})


@settings(max_examples=400, deadline=None)
@given(clusters(), scopes)
def test_a_key_goes_only_when_a_proven_copy_stays_elsewhere(cluster: Cluster, scope: Scope) -> None:
    gone = scope.gone(cluster)
    needs, _placement = image_needs.assess(cluster, scope, Intent.REMOVE)
    for need in needs:
        for copy in need.here:
            against = guards.against_removal(
                cluster, need.image, copy.disk, maintenance=gone, keep=need.keep
            )
            if against:
                continue
            after = without_key(cluster, need.image, copy.disk)
            assert outside(after, need.image.name, scope) >= max(1, need.keep)
            assert not [
                r for r in after.replicas_on_disk.get(copy.disk, ()) if r.image == need.image.name
            ]


@settings(max_examples=400, deadline=None)
@given(clusters(), st.sampled_from(list(Intent)))
def test_targets_are_disks_that_may_take_a_copy(cluster: Cluster, intent: Intent) -> None:
    request = Request(T, intent, next_nodes=("node-1",))
    plan = drain_plan.make(cluster, request)
    taken: dict[str, int] = {}
    room = placement.Room.of(cluster.settings)
    maintenance = proven.under_maintenance(cluster)
    for move in plan.copies:
        disk = move.target
        node = cluster.nodes[disk.node]
        assert disk.node not in {T, "node-1"} | maintenance
        assert (
            node.ready and node.allow_scheduling and not cluster.kube_nodes[node.name].unschedulable
        )
        assert disk.ready and disk.schedulable and disk.allow_scheduling
        known = cluster.images[move.image].copies.get(disk.uuid)
        assert known is None or not known.in_map
        taken[disk.uuid] = taken.get(disk.uuid, 0) + move.bytes
    for uuid, size in taken.items():
        assert size <= room.free(cluster.disks[uuid])


@settings(max_examples=400, deadline=None)
@given(clusters(), scopes, st.sampled_from(list(Intent)))
def test_a_replica_goes_only_when_enough_others_serve(
    cluster: Cluster, scope: Scope, intent: Intent
) -> None:
    for volume in replica_moves.concerned(cluster, scope):
        move = replica_moves.decide(cluster, volume, scope, intent)
        if move.step is replica_moves.Step.DELETE:
            assert intent.leaves
            good = replica_moves.good_elsewhere(cluster, volume, scope)
            assert good
            assert len(good) >= move.original or all(r.failed_at for r in move.victims)
            assert all(scope.holds(r) for r in move.victims)
            assert volume.replicas_wanted <= move.original, "the number goes back before the delete"
        if move.step in (replica_moves.Step.RAISE, replica_moves.Step.LOWER):
            assert move.number >= move.original


def complete(cluster: Cluster, need: image_needs.Need) -> Cluster:
    """Longhorn has made the copies that were planned."""
    made = {
        disk.uuid: Copy(disk.uuid, True, True, state="ready", progress=100) for disk in need.targets
    }
    changed = dataclasses.replace(need.image, copies={**need.image.copies, **made})
    return dataclasses.replace(cluster, images={**cluster.images, need.image.name: changed})


@settings(max_examples=300, deadline=None)
@given(clusters(), scopes)
def test_a_whole_drain_keeps_every_image_that_was_there(cluster: Cluster, scope: Scope) -> None:
    """Plan, make the copies, take the keys the guard lets go, plan again: until nothing changes."""
    had = {name: bool(proven.proven(cluster, image)) for name, image in cluster.images.items()}
    for _round in range(4):
        gone = scope.gone(cluster)
        needs, _placement = image_needs.assess(cluster, scope, Intent.REMOVE)
        for need in needs:
            cluster = complete(cluster, need)
        needs, _placement = image_needs.assess(cluster, scope, Intent.REMOVE)
        for need in needs:
            assert not need.targets or need.reachable <= need.wanted
            for copy in need.here:
                image = cluster.images[need.image.name]
                if not guards.against_removal(
                    cluster, image, copy.disk, maintenance=gone, keep=need.keep
                ):
                    cluster = without_key(cluster, image, copy.disk)
        for name, image in cluster.images.items():
            if had[name]:
                assert proven.proven(cluster, image), f"{name} lost its last proven copy"
