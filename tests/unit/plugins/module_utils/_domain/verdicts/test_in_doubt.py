# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be called lost, what must not be promised, and commands that run as printed."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import diagnosis_text
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Disk,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import (
    Decision,
    decide,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME, Scene

BOTH_FAILED = {"d1": "failed", "d2": "failed"}
RECHECK = "ready file is suddenly modified at 2026, need to re-check the checksum"


def judge(**scene: Any) -> Verdict:
    return catalogue.judge(Scene(**scene).window())


def judge_changed(scene: Scene, **changes: Any) -> Verdict:
    """The verdict on the scene's cluster with the image changed."""
    cluster = scene.cluster()
    image = dataclasses.replace(cluster.images[NAME], **changes)
    return _over_time(dataclasses.replace(cluster, images={NAME: image}))


def _over_time(cluster: Cluster) -> Verdict:
    return catalogue.judge([see(cluster, cluster.images[NAME], at) for at in (0.0, 12.0)])


@pytest.mark.parametrize("progress", [0, 40, 100])
@pytest.mark.parametrize("state", ["in-progress", "pending", "ready-for-transfer"])
def test_what_arrives_is_not_lost_though_its_progress_stands_still(
    state: str, progress: int
) -> None:
    verdict = judge(states={"d1": "failed", "d2": state}, progress=progress)
    assert (verdict.name, verdict.recoverable) == ("undetermined", False)


def test_one_look_at_a_manager_that_has_just_started_tells_of_no_loss() -> None:
    scene = Scene(states={"d1": ""})
    verdict = catalogue.judge([scene.sight()])
    assert (verdict.name, verdict.recoverable) == ("undetermined", False)
    assert catalogue.judge(scene.window()).recoverable
    assert catalogue.judge([Scene(states={"d1": "failed"}).sight()]).recoverable


def test_a_state_nobody_knows_may_be_a_file() -> None:
    verdict = judge(states={"d1": "failed", "d2": "verifying"})
    assert (verdict.name, verdict.recoverable) == ("unknown_may_return", False)
    assert "state verifying, which is not known here" in verdict.summary


def test_a_file_whose_checksum_is_computed_is_waited_for() -> None:
    states = {"d1": "failed", "d2": "unknown"}
    verdict = judge(states=states, messages={"d2": RECHECK})
    assert verdict.name == "unknown_may_return"
    assert verdict.remedy.startswith("wait until its checksum is computed")
    assert not verdict.recoverable


def test_a_manager_that_does_not_run_is_waited_for_and_looked_at() -> None:
    verdict = judge(states={"d1": ""}, managers_down=["d1"])
    assert verdict.name == "unknown_may_return"
    assert verdict.remedy.startswith("wait: node and disk are Ready")
    assert "kubectl -n longhorn-system get pods" in verdict.remedy
    off = judge(states={"d1": "unknown"}, down=["n1"])
    assert off.remedy.startswith("bring n1/disk back")


def test_a_copy_that_may_return_is_named_while_the_image_is_fetched_again() -> None:
    states = {"d1": "failed", "d2": "unknown"}
    scene = {"states": states, "down": ["n2"], "transferred": False, "source_state": "failed"}
    failing = judge(**scene, source_message="expected status code 200 from u, got 404 Not Found")
    assert failing.name == "redownload_failing"
    assert failing.summary.startswith("no copy can be proven (n2/disk may come back)")
    assert failing.remedy.startswith("bring n2/disk back if that is possible. serve the file")
    alone = judge(**{**scene, "down": [], "states": BOTH_FAILED})
    assert alone.summary.startswith("no copy is left")


def test_a_node_that_only_longhorn_lost_may_bring_its_disk_back() -> None:
    cluster = Scene(states={"d1": "failed", "d2": "unknown"}, managers_down=["d2"]).cluster()
    left = {name: node for name, node in cluster.nodes.items() if name != "n2"}
    verdict = _over_time(dataclasses.replace(cluster, nodes=left))
    assert (verdict.name, verdict.recoverable) == ("blocked_by_unknown", False)
    assert "Longhorn has no node n2, but Kubernetes has" in verdict.summary
    kube = {name: node for name, node in cluster.kube_nodes.items() if name != "n2"}
    gone = _over_time(dataclasses.replace(cluster, nodes=left, kube_nodes=kube))
    assert (gone.name, gone.recoverable) == ("unknown_gone", True)


def test_a_copy_of_the_v2_engine_has_no_manager_that_could_tell() -> None:
    copies = {"d1": Copy("d1", in_map=True, data_engine="v2")}
    verdict = judge_changed(Scene(), copies=copies, data_engine="v2")
    assert (verdict.name, verdict.recoverable) == ("unknown_may_return", False)
    assert "the v2 engine tells nothing of it" in verdict.summary


@pytest.mark.parametrize("value", ["--5", "5-", "²", "", "five", "1.5"])
def test_a_setting_that_is_no_number_counts_as_unset(value: str) -> None:
    cluster = Scene(states=BOTH_FAILED).cluster()
    settings = {"backing-image-recovery-wait-interval": value}
    assert " 300 to 330 s" in _over_time(dataclasses.replace(cluster, settings=settings)).summary


@pytest.mark.parametrize("kind", ["upload", "restore", "clone"])
def test_no_further_try_is_promised_for_a_type_that_has_none(kind: str) -> None:
    lost = {"states": BOTH_FAILED, "source_type": kind, "transferred": False}
    verdict = judge(**lost, source_state="failed", source_message="timeout waiting")
    assert verdict.name == "redownload_failing"
    assert "tries again by itself" not in verdict.remedy
    assert "does not try again for this type" in verdict.remedy


@pytest.mark.parametrize("virtual_size", [0, 1024])
def test_nobody_is_told_to_wait_for_an_upload_that_nobody_sends(virtual_size: int) -> None:
    verdict = judge(
        states={"d1": "pending"},
        source_type="upload",
        transferred=False,
        source_state="pending",
        virtual_size=virtual_size,
    )
    assert "send it again" in verdict.remedy


CREATED = "2026-11-20T20:45:44Z"


@pytest.mark.parametrize(
    ("since", "kind", "name"),
    [
        # The four tries of the recording v1.12.1/b-404.
        (CREATED, "download", "first_download_running"),
        ("2026-11-20T20:46:47Z", "download", "first_download_failing"),
        ("2026-11-20T20:53:47Z", "download", "first_download_failing"),
        ("2026-11-20T20:46:47Z", "upload", "first_download_running"),
        ("", "download", "first_download_running"),
    ],
)
def test_a_later_try_is_told_from_the_first_though_its_message_is_gone(
    since: str, kind: str, name: str
) -> None:
    first = Scene(
        states={"d1": ""}, source_state="", transferred=False, virtual_size=0, since=since
    )
    cluster = dataclasses.replace(first, source_type=kind).cluster()
    source = cluster.data_sources[NAME]
    source = dataclasses.replace(source, meta=dataclasses.replace(source.meta, created=CREATED))
    cluster = dataclasses.replace(cluster, data_sources={NAME: source})
    window = [see(cluster, cluster.images[NAME], at) for at in (0.0, 12.0)]
    verdict = catalogue.judge(window)
    assert verdict.name == name
    assert f"tried since {CREATED}" in verdict.summary
    assert ("nothing to do" in verdict.remedy) == (name.endswith("running") and kind == "download")
    assert catalogue.may_pass(window[-1], verdict)
    assert decide(window, new_url=True).decision is Decision.LEAVE


def leftover(state: str = "unknown") -> dict[str, Copy]:
    return {"d2": Copy(disk="d2", reported=True, state=state)}


def test_an_emptied_map_is_not_filled_while_a_dead_manager_keeps_its_entry() -> None:
    scene = Scene(states={}, down=["n2"])
    assert judge_changed(scene).name == "redownloading"
    kept = judge_changed(scene, copies=leftover())
    assert (kept.name, kept.heals_itself) == ("blocked_by_unknown", False)
    assert "n2/disk" in kept.summary
    assert kept.remedy.startswith("ansible-playbook nodecare.longhorn.recover_backing_image")
    # A manager that runs takes its entry away within 30 s.
    assert judge_changed(Scene(states={}), copies=leftover("ready")).name == "redownloading"


@pytest.mark.parametrize(
    ("version", "level", "fate"),
    [("v1.6.4", "unknown", "become a copy again"), ("v1.12.1", "lost", "is deleted when")],
)
def test_what_an_emptied_map_leaves_on_a_dead_node_is_lost_from_1_7_on(
    version: str, level: str, fate: str
) -> None:
    """The returning manager deletes the file (1.12.1); up to 1.6 it can be kept."""
    verdict = judge_changed(Scene(version=version, states={}, down=["n2"]), copies=leftover())
    assert verdict.name == "blocked_by_unknown"
    assert diagnosis_text.level(verdict.as_dict()) == level
    assert fate in verdict.remedy
    lost = level == "lost"
    assert verdict.summary.startswith("no copy is left") == verdict.recoverable == lost
    others = catalogue.WORST_FIRST.index("all_failed_will_recover_itself")
    assert (catalogue.severity(verdict) < others) == lost


def test_a_dead_entry_outside_of_the_map_keeps_longhorn_from_healing_too() -> None:
    scene = Scene(states={"d1": "failed"}, down=["n2"])
    copies = {**scene.cluster().images[NAME].copies, **leftover()}
    assert judge_changed(scene).name == "all_failed_will_recover_itself"
    assert judge_changed(scene, copies=copies).name == "all_failed_needs_recovery"


def closed_to_all(cluster: Cluster, **node_fields: Any) -> Cluster:
    nodes = {name: dataclasses.replace(node, **node_fields) for name, node in cluster.nodes.items()}
    return dataclasses.replace(cluster, nodes=nodes)


@pytest.mark.parametrize("version", ["v1.6.4", "v1.12.1"])
def test_longhorn_heals_nothing_where_no_disk_can_take_it(version: str) -> None:
    lost = Scene(version=version, states=BOTH_FAILED).cluster()
    assert _over_time(lost).heals_itself
    assert not _over_time(closed_to_all(lost, allow_scheduling=False)).heals_itself
    emptied = closed_to_all(Scene(version=version, states={}).cluster(), allow_scheduling=False)
    verdict = _over_time(emptied)
    assert (verdict.name, verdict.detail) == ("redownload_failing", "no_disk")
    assert not verdict.heals_itself


def test_a_disk_that_the_selector_refuses_heals_nothing() -> None:
    scene = Scene(states=BOTH_FAILED)
    assert judge_changed(scene).heals_itself
    assert not judge_changed(scene, disk_selector=("nvme",)).heals_itself


def test_a_hand_over_beside_an_old_failure_is_not_stuck() -> None:
    """The failed entry is another disk's: only the data source's own tells of the hang."""
    scene = Scene(
        states={"d1": "", "d2": "failed"}, transferred=False, source_state="ready", source_disk="d1"
    )
    assert catalogue.judge([scene.sight(0.0)]).name == "redownloading"
    assert catalogue.judge(scene.window()).name == "data_source_stuck"


def test_a_hang_is_not_recovered_while_a_copy_was_ready_a_moment_ago() -> None:
    fetch: dict[str, Any] = {"transferred": False, "source_state": "ready"}
    before = Scene(states={"d1": "failed", "d2": "ready"}, **fetch)
    now = Scene(states={"d1": "failed", "d2": "failed"}, **fetch)
    verdict = catalogue.judge([before.sight(0.0), now.sight(1.0)])
    assert (verdict.name, verdict.recoverable) == ("data_source_stuck", False)
    assert catalogue.judge(now.window()).recoverable


@pytest.mark.parametrize(
    "scene",
    [
        Scene(states={"d1": "ready", "d2": ""}),
        Scene(states={"d1": ""}, virtual_size=0, transferred=False, source_state=""),
        Scene(states={"d1": "ready", "d2": "ready", "d3": ""}),
        Scene(states={"d1": "failed"}, virtual_size=0, transferred=False, source_state=""),
    ],
    ids=["sync", "first file", "further copy", "next try"],
)
def test_one_look_may_fall_between_two_tries(scene: Scene) -> None:
    sight = scene.sight()
    assert catalogue.may_pass(sight, catalogue.judge([sight]))


@pytest.mark.parametrize(
    "scene",
    [
        Scene(states={"d1": "ready", "d2": "ready"}),
        Scene(states={"d1": "ready", "d2": "in-progress"}, progress=40),
        Scene(states={"d1": "ready", "d2": ""}, deleting=True),
    ],
    ids=["healthy", "arriving", "deleting"],
)
def test_one_look_is_enough(scene: Scene) -> None:
    sight = scene.sight()
    verdict = catalogue.judge([sight])
    assert not catalogue.may_pass(sight, verdict)
    assert not catalogue.needs_window(verdict)


ODD_KEY = "it's; touch x"


def patch_of(command: str) -> Any:
    """The JSON of a printed kubectl command, as a shell would hand it over."""
    words = shlex.split(command[command.index("kubectl ") :])
    return json.loads(words[words.index("-p") + 1])


def test_a_key_of_any_text_stays_one_word_of_a_command() -> None:
    copies = {
        "d1": Copy("d1", in_map=True, reported=True, state="ready"),
        "d2": Copy("d2", in_map=True, reported=True, state="ready"),
        ODD_KEY: Copy(ODD_KEY, in_map=True, reported=True, state="unknown"),
    }
    verdict = judge_changed(Scene(), copies=copies)
    assert verdict.name == "orphan_map_entry"
    assert patch_of(verdict.remedy) == [
        {"op": "remove", "path": f"/spec/diskFileSpecMap/{ODD_KEY}"}
    ]


def test_a_deletion_that_an_empty_entry_blocks_is_told_with_its_repair() -> None:
    copies = {"d1": Copy("d1", in_map=True, complete=False, reported=True, state="ready")}
    verdict = judge_changed(Scene(deleting=True), copies=copies)
    assert verdict.name == "deleting"
    assert patch_of(verdict.remedy)[0]["path"] == "/spec/diskFileSpecMap/d1"


def test_commands_name_a_namespace_that_is_not_the_usual_one() -> None:
    cluster = dataclasses.replace(Scene(states=BOTH_FAILED).cluster(), namespace="storage")
    assert _over_time(cluster).remedy.endswith("-e image=img -e longhorn_namespace=storage")


def hundreds(state: str, *, gone: bool = False) -> Sight:
    """One image with a copy on each of 300 disks."""
    cluster = Scene(nodes=1).cluster()
    names = [f"disk-{number}" for number in range(300)]
    node = cluster.nodes["n1"]
    disks = tuple(
        Disk(name=each, node="n1", uuid=each, conditions=node.conditions) for each in names
    )
    node = dataclasses.replace(node, disks=() if gone else disks)
    copies = {each: Copy(each, in_map=True, reported=True, state=state) for each in names}
    image = dataclasses.replace(cluster.images[NAME], copies=copies, min_copies=300)
    cluster = dataclasses.replace(cluster, nodes={"n1": node}, images={NAME: image})
    return see(cluster, image)


@pytest.mark.parametrize("state", ["ready", "failed", "unknown", "in-progress", ""])
@pytest.mark.parametrize("gone", [False, True])
def test_hundreds_of_copies_are_told_in_a_few_lines(state: str, gone: bool) -> None:
    sight = hundreds(state, gone=gone)
    one_is_whole = dataclasses.replace(
        sight.image,
        copies={**sight.image.copies, "d1": Copy("d1", in_map=True, reported=True, state="ready")},
    )
    for seen in (sight, see(sight.cluster, one_is_whole)):
        verdict = catalogue.judge([seen])
        assert len(verdict.summary) < 2500, verdict.name
