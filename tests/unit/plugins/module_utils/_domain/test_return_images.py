# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to the map of one image when a node comes back."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.return_images import (
    Return,
    concerned,
    decide,
    flagged,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from tests.unit.plugins.module_utils._domain import build

SINCE = "2026-01-05T10:00:20Z"


def note(*disks: str) -> dict[str, Any]:
    return {"node": "n1", "map": {disk: {"evictionRequested": False} for disk in disks}}


def nodes(**before: Any) -> list[Any]:
    return [build.node(f"n{number}", before=before.get(f"n{number}")) for number in (1, 2, 3)]


NODES = nodes(n1={"intent": "reboot"})


def outcome(image: Any, *things: Any, keep_extra: bool = False, held: Any = NODES) -> Return:
    cluster = build.cluster("1.12.1", *held, image, *things)
    return decide(cluster, cluster.images["i"], "n1", keep_extra=keep_extra)


def image(*disks: str, before: dict[str, Any] | None = None, **fields: Any) -> Any:
    copies = [build.copy(disk, since=SINCE) for disk in disks]
    return build.image("i", copies, before=before or note("n1.0"), **fields)


def test_an_extra_copy_goes_with_the_note() -> None:
    found = outcome(image("n1.0", "n2.0"))
    assert found.remove == ("n2.0",) and found.forget


def test_it_stays_when_asked_and_when_used() -> None:
    assert outcome(image("n1.0", "n2.0"), keep_extra=True).kept == (("n2.0", "as asked"),)
    user = build.replica("r", "v", "n2", image="i")
    found = outcome(image("n1.0", "n2.0"), user, build.volume("v", 1))
    assert found.remove == () and found.kept == (("n2.0", "replica r uses this copy"),)


def test_it_is_held_while_its_volume_still_has_an_extra_replica() -> None:
    user = build.replica("r", "v", "n2", image="i")
    raised = build.volume("v", 2, before={"numberOfReplicas": 1, "node": "n1"})
    found = outcome(image("n1.0", "n2.0"), user, raised)
    assert found.held and not found.forget and found.remove == ()


def test_it_waits_until_the_image_is_whole() -> None:
    copies = [build.copy("n1.0", "unknown"), build.copy("n2.0")]
    found = outcome(build.image("i", copies, before=note("n1.0")))
    assert found.waits.endswith("state unknown") and found.remove == ()
    kube = build.kube_node("n1")
    late = [build.copy("n1.0", since="2026-01-05T08:00:00Z"), build.copy("n2.0")]
    back = type(kube)(kube.meta, False, (Condition("Ready", "True", since=SINCE),))
    found = outcome(build.image("i", late, before=note("n1.0")), back)
    assert "older than the node's return" in found.waits


def test_what_replaced_a_copy_that_has_left_stays() -> None:
    found = outcome(image("n2.0"))
    assert found.remove == () and found.moved == ("n1.0",) and found.forget
    assert found.kept[0][0] == "n2.0"


def test_no_fewer_copies_than_longhorn_would_make_again() -> None:
    found = outcome(image("n1.0", "n2.0", min_copies=2))
    assert found.kept == (("n2.0", "minNumberOfCopies is 2"),)


def test_a_copy_of_before_on_another_node_under_maintenance_holds_it() -> None:
    both = nodes(n1={"intent": "reboot"}, n3={"intent": "reboot"})
    found = outcome(image("n1.0", "n2.0", "n3.0", before=note("n1.0", "n3.0")), held=both)
    assert found.held == "node n3 is under maintenance" and found.remove == ()


def test_notes_of_nodes_that_are_back_already_are_finished_too() -> None:
    left = build.image("i", [build.copy("n1.0")], before={"node": "n2", "map": {"n1.0": {}}})
    cluster = build.cluster("1.12.1", *NODES, left)
    assert [found.name for found in concerned(cluster, Scope("n1"))] == ["i"]
    away = nodes(n1={"intent": "reboot"}, n2={"intent": "reboot"})
    assert concerned(build.cluster("1.12.1", *away, left), Scope("n1")) == ()


def test_flags_that_an_eviction_left_on_copies() -> None:
    copies = [build.copy("n1.0", eviction_requested=True), build.copy("n2.0")]
    cluster = build.cluster("1.12.1", *NODES, build.image("i", copies, before=note("n1.0")))
    assert flagged(cluster, Scope("n1")) == {"i": ("n1.0",)}
    was = {"node": "n1", "map": {"n1.0": {"evictionRequested": True}}}
    cluster = build.cluster("1.12.1", *NODES, build.image("i", copies, before=was))
    assert flagged(cluster, Scope("n1")) == {}
