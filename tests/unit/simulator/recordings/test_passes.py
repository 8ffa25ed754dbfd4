# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders in which managers' files were served, load and downloads, taken from a recording."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.simulator.longhorn.choices import CLEAN_UP, DELETION, PREPARATION, Walk
from tests.simulator.recordings import passes, rig
from tests.simulator.recordings.downloads import RecordedDownloads
from tests.simulator.recordings.load import Recording, load
from tests.simulator.recordings.passes import Pass, RecordedPasses
from tests.unit.simulator.recordings.made import (
    DISKS,
    NODES,
    ZERO,
    Object,
    at,
    image,
    meta,
    nodes,
    write,
)

NAME = "bim-0123456789012345678901234567890"
CONTROLLER = "controller.(*BackingImageManagerController)"
LISTED = ["a", "b", "c", "d"]


def deletion(t: str, image: str, disk: str = DISKS[0]) -> str:
    text = f"Deleting the file for invalid backing image {image}, in backing image manager spec"
    return f'm | time="{t}" msg="{text}" func="{CONTROLLER}.deleteInvalid" diskUUID={disk} node=n'


def request(t: str, image: str) -> str:
    func = f"{CONTROLLER}.prepareBackingImageFiles"
    words = f'func="{func}" backingImage={image} diskUUID={DISKS[0]} node=n'
    return f'm | time="{t}" msg="Reusing the existing file" {words}'


def served(t: str, image: str) -> str:
    text = "Backing Image Manager: prepare to delete backing image"
    return f'{NAME[:29]}-5f-backing-image | time="{t}" msg="{text}" biName={image} biUUID=1'


def manager(*files: str, deleted: bool = False) -> Object:
    more = {"deletionTimestamp": at(20)[:19] + "Z"} if deleted else {}
    return {
        "metadata": meta(NAME) | more,
        "spec": {"diskUUID": DISKS[0], "nodeID": NODES[0], "backingImages": {}},
        "status": {"backingImageFileMap": {name: {"state": "failed"} for name in files}},
    }


def recorded(
    folder: Path, lines: dict[str, list[str]], events: dict[str, list[tuple[float, str, Object]]]
) -> Recording:
    path = write(folder, [], {"lhnodes": nodes()} | events, 100.0)
    for name, rows in lines.items():
        (path / name).write_text("\n".join(rows) + "\n")
    return load(path)


def found(recording: Recording, what: str) -> list[tuple[float, list[str]]]:
    walks = passes.passes(recording).get((what, DISKS[0]), [])
    return [(round(walk.t - ZERO, 1), walk.names) for walk in walks]


def test_the_log_tells_each_pass_and_what_parts_it_from_the_next(tmp_path: Path) -> None:
    lines = [
        deletion(at(10.02), "c"),
        deletion(at(11.03), "a"),
        request(at(12.04), "b"),
        request(at(12.05), "a"),
        deletion(at(12.1), "b"),
        deletion(at(13.2), "b"),
        deletion(at(12.5), "z", DISKS[1]),
    ]
    recording = recorded(tmp_path, {"log-longhorn-manager.txt": lines}, {})
    assert found(recording, DELETION) == [(10.0, ["c", "a"]), (12.1, ["b"]), (13.2, ["b"])]
    assert found(recording, PREPARATION) == [(12.0, ["b", "a"])]
    first = passes.passes(recording)[(DELETION, DISKS[0])][0]
    assert first.takes() == pytest.approx({"c": 1.01, "a": 1.01}, abs=1e-6)


def test_without_logs_the_events_tell(tmp_path: Path) -> None:
    def notice(t: float, name: str) -> tuple[float, str, Object]:
        text = f"Deleted backing image {name} in disk {DISKS[0]} on node {NODES[0]}"
        return t, "ADDED", {"metadata": meta(f"{NAME}.{t}"), "message": text}

    told = [notice(11.02, "c"), notice(12.05, "a"), notice(15.01, "b")]
    recording = recorded(tmp_path, {}, {"events": told})
    assert found(recording, DELETION) == [(10.0, ["c", "a"]), (14.0, ["b"])]


def test_the_write_that_ends_a_pass_makes_whole_seconds_exact(tmp_path: Path) -> None:
    """The pass deleted "x" too, which the recording does not follow: a second more."""
    second = [at(t)[:19] + "Z" for t in (10, 12)]
    lines = [deletion(second[0], "a"), deletion(second[1], "b")]
    shown = [
        (5.0, "ADDED", manager("a", "b", "x")),
        (12.42, "MODIFIED", manager("b")),
        (13.5, "MODIFIED", manager()),
    ]
    own = [(0.0, "INITIAL", image(name, DISKS[:1], {})) for name in "ab"]
    recording = recorded(
        tmp_path,
        {"log-longhorn-manager.txt": lines},
        {"backingimagemanagers": shown, "backingimages": own},
    )
    assert found(recording, DELETION) == [(10.4, ["a"]), (12.5, ["b"])]
    first = passes.passes(recording)[(DELETION, DISKS[0])][0]
    assert first.takes()["a"] == pytest.approx(2.02)


def test_what_an_ending_manager_deletes_is_its_clean_up(tmp_path: Path) -> None:
    stamp = [at(t)[:19] + "Z" for t in range(40)]
    lines = {
        "log-longhorn-manager.txt": [deletion(at(20.3), "a")],
        "log-bim.txt": [
            *(served(stamp[9], "c"), served(stamp[20], "a")),
            *(served(stamp[21], "b"), served(stamp[22], "a")),
        ],
    }
    shown = [
        (5.0, "ADDED", manager("a", "b")),
        (20.5, "MODIFIED", manager("a", "b", deleted=True)),
        (23.4, "DELETED", manager(deleted=True)),
    ]
    recording = recorded(tmp_path, lines, {"backingimagemanagers": shown})
    assert found(recording, CLEAN_UP) == [(21.5, ["b", "a"])]


def walk(known: Pass, now: float, *wanted: str, late: tuple[str, ...] = ()) -> list[str] | None:
    told = RecordedPasses({(DELETION, "d"): [known]})
    order = told.walk(DELETION, "d", now, LISTED, Walk(wanted, late))
    return None if order is None else order.order


def test_a_walk_begins_so_that_the_recorded_names_come_in_their_order() -> None:
    assert walk(Pass(10.0, ["b", "d"]), 10.0, "b", "d") == ["a", "b", "c", "d"]
    assert walk(Pass(10.0, ["d", "a"]), 10.0, "a", "d") == ["b", "c", "d", "a"]
    assert walk(Pass(10.0, ["c"]), 10.0, "a", "c") == ["c", "d", "a", "b"], "nothing is left out"
    assert walk(Pass(10.0, ["c"]), 10.0, "a", "c", late=("a",)) == ["d", "b", "c"]
    assert walk(Pass(10.0, ["c"]), 10.0, "a") is None
    assert walk(Pass(10.0, ["c"]), 10.0, "a", late=("a",)) == [], "it was not known of yet"
    assert walk(Pass(10.0, ["c"]), 20.0, "c") is None, "another pass"


def test_a_walk_counts_once_and_begins_when_the_recorded_one_did() -> None:
    told = RecordedPasses({(DELETION, "d"): [Pass(10.0, ["b"], [10.0, 11.02])]})
    early = told.walk(DELETION, "d", 9.8, LISTED, Walk(["b"]))
    assert early is not None and early.after == pytest.approx(0.2)
    begun = told.walk(DELETION, "d", 10.0, LISTED, Walk(["b"]))
    assert begun is not None and begun.after == 0.0
    assert begun.takes == pytest.approx({"b": 1.02})
    assert told.walk(DELETION, "d", 10.0, LISTED, Walk(["b"])) is None


def volume(t: float, name: str, state: str) -> tuple[float, str, Object]:
    return t, "MODIFIED", {"metadata": meta(name), "spec": {}, "status": {"state": state}}


def lost(t: float, name: str) -> tuple[float, str, Object]:
    modes = {f"{name}-r-1": "ERR", f"{name}-r-2": "ERR"}
    spec = {"volumeName": name}
    status = {"replicaModeMap": modes}
    return t, "MODIFIED", {"metadata": meta(f"{name}-e"), "spec": spec, "status": status}


def test_slow_salvages_tell_the_load_of_the_machine(tmp_path: Path) -> None:
    events = {
        "engines": [lost(10.0, "v"), lost(11.0, "w"), lost(60.0, "v")],
        "volumes": [
            volume(17.4, "v", "attaching"),
            volume(18.4, "w", "attaching"),
            volume(61.3, "v", "attaching"),
        ],
    }
    burdened, quick = rig.loads(recorded(tmp_path, {}, events))
    assert (burdened.first - ZERO, burdened.last - ZERO) == pytest.approx((5.0, 18.4), abs=0.01)
    assert burdened.extra == pytest.approx((1.2, 1.2))
    assert quick.extra == (0.0, 0.0)


def test_a_download_begins_and_ends_in_the_recorded_seconds(tmp_path: Path) -> None:
    stamp = {t: at(t)[:19] + "Z" for t in (11, 12, 13)}
    file = "initializing sync file /data/tmp/img-a-0123abcd"
    rows = [
        f'p | time="{stamp[11]}" level=debug msg="Sync Service: {file}"',
        f'p | time="{stamp[12]}" level=info msg="SyncingFile: start to download sync file"',
        f'p | time="{stamp[13]}" level=info msg="SyncingFile: succeeded processing file"',
    ]
    recording = recorded(tmp_path, {"log-backing-image-ds.txt": rows}, {})
    told = RecordedDownloads(recording, random.Random(1))
    for course in [told.course("img-a", ZERO + 10.0) for turn in range(20)]:
        assert course is not None
        assert 2.0 <= course.begins_after <= 3.0
        assert 3.0 <= course.begins_after + course.takes <= 4.0
    assert told.course("img-a", ZERO + 40.0) is None
    assert told.course("img-b", ZERO + 10.0) is None


def test_a_manager_that_is_about_to_end_begins_no_other_pass() -> None:
    told = RecordedPasses({}, {"d": [10.0]})
    assert told.end("d", 9.5) == pytest.approx(0.5)
    assert told.end("d", 8.0) is None and told.end("d", 10.5) is None
    held = told.walk(DELETION, "d", 9.8, LISTED, Walk(["b"]))
    assert held is not None and held.after == pytest.approx(0.23)
    assert told.walk(DELETION, "d", 9.0, LISTED, Walk(["b"])) is None
    assert told.walk(CLEAN_UP, "d", 9.8, LISTED, Walk(["b"])) is None
