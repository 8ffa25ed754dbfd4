# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may happen between arming, making and undoing: crashes, a disk that is away, other hands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._worker import arming, faults
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import arm
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.faults import make
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.marker import (
    FOLDER,
    markers,
    write_marker,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.place import (
    Data,
    Refused,
    usable,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.undo import clean, undo
from tests.unit.plugins.module_utils._worker.test_faults import DISK, Worker

DISKS = usable([{"uuid": DISK, "path": "/var/lib/longhorn/"}])


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def test_nothing_is_made_before_its_undo_waits(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(request: Data, source: str) -> str:
        assert markers(str(worker.root))[0]["state"] == "arming"
        with pytest.raises(Refused, match="no undo is armed"):
            make(worker.ask())
        raise OSError("no process can be started")

    monkeypatch.setattr(arming, "_begin", killed)
    with pytest.raises(OSError, match="no process"):
        arm(worker.request(undo=""), "")
    assert markers(str(worker.root)) == []


def test_each_fault_keeps_a_program_of_its_own(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arming, "_start_timer", lambda *_asked: True)
    for name in ("t-1", "t-2"):
        assert arm(worker.request(id=name, undo=""), f"# {name}")["undo_by"] == "systemd"
    undo(str(worker.root), "t-1")
    assert [path.name for path in (worker.root / FOLDER).glob("*.py")] == ["t-2.py"]
    assert (worker.root / FOLDER / "t-2.py").read_text() == "# t-2"


def test_what_the_deadline_overtakes_is_taken_back(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = faults._fill_file

    def overtaken(request: Data, disk: int) -> Any:
        assert undo(str(worker.root), "t-1")["found"]
        return filled(request, disk)

    monkeypatch.setattr(faults, "_fill_file", overtaken)
    arm(worker.request("disk_full", size=4096, limit=1 << 20), "")
    with pytest.raises(Refused, match="was undone while it was made"):
        make(worker.ask())
    assert not list(worker.disk.glob("*.fill"))
    assert markers(str(worker.root)) == []


def test_nothing_is_begun_right_before_the_deadline(worker: Worker) -> None:
    arm(worker.request("files_removed", deadline=1), "")
    with pytest.raises(Refused, match="comes in a moment"):
        make(worker.ask())
    assert worker.listed() == ["backing", "backing.cfg"]


def test_a_disk_that_is_away_is_waited_for_and_told(worker: Worker) -> None:
    arm(worker.request("disk_full", size=4096, limit=1 << 20), "")
    make(worker.ask())
    away = worker.disk.rename(worker.disk.with_name("away"))
    with pytest.raises(Refused, match="no disk at"):
        undo(str(worker.root), "t-1")
    found = clean(str(worker.root), DISKS, False)
    assert len(found["problems"]) == 2 and len(found["markers"]) == 1
    assert set(found["problems"]) <= set(found["found_text"])
    away.rename(worker.disk)
    assert clean(str(worker.root), DISKS, False)["undone"] == ["nodecare-fault-t-1.fill"]
    assert markers(str(worker.root)) == []


def test_one_thing_that_cannot_be_undone_keeps_nothing_else_from_it(worker: Worker) -> None:
    folder = worker.root / FOLDER
    arm(worker.request("disk_full", size=4096, limit=1 << 20), "")
    make(worker.ask())
    (folder / "broken.json").write_text("{")
    foreign = worker.request("disk_full", id="a-0", disk_uuid="another", state="made")
    write_marker(foreign)
    found = clean(str(worker.root), DISKS, False)
    assert found["undone"] == ["marker broken, which could not be read", "nodecare-fault-t-1.fill"]
    assert found["problems"] == [
        "fault a-0 could not be undone: /var/lib/longhorn/ is not the disk another"
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["a-0.json"]


def test_a_folder_that_was_exchanged_after_arming_is_refused(
    worker: Worker, tmp_path: Path
) -> None:
    arm(worker.request("files_removed"), "")
    images, other = worker.disk / "backing-images", tmp_path / "other"
    images.rename(other)
    images.symlink_to(other)
    with pytest.raises(Refused, match="symbolic link"):
        make(worker.ask())
    assert worker.listed() == ["backing", "backing.cfg"]


def test_a_file_with_another_name_elsewhere_is_refused(worker: Worker, tmp_path: Path) -> None:
    os.link(worker.copy / "backing", tmp_path / "mine")
    with pytest.raises(Refused, match="not a file of its own"):
        arm(worker.request("wrong_bytes"), "")


def test_a_link_to_the_disk_is_followed_because_its_identity_proves_it(
    worker: Worker, tmp_path: Path
) -> None:
    worker.disk.rename(tmp_path / "mounted")
    worker.disk.symlink_to(tmp_path / "mounted")
    arm(worker.request("files_removed"), "")
    (tmp_path / "mounted/longhorn-disk.cfg").write_text(json.dumps({"diskUUID": "another"}))
    with pytest.raises(Refused, match="is not the disk"):
        make(worker.ask())
    assert worker.listed() == ["backing", "backing.cfg"]


@pytest.mark.parametrize(
    ("limit", "size", "keeps", "why"),
    [(1 << 16, 1 << 17, 0, "the limit is 65536"), (1 << 20, 1 << 16, 1 << 60, "file system of /")],
)
def test_no_file_goes_where_the_disk_may_not_be_filled(
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    size: int,
    keeps: int,
    why: str,
) -> None:
    monkeypatch.setattr(faults, "ROOT_KEEPS", keeps)
    device = os.stat(worker.disk)
    monkeypatch.setattr(faults, "_root", lambda: device)
    arm(worker.request("no_space", limit=limit, size=size), "")
    with pytest.raises(Refused, match=why):
        make(worker.ask())
    assert worker.listed() == ["backing", "backing.cfg"]


def test_files_go_and_their_space_with_them(worker: Worker) -> None:
    arm(worker.request("no_space", limit=1 << 20, size=1 << 16), "")
    done = make(worker.ask())
    (fill,) = worker.disk.glob("*.fill")
    assert done["removed"] == ["backing", "backing.cfg"] and worker.listed() == []
    assert fill.stat().st_size == done["filled"] > 1 << 16
    undo(str(worker.root), "t-1")
    assert not fill.exists()
