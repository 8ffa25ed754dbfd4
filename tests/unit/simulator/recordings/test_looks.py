# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clocks of recorded manager processes, and the passes in which they deleted, on invented ones.

A wrong phase or order makes the replay notice lost files seconds too soon or too late.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.simulator.longhorn.file_service import Clocks
from tests.simulator.recordings import looks
from tests.simulator.recordings.load import load
from tests.unit.simulator.recordings.made import DISKS, NODES, ZERO, at, image, meta, nodes, write

NAME = "backing-image-manager-made"
Object = dict[str, Any]


def manager(files: dict[str, str], state: str = "running", created: float = -300.0) -> Object:
    """A manager of the first disk, with the states of its files."""
    listed = {name: {"name": name, "state": kind} for name, kind in files.items()}
    return {
        "metadata": meta(NAME, created),
        "spec": {"diskUUID": DISKS[0], "nodeID": NODES[0], "backingImages": dict.fromkeys(files)},
        "status": {"currentState": state, "backingImageFileMap": listed},
    }


def recorded(
    tmp_path: Path,
    managers: list[tuple[float, str, Object]],
    removed: float | None = None,
) -> Any:
    """A recording in which a file of image "a" goes at ``removed``."""
    actions: list[Object] = [{"t": at(0), "note": "scenario start"}]
    if removed is not None:
        folder = f"{NODES[0]}:/var/lib/longhorn/backing-images/a-12345678"
        note = {"note": "files removed", "image": "a", "node": NODES[0], "folder": folder}
        actions.append({"t": at(removed), **note})
    events = {
        "lhnodes": nodes(),
        "backingimages": [(0.0, "INITIAL", image("a", DISKS[:1], {DISKS[0]: "ready"}))],
        "backingimagemanagers": managers,
    }
    return load(write(tmp_path, actions, events, 60.0))


def clocks(recording: Any, now: float) -> Clocks:
    """What is told of the process that starts ``now`` seconds after the recording."""
    return looks.RecordedLooks(recording, lambda uuid: uuid).clocks(DISKS[0], ZERO + now)


def test_the_phase_is_that_of_the_writes(tmp_path: Path) -> None:
    shown = [(-0.1, "INITIAL", manager({"a": "ready"}))]
    shown += [
        (t, "MODIFIED", manager({"a": kind}))
        for t, kind in ((10.01, "failed"), (13.01, "starting"), (19.01, "failed"))
    ]
    found = clocks(recorded(tmp_path, shown), -100.0)
    assert found.phase == pytest.approx((ZERO + 10.0) % 3, abs=0.001)


def test_writes_that_do_not_agree_tell_nothing(tmp_path: Path) -> None:
    shown = [(-0.1, "INITIAL", manager({"a": "ready"}))]
    shown += [
        (t, "MODIFIED", manager({"a": kind}))
        for t, kind in ((10.0, "failed"), (14.0, "starting"), (18.0, "failed"))
    ]
    assert clocks(recorded(tmp_path, shown), -100.0).phase is None


@pytest.mark.parametrize(
    ("seen", "prompt"), [(20.8, True), (22.9, True), (23.2, None), (24.5, False), (26.7, False)]
)
def test_the_order_is_told_by_the_first_removal(
    tmp_path: Path, seen: float, prompt: bool | None
) -> None:
    shown = [
        (-0.1, "INITIAL", manager({"a": "ready"})),
        (seen, "MODIFIED", manager({"a": "failed"})),
    ]
    assert clocks(recorded(tmp_path, shown, removed=20.0), -100.0).prompt is prompt


@pytest.mark.parametrize(
    ("seen", "first", "last"), [(20.5, 0.02, 0.5), (23.4, 0.02, 0.4), (26.7, 0.7, 0.98)]
)
def test_a_removal_bounds_when_the_monitor_was_told(
    tmp_path: Path, seen: float, first: float, last: float
) -> None:
    shown = [
        (-0.1, "INITIAL", manager({"a": "ready"})),
        (seen, "MODIFIED", manager({"a": "failed"})),
    ]
    found = clocks(recorded(tmp_path, shown, removed=20.0), -100.0)
    assert found.heard == pytest.approx((first, last), abs=0.05)


def test_a_removal_amid_other_news_tells_no_promptness(tmp_path: Path) -> None:
    shown = [
        (-0.1, "INITIAL", manager({"a": "ready"})),
        (18.0, "MODIFIED", manager({"a": "ready", "b": "starting"})),
        (21.0, "MODIFIED", manager({"a": "failed", "b": "starting"})),
    ]
    assert clocks(recorded(tmp_path, shown, removed=20.0), -100.0).prompt is None


def test_each_life_of_a_process_has_its_own_clocks(tmp_path: Path) -> None:
    shown = [
        (-0.1, "INITIAL", manager({"a": "ready"})),
        (10.01, "MODIFIED", manager({"a": "failed"})),
        (12.0, "MODIFIED", manager({"a": "unknown"}, "error")),
        (20.0, "MODIFIED", manager({"a": "unknown"})),
        (32.01, "MODIFIED", manager({"a": "ready"})),
    ]
    recording = recorded(tmp_path, shown)
    assert clocks(recording, -100.0).phase == pytest.approx((ZERO + 10.0) % 3, abs=0.001)
    assert clocks(recording, 17.0).phase == pytest.approx((ZERO + 32.0) % 3, abs=0.001)
    assert clocks(recording, 45.0) == Clocks()
