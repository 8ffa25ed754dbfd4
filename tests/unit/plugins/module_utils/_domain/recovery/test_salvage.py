# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a failed copy may be put back, by which way, and what is next on the way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    ManagerFile,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    gate,
    ladder,
    look,
    look_pod,
    salvage,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.gate import (
    Decision,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Place,
    Word,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.salvage import (
    MAP,
    POD,
    Begun,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import Action
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.short_pod import Terms
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from tests.unit.plugins.module_utils._domain.recovery.builders import NAME, Scene
from tests.unit.plugins.module_utils._domain.recovery.test_look import SUM, sight

FAILED = {"d1": "failed", "d2": "failed"}
NOTE = json.dumps({"salvage": {"disk": "d1", "path": "/var/lib/longhorn/nodecare-kept/img-abcd"}})


def window(**scene: Any) -> list[Sight]:
    """The same picture at the beginning and at the end of a window; d1 has a manager m1."""
    seen = sight(**scene)
    return [dataclasses.replace(seen, seconds=each) for each in (0.0, 12.0)]


def place(seen: Sight) -> Place:
    """The file on d1."""
    return look.place_on(seen.cluster.disks["d1"], seen.image)


def other(seen: Sequence[Sight], state: str, sending: int = 0, copies: str = "d1") -> list[Sight]:
    """A second image, of which the manager of d1 has a file in this state; *copies*: where it is
    ready.
    """
    found = []
    for each in seen:
        cluster = each.cluster
        model = next(iter(Scene(states={"d1": "ready", "d2": "ready"}).cluster().images.values()))
        kept = {uuid: copy for uuid, copy in model.copies.items() if uuid in copies.split()}
        second = dataclasses.replace(
            model, meta=dataclasses.replace(model.meta, name="two"), copies=kept
        )
        manager = cluster.managers["m1"]
        files = {**manager.files, "two": ManagerFile("two", state=state, sending=sending)}
        managers = {**cluster.managers, "m1": dataclasses.replace(manager, files=files)}
        made = dataclasses.replace(
            cluster, managers=managers, images={NAME: each.image, "two": second}
        )
        found.append(dataclasses.replace(each, cluster=made))
    return found


def used(**scene: Any) -> list[Sight]:
    """The same with a volume whose replica is on d1."""
    return window(with_volume=True, **scene)


# -- when, and by which way --------------------------------------------------------------------
def test_by_the_map_where_nothing_uses_the_disk() -> None:
    seen = window()
    assert salvage.way(seen[-1], place(seen[-1])) == MAP
    assert salvage.why_not(seen, place(seen[-1])) == ""
    # What else the manager has does not matter: it is not restarted.
    assert salvage.why_not(other(seen, "failed"), place(seen[-1])) == ""


def test_by_the_pod_under_a_replica_in_any_state() -> None:
    seen = used()
    assert salvage.way(seen[-1], place(seen[-1])) == POD


@pytest.mark.parametrize(("kind", "way"), [("download", POD), ("upload", MAP)])
def test_no_map_is_emptied_that_longhorn_would_fill_by_a_download(kind: str, way: str) -> None:
    seen = sight(source_type=kind, states={"d1": "failed"})
    assert salvage.way(seen, place(seen)) == way


@pytest.mark.parametrize(
    ("state", "sending", "copies", "why"),
    [
        ("in-progress", 0, "d1 d2", "is transferring two"),
        ("ready", 1, "d1 d2", "is transferring two"),
        ("failed", 0, "d2", "two has a failed copy on n1/disk, too"),
        ("ready", 0, "d1", "two has its only proven copy on n1/disk"),
        ("ready", 0, "d1 d2", ""),
    ],
)
def test_a_manager_is_not_restarted_under_what_needs_it(
    state: str, sending: int, copies: str, why: str
) -> None:
    seen = other(used(), state, sending, copies)
    found = salvage.why_not(seen, place(seen[-1]))
    assert why in found and bool(found) is bool(why)


@pytest.mark.parametrize(
    ("scene", "why"),
    [
        ({"states": {"d1": "failed", "d2": "starting"}}, "not every entry"),
        ({"states": {"d1": "failed", "d2": ""}}, "not every entry"),
        ({"states": {"d1": "failed", "d2": "unknown"}}, "not every entry"),
        ({"transferred": False}, "its data source is at work"),
        ({"down": ["n1"]}, "n1/disk is not up"),
    ],
)
def test_not_while_anything_moves(scene: dict[str, Any], why: str) -> None:
    seen = window(**scene)
    assert why in salvage.why_not(seen, place(seen[-1]))


def test_not_before_it_has_been_still_for_the_whole_window() -> None:
    still = window()
    assert "whole window" in salvage.why_not([window(states={"d1": "failed", "d2": "starting"})[0],
                                             still[-1]], place(still[-1]))  # fmt: skip


# -- what is next ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("scene", "begun", "action", "text"),
    [
        ({}, Begun(), Action.KEEP, "keeping /var/lib/longhorn/backing-images/img-abcd/backing"),
        ({"states": {"d1": "failed", "d2": "starting"}}, Begun(), Action.STOP, "not every"),
        (
            {"states": {"d1": "failed", "d2": "starting"}, "note": NOTE},
            Begun(),
            Action.WAIT,
            "not every",
        ),
        ({"note": NOTE}, Begun(1, 10.0, ""), Action.WAIT, "manager of n1/disk to start again"),
        ({"note": NOTE}, Begun(1, 40.0, ""), Action.KEEP, "try 2 of 3"),
        ({"note": NOTE}, Begun(1, 10.0, "earlier"), Action.KEEP, "try 2 of 3"),
        ({"note": NOTE}, Begun(3, 40.0, ""), Action.STOP, "did not take the file in 3 tries"),
        (
            {"note": NOTE, "states": {"d1": "", "d2": "failed"}},
            Begun(1, 81.0, ""),
            Action.WAIT,
            "to take the file on n1/disk",
        ),
        (
            {"note": NOTE, "states": {"d1": "", "d2": "failed"}},
            Begun(1, 181.0, ""),
            Action.STOP,
            "has not said in 180 s",
        ),
        ({"note": NOTE, "states": {"d2": "failed"}}, Begun(), Action.KEEP, "and its key into"),
        (
            {"note": NOTE, "states": {"d1": "ready", "d2": "ready"}},
            Begun(),
            Action.RELEASE,
            "removing the kept link /var/lib/longhorn/nodecare-kept/img-abcd on n1",
        ),
        ({"states": {"d1": "ready", "d2": "ready"}}, Begun(), Action.DONE, "healthy"),
        ({"note": NOTE, "states": {"d1": "ready", "d2": "starting"}}, Begun(), Action.WAIT, "1 of"),
    ],
)
def test_the_next_step(scene: dict[str, Any], begun: Begun, action: Action, text: str) -> None:
    seen = window(**scene)
    step = salvage.next_step(seen, place(seen[-1]), begun)
    assert step.action is action and text in step.text


def test_the_file_goes_back_only_when_no_manager_records_it() -> None:
    scene: dict[str, Any] = {"note": NOTE, "states": {"d2": "failed"}}
    seen = window(**scene)[-1]
    manager = seen.cluster.managers["m1"]
    files = {NAME: ManagerFile(NAME, state="failed")}
    managers = {**seen.cluster.managers, "m1": dataclasses.replace(manager, files=files)}
    cluster: Cluster = dataclasses.replace(seen.cluster, managers=managers)
    recorded = see(cluster, seen.image, 12.0)
    step = salvage.next_step([recorded], place(seen), Begun())
    assert step.action is Action.WAIT and "to forget" in step.text


# -- the decision ------------------------------------------------------------------------------
def decided(seen: list[Sight], word: Word, *, experimental: bool = True) -> gate.Gate:
    """With this found on d1 and nothing on d2."""
    places = look.places(seen[-1])
    looks = {p.disk: Look(p, Word.NONE) for p in places}
    looks["d1"] = Look(place(seen[-1]), word, 1024, SUM)
    return gate.decide(seen, looks=looks, experimental=experimental)


def test_only_right_bytes_and_the_operators_word_begin_it() -> None:
    assert decided(window(), Word.RIGHT).decision is Decision.SALVAGE
    assert decided(window(), Word.RIGHT, experimental=False).decision is Decision.REFUSE
    for word in (Word.OTHER, Word.SIZE, Word.NONE, Word.UNREAD):
        assert decided(window(), word).decision is Decision.REFUSE


def test_a_picture_that_moves_is_told() -> None:
    found = decided(window(states={"d1": "failed", "d2": "failed", "d3": "starting"}), Word.RIGHT)
    assert found.decision is Decision.REFUSE and "not salvaged now: not every entry" in found.text


def test_what_has_begun_is_finished_or_told() -> None:
    for states in (FAILED, {"d1": "ready", "d2": "ready"}, {"d2": "failed"}):
        seen = window(note=NOTE, states=states)
        assert gate.decide(seen, experimental=True).decision is Decision.SALVAGE
        told = gate.decide(seen)
        assert told.decision in (Decision.LEAVE, Decision.REFUSE)
        assert told.text.count("/var/lib/longhorn/nodecare-kept/img-abcd") >= 1
        assert "-e experimental=true" in told.text


def test_what_is_lost_by_it_is_told() -> None:
    seen = window()
    second = Look(look.places(seen[-1])[1], Word.OTHER, 1024, "cd" * 64)
    looks = {"d1": Look(place(seen[-1]), Word.RIGHT, 1024, SUM), "d2": second}
    found = gate.decide(seen, looks=looks, experimental=True)
    assert [each.place for each in found.at_risk] == ["n2/disk"]
    assert "other bytes" in found.at_risk[0].what


# -- pod and commands --------------------------------------------------------------------------
def test_the_pod_that_keeps_sees_one_disk_and_may_write_there() -> None:
    terms = Terms("bim:v1", "me", 90, 0.0)
    made = look_pod.keep_pod("p", "n1", [place(sight())], terms)
    container = made["spec"]["containers"][0]
    assert [v["hostPath"]["path"] for v in made["spec"]["volumes"]] == ["/var/lib/longhorn"]
    assert [m["readOnly"] for m in container["volumeMounts"]] == [False]
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["FILE_0"] == "/disks/0/backing-images/img-abcd/backing"
    assert told["KEPT_0"] == "/disks/0/nodecare-kept/img-abcd"
    assert (told["SUM_0"], told["RELEASE"], told["ELSEWHERE"]) == (SUM, "0", "0")


def test_the_commands_for_a_person_keep_first_and_release_last() -> None:
    for seen in (window()[-1], used()[-1]):
        commands = salvage.by_hand(place(seen), seen)
        assert commands[0].startswith("mkdir -p /var/lib/longhorn/nodecare-kept && ln ")
        assert commands[-1].startswith("rm /var/lib/longhorn/nodecare-kept/img-abcd ")
        again = salvage.by_hand(place(seen), seen, kept=True)
        assert commands[0] not in again and again[-1] == commands[-1]
    assert any("delete pod m1" in command for command in salvage.by_hand(place(seen), seen))


def test_a_begun_salvage_is_the_first_way_on_wherever_the_image_is_judged() -> None:
    """Also after its key was taken out, when no copy is left that could be looked at."""
    for states in (FAILED, {"d2": "failed"}, {}):
        rungs = ladder.climb(window(note=NOTE, states=states)[-1])
        assert rungs[0].rule == "kept_file"
        assert "/var/lib/longhorn/nodecare-kept/img-abcd on n1" in rungs[0].text
        assert rungs[0].commands == (
            "ansible-playbook nodecare.longhorn.recover_backing_image -e image=img "
            "-e experimental=true",
        )
        assert not {"put_back", "source_of_upload"} & {rung.rule for rung in rungs}
        assert all("make it anew" not in rung.text for rung in rungs)
    gone = window(note=NOTE, states={"d2": "failed"}, gone=["d1"])[-1]
    assert "n1" not in ladder.climb(gone)[0].text and "its disk" in ladder.climb(gone)[0].text


def test_a_key_that_is_out_already_is_not_taken_out_by_hand_again() -> None:
    seen = window(note=NOTE, states={"d2": "failed"})[-1]
    commands = salvage.by_hand(place(seen), seen, kept=True)
    assert not any('"op": "remove"' in command for command in commands)
    assert any('"op": "add"' in command for command in commands)
