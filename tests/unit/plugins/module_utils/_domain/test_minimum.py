# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When minNumberOfCopies may be lowered for a reboot, by how much, and that it comes back."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import minimum
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.memory import BEFORE
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.simulator.longhorn.cluster import Cluster as Simulated
from tests.unit.plugins.module_utils._domain import build

NODES = tuple(build.node(name) for name in ("n1", "n2", "n3"))
T = Scope("n3")


def scene(
    states: dict[str, str],
    wanted: int,
    used: str = "n1 n2 n3",
    version: str = "1.12.1",
    **fields: Any,
) -> Cluster:
    """One image `i` with copies in these states, replicas on the nodes that `used` names."""
    copies = [build.copy(f"{node}.0", state) for node, state in states.items()]
    image = build.image("i", copies, min_copies=wanted, before=fields.pop("before", None))
    replicas = [build.replica(f"r-{node}", "v", node, image="i") for node in used.split()]
    things = (*NODES, image, *replicas, build.volume("v", 3, image="i"))
    return build.cluster(version, *things, **fields)


def numbers(cluster: Cluster) -> list[tuple[int, int, bool]]:
    """(from, to, whether it may) of what would be lowered."""
    return [(x.before, x.number, not x.why_not) for x in minimum.needed(cluster, T)]


BOTH = {"n1": "ready", "n3": "ready"}
ALL = {**BOTH, "n2": "ready"}


@pytest.mark.parametrize(
    ("states", "wanted", "found"),
    [
        (BOTH, 2, [(2, 1, True)]),
        (ALL, 3, [(3, 2, True)]),
        (ALL, 2, []),
        ({"n3": "ready"}, 1, []),
        ({"n1": "ready"}, 2, []),
        (BOTH, 1, []),
        ({**ALL, "n2": "failed"}, 3, [(3, 2, True)]),
        (BOTH, 3, [(3, 2, True)]),
    ],
)
def test_it_falls_by_the_nodes_own_copies_and_never_below_one(
    states: dict[str, str], wanted: int, found: list[tuple[int, int, bool]]
) -> None:
    assert numbers(scene(states, wanted)) == found


def test_not_where_it_could_cost_a_copy() -> None:
    lowering = minimum.needed(scene(ALL, 3, used="n1 n3"), T)[0]
    assert "nothing uses its copy on n2/disk-0" in lowering.why_not
    off = {"backing-image-cleanup-wait-interval": "0"}
    assert numbers(scene(ALL, 3, used="n1 n3", settings=off)) == [(3, 2, True)]


def test_not_where_longhorn_would_make_no_substitute() -> None:
    assert numbers(scene(BOTH, 2, version="1.6.4")) == []
    off = {"concurrent-backing-image-replenish-per-node-limit": "0"}
    assert numbers(scene(BOTH, 2, settings=off)) == []
    assert minimum.needed(scene(BOTH, 2), Scope("n3", "n3.0", "disk-0")) == ()


def test_once_only_and_given_back_unless_somebody_raised_it() -> None:
    before = {"map": {}, "node": "n3", minimum.FIELD: 3}
    lowered = scene(ALL, 2, before=before)
    assert numbers(lowered) == [] and minimum.original(lowered.images["i"]) == 3
    assert minimum.give_back(before, {minimum.FIELD: 2}) == [
        {"op": "add", "path": minimum.PATH, "value": 3}
    ]
    assert minimum.give_back(before, {minimum.FIELD: 4}) == []
    assert minimum.give_back({"map": {}}, {minimum.FIELD: 1}) == []


def test_the_number_is_noted_in_the_write_that_lowers_it() -> None:
    image = scene(BOTH, 2).images["i"]
    ops = minimum.lower(image, 0, {"map": {"a": ""}, "node": "n3"})
    assert ops[0]["path"] == "/metadata/annotations" and BEFORE in ops[0]["value"]
    assert '"minNumberOfCopies":2' in ops[0]["value"][BEFORE]
    assert ops[1:] == [
        {"op": "test", "path": minimum.PATH, "value": 2},
        {"op": "replace", "path": minimum.PATH, "value": 1},
    ]
    assert minimum.lower(build.image("i", [], min_copies=1), 1, {}) == []


def test_longhorn_takes_an_unused_copy_at_a_lower_number() -> None:
    """Why it is not lowered then: after an hour without a user the clean-up takes one of the two
    copies, and it may be the one that is not on the node.
    """
    cluster = Simulated("1.12.1", nodes=3, disks=1)
    try:
        disks = cluster.disk_uuids()
        cluster.create_image("idle", on=[disks[0], disks[2]])
        cluster.kernel.run_for(3700)
        assert len(cluster.ready_copies("idle")) == 2

        def lower(obj: dict[str, Any]) -> None:
            obj["spec"]["minNumberOfCopies"] = 1

        cluster.store.mutate("backingimages.longhorn.io", "longhorn-system", "idle", lower)
        assert cluster.run_until_true(lambda: len(cluster.ready_copies("idle")) == 1)
    finally:
        cluster.close()
