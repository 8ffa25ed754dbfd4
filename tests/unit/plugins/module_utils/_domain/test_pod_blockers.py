# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds pods, their volumes and their budgets: when it is named, and whether it ever ends."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    around_budget,
    budget_blockers,
    drain_plan,
    evictions,
    label_selector,
    node_detach,
    parse,
    pod_filters,
    pod_volumes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Blocker
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.evictions import Asked, By
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import Consent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import (
    Budget,
    NodeAttachment,
    PersistentVolume,
    Pod,
)
from tests.unit.plugins.module_utils._domain import build

NODES = [build.node(f"n{n}") for n in (1, 2, 3)]
DB = {"app": "db"}
IM = {pod_filters.COMPONENT: pod_filters.INSTANCE_MANAGER}


def cluster(*things: Any, **fields: Any) -> Cluster:
    given = {thing.meta.name for thing in things if isinstance(thing, build.Node)}
    calm = [node for node in NODES if node.name not in given]
    return build.cluster("1.12.1", *calm, *things, **fields)


def budget(name: str = "db", **fields: Any) -> Budget:
    values = {"expected": 3, "desired": 2, "healthy": 2, "min_available": "2"}
    return Budget(Meta(name, "default"), DB, **{**values, **fields})


def persistent(volume: str, **fields: Any) -> PersistentVolume:
    values = {"driver": pod_volumes.DRIVER, "handle": volume, "claim_namespace": "default"}
    return PersistentVolume(Meta(f"pv-{volume}"), **{**values, "claim": volume, **fields})


def with_volumes(made: Cluster, *volumes: PersistentVolume, **fields: Any) -> Cluster:
    held = {volume.name: volume for volume in volumes}
    return dataclasses.replace(made, persistent_volumes=held, **fields)


def told(found: list[Blocker]) -> list[tuple[str, str, bool]]:
    return [(b.rule, b.clears.value, b.stops) for b in found]


def planned(made: Cluster, consent: Consent | None = None) -> list[Blocker]:
    request = Request("n1", Intent.REBOOT, consent or Consent())
    return list(drain_plan.make(made, request).blockers)


@pytest.mark.parametrize(
    ("fields", "clears", "remedy"),
    [
        ({}, "clears_by_itself", "wait until 3 of its pods are ready"),
        ({"desired": 3, "min_available": "3"}, "never", "or lower minAvailable to 2"),
        (
            {"desired": 3, "min_available": "", "max_unavailable": "0"},
            "never",
            "set its maxUnavailable to at least 1",
        ),
        (
            {"expected": 1, "desired": 1, "healthy": 1, "min_available": "1"},
            "never",
            "give the workload one more replica; or -e disable_eviction=true",
        ),
        ({"expected": 0, "desired": 0, "healthy": 0}, "clears_by_itself", "wait until 1 of its"),
    ],
)
def test_a_budget_that_demands_all_its_pods_never_clears(
    fields: dict[str, Any], clears: str, remedy: str
) -> None:
    (found,) = planned(cluster(build.pod("db-0", "n1", labels=DB), budget(**fields)))
    assert (found.clears.value, found.stops) == (clears, clears == "never")
    assert found.name == "default/db" and "db-0 stays" in found.reason
    assert remedy in found.remedy


def test_one_blocker_for_a_budget_however_many_pods_it_holds() -> None:
    pods = [build.pod(f"db-{n}", "n1", labels=DB) for n in range(7)]
    (found,) = planned(cluster(*pods, budget(desired=3)))
    assert "db-0, db-1, db-2, db-3, db-4 and 2 more stay" in found.reason


def test_a_pod_under_two_budgets_is_never_evicted() -> None:
    made = cluster(build.pod("db-0", "n1", labels=DB), budget("a"), budget("b", allowed=1))
    assert told(planned(made)) == [("several_budgets", "never", True)]


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_budgets_do_not_hold_what_does_not_run(phase: str) -> None:
    assert planned(cluster(build.pod("db-0", "n1", labels=DB, phase=phase), budget())) == []


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({"healthy": 2}, False),
        ({"healthy": 1}, True),
        ({"healthy": 1, "spares_unready": True}, False),
        ({"healthy": 2, "allowed": 1}, False),
    ],
)
def test_a_pod_that_is_not_ready_is_let_go_where_enough_others_are(
    fields: dict[str, Any], held: bool
) -> None:
    made = cluster(build.pod("db-0", "n1", labels=DB, ready=False), budget(**fields))
    assert bool(planned(made)) is held
    raw = {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}, "metadata": {"name": "x"}}
    assert parse.budget(raw).spares_unready and not parse.pod({"metadata": {}}).ready


def test_pods_that_come_back_to_the_cordoned_node_are_told() -> None:
    pod = build.pod("agent-x", "n1")
    verdicts = pod_filters.judge_all([pod], "n1", Consent())
    owner = evictions.owner_of(pod)

    def found(number: int) -> tuple[Blocker, ...]:
        came = {owner: number, ("default", "ReplicaSet", "gone"): 9}
        return evictions.of_pods(cluster(pod), "n1", verdicts, {}, 0.0, came_back=came)

    assert found(2) == ()
    assert told(list(found(3))) == [("comes_back", "needs_action", True)]
    assert found(3)[0].name == "default/rs" and "has started 3 pods on n1" in found(3)[0].reason


def test_a_pod_that_stays_with_its_volume_stops_the_plan() -> None:
    volume = build.volume("v", 1, workloads=(build.workload("agent"),))
    csi = build.attachment("v", build.ticket("csi-1", "n1", "csi-attacher"))
    there = build.replica("r2", "v", "n2")
    things = (volume, csi, there, build.engine("v", "n1", ["r2"]))
    agent = build.pod("agent", "n1", owner_kind="DaemonSet")
    assert told(planned(cluster(*things, agent))) == [("held_by_pod", "needs_action", True)]
    shared = dataclasses.replace(volume, access_mode="rwx")
    assert not planned(cluster(shared, *things[1:], agent))[0].stops


def test_what_goes_around_a_budget_stops_nothing() -> None:
    consent = Consent(disable_eviction=True)
    made = cluster(build.pod("db-0", "n1", labels=DB), budget(desired=3))
    assert told(planned(made, consent)) == [("budget_bypassed", "clears_by_itself", False)]
    scratch = build.pod("db-0", "n1", labels=DB, empty_dirs=("tmp",))
    consent = Consent(disable_eviction=True, delete_emptydir_data=True)
    (found,) = planned(cluster(scratch, budget(desired=3)), consent)
    assert found.clears.value == "never"
    assert found.detail == (
        "default/db-0 is not deleted around it: it keeps data in emptyDir tmp, "
        "and its peers are short",
    )


def test_around_a_budget_only_with_the_data_elsewhere() -> None:
    pod = build.pod("db-0", "n1", claims=("v",))
    here, there = build.replica("r1", "v", "n1"), build.replica("r2", "v", "n2")
    volume = build.volume("v", 2)
    assert (
        around_budget.against(with_volumes(cluster(pod, volume, here, there), persistent("v")), pod)
        == ""
    )
    alone = with_volumes(cluster(pod, volume, here), persistent("v"))
    assert "has its only healthy replica on n1" in around_budget.against(alone, pod)
    lost = with_volumes(cluster(pod, volume), persistent("v"))
    assert "has no healthy replica" in around_budget.against(lost, pod)
    assert "cannot be told" in around_budget.against(cluster(pod), pod)
    local = with_volumes(cluster(pod), persistent("v", driver="", local=True))
    assert "are on n1 only" in around_budget.against(local, pod)
    nfs = with_volumes(cluster(pod), persistent("v", driver="nfs.csi.k8s.io"))
    assert around_budget.against(nfs, pod) == ""


def test_an_instance_manager_goes_around_its_budget_only_when_nothing_needs_it() -> None:
    pod = build.pod("im-n1", "n1", "longhorn-system", labels=IM)
    replica = build.replica("r1", "v", "n1")
    volume = build.volume("v", 1)
    assert around_budget.against(cluster(pod, cordoned=["n1"]), pod) == ""
    last = cluster(pod, volume, replica, cordoned=["n1"])
    assert "Longhorn still holds it: replica r1 is the only" in around_budget.against(last, pod)
    allowed = cluster(
        pod, volume, replica, cordoned=["n1"], settings={"node-drain-policy": "always-allow"}
    )
    assert "replica r1 has no protected peer" in around_budget.against(allowed, pod)
    stopped = build.instance_manager("n1", state="error")
    assert "does not run" in around_budget.against(cluster(pod, stopped, cordoned=["n1"]), pod)
    unknown = build.pod("im-old", "n1", "longhorn-system", labels=IM)
    assert "no instance manager of that name" in around_budget.against(cluster(unknown), unknown)


def test_claims_lead_to_longhorn_volumes_by_their_driver() -> None:
    pod = build.pod("p", "n1", claims=("a", "b", "c"))
    noted = build.volume("vol-c", 1, claim="c", claim_namespace="default")
    made = with_volumes(
        cluster(pod, noted),
        persistent("vol-a", claim="a"),
        persistent("vol-b", claim="b", driver="ebs.csi.aws.com"),
        persistent("x", claim="a", claim_namespace="other"),
    )
    assert pod_volumes.volumes_of(made, pod) == ("vol-a", "vol-c")
    assert pod_volumes.keeps_engines(made, pod)
    assert not pod_volumes.keeps_engines(made, dataclasses.replace(pod, phase="Succeeded"))
    share = {pod_filters.COMPONENT: pod_volumes.SHARE_MANAGER}
    assert pod_volumes.keeps_engines(made, build.pod("share-manager-v", "n1", labels=share))
    assert pod_volumes.foreign_claims(made, pod) == (("b", False),)


def test_claims_of_ephemeral_volumes_and_history_are_read_as_what_they_are() -> None:
    raw = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "volumes": [
                {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "config", "configMap": {}},
            ]
        },
    }
    assert parse.pod(raw).claims == ("web-scratch", "data")
    known = {"namespace": "default", "workloadsStatus": [{"podName": "old"}]}
    volume = {"metadata": {"name": "v"}, "status": {"kubernetesStatus": known}}
    assert [w.pod for w in parse.volume(volume).workloads] == ["old"]
    known["lastPodRefAt"] = "2026-01-05T08:00:00Z"
    assert parse.volume(volume).workloads == ()


def attached(volume: str, node: str = "n1", **fields: Any) -> NodeAttachment:
    deleting = fields.pop("deleting", False)
    values = {"attacher": pod_volumes.DRIVER, "node": node, "volume": f"pv-{volume}"}
    return NodeAttachment(Meta(f"csi-{volume}", deleting=deleting), **{**values, **fields})


def detaching(made: Cluster, *pods: Pod, waited: float = 0.0) -> list[Blocker]:
    verdicts = pod_filters.judge_all(pods, "n1", Consent())
    held = node_detach.held(made, "n1", verdicts)
    return list(node_detach.blockers(made, "n1", held, waited))


@pytest.mark.parametrize(
    ("attachment", "used", "rule", "clears"),
    [
        (attached("v", deleting=True), False, "detaching", "clears_by_itself"),
        (attached("v"), False, "attached_for_nobody", "clears_by_itself"),
        (attached("v"), True, "attached_for_pod", "clears_by_itself"),
        (attached("v", error="rpc error"), False, "detach_failed", "needs_action"),
    ],
)
def test_a_volume_that_kubernetes_holds_on_the_node(
    attachment: NodeAttachment, used: bool, rule: str, clears: str
) -> None:
    made = with_volumes(cluster(), persistent("v"), node_attachments={"csi-v": attachment})
    pods = [build.pod("db-0", "n1", claims=("v",))] if used else []
    (found,) = detaching(made, *pods)
    assert (found.rule, found.clears.value, found.name) == (rule, clears, "v")
    assert found.detail == ("held by volumeattachments.storage.k8s.io csi-v",)


@pytest.mark.parametrize(
    ("deleting", "ready", "waited", "clears", "seconds", "remedy"),
    [
        (False, True, 59, "clears_by_itself", None, "when the kubelet has unmounted it"),
        (False, True, 60, "needs_action", None, "nobody takes volumeattachments.storage.k8s.io"),
        (False, False, 400, "clears_by_itself", 360, "by force 6 min after n1 was lost"),
        (True, True, 59, "clears_by_itself", 30, "wait until Longhorn has detached it"),
        (True, True, 60, "needs_action", None, "see why the pods csi-attacher-"),
    ],
)
def test_what_hangs_on_a_node_is_not_said_to_end_by_itself(
    deleting: bool, ready: bool, waited: float, clears: str, seconds: int | None, remedy: str
) -> None:
    held = {"csi-v": attached("v", deleting=deleting)}
    node = build.kube_node("n1", ready=ready)
    made = with_volumes(cluster(node), persistent("v"), node_attachments=held)
    (found,) = detaching(made, waited=waited)
    assert (found.clears.value, found.seconds) == (clears, seconds)
    assert remedy in found.remedy


def test_nobody_waits_for_volumes_of_pods_that_stay_or_of_other_nodes_and_drivers() -> None:
    stays = build.pod("agent", "n1", owner_kind="DaemonSet", claims=("v",))
    held = {
        "csi-v": attached("v"),
        "csi-w": attached("w", node="n2"),
        "csi-x": attached("x", attacher="ebs.csi.aws.com"),
    }
    made = with_volumes(cluster(), persistent("v"), node_attachments=held)
    assert detaching(made, stays) == []


def test_without_the_right_the_tickets_of_longhorn_tell() -> None:
    tickets = build.attachment(
        "v", build.ticket("csi-1", "n1", "csi-attacher"), build.ticket("rig", "n1")
    )
    made = cluster(tickets, unreadable=frozenset({node_detach.READ_FROM}))
    (found,) = detaching(made)
    assert found.detail == ("held by attachment ticket csi-1",)
    assert told(planned(made))[0] == ("right_missing", "needs_action", False)


def while_ending(pod: Pod, seconds: float, **fields: Any) -> list[Blocker]:
    made = cluster(pod, **fields)
    asked = {pod.meta.uid: Asked(granted=True, ending_since=100.0)}
    verdicts = pod_filters.judge_all([pod], "n1", Consent())
    return list(evictions.of_pods(made, "n1", verdicts, asked, 100.0 + seconds))


def dying(**fields: Any) -> Pod:
    meta = Meta("web", "default", uid="u", deleting=True)
    return dataclasses.replace(build.pod("web", "n1", **fields), meta=meta)


@pytest.mark.parametrize(
    ("fields", "seconds", "rule", "clears"),
    [
        ({}, 20.0, "pod_ending", "clears_by_itself"),
        ({}, 61.0, "pod_stuck", "needs_action"),
        ({"finalizers": ("x/y",)}, 31.0, "pod_finalizers", "needs_action"),
        ({"finalizers": ("x/y",), "phase": "Succeeded"}, 1.0, "pod_finalizers", "needs_action"),
    ],
)
def test_a_pod_that_does_not_end(
    fields: dict[str, Any], seconds: float, rule: str, clears: str
) -> None:
    (found,) = while_ending(dying(**fields), seconds)
    assert (found.rule, found.clears.value) == (rule, clears)
    assert while_ending(dying(**{**fields, "phase": "Running"}), 5.0) == []


def test_nobody_ends_a_pod_on_a_node_that_is_away() -> None:
    (found,) = while_ending(dying(), 1.0, kube_nodes={"n1": build.kube_node("n1", ready=False)})
    assert found.rule == "pod_unreachable" and "out-of-service" in found.remedy


@pytest.mark.parametrize(
    ("by", "rule", "clears"),
    [
        (By.NOBODY, "server_refuses", "clears_by_itself"),
        (By.WEBHOOK, "webhook_refuses", "needs_action"),
        (By.BUDGET, "budget", "clears_by_itself"),
    ],
)
def test_who_refused_is_told(by: By, rule: str, clears: str) -> None:
    pod = build.pod("db-0", "n1", labels=DB)
    asked = {pod.meta.uid: Asked(refusals=1, by=by, reason="no")}
    verdicts = pod_filters.judge_all([pod], "n1", Consent())
    (found,) = evictions.of_pods(cluster(pod, budget()), "n1", verdicts, asked, 0.0)
    assert (found.rule, found.clears.value) == (rule, clears)


def test_a_plan_names_pods_with_finalizers_and_those_that_never_end() -> None:
    assert told(planned(cluster(build.pod("web", "n1", finalizers=("x/y",))))) == [
        ("pod_finalizers", "clears_by_itself", False)
    ]
    assert told(planned(cluster(dying(finalizers=("x/y",))))) == [
        ("pod_finalizers", "needs_action", True)
    ]


def test_daemon_sets_block_only_when_asked_to() -> None:
    pod = build.pod("agent", "n1", owner_kind="DaemonSet")
    assert planned(cluster(pod)) == []
    consent = Consent(ignore_daemonsets=False)
    assert told(planned(cluster(pod), consent)) == [("daemon_set_pod", "needs_action", True)]


def test_a_plan_names_a_rebuild_elsewhere_and_another_maintenance() -> None:
    here = build.replica("r1", "v", "n1")
    new = build.replica("r2", "v", "n2", healthy_at="")
    engine = build.engine("v", "n3", modes={"r1": "RW", "r2": "WO"}, rebuilding={"x": 63})
    made = cluster(build.volume("v", 2, robustness="degraded"), here, new, engine)
    found = planned(dataclasses.replace(made, lock_holder="drain-n2@host"))
    assert ("rebuild_elsewhere", "clears_by_itself", True) in told(found)
    assert "rebuild on n2 63 %" in found[0].reason
    assert ("maintenance_running", "clears_by_itself", False) in told(found)


def test_a_plan_names_a_live_migration() -> None:
    moving = build.volume("v", 1, migrates_to="n3")
    made = cluster(moving, build.replica("r1", "v", "n1"), build.engine("v", "n2", ["r1"]))
    found = planned(made)
    assert ("volume_migrating", "clears_by_itself", True) in told(found)
    assert "live migration to n3" in next(b for b in found if b.rule == "volume_migrating").reason


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("", True),
        ("app=db", True),
        ("app==db,tier!=cache", True),
        ("app in (web, db),!canary", True),
        ("app notin (db)", False),
        ("tier", False),
        ("tier notin (x)", True),
        ("app!=db", False),
    ],
)
def test_label_selectors(selector: str, chosen: bool) -> None:
    assert label_selector.matches(selector, DB) is chosen


@pytest.mark.parametrize("selector", ["app in db", "app=a=b", "(x)", "a b", "app,,b"])
def test_what_is_no_label_selector_is_refused(selector: str) -> None:
    with pytest.raises(label_selector.BadSelector):
        label_selector.terms(selector)


def test_budgets_are_found_by_label_and_namespace() -> None:
    pod = build.pod("db-0", "n1", labels=DB)
    other = Budget(Meta("other", "elsewhere"), DB)
    made = cluster(pod, budget(), dataclasses.replace(other))
    assert [b.name for b in budget_blockers.budgets_of(made, pod)] == ["db"]
