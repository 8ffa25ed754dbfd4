# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a drain, exactly as a person reads them."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_plan,
    drain_report,
    drain_text,
    memory,
    setting,
    units,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_proof import prove
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rolling
from tests.unit.plugins.module_utils._domain import build

REMOVE = Request("worker-3", Intent.REMOVE)
ONE_DISK = Request("worker-3", Intent.REMOVE, disk="worker-3.0", disk_name="nvme0")


def scene(*more: Any) -> Cluster:
    nodes = [
        build.node(f"worker-{n}", [build.disk(f"worker-{n}", name="nvme0")]) for n in (1, 2, 3)
    ]
    ubuntu = build.image("ubuntu-24.04", [build.copy("worker-3.0")], size=5632 * 2**20)
    win = build.image("win-2025", [build.copy("worker-3.0"), build.copy("worker-1.0")])
    replica = build.replica("pvc-1-r-1", "pvc-1", "worker-3", image="ubuntu-24.04")
    volume = build.volume("pvc-1", 1, image="ubuntu-24.04")
    things = [replica, volume, build.engine("pvc-1", "worker-1", ["pvc-1-r-1"])]
    return build.cluster(
        "1.12.1", *nodes, ubuntu, win, *things, build.pod("web", "worker-3"), *more
    )


def test_the_plan_as_a_diff() -> None:
    cluster = scene(build.pod("debug", "worker-3", owner_kind=""))
    plan = drain_plan.make(cluster, REMOVE)
    assert drain_text.summary(plan) == [
        "worker-3, intent remove, Longhorn 1.12.1: 2 images have a copy and 1 replica on it, which "
        "must leave; 1 copy to make (5.5 GiB), 1 volume to work on, 1 pod to evict",
        "afterwards: safe to reboot, reinstall or remove",
        "1 blocker needs you",
    ]
    first, second = drain_text.diff(plan, cluster)
    assert first["before"].splitlines() == [
        "node worker-3   schedulable: true    cordoned: false   copies: 2   replicas: 1",
        "disk worker-1/nvme0   100.0 GiB free",
    ]
    assert first["after"].splitlines() == [
        "node worker-3   schedulable: false   cordoned: true    copies: 0   replicas: 0",
        "disk worker-1/nvme0   94.5 GiB free   (+1 image, 5.5 GiB)",
    ]
    assert second["prepared"].splitlines() == [
        "1 copy to make, 5.5 GiB (1 image is whole without it):",
        "+ ubuntu-24.04     5.5 GiB   worker-3/nvme0 -> worker-1/nvme0   only copy, 1 volume uses "
        "it",
        "1 volume to work on:",
        "~ pvc-1     1.0 GiB   replicas 1 -> 2 -> 1",
        "2 copies to take off it once every image is safe elsewhere",
        "disk entries to take out of Longhorn: nvme0",
        "1 pod to evict, 0 left where they are:",
        "- default/web",
        "blockers:",
        "! pod default/debug   no controller would start it again   "
        "needs action: delete it, or -e force=true",
    ]


def test_the_diff_of_one_disk_does_not_speak_of_a_drain() -> None:
    cluster = scene()
    plan = drain_plan.make(cluster, ONE_DISK)
    headers = [drain_text.diff(plan, cluster)[0][f"{when}_header"] for when in ("before", "after")]
    assert headers == [
        "worker-3/nvme0 and target disks now",
        "worker-3/nvme0 and target disks once it is empty",
    ]


def test_the_refusal_names_every_blocker() -> None:
    plan = drain_plan.make(scene(build.pod("debug", "worker-3", owner_kind="")), REMOVE)
    assert drain_text.refusal(plan).splitlines() == [
        "worker-3 cannot be drained for 'remove' yet; nothing was changed.",
        "  ! pod default/debug   no controller would start it again   "
        "needs action: delete it, or -e force=true",
        "Solve what needs action and run the same command again.",
    ]


def test_a_finished_drain_has_nothing_to_do() -> None:
    before = {"intent": "remove"}
    empty = build.node("worker-3", [], allow_scheduling=False, before=before)
    cluster = build.cluster("1.12.1", build.node("worker-1"), empty, cordoned=["worker-3"])
    plan = drain_plan.make(cluster, REMOVE)
    assert not plan.work
    assert drain_text.summary(plan) == ["worker-3, intent remove, Longhorn 1.12.1: nothing to do"]


def test_the_report() -> None:
    before = {"intent": "remove"}
    empty = build.node("worker-3", [], allow_scheduling=False, before=before)
    cluster = build.cluster("1.12.1", build.node("worker-1"), empty, cordoned=["worker-3"])
    steps = {
        "begin": {"closed": True},
        "images": {
            "copies_made": [{"image": "a"}] * 8,
            "bytes": 19 * 2**30,
            "seconds": 380,
            "lowest_proven": 1,
        },
        "replicas": {
            "raised": ["v1", "v2"],
            "replicas_deleted": ["r1", "r2"],
            "degraded": 2,
            "degraded_longest_seconds": 58,
        },
        "pods": {
            "evicted": ["a/b"] * 31,
            "waited_for_budgets": {"a/b": 130},
            "longest_wait_seconds": 130,
        },
        "release": {"keys_removed": [{}] * 12, "lowest_proven": 2},
    }
    assert drain_report.report(prove(cluster, REMOVE), REMOVE, steps, 401) == [
        "worker-3 is drained for 'remove' (6 min 41 s): safe to reboot, reinstall or remove",
        "  images    8 copies made (19.0 GiB, 51.2 MiB/s) beside those that came with a replica, "
        "12 taken off it, lowest number of proven copies of any image on the way: 1",
        "  volumes   2 replicas moved, 0 volumes degraded now (2 were, for 58 s at most)",
        "  pods      31 evicted (1 waited up to 2 min 10 s for a budget)",
        "  node      cordoned; no disk left in Longhorn; scheduling true -> false; "
        "earlier values kept in annotation longhorn.nodecare.dev/before",
        "  next      power worker-3 off, then run the same command with -e delete_node=true, or "
        "kubectl delete node worker-3; its Longhorn node goes by itself",
    ]


def test_copies_that_had_to_be_made_again_are_told() -> None:
    empty = build.node("worker-3", [], before={"intent": "remove"})
    cluster = build.cluster("1.12.1", build.node("worker-1"), empty, cordoned=["worker-3"])
    steps = {
        "images": {"copies_made": [{"image": "a"}], "bytes": 0, "seconds": 1},
        "release": {"keys_removed": [{}], "copies_made": [{"image": "a"}], "bytes": 5},
    }
    told = drain_report.report(prove(cluster, REMOVE), REMOVE, steps, 9)[1]
    assert (
        "1 copy made (0 B, 0 B/s), 1 made again for others that went meanwhile, 1 taken off it"
        in told
    )
    figures = rolling.figures(steps)
    assert (figures["copies"], figures["bytes"]) == (2, 5)


def test_what_speaks_against_another_intent_is_only_in_the_outcome() -> None:
    request = Request("worker-1", Intent.REBOOT)
    two = build.image("two", [build.copy("worker-1.0"), build.copy("worker-2.0")])
    nodes = [build.node(name) for name in ("worker-1", "worker-2")]
    proof = prove(build.cluster("1.12.1", *nodes, two, cordoned=["worker-1"]), request)
    lines = drain_report.report(proof, request, {}, None)
    assert lines[0] == (
        "worker-1 is drained for 'reboot': safe to reboot; NOT safe to reinstall or remove: "
        "1 copy remains"
    )
    assert not [line for line in lines if line.startswith("  not ")]


def test_a_node_that_still_holds_something_is_not_safe() -> None:
    request = Request("worker-3", Intent.REBOOT)
    proof = prove(scene(), request)
    assert not any(proof.safe(intent) for intent in Intent)
    lines = drain_report.report(proof, request, {}, None)
    assert lines[0].startswith("worker-3 is NOT drained for 'reboot': NOT safe to reboot: ")
    assert " reinstall or remove: " in lines[0] and "; safe to" not in lines[0]
    assert "  not reboot: no proven copy elsewhere: ubuntu-24.04" in lines
    assert "  not reboot: no complete replica elsewhere: pvc-1" in lines
    assert "  not remove: 1 replica, 2 copies, 2 status entries left on worker-3" in lines


def test_units() -> None:
    assert [units.spell_bytes(n) for n in (0, 1023, 32 * 2**20, 5632 * 2**20)] == [
        "0 B",
        "1023 B",
        "32.0 MiB",
        "5.5 GiB",
    ]
    assert units.names([f"n{n}" for n in range(7)], 3) == "n0, n1, n2 and 4 more"
    assert units.count(1, "copy", "copies") == "1 copy"


def test_settings_of_either_form() -> None:
    found = {"a": '{"v1":"3","v2":"2"}', "b": "false", "c": "", "d": "{broken"}
    assert setting.number(found, "a", 1) == 3
    assert setting.flag(found, "b", True) is False
    assert setting.number(found, "c", 7) == 7
    assert setting.text(found, "d", "default") == "default"


def test_notes_are_read_back_and_never_trusted_blindly() -> None:
    fresh = Meta("a")
    assert memory.note(fresh, {"b": 1}) == [
        {"op": "add", "path": "/metadata/annotations", "value": {memory.BEFORE: '{"b":1}'}}
    ]
    others = Meta("a", annotated=True)
    assert memory.note(others, {"b": 1}) == [
        {
            "op": "add",
            "path": "/metadata/annotations/longhorn.nodecare.dev~1before",
            "value": '{"b":1}',
        }
    ]
    for text in ("", "nonsense", "[1]"):
        assert memory.before(Meta("a", annotations={memory.BEFORE: text})) == {}
    assert memory.forget(fresh) == []


def test_parts_of_a_note_go_one_by_one() -> None:
    both = Meta("a", annotations={memory.BEFORE: '{"map":{},"recovery":{"x":1}}'}, annotated=True)
    assert memory.drop(both, "map", "node")[0]["value"] == '{"recovery":{"x":1}}'
    assert memory.drop(both, "node") == []
    ours = Meta("a", annotations={memory.BEFORE: '{"map":{}}'}, annotated=True)
    assert memory.drop(ours, "map", "node")[0]["op"] == "remove"


def test_copies_that_were_made_before_longhorns_own_eviction_are_counted() -> None:
    steps: dict[str, Any] = {
        "targets": {"copies_made": [{"image": "a"}] * 7, "bytes": 7 << 20, "seconds": 7},
        "images": {"copies_made": [], "bytes": 0, "seconds": 5},
        "release": {"keys_removed": [{}] * 7},
    }
    empty = build.node("worker-3", [], before={"intent": "remove"})
    cluster = build.cluster("1.12.1", build.node("worker-1"), empty, cordoned=["worker-3"])
    told = drain_report.report(prove(cluster, REMOVE), REMOVE, steps, 9)[1]
    assert "7 copies made (7.0 MiB, 1.0 MiB/s), 7 taken off it" in told
    figures = rolling.figures(steps)
    assert (figures["copies"], figures["bytes"]) == (7, 7 << 20)
