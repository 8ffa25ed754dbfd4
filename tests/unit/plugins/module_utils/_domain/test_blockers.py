# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each blocker: when it is named, with which remedy, and whether waiting helps."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_plan,
    drain_proof,
    pod_filters,
    pod_volumes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import Consent
from tests.unit.plugins.module_utils._domain import build

REMOVE = Request("n1", Intent.REMOVE)


def found(
    *things: Any, request: Request = REMOVE, version: str = "1.12.1", nodes: int = 3, **fields: Any
) -> list[Blocker]:
    given = {thing.meta.name for thing in things if isinstance(thing, build.Node)}
    calm = [build.node(f"n{n}") for n in range(1, nodes + 1) if f"n{n}" not in given]
    return list(drain_plan.make(build.cluster(version, *calm, *things, **fields), request).blockers)


def only(blockers: list[Blocker]) -> Blocker:
    assert len(blockers) == 1, blockers
    return blockers[0]


def told(blocker: Blocker) -> tuple[str, str, bool]:
    return blocker.rule, blocker.clears.value, blocker.stops


def test_a_calm_node_has_none() -> None:
    image = build.image("a", [build.copy("n1.0"), build.copy("n2.0")])
    pod = build.pod("web", "n1")
    assert found(image, pod) == []


def test_the_last_copy_without_a_target_names_why_each_disk_was_refused() -> None:
    image = build.image("a", [build.copy("n1.0")], size=500 * build.GIB)
    blocker = only(found(image))
    assert told(blocker) == ("no_target_disk", "needs_action", True)
    assert "500.0 GiB" in blocker.remedy
    assert blocker.detail == (
        "n1/disk-0: it is the node being drained",
        "n2/disk-0: needs 500.0 GiB, but only 100.0 GiB may be used "
        "(reservation and Longhorn's limits kept)",
        "n3/disk-0: needs 500.0 GiB, but only 100.0 GiB may be used "
        "(reservation and Longhorn's limits kept)",
    )


def test_fewer_copies_than_wanted_are_only_worth_knowing() -> None:
    image = build.image("a", [build.copy("n1.0"), build.copy("n2.0")], min_copies=3)
    comes_back = Request("n1", Intent.REINSTALL)
    fewer = only(found(image, nodes=2, request=comes_back))
    assert told(fewer) == ("fewer_copies", "needs_action", False)
    for_good = only(found(image, nodes=2))
    assert told(for_good) == ("too_few_disks", "needs_action", False)
    assert (for_good.remedy, for_good.detail) == (fewer.remedy, fewer.detail)


def test_a_lost_image_must_be_recovered_first() -> None:
    image = build.image("a", [build.copy("n1.0", "failed"), build.copy("n2.0", "unknown")])
    blocker = only(found(image))
    assert told(blocker) == ("image_lost", "needs_action", True)
    assert blocker.detail == ("n1.0: state failed", "n2.0: state unknown")


def test_a_first_file_in_the_making_depends_on_its_type() -> None:
    image = build.image("a", [build.copy("n1.0", "in-progress")])
    for kind, clears in (("download", "clears_by_itself"), ("upload", "needs_action")):
        source = build.source(
            "a", done=False, node="n1", disk="n1.0", source_type=kind, progress=63
        )
        blocker = only(found(image, source))
        assert told(blocker) == ("first_file", clears, True)
        assert "63 %" in blocker.reason
    broken = build.source("a", False, node="n1", disk="n1.0", source_type="clone", state="failed")
    assert told(only(found(image, broken))) == ("first_file", "needs_action", True)
    elsewhere = build.source("a", done=False, node="n2", disk="n2.0")
    assert found(image, elsewhere) == []


def deleted_source(name: str = "a", state: str = "failed") -> Any:
    meta = Meta(name, deleting=True)
    return build.source(name, done=False, meta=meta, state=state, node="n1", disk="n1.0")


def test_a_data_source_whose_image_is_gone_is_told_and_does_not_stop_the_drain() -> None:
    blocker = only(found(deleted_source()))
    assert told(blocker) == ("data_source_left", "needs_action", False)
    assert "its image is deleted" in blocker.reason
    assert blocker.remedy.endswith(
        "kubectl -n longhorn-system patch backingimagedatasources.longhorn.io a --type=json "
        """-p '[{"op": "remove", "path": "/metadata/finalizers"}]'"""
    )
    calm = [build.node(f"n{n}", allow_scheduling=n > 1) for n in (1, 2, 3)]
    cluster = build.cluster("1.12.1", *calm, deleted_source(), cordoned=["n1"])
    proof = drain_proof.prove(cluster, REMOVE)
    assert proof.left.first_files == () and proof.safe(Intent.REMOVE)


def test_one_that_is_cleaned_up_goes_by_itself() -> None:
    assert found(deleted_source(state="failed-and-cleanup")) == []


@pytest.mark.parametrize(
    ("state", "clears"), [("running", "clears_by_itself"), ("stopped", "needs_action")]
)
def test_one_whose_image_is_being_deleted_waits_for_a_manager_that_runs(
    state: str, clears: str
) -> None:
    image = build.image("a", [build.copy("n2.0", "")], meta=Meta("a", deleting=True))
    manager = dataclasses.replace(build.manager("n2", [], state=state), images={"a": "uuid"})
    blocker = only(found(image, manager, deleted_source()))
    assert told(blocker) == ("first_file", clears, True)
    assert "is being deleted" in blocker.reason
    if clears == "needs_action":
        assert "n2 (stopped)" in blocker.reason and "see that n2 is Ready" in blocker.remedy


def test_an_image_that_is_being_deleted_gets_no_new_manager() -> None:
    image = build.image("a", [build.copy("n2.0", "")], meta=Meta("a", deleting=True))
    blocker = only(found(image, deleted_source()))
    assert told(blocker) == ("first_file", "needs_action", True)
    assert "kubectl" in blocker.remedy
    stays = build.image("a", [build.copy("n2.0", "")])
    assert told(only(found(stays, deleted_source())))[1] == "clears_by_itself", "that one gets one"


@pytest.mark.parametrize(
    ("message", "clears", "meaning"),
    [
        (
            "failed to process sync file: expected status code 200 from http://h/f, "
            "got 404 Not Found",
            "needs_action",
            "the server answers 404",
        ),
        ("dial tcp: lookup h: no such host", "needs_action", "the host name is not known"),
        ("read: connection reset by peer", "clears_by_itself", "cuts the connection"),
        ("tmp file has been modified", "clears_by_itself", "tmp file has been modified"),
    ],
)
def test_a_first_file_that_fails_again_and_again_does_not_clear_by_itself(
    message: str, clears: str, meaning: str
) -> None:
    image = build.image("a", [build.copy("n1.0", "failed")])
    source = build.source(
        "a", done=False, node="n1", disk="n1.0", state="failed-and-cleanup", message=message
    )
    blocker = only(found(image, source))
    assert told(blocker) == ("first_file", clears, True)
    assert meaning in blocker.reason
    if clears == "needs_action":
        assert "recover_backing_image -e image=a -e new_url=URL" in blocker.remedy


@pytest.mark.parametrize(("version", "broken"), [("1.12.1", True), ("1.7.3", False)])
def test_an_entry_written_as_nothing_stops_only_where_it_hurts(version: str, broken: bool) -> None:
    copies = [build.copy("n1.0", complete=not broken), build.copy("n2.0")]
    image = build.image("a", copies)
    blockers = found(image, version=version)
    if not broken:
        assert blockers == []
        return
    assert told(only(blockers)) == ("incomplete_entry", "needs_action", True)
    repair = Request("n1", Intent.REMOVE, repair_entries=True)
    assert not only(found(image, request=repair)).stops
    other = build.image("b", [build.copy("n2.0", complete=False)])
    assert not only(found(other)).stops, "an image that the drain does not touch"


HERE = build.replica("r1", "v", "n1")


def test_a_replica_with_nowhere_to_go() -> None:
    things = [HERE, build.replica("r2", "v", "n2"), build.engine("v", "n2", ["r1", "r2"])]
    comes_back = Request("n1", Intent.REINSTALL)
    blocker = only(found(build.volume("v", 2), *things, nodes=2, request=comes_back))
    assert told(blocker) == ("no_node_for_replica", "needs_action", True)
    assert blocker.detail == (
        "n1: it is the node being drained",
        "n2: already has a replica of it",
    )
    soft = build.volume("v", 2, soft_anti_affinity="enabled")
    assert found(soft, *things, nodes=2) == []


def test_a_volume_too_large_for_any_other_node() -> None:
    big = build.volume("v", 1, size=900 * build.GIB)
    blocker = only(found(big, HERE, build.engine("v", "n2", ["r1"])))
    assert "900.0 GiB" in blocker.remedy
    assert "n2: needs 900.0 GiB, n2/disk-0 may take 200.0 GiB" in blocker.detail


def test_a_single_replica_asks_only_where_the_operator_wants_to_be_asked() -> None:
    volume = build.volume("v", 1, workloads=(build.workload("postgres-0"),))
    things = (volume, HERE, build.engine("v", "n2", ["r1"]))
    assert found(*things) == []
    blocker = only(found(*things, request=Request("n1", Intent.REMOVE, move_single=False)))
    assert told(blocker) == ("single_replica", "needs_action", True)
    assert blocker.name == "v (postgres-0)"


def test_a_faulted_volume_is_salvaged_first() -> None:
    failed = build.replica("r1", "v", "n1", failed_at="2026-01-05T08:00:00Z")
    faulted = build.volume("v", 1, robustness="faulted", state="detached")
    assert told(only(found(faulted, failed, build.engine("v", "")))) == (
        "volume_faulted",
        "needs_action",
        True,
    )


def test_strict_locality_never_clears() -> None:
    volume = build.volume("v", 1, data_locality="strict-local")
    assert told(only(found(volume, HERE, build.engine("v", "n1", ["r1"])))) == (
        "strict_local",
        "never",
        True,
    )


def test_a_manual_attachment_holds_the_engine() -> None:
    volume = build.volume("v", 1)
    by_hand = build.attachment("v", build.ticket("rig", "n1"))
    there = build.replica("r2", "v", "n2")
    things = (volume, there, build.engine("v", "n1", ["r2"]), by_hand)
    assert told(only(found(*things))) == ("manual_attachment", "needs_action", True)
    detaching = {"detach-manually-attached-volumes-when-cordoned": "true"}
    assert told(only(found(*things, settings=detaching))) == (
        "manual_attachment",
        "clears_by_itself",
        True,
    )


def test_a_volume_held_by_a_pod_that_stays() -> None:
    volume = build.volume("v", 1, workloads=(build.workload("db-0"),))
    csi = build.attachment("v", build.ticket("csi-1", "n1", "csi-attacher"))
    there = build.replica("r2", "v", "n2")
    blocker = only(found(volume, csi, there, build.engine("v", "n1", ["r2"])))
    assert told(blocker) == ("held_by_pod", "needs_action", False)
    pod = build.pod("db-0", "n1")
    assert found(volume, csi, there, build.engine("v", "n1", ["r2"]), pod) == []


def test_pods_that_need_consent() -> None:
    bare = build.pod("debug", "n1", owner_kind="")
    scratch = build.pod("cache", "n1", empty_dirs=("tmp",))
    assert [told(b) for b in found(bare, scratch)] == [
        ("empty_dir", "needs_action", True),
        ("bare_pod", "needs_action", True),
    ]
    consent = Consent(force=True, delete_emptydir_data=True)
    assert found(bare, scratch, request=Request("n1", Intent.REMOVE, consent)) == []


def test_a_budget_at_zero_is_worth_knowing() -> None:
    pod = build.pod("db-0", "n1", labels={"app": "db"})
    assert told(only(found(pod, build.budget("db", {"app": "db"})))) == (
        "budget",
        "clears_by_itself",
        False,
    )
    assert found(pod, build.budget("db", {"app": "web"})) == []
    assert found(pod, build.budget("db", {"app": "db"}, allowed=1)) == []


def test_another_maintenance_stops_while_it_holds_data() -> None:
    away = build.node("n2", before={"intent": "reboot"})
    image = build.image("a", [build.copy("n2.0"), build.copy("n3.0")])
    assert told(only(found(away, image))) == ("other_maintenance", "needs_action", True)
    emptied = build.node("n2", before={"intent": "remove"})
    assert not only(found(emptied)).stops


def test_another_cordoned_node_is_worth_knowing() -> None:
    assert told(only(found(cordoned=["n2"]))) == ("other_cordoned", "needs_action", False)


def test_a_node_that_is_off_cannot_give_anything_away() -> None:
    off = build.node("n1", conditions=build.conditions(ready=False))
    image = build.image("a", [build.copy("n1.0", "unknown"), build.copy("n2.0")])
    assert ("node_not_ready", "needs_action", True) in [told(b) for b in found(off, image)]


@pytest.mark.parametrize("version", ["1.7.3", "1.8.1", "1.9.0"])
def test_longhorns_eviction_is_refused_where_it_loses_redundancy(version: str) -> None:
    flags = Request("n1", Intent.REMOVE, own_mover=False)
    assert told(only(found(request=flags, version=version))) == ("mover", "never", True)
    assert found(request=flags, version="1.9.1") == []
    reboot = Request("n1", Intent.REBOOT, own_mover=False)
    assert only(found(request=reboot, version="1.12.1")).rule == "mover"


def test_the_worst_comes_first() -> None:
    strict = build.volume("v", 1, data_locality="strict-local")
    bare = build.pod("debug", "n1", owner_kind="")
    download = build.source("a", done=False, node="n1", disk="n1.0")
    image = build.image("a", [build.copy("n1.0", "in-progress")])
    blockers = found(
        bare, download, image, strict, HERE, build.engine("v", "n2", ["r1"]), cordoned=["n3"]
    )
    assert [b.rule for b in blockers] == [
        "strict_local",
        "bare_pod",
        "first_file",
        "other_cordoned",
    ]


@pytest.mark.parametrize(
    ("url", "version", "frozen"),
    [
        ("http://images.example.org/a.img", "1.12.1", False),
        ("https://localhosting.example.org/a.img", "1.12.1", False),
        ("ftp://images.example.org/a.img", "1.12.1", True),
        ("http://127.0.0.1:8080/a.img", "1.12.1", True),
        ("http://user:secret@localhost/a.img", "1.12.1", True),
        ("http://127.0.0.1:8080/a.img", "1.12.0", False),
    ],
)
def test_an_image_that_no_write_can_change(url: str, version: str, frozen: bool) -> None:
    copies = [build.copy("n1.0"), build.copy("n2.0")]
    image = build.image("a", copies, source_parameters={"url": url})
    rules = [told(b) for b in found(image, version=version)]
    assert rules == ([("image_frozen", "needs_action", True)] if frozen else [])
    assert "secret" not in str(found(image, version=version))


def test_where_zones_are_hard_the_replica_that_leaves_still_fills_its_zone() -> None:
    """One more first, one less then: another node of the same zone cannot take it."""
    zones = [build.node(name, zone=zone) for name, zone in (("n1", "a"), ("n2", "a"), ("n3", "b"))]
    replicas = [build.replica("r1", "v", "n1"), build.replica("r3", "v", "n3")]
    things = [*zones, build.volume("v", 2), *replicas, build.engine("v", "n3", ["r1", "r3"])]
    assert found(*things) == []
    blocker = only(found(*things, settings={"replica-zone-soft-anti-affinity": "false"}))
    assert told(blocker) == ("no_node_for_replica", "needs_action", True)
    assert "n2: its zone a already has a replica of it" in blocker.detail
    assert blocker.remedy.endswith("share a zone for the time (replica-zone-soft-anti-affinity)")


def test_a_shared_volume_on_the_node_leaves_with_its_share_manager() -> None:
    """Its pod is evicted as a workload's is, before the instance managers; the pods that mount the
    volume on other nodes stay where they are.
    """
    labels = {pod_filters.COMPONENT: pod_volumes.SHARE_MANAGER}
    share = build.pod(
        "share-manager-v", "n1", "longhorn-system", owner_kind="ShareManager", labels=labels
    )
    volume = build.volume(
        "v", 2, access_mode="rwx", workloads=(build.workload("web-0"), build.workload("web-1"))
    )
    ticket = build.ticket("share-manager-controller-v", "n1", "share-manager-controller")
    things = [
        volume,
        *(build.replica(f"r{n}", "v", f"n{n}") for n in (2, 3)),
        build.engine("v", "n1", ["r2", "r3"]),
        build.attachment("v", ticket, build.ticket("csi-1", "n2", "csi-attacher")),
        share,
    ]
    assert found(*things) == []
    cluster = build.cluster("1.12.1", *(build.node(f"n{n}") for n in (1, 2, 3)), *things)
    (verdict,) = pod_filters.judge_all(cluster.pods, "n1", REMOVE.consent)
    assert verdict.fate is pod_filters.Fate.EVICT
    assert pod_volumes.keeps_engines(cluster, share), "instance managers wait for it"
    against = drain_proof.prove(cluster, REMOVE).against[Intent.REMOVE]
    assert "attached there: v" in against and any("share-manager-v" in why for why in against)


def test_a_failed_replica_elsewhere_is_a_place_because_longhorn_takes_it_up_again() -> None:
    """Left after an outage: three replicas of two wanted, one of them failed (played on 1.6.4)."""
    failed = build.replica("r3", "v", "n3", failed_at="2026-01-05T09:00:00Z", state="stopped")
    things = [HERE, build.replica("r2", "v", "n2"), failed, build.engine("v", "n2", ["r1", "r2"])]
    comes_back = Request("n1", Intent.REINSTALL)
    assert found(build.volume("v", 2), *things, request=comes_back) == []
    shut = build.node("n3", [build.disk("n3", allow_scheduling=False)])
    blocker = only(found(build.volume("v", 2), *things, shut, request=comes_back))
    assert told(blocker) == ("no_node_for_replica", "needs_action", True)
