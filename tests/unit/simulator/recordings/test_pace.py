# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delays of single pods and replicas, taken from a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.recordings.load import load
from tests.simulator.recordings.names import Names
from tests.simulator.recordings.pace import RecordedPace
from tests.unit.simulator.recordings.made import DISKS, ZERO, Object, image, meta, nodes, write

DISK = DISKS[2]


def pod(name: str, phase: str, uid: str, **labels: str) -> Object:
    return {"metadata": meta(name, labels=labels) | {"uid": uid}, "status": {"phase": phase}}


def replica(desired: str, disk: str = DISK) -> Object:
    spec = {"volumeName": "vol", "diskID": disk, "desireState": desired, "backingImage": "a"}
    return {"metadata": meta("vol-r-1"), "spec": spec}


@pytest.fixture
def pace(tmp_path: Path) -> RecordedPace:
    source, manager = "backing-image-ds-a", "backing-image-manager-ff"
    labels = {"longhorn.io/component": "backing-image-manager", "longhorn.io/disk-uuid": DISK}
    events = {
        "lhnodes": nodes(),
        "pods": [
            (3.0, "ADDED", pod(source, "Pending", "p1")),
            (3.4, "MODIFIED", pod(source, "Running", "p1")),
            (5.0, "ADDED", pod(manager, "Pending", "p2", **labels)),
            (5.1, "MODIFIED", pod(manager, "Running", "p2", **labels)),
        ],
        "replicas": [
            (8.0, "ADDED", replica("stopped", "")),
            (8.2, "MODIFIED", replica("running")),
        ],
        "backingimages": [
            (2.0, "ADDED", image("a", DISKS[:1], {})),
            (8.7, "MODIFIED", image("a", [DISKS[0], DISK], {})),
        ],
    }
    recording = load(write(tmp_path, [], events, 20.0))
    cluster = Cluster("1.12.1", nodes=3, start=ZERO - 60)
    names = Names(recording, cluster.store, tuple(cluster.nodes))
    made = RecordedPace(recording, cluster.kernel, names)
    cluster.close()
    return made


def at_second(pace: RecordedPace, seconds: float) -> None:
    pace._kernel.run_until(ZERO + seconds)


def test_a_pod_runs_when_the_recorded_one_did(pace: RecordedPace) -> None:
    at_second(pace, 2.9)
    source = pod("backing-image-ds-a", "Pending", "x")
    assert pace.pod(source) == pytest.approx(0.5), "made 0.1 s sooner, running at the same moment"
    assert pace.pod(source) is None, "each counts once"
    assert pace.pod(pod("another", "Pending", "y")) is None


def test_what_is_made_later_takes_as_long(pace: RecordedPace) -> None:
    at_second(pace, 4.0)
    assert pace.pod(pod("backing-image-ds-a", "Pending", "x")) == pytest.approx(0.4)


def test_a_recorded_delay_far_away_is_not_this_one(pace: RecordedPace) -> None:
    at_second(pace, 15.0)
    assert pace.pod(pod("backing-image-ds-a", "Pending", "x")) is None


def test_a_replica_asks_when_the_recorded_one_did(pace: RecordedPace) -> None:
    at_second(pace, 8.2)
    assert pace.replica(replica("running")) == pytest.approx(0.5)
    assert pace.replica(replica("running", DISKS[1])) is None
