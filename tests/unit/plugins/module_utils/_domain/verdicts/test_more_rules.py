# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Map entries without a disk, names that collide, what blocks, and why a sync fails."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Manager,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sync_cause import (
    cause_of,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME, Scene

SYNC = "failed to process sync file: "
IMMUTABLE = (
    f"{SYNC}failed to stat tmp file /data/backing-images/img-1/backing.tmp after getting the "
    "file from source: stat /data/backing-images/img-1/backing.tmp: no such file or directory"
)
GONE = (
    "failed to re-calculate checksum after ready file being modified, will mark the file as "
    "failed: open /data/backing-images/img-1/backing: no such file or directory"
)


def judge(scene: Scene) -> Verdict:
    return catalogue.judge(scene.window())


@pytest.mark.parametrize(
    ("version", "path"),
    [("v1.6.4", "/spec/disks/d3"), ("v1.12.1", "/spec/diskFileSpecMap/d3")],
    ids=["1.6", "1.12"],
)
def test_a_key_without_a_disk_is_named_with_its_removal(version: str, path: str) -> None:
    states = {"d1": "ready", "d2": "ready", "d3": "ready"}
    verdict = judge(Scene(version=version, states=states, gone=["d3"]))
    assert verdict.name == "orphan_map_entry"
    assert "disk d3" in verdict.summary
    assert json.loads(verdict.remedy.split(" -p ")[1].strip("'")) == [
        {"op": "remove", "path": path}
    ]


def test_a_lost_image_with_a_key_without_a_disk_is_lost() -> None:
    verdict = judge(Scene(states={"d1": "failed", "d3": "ready"}, gone=["d3"]))
    assert (verdict.name, verdict.recoverable) == ("unknown_gone", True)


def test_a_disk_that_may_be_the_missing_one_makes_no_orphan() -> None:
    cluster = Scene(states={"d1": "ready", "d3": "ready"}, gone=["d3"]).cluster()
    node = cluster.nodes["n2"]
    silent = dataclasses.replace(node, disks=(dataclasses.replace(node.disks[0], uuid=""),))
    cluster = dataclasses.replace(cluster, nodes={**cluster.nodes, "n2": silent})
    assert catalogue.judge([see(cluster, cluster.images[NAME])]).name != "orphan_map_entry"


def colliding(*, own_manager: bool = False, states: dict[str, str] | None = None) -> list[Sight]:
    """Disk d2 without a manager; the UUIDs of d1 and d2 become abcd-1 and abcd-2."""
    scene = Scene(version="v1.6.4", states=states or {"d1": "ready", "d2": ""})
    cluster = _renamed(scene.cluster(), {"d1": "abcd-1", "d2": "abcd-2"}, own_manager)
    return [see(cluster, cluster.images[NAME], at) for at in (0.0, 12.0)]


def _renamed(cluster: Cluster, uuids: dict[str, str], own_manager: bool) -> Cluster:
    nodes = {
        name: dataclasses.replace(
            node,
            disks=tuple(dataclasses.replace(d, uuid=uuids.get(d.uuid, d.uuid)) for d in node.disks),
        )
        for name, node in cluster.nodes.items()
    }
    image = cluster.images[NAME]
    copies = {
        uuids[key]: dataclasses.replace(copy, disk=uuids[key]) for key, copy in image.copies.items()
    }
    names = ["abcd-1", "abcd-2"] if own_manager else ["abcd-1"]
    managers = {
        f"backing-image-manager-1f3a-{uuid}": Manager(
            Meta(f"backing-image-manager-1f3a-{uuid}"), disk=uuid, state="running"
        )
        for uuid in names
    }
    return dataclasses.replace(
        cluster,
        nodes=nodes,
        images={NAME: dataclasses.replace(image, copies=copies)},
        managers=managers,
    )


def test_two_disks_whose_managers_would_have_one_name() -> None:
    verdict = catalogue.judge(colliding())
    assert verdict.name == "name_collision"
    assert "n2/disk" in verdict.summary
    assert verdict.evidence[-1].object == "backingimagemanager/backing-image-manager-1f3a-abcd-1"


def test_no_collision_while_the_window_shows_it_only_now() -> None:
    """A manager that is made in this moment is not there at one look and is at the next."""
    before, now = colliding(own_manager=True)[0], colliding()[1]
    assert catalogue.judge([before, now]).name != "name_collision"
    assert catalogue.judge([now]).name == "name_collision"


def test_no_collision_where_each_disk_has_its_manager() -> None:
    assert catalogue.judge(colliding(own_manager=True)).name == "degraded_syncing"


def test_no_collision_is_told_of_a_lost_image() -> None:
    verdict = catalogue.judge(colliding(states={"d1": "failed", "d2": ""}))
    assert verdict.name == "unknown_may_return"


def test_one_unknown_entry_keeps_longhorn_from_acting() -> None:
    scene = Scene(states={"d1": "failed", "d2": "unknown"}, down=["n2"])
    verdict = judge(scene)
    assert (verdict.name, verdict.recoverable) == ("blocked_by_unknown", False)
    assert "n2/disk" in verdict.remedy
    assert "accept_unknown_loss=true" in verdict.remedy


@pytest.mark.parametrize(
    "scene",
    [
        Scene(states={"d2": "unknown"}, down=["n2"]),
        Scene(states={"d1": "failed", "d2": "unknown"}, down=["n2"], source_type="upload"),
    ],
    ids=["nothing failed", "Longhorn never fetches this type"],
)
def test_what_only_may_return_is_not_blocked(scene: Scene) -> None:
    assert judge(scene).name == "unknown_may_return"


def test_replicas_block_a_deletion() -> None:
    states = {"d1": "ready", "d2": "ready"}
    held = judge(Scene(states=states, deleting=True, with_volume=True))
    assert held.name == "deleting_blocked_by_consumers"
    assert "vol" in held.remedy
    assert held.evidence[-1].object == "replica/vol-r"
    assert judge(Scene(states=states, deleting=True)).name == "deleting"


def test_whether_a_lost_image_needs_a_person() -> None:
    lost = {"d1": "failed", "d2": "failed"}
    assert judge(Scene(states=lost)).name == "all_failed_will_recover_itself"
    nowhere = judge(Scene(states={**lost, "d3": "failed"}))
    assert nowhere.name == "all_failed_needs_recovery"
    assert nowhere.remedy.startswith("ansible-playbook")


@pytest.mark.parametrize(
    ("message", "word", "passes"),
    [
        (IMMUTABLE, "not_writable", False),
        ("", "not_writable", False),
        (GONE, "file_gone", True),
        (f"{SYNC}syncing file should be directly reused but failed", "no_sender", True),
        (f"{SYNC}write /data/backing.tmp: no space left on device", "no_space", False),
        (f"{SYNC}the expected checksum a doesn't match the file actual checksum b", "checksum", 0),
        ("Backing image manager pod is not running", "manager_down", True),
        (f"{SYNC}dial tcp 10.0.0.7:8001: connect: connection refused", "network", False),
        ("something new", "other", False),
    ],
)
def test_the_cause_is_read_from_the_message(message: str, word: str, passes: bool) -> None:
    scene = Scene(states={"d1": "ready", "d2": "failed"}, messages={"d2": message})
    verdict = judge(scene)
    assert (verdict.name, verdict.detail) == ("failed_sync_retrying", word)
    assert verdict.heals_itself == bool(passes) == cause_of(message).passes


def test_between_two_tries_the_verdict_stays() -> None:
    failed = Scene(states={"d1": "ready", "d2": "failed"}, messages={"d2": IMMUTABLE})
    between = Scene(states={"d1": "ready", "d2": ""})
    window = [failed.sight(0.0), between.sight(3.0)]
    assert catalogue.judge(window).name == "failed_sync_retrying"
    assert catalogue.judge(window).detail == "not_writable"


def test_a_failed_copy_that_nobody_needs_is_only_named() -> None:
    states = {"d1": "ready", "d2": "ready", "d3": "failed"}
    assert judge(Scene(states=states)).name == "healthy"


def test_a_failed_copy_under_a_replica_is_told_although_enough_are_whole() -> None:
    states = {"d1": "failed", "d2": "ready", "d3": "ready"}
    assert judge(Scene(states=states, with_volume=True)).name == "failed_sync_retrying"
