# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of the release test: when it holds, whom it names, the remedy, and if waiting helps."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition, Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Attachment,
    Engine,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import NodeAttachment
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release import evaluate
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.answer import (
    Answer,
    Hold,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.release.policy import Policy
from tests.unit.plugins.module_utils._domain import build

NODES = [build.node(f"n{n}") for n in (1, 2, 3)]
FAILED = "2026-01-05T09:00:00Z"
NEW: dict[str, Any] = {"healthy_at": ""}


def answer(
    *things: Any,
    policy: Policy = Policy.KEEP_LAST,
    version: str = "1.12.1",
    cordoned: tuple[str, ...] = ("n1",),
    settings: dict[str, str] | None = None,
    going: tuple[str, ...] = (),
    pace: dict[str, float] | None = None,
    **fields: Any,
) -> Answer:
    """The answer for n1 of three nodes, cordoned unless said."""
    values = {"node-drain-policy": policy.value, **(settings or {})}
    cluster = build.cluster(version, *NODES, *things, cordoned=cordoned, settings=values, **fields)
    manager = cluster.instance_managers["im-n1"]
    return evaluate.evaluate(cluster, manager, going=going, pace=pace or {})


def told(blocker: Blocker) -> tuple[str, str]:
    return blocker.rule, blocker.clears.value


def only(found: Answer) -> Blocker:
    assert found.hold is Hold.BLOCKED, found
    assert len(found.blockers) == 1, found.blockers
    return found.blockers[0]


def volume(replicas: int = 1, **fields: Any) -> Any:
    return build.volume("v", replicas, **fields)


HERE = build.replica("r1", "v", "n1")
PEER = build.replica("r2", "v", "n2")


def engine(on: str, **fields: Any) -> Engine:
    return build.engine("v", on, **fields)


def running_engine(*tickets: Any) -> list[Any]:
    """The volume's engine on n1, as its instance manager lists it."""
    manager = build.instance_manager("n1", engines=("v-e-0",))
    return [manager, engine("n1"), build.attachment("v", *tickets)]


# The node and its instance manager


def test_an_open_node_keeps_its_budget_whatever_is_on_it() -> None:
    assert told(only(answer(cordoned=()))) == ("node_open", "needs_action")


def test_an_empty_cordoned_node_is_free_and_only_has_to_be_noticed() -> None:
    found = answer()
    assert (found.hold, found.rule, found.blockers[0].seconds) == (Hold.FREE, "to_be_noticed", 30)
    gone = answer(budgets=())
    assert (gone.hold, gone.blockers, gone.clears) == (Hold.FREE, (), None)


@pytest.mark.parametrize(
    ("state", "cordoned", "clears"),
    [
        ("starting", ("n1",), "clears_by_itself"),
        ("error", (), "clears_by_itself"),
        ("error", ("n1",), "needs_action"),
    ],
)
def test_an_instance_manager_that_does_not_run_keeps_what_it_has(
    state: str, cordoned: tuple[str, ...], clears: str
) -> None:
    found = answer(build.instance_manager("n1", state=state), cordoned=cordoned)
    assert found.hold is Hold.UNTOUCHED
    assert told(found.blockers[0]) == ("manager_not_running", clears)
    assert answer(build.instance_manager("n1", state=state), budgets=()).blockers == ()


@pytest.mark.parametrize(
    ("ready", "cordoned", "remedy"),
    [
        (True, (), "wait until it runs"),
        (True, ("n1",), "uncordon n1"),
        (False, (), "bring n1 back first"),
        (False, ("n1",), "bring n1 back first"),
    ],
)
def test_what_brings_an_instance_manager_back(
    ready: bool, cordoned: tuple[str, ...], remedy: str
) -> None:
    node = build.kube_node("n1", bool(cordoned), ready)
    found = answer(build.instance_manager("n1", state="error"), node, cordoned=cordoned)
    assert remedy in found.blockers[0].remedy
    nameless = answer(build.instance_manager("n1", state=""), node, cordoned=cordoned)
    assert nameless.blockers[0].reason.startswith("is not started;")


def test_with_the_autoscaler_an_open_node_is_tested_too() -> None:
    scaled = {"kubernetes-cluster-autoscaler-enabled": "true"}
    assert answer(cordoned=(), settings=scaled).hold is Hold.FREE
    last = answer(volume(), HERE, cordoned=(), settings=scaled)
    assert only(last).rule == "last_replica"


# Engines


@pytest.mark.parametrize("policy", Policy)
def test_an_engine_holds_under_every_policy_and_comes_first(policy: Policy) -> None:
    by_hand = build.ticket("rig", "n1")
    found = answer(volume(), HERE, *running_engine(by_hand), policy=policy)
    assert told(only(found)) == ("manual_attachment", "needs_action")
    assert "rig" in only(found).reason


def test_which_lists_count_as_engines_depends_on_the_release() -> None:
    old = build.instance_manager("n1", instances=("v-e-0",))
    assert answer(volume(), old, version="1.10.2").hold is Hold.BLOCKED
    assert answer(volume(), old, version="1.11.3").hold is Hold.FREE
    frontend = build.instance_manager("n1", frontends=("v-ef-0",))
    assert only(answer(volume(), frontend, version="1.12.1")).name == "v"
    assert answer(volume(), frontend, version="1.11.3").hold is Hold.FREE
    replicas_only = build.instance_manager("n1", replicas=("r1",))
    assert answer(volume(), replicas_only).hold is Hold.FREE


def test_an_engine_on_another_instance_manager_of_the_node_holds_too() -> None:
    other = build.instance_manager("n1", meta=Meta("im-old"), engines=("v-e-0",))
    assert answer(volume(), other, engine("n1")).hold is Hold.BLOCKED


def test_the_setting_that_detaches_exists_from_1_6() -> None:
    detaching = {"detach-manually-attached-volumes-when-cordoned": "true"}
    held = [volume(), *running_engine(build.ticket("rig", "n1"))]
    on = only(answer(*held, settings=detaching))
    assert (told(on), on.seconds) == (("manual_attachment", "clears_by_itself"), 30)
    old = only(answer(*held, settings=detaching, version="1.5.5"))
    assert told(old) == ("manual_attachment", "needs_action")
    assert "cordoned" not in old.remedy


def test_a_pod_holds_until_it_is_evicted() -> None:
    used = volume(workloads=(build.workload("db-0"),))
    held = [used, *running_engine(build.ticket("csi-1", "n1", "csi-attacher"))]
    assert told(only(answer(*held))) == ("held_by_pod", "needs_action")
    assert "default/db-0" in only(answer(*held)).reason
    leaving = only(answer(*held, going=("default/db-0",)))
    assert told(leaving) == ("held_by_leaving_pod", "clears_by_itself")


@pytest.mark.parametrize(
    ("pod", "access", "stops"),
    [
        (build.pod("db-0", "n1"), "rwo", True),
        (build.pod("db-0", "n1", phase="Succeeded"), "rwo", False),
        (build.pod("db-0", "n2"), "rwo", False),
        (build.pod("other", "n1"), "rwo", False),
        (build.pod("db-0", "n1"), "rwx", False),
    ],
    ids=["there", "ended", "elsewhere", "another", "shared"],
)
def test_only_a_pod_that_is_there_stops_it(pod: Any, access: str, stops: bool) -> None:
    """Longhorn's note of who uses a volume may be old."""
    used = volume(workloads=(build.workload("db-0"),), access_mode=access)
    held = [used, *running_engine(build.ticket("csi-1", "n1", "csi-attacher")), pod]
    found = only(answer(*held))
    assert (found.rule, found.stops) == ("held_by_pod", stops)


@pytest.mark.parametrize(
    ("attachment", "clears", "remedy"),
    [
        (None, "needs_action", "take ticket csi-1 out of volumeattachments.longhorn.io v"),
        (False, "needs_action", "it goes with volumeattachment csi-1"),
        (True, "clears_by_itself", "Kubernetes is detaching it"),
    ],
)
def test_a_ticket_that_no_pod_needs_is_not_said_to_go_by_itself(
    attachment: bool | None, clears: str, remedy: str
) -> None:
    held = [volume(), *running_engine(build.ticket("csi-1", "n1", "csi-attacher"))]
    known = {}
    if attachment is not None:
        known["csi-1"] = NodeAttachment(Meta("csi-1", deleting=attachment), node="n1")
    found = only(answer(*held, node_attachments=known))
    assert told(found) == ("held_for_nobody", clears)
    assert remedy in found.remedy and not found.stops


def test_a_share_manager_holds_until_its_pod_is_evicted() -> None:
    pod = build.pod("share-manager-v", "n1", "longhorn-system")
    held = [volume(), pod]
    held += running_engine(build.ticket("t", "n1", "share-manager-controller"))
    stays = only(answer(*held))
    assert told(stays) == ("share_manager", "needs_action")
    assert stays.remedy == "evict pod longhorn-system/share-manager-v"
    elsewhere = dataclasses.replace(pod, node="n2")
    moved = only(answer(*(elsewhere if thing is pod else thing for thing in held)))
    assert moved.remedy == "stop the workloads that mount it"
    leaving = only(answer(*held, going=("longhorn-system/share-manager-v",)))
    assert told(leaving) == ("share_manager_leaving", "clears_by_itself")


@pytest.mark.parametrize(
    ("kind", "rule", "clears"),
    [
        ("volume-eviction-controller", "eviction_ticket", "clears_by_itself"),
        ("backup-controller", "held_by_job", "clears_by_itself"),
        ("something-new", "held_by_job", "needs_action"),
    ],
)
def test_longhorns_own_tickets(kind: str, rule: str, clears: str) -> None:
    held = [volume(), *running_engine(build.ticket("t", "n1", kind))]
    assert told(only(answer(*held))) == (rule, clears)


def test_an_engine_without_ticket_is_on_its_way_out() -> None:
    elsewhere = running_engine(build.ticket("t", "n2"))
    assert told(only(answer(volume(), *elsewhere))) == ("engine_stopping", "clears_by_itself")
    orphan = build.instance_manager("n1", engines=("gone-e-0",))
    assert only(answer(orphan)).rule == "engine_without_volume"


# Replicas


PROTECTED = [volume(2), HERE, PEER]


@pytest.mark.parametrize("policy", Policy)
def test_a_protected_replica_only_holds_where_all_must_leave(policy: Policy) -> None:
    found = answer(*PROTECTED, policy=policy)
    expected = Hold.BLOCKED if policy is Policy.EVICT_ALL else Hold.FREE
    assert found.hold is expected


@pytest.mark.parametrize(
    ("policy", "running", "stopped"),
    [
        (Policy.EVICT_ALL, "replica_evicting", "replica_evicting"),
        (Policy.EVICT_LAST, "replica_evicting", "replica_evicting"),
        (Policy.KEEP_LAST, "last_replica", "last_replica"),
        (Policy.KEEP_LAST_RUNNING, "last_replica", ""),
        (Policy.ALLOW, "", ""),
    ],
)
def test_the_last_replica(policy: Policy, running: str, stopped: str) -> None:
    asleep = build.replica("r1", "v", "n1", state="stopped", desire="stopped")
    for replica, rule in ((HERE, running), (asleep, stopped)):
        found = answer(volume(state="detached"), replica, policy=policy)
        assert found.hold is (Hold.BLOCKED if rule else Hold.FREE)
        assert found.rule == (rule or "to_be_noticed")


@pytest.mark.parametrize("policy", [p for p in Policy if p is not Policy.EVICT_ALL])
def test_a_replica_that_was_never_started_holds_no_data(policy: Policy) -> None:
    never = build.replica("r1", "v", "n1", state="stopped", desire="stopped", **NEW)
    assert answer(volume(), never, policy=policy).hold is Hold.FREE
    assert answer(volume(), never, policy=Policy.EVICT_ALL).hold is Hold.BLOCKED


def test_why_a_complete_peer_does_not_protect() -> None:
    both = only(answer(*PROTECTED, cordoned=("n1", "n2")))
    assert told(both) == ("peer_cordoned", "needs_action")
    assert both.remedy == "uncordon n2"
    down = only(answer(*PROTECTED, build.instance_manager("n2", state="error")))
    assert told(down) == ("peer_manager_down", "clears_by_itself")
    mine = (build.budget("im-n1", {}, "longhorn-system"),)
    bare = only(answer(*PROTECTED, budgets=mine))
    assert told(bare) == ("peer_budget_missing", "clears_by_itself")
    stale = build.replica("r2", "v", "n2", instance_manager="im-gone")
    assert only(answer(volume(2), HERE, stale)).rule == "peer_manager_down"


def test_a_failed_or_unfinished_peer_is_none() -> None:
    failed = build.replica("r2", "v", "n2", failed_at=FAILED, state="stopped")
    assert told(only(answer(volume(2), HERE, failed))) == ("last_replica", "needs_action")
    broken = build.replica("r1", "v", "n1", failed_at=FAILED)
    assert told(only(answer(volume(2), broken, failed))) == ("volume_faulted", "needs_action")


def test_a_second_replica_on_the_node_itself_protects_nothing() -> None:
    twin = build.replica("r2", "v", "n1", disk="n1.1")
    found = answer(volume(2), HERE, twin)
    assert {told(blocker) for blocker in found.blockers} == {("last_replica", "needs_action")}


def test_a_rebuild_elsewhere_ends_it_and_tells_how_far_it_is() -> None:
    new = build.replica("r2", "v", "n2", **NEW)
    modes = {"r1": "RW", "r2": "WO"}
    building = engine("n3", modes=modes, rebuilding={"tcp://10.0.0.2:10000": 88})
    found = only(answer(volume(2), HERE, new, building))
    assert told(found) == ("rebuild_elsewhere", "clears_by_itself")
    assert "rebuild on n2 88 %" in found.reason and found.seconds is None
    paced = only(answer(volume(2), HERE, new, building, pace={"r2": 0.3}))
    assert paced.seconds == 40 and "about 40 s" in paced.reason
    waiting = (Condition("WaitForBackingImage", "True"),)
    held = build.replica("r2", "v", "n2", state="stopped", conditions=waiting, **NEW)
    assert "waits for its image on n2" in only(answer(volume(2), HERE, held)).reason
    resting = build.replica("r2", "v", "n2", state="stopped", desire="stopped", **NEW)
    assert only(answer(volume(2, state="detached"), HERE, resting)).rule == "last_replica"
    wanted = build.replica("r2", "v", "n2", state="stopped", desire="running", **NEW)
    assert only(answer(volume(2, state="detached"), HERE, wanted)).rule == "rebuild_elsewhere"


def test_the_remedy_for_a_last_replica_is_the_cheapest_for_its_state() -> None:
    assert "numberOfReplicas of volume v to 2" in only(answer(volume(), HERE)).remedy
    asleep = build.replica("r1", "v", "n1", state="stopped", desire="stopped")
    detached = only(answer(volume(state="detached"), asleep))
    assert "allow-if-replica-is-stopped" in detached.remedy
    lenient = only(answer(volume(), HERE, policy=Policy.KEEP_LAST_RUNNING))
    assert lenient.remedy.startswith("stop what uses the volume")
    strict = only(answer(volume(data_locality="strict-local"), HERE))
    assert told(strict) == ("strict_local", "never")


# Longhorn's automatic eviction


@pytest.mark.parametrize("policy", [Policy.EVICT_ALL, Policy.EVICT_LAST])
def test_an_eviction_that_cannot_come_about_is_not_called_waiting(policy: Policy) -> None:
    def stuck(*things: Any) -> tuple[str, str]:
        return told(only(answer(*things, policy=policy)))

    assert stuck(volume(clone_mode="linked-clone"), HERE) == ("linked_clone", "never")
    assert stuck(volume(data_locality="strict-local"), HERE) == ("strict_local", "never")
    assert stuck(volume(robustness="faulted"), HERE) == ("volume_faulted", "needs_action")
    dark = build.replica("r1", "v", "n1", disk="unknown")
    assert stuck(volume(), dark) == ("disk_not_ready", "needs_action")
    off = build.node("n1", [build.disk("n1", conditions=build.conditions(ready=False))])
    assert stuck(volume(), HERE, off) == ("disk_not_ready", "needs_action")
    big = volume(size=900 * build.GIB)
    nowhere = only(answer(big, HERE, policy=policy))
    assert told(nowhere) == ("eviction_nowhere", "needs_action")
    assert [line.split(":")[0] for line in nowhere.detail] == ["n1", "n2", "n3"]


@pytest.mark.parametrize("scheduled", [True, False])
def test_what_longhorn_says_of_no_room_is_told_while_it_says_so(scheduled: bool) -> None:
    said = (Condition("Scheduled", str(scheduled), message="insufficient storage"),)
    big = volume(size=900 * build.GIB, conditions=said)
    found = only(answer(big, HERE, policy=Policy.EVICT_ALL))
    assert ("insufficient storage" in f"{found.reason} {found.detail}") is not scheduled


def test_an_eviction_tells_how_far_it_is() -> None:
    policy = Policy.EVICT_ALL
    assert "not begun yet" in only(answer(volume(), HERE, policy=policy)).reason
    flagged = build.replica("r1", "v", "n1", eviction_requested=True)
    assert "is requested" in only(answer(volume(), flagged, policy=policy)).reason
    new = build.replica("r2", "v", "n2", desire="", state="", **NEW)
    assert "to start on n2" in only(answer(volume(), flagged, new, policy=policy)).reason
    leaving = build.replica("r1", "v", "n1", meta=Meta("r1", deleting=True))
    assert told(only(answer(volume(), leaving, policy=policy))) == (
        "replica_evicting",
        "clears_by_itself",
    )


def test_a_failed_replica_is_not_evicted_but_may_be_deleted() -> None:
    failed = build.replica("r1", "v", "n1", failed_at=FAILED)
    found = only(answer(volume(2), failed, PEER, policy=Policy.EVICT_ALL))
    assert told(found) == ("replica_failed", "needs_action")
    assert "delete replica r1" in found.remedy


def test_an_unknown_policy_is_read_as_the_default() -> None:
    found = answer(volume(), HERE, settings={"node-drain-policy": "new-in-1.13"})
    assert only(found).rule == "last_replica"


def test_all_reasons_are_told_and_the_worst_decides_if_waiting_helps() -> None:
    second = [build.volume("w", 2), build.replica("w1", "w", "n1")]
    second += [build.replica("w2", "w", "n2", **NEW)]
    found = answer(volume(), HERE, *second)
    assert [b.rule for b in found.blockers] == ["last_replica", "rebuild_elsewhere"]
    assert found.clears is not None and found.clears.value == "needs_action"


def test_an_attachment_without_tickets_is_no_holder() -> None:
    empty = Attachment(Meta("v"), "v")
    manager = build.instance_manager("n1", engines=("v-e-0",))
    found = only(answer(volume(), manager, engine("n1"), empty))
    assert found.rule == "engine_stopping"
