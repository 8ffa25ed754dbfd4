# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only what a living node can make counts as its return."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import living, node_before
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition
from tests.unit.plugins.module_utils._domain import build

RETURNED = "2026-01-05T10:00:00Z"
SINCE = "2026-01-05T10:00:20Z"
EARLIER = "2026-01-05T08:00:00Z"


def cluster(*things: Any, budget: bool = True, copy: Any = None, **fields: Any) -> Any:
    image = build.image("i", [copy or build.copy("n1.0", since=SINCE)])
    held = [build.budget("im-n1", {}, "longhorn-system")] if budget else []
    kube = build.kube_node("n1", fields.pop("cordoned_node", False))
    kube = dataclasses.replace(kube, conditions=(Condition("Ready", "True", since=RETURNED),))
    nodes = (build.node("n1"), build.node("n2"))
    managers = () if fields.pop("no_manager", False) else (build.manager("n1", []),)
    return build.cluster("1.12.1", *nodes, image, kube, *managers, *held, *things, **fields)


def missing(*things: Any, **fields: Any) -> list[str]:
    return list(living.not_alive(cluster(*things, **fields), "n1"))


def test_a_living_node() -> None:
    assert missing() == []


def test_ready_alone_proves_nothing() -> None:
    assert missing(instance_managers={}) == ["no instance manager runs on n1"]
    assert missing(budget=False) == ["im-n1 has no budget yet"]
    assert missing(no_manager=True) == ["the image manager of disk n1/disk-0 is not there"]


def test_a_copy_that_is_ready_since_before_the_return_is_not_believed() -> None:
    (told,) = missing(copy=build.copy("n1.0", since=EARLIER))
    assert told.startswith("image i on n1/") and "older than the node's return" in told
    assert missing(copy=build.copy("n1.0", "unknown", since=SINCE))[0].endswith(": unknown")


def test_no_budget_is_asked_for_with_the_cluster_autoscaler_or_an_own_cordon() -> None:
    setting = {"kubernetes-cluster-autoscaler-enabled": "true"}
    assert missing(budget=False, settings=setting) == []
    assert missing(budget=False, instance_managers={}, cordoned_node=True) == []


def drift(disk: Any, *things: Any) -> tuple[str, ...]:
    before = {"intent": "reboot", "disks": {"d": {"path": "/d", "uuid": "old"}}}
    node = build.node("n1", [disk], before=before)
    noted = node_before.of(node)
    assert noted is not None
    return living.drifted(build.cluster("1.12.1", node, *things), "n1", noted)


def test_another_disk_at_the_same_place_is_seen_by_its_message_or_its_uuid() -> None:
    said = "record diskUUID doesn't match the one on the disk"
    other = (Condition("Ready", "False", "DiskFilesystemChanged", said),)
    same = build.disk("n1", name="d", uuid="old", path="/d")
    assert drift(same) == ()
    assert "is another one or was wiped" in drift(dataclasses.replace(same, conditions=other))[0]
    new = dataclasses.replace(same, uuid="new")
    assert drift(new) == (), "nothing names the old one: it is simply a new disk"
    (told,) = drift(new, build.replica("r", "v", "n1", disk="old"))
    assert "has UUID new; before it was old" in told


def not_whole(volume: Any, *replicas: Any, rw: tuple[str, ...]) -> list[str]:
    engine = build.engine("v", "n2", rw)
    nodes = (build.node("n1"), build.node("n2"))
    return living.not_whole(build.cluster("1.12.1", *nodes, volume, *replicas, engine), "n1")


def test_a_volume_is_whole_when_all_its_replicas_serve() -> None:
    one, two = build.replica("r1", "v", "n1"), build.replica("r2", "v", "n2")
    assert not_whole(build.volume("v", 2), one, two, rw=("r1", "r2")) == []
    degraded = build.volume("v", 2, robustness="degraded")
    assert not_whole(degraded, one, two, rw=("r2",)) == ["volume v: attached degraded (r1 running)"]
    assert not_whole(build.volume("v", 2, state="detached"), one, two, rw=()) == []


def test_a_volume_that_can_never_be_healthy_is_not_waited_for() -> None:
    unplaced = build.volume(
        "v", 3, robustness="degraded", conditions=(Condition("Scheduled", "False"),)
    )
    one, two = build.replica("r1", "v", "n1"), build.replica("r2", "v", "n2")
    assert not_whole(unplaced, one, two, rw=("r1", "r2")) == []
    assert not_whole(dataclasses.replace(unplaced, conditions=()), one, two, rw=("r1", "r2")) == [
        "volume v: attached degraded"
    ]


def test_a_replica_that_was_replaced_is_told_and_not_waited_for() -> None:
    failed = build.replica("r1", "v", "n1", failed_at=EARLIER, state="stopped")
    two = build.replica("r2", "v", "n2")
    assert not_whole(build.volume("v", 1), failed, two, rw=("r2",)) == []
    held = build.cluster("1.12.1", build.node("n1"), build.volume("v", 1), failed)
    assert living.replaced(held, "n1") == ["v"]
