# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a look on the nodes goes, how its pods are read, and what the ladder makes of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    gate,
    ladder,
    look,
    look_log,
    look_pod,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.ladder import (
    Rung,
    State,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Place,
    Word,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look_log import (
    Answer,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.short_pod import Terms
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    CHANGED,
    NOT_ASKED,
    SAME,
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import Sight
from tests.unit.plugins.module_utils._domain.recovery.builders import Scene

SUM = "ab" * 64
PLACE = Place(
    "img", "d1", "n1/disk", "n1", "/var/lib/longhorn/backing-images", "img-abcd", 1024, SUM
)
FAILED = {"d1": "failed", "d2": "failed"}


def lines(*said: dict[str, Any]) -> str:
    """A log."""
    return "\n".join(json.dumps(each) for each in said)


def sight(**scene: Any) -> Sight:
    """An image of type upload whose disks have paths, seen now."""
    made = Scene(**{"states": FAILED, "source_type": "upload", **scene}).sight()
    nodes = {
        name: dataclasses.replace(
            node,
            disks=tuple(dataclasses.replace(d, path="/var/lib/longhorn/") for d in node.disks),
        )
        for name, node in made.cluster.nodes.items()
    }
    image = dataclasses.replace(made.image, checksum=SUM, size=1024)
    return dataclasses.replace(
        made, cluster=dataclasses.replace(made.cluster, nodes=nodes), image=image
    )


def salvage(looks: Mapping[str, Look]) -> Rung:
    """The rung, with what was found."""
    return next(rung for rung in ladder.rungs(sight(), looks) if rung.rule == "salvage")


def found(**words: Look) -> dict[str, Look]:
    """Looks by disk, each at the place of its disk."""
    places = {place.disk: place for place in look.places(sight())}
    return {disk: dataclasses.replace(one, place=places[disk]) for disk, one in words.items()}


RIGHT = Look(PLACE, Word.RIGHT, 1024, SUM)
OTHER = Look(PLACE, Word.OTHER, 1024, "cd" * 64)
GONE = Look(PLACE, Word.NONE)
DARK = Look(PLACE, Word.UNREAD, why="Permission denied")


# -- where to look -----------------------------------------------------------------------------
def test_failed_copies_on_disks_that_are_up() -> None:
    assert [place.disk for place in look.places(sight())] == ["d1", "d2"]
    assert look.places(sight())[0].path == PLACE.path
    assert [place.disk for place in look.places(sight(down=["n1"]))] == ["d2"]
    assert look.places(sight(states={"d1": "ready", "d2": "unknown"})) == ()


def test_nothing_to_compare_with_is_nothing_to_look_at() -> None:
    seen = sight()
    bare = dataclasses.replace(seen.image, checksum="")
    assert look.places(dataclasses.replace(seen, image=bare)) == ()


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"root": "/mnt/disk 1/backing-images"}, False),
        ({"root": "/mnt/$(id)/backing-images"}, False),
        ({"root": "/mnt/../etc/backing-images"}, False),
        ({"root": "mnt/backing-images"}, False),
        ({"folder": "img-../../etc"}, False),
        ({"folder": ".."}, False),
    ],
)
def test_only_plain_paths_are_passed_on(change: dict[str, str], good: bool) -> None:
    assert dataclasses.replace(PLACE, **change).nameable is good


# -- what pods say -----------------------------------------------------------------------------
def test_a_whole_log() -> None:
    told = look_log.read(
        lines(
            {"begun": 3},
            {"file": 0, "so_far": 512},
            {"file": 0, "so_far": 1024},
            {"file": 0, "size": 1024, "sha512": SUM},
            {"file": 1, "none": True},
            {"file": 2, "so_far": 512},
            {"file": 2, "broken": "Input/output error"},
            {"file": 2, "size": 1024, "sha512": SUM},
            {"ended": 3},
        )
    )
    assert told.begun and told.ended and not told.missing
    judged = [look.judge(PLACE, told.answers[number]) for number in range(3)]
    assert [each.word for each in judged] == [Word.RIGHT, Word.NONE, Word.UNREAD]
    assert judged[2].why == "Input/output error"


@pytest.mark.parametrize(
    "said",
    [
        {"file": -1, "none": True},
        {"file": True, "none": True},
        {"file": 0, "none": 1},
        {"file": 0, "size": "1", "sha512": SUM},
        {"file": 0, "size": 1, "sha512": "AB" * 64},
        {"file": 0, "size": 1},
        {"file": 0, "broken": "$(reboot)"},
        {"file": 0, "none": True, "more": 1},
    ],
)
def test_an_answer_that_is_not_exactly_of_its_form_counts_for_nothing(said: Any) -> None:
    assert look_log.read(lines(said)).answers == {}


def test_a_log_that_is_cut_off_proves_nothing() -> None:
    whole = lines({"file": 0, "so_far": 1024}, {"file": 0, "size": 1024, "sha512": SUM})
    for length in range(len(whole)):
        assert look_log.read(whole[:length]).answers == {}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer(size=1024, sha512=SUM, read=1024), Word.RIGHT),
        (Answer(size=1024, sha512="cd" * 64, read=1024), Word.OTHER),
        (Answer(size=512), Word.SIZE),
        (Answer(size=1024, sha512=SUM, read=512), Word.UNREAD),
        (Answer(size=1024, read=1024), Word.UNREAD),
        (Answer(none=True), Word.NONE),
        (Answer(broken="Permission denied"), Word.UNREAD),
    ],
)
def test_right_is_only_what_was_read_to_its_end_with_the_recorded_sum(
    answer: Answer, word: Word
) -> None:
    assert look.judge(PLACE, answer).word is word


# -- what the ladder makes of it ---------------------------------------------------------------
def test_open_when_one_has_the_right_bytes() -> None:
    rung = salvage(found(d1=OTHER, d2=RIGHT))
    assert rung.state is State.OPEN
    assert rung.text.startswith(f"n2/disk still has the right bytes: {PLACE.path} (1024 bytes)")
    assert "n1/disk other bytes (sha512 cdcdcdcdcdcd…)" in rung.text
    assert rung.commands[0].startswith("mkdir -p /var/lib/longhorn/nodecare-kept && ln ")
    assert rung.commands[0].endswith("   # on n2") and "-e experimental=true" in rung.text
    assert {each.place.disk for each in rung.evidence} == {"d1", "d2"}


def test_closed_when_none_has() -> None:
    rung = salvage(found(d1=OTHER, d2=GONE))
    assert rung.state is State.CLOSED and rung.commands == ()
    assert rung.text.startswith("no failed copy has the right bytes: n1/disk other bytes")
    assert rung.text.endswith("n2/disk no file")


def test_to_be_looked_at_where_some_could_not_be_read() -> None:
    rung = salvage(found(d1=OTHER, d2=DARK))
    assert rung.state is State.CHECK
    assert "n2/disk cannot be read (Permission denied)" in rung.text
    assert rung.commands == (f"sha512sum {PLACE.path}   # on n2",)


def test_the_same_reason_for_all_is_said_once() -> None:
    rung = salvage(found(d1=DARK, d2=DARK))
    assert rung.text.startswith("the failed copies cannot be looked at: Permission denied. ")
    assert len(rung.commands) == 2


def test_without_a_look_it_says_how() -> None:
    rung = salvage({})
    assert rung.state is State.CHECK and rung.evidence == ()
    assert "-e look_on_nodes=true" in rung.text and SUM in rung.text


@pytest.mark.parametrize(
    ("word", "ok", "needs"),
    [(CHANGED, False, True), (SAME, True, False), (NOT_ASKED, False, False)],
)
def test_a_download_needs_it_when_its_source_was_asked_in_vain(
    word: str, ok: bool, needs: bool
) -> None:
    finding = Finding(word, "http://images.local/f.img …", ok=ok)
    seen = sight(source_type="download")
    assert ladder.applies(seen, finding) is needs
    assert ladder.applies(dataclasses.replace(seen, finding=finding)) is needs
    window = [dataclasses.replace(seen, seconds=each) for each in (0.0, 12.0)]
    decided = gate.decide(window, source=finding, looks=found(d1=RIGHT))
    assert bool(decided.ways) is needs
    assert ("still has the right bytes" in decided.text) is needs


# -- the pod -----------------------------------------------------------------------------------
def test_the_pod_may_only_read_these_folders() -> None:
    second = dataclasses.replace(PLACE, disk="d9", root="/mnt/d9/backing-images")
    other = dataclasses.replace(PLACE, image="two", folder="two-ef")
    terms = Terms("longhorn/backing-image-manager:v1", "me@host:1-x", 90, 0.0, "pull")
    made = look_pod.pod("p", "n1", [PLACE, other, second], terms)
    spec, container = made["spec"], made["spec"]["containers"][0]
    assert spec["nodeName"] == "n1" and spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["automountServiceAccountToken"] is False and spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] == 90
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & spec.keys()
    paths = [volume["hostPath"] for volume in spec["volumes"]]
    assert paths == [{"path": p, "type": "Directory"} for p in (PLACE.root, second.root)]
    assert all(mount["readOnly"] is True for mount in container["volumeMounts"])
    security = container["securityContext"]
    assert "privileged" not in security and security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["FILES"] == "3" and told["SIZE_1"] == "1024"
    assert [told[f"FILE_{n}"] for n in range(3)] == [
        "/disks/0/img-abcd/backing",
        "/disks/0/two-ef/backing",
        "/disks/1/img-abcd/backing",
    ]


def test_the_time_it_gets_grows_with_what_is_read() -> None:
    large = dataclasses.replace(PLACE, size=1 << 30)
    assert 60 < look_pod.longest_run([large]) < look_pod.longest_run([large, large])
