# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole examination: on a made-up recording, and on real ones where they are present."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.recordings import observe, replay, report
from tests.simulator.recordings.__main__ import main
from tests.simulator.recordings.load import Event, load
from tests.unit.simulator.recordings.made import ZERO, Object, at, image, write

ROOT = Path(__file__).resolve().parents[4]
RECORDINGS = Path(os.environ.get("LONGHORN_RECORDINGS", ROOT.parent / "shared" / "recordings"))
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"no recordings of real Longhorn at {RECORDINGS}"
)


def recorded_by_the_simulator(folder: Path) -> Path:
    """A recording of the simulator itself: an image is created and gets its copy."""
    cluster = Cluster(longhorn="1.12.1", nodes=3, seed=5, start=ZERO - 60)
    events: dict[str, list[tuple[float, str, Object]]] = {}
    kinds = {resource: stem for stem, resource in replay.KINDS.items()}
    cluster.kernel.run_until(ZERO)

    def see(kind: str, resource: str, obj: Object) -> None:
        stem = kinds.get(resource)
        if stem in ("lhnodes", "backingimages", "backingimagedatasources", "pods"):
            events.setdefault(stem, []).append((cluster.kernel.now() - ZERO, kind, obj))

    for obj in cluster.store.list("nodes.longhorn.io"):
        see("INITIAL", "nodes.longhorn.io", obj)
    cluster.store.subscribe(lambda event: see(event.type, event.res, event.obj))
    body = image("a", [], {})
    del body["status"]
    body["metadata"] = {"name": "a", "namespace": "longhorn-system"}
    cluster.kernel.run_until(ZERO + 1)
    cluster.store.create("backingimages.longhorn.io", body)
    cluster.kernel.run_until(ZERO + 40)
    cluster.close()
    action = {
        "t": at(1.03),
        "cmd": "kubectl -n longhorn-system create -f -",
        "rc": 0,
        "stdin": json.dumps(body),
    }
    return write(folder, [action], events, 40.0)


def test_the_simulator_agrees_with_itself(tmp_path: Path) -> None:
    recording = load(recorded_by_the_simulator(tmp_path))
    found = replay.examine(recording, seeds=3)
    assert found.verdict.passed, list(report.lines(found))
    assert found.verdict.total > 10
    assert report.result(found).endswith("transitions agree, final state agrees")


def test_an_altered_recording_is_noticed(tmp_path: Path) -> None:
    """The copy is said to have failed in the end: that is not what the simulator does."""
    path = recorded_by_the_simulator(tmp_path)
    file = path / "backingimages.jsonl"
    last = json.loads(file.read_text().splitlines()[-1])
    for entry in last["object"]["status"]["diskFileStatusMap"].values():
        entry["state"] = "failed"
    last["t"] = at(20.0)
    with file.open("a") as out:
        out.write(json.dumps(last) + "\n")
    found = replay.examine(load(path), seeds=1)
    assert not found.verdict.final_agrees
    assert main([str(path), "--seeds", "1"]) == 1


def test_the_last_line_is_the_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded_by_the_simulator(tmp_path)
    assert main([str(path), "--seeds", "2"]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    words = last.split()
    assert words[1] == "of" and words[0] == words[2]
    assert last.endswith("transitions agree, final state agrees")


def test_no_recording_is_status_2(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2


def test_tracks_of_replicas_are_kept_apart() -> None:
    """Two replicas of one volume on one disk at the same time are two tracks."""
    watched = observe.Observer(0.0)
    for t, name in ((1.0, "r1"), (2.0, "r2")):
        spec = {"volumeName": "v", "diskID": "d", "nodeID": "n"}
        meta = {"name": name, "uid": name}
        watched.see(Event(t, "replicas.longhorn.io", "ADDED", {"metadata": meta, "spec": spec}))
    assert sorted(watched.tracks) == ["replica v d", "replica v d (#2)"]


@needs_recordings
@pytest.mark.parametrize(
    "name",
    [
        "v1.12.1/a-create-good-url",
        "v1.6.4/a-create-good-url",
        "v1.7.3/h-min-copies",
        "v1.12.1/v4-evict-node-with-replica-and-image",
        "v1.6.4/v8-one-copy-lost-while-volume-attached",
        "v1.7.3/w2-leave-own-detached",
    ],
)
def test_real_recordings_agree(name: str) -> None:
    path = RECORDINGS / name
    if not path.is_dir():
        pytest.skip(f"{path} is not there")
    found = replay.examine(load(path), seeds=8)
    assert found.verdict.passed, list(report.lines(found))
