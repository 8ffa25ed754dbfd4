# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in copies, judged: a simulated cluster in virtual time is watched, and histories are made
in which what was expected did not happen.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults import (
    copies,
    history,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.expectations import (
    MET,
    NO_EVIDENCE,
    NOT_MET,
    Expectation,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.history import (
    Entry,
    History,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults.target import (
    STEP_BYTES,
    all_bytes,
    pressure_bytes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Disk
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts import catalogue
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import see
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    Verdict,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import arm
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.faults import make
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.undo import undo
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import Object
from tests.simulator.store import WatchEvent
from tests.simulator.workers import make_roots
from tests.unit.recorded import assemble

READY = Entry("ready")
IMAGE = "fault-x"


def outcomes(found: list[Expectation]) -> dict[str, str]:
    """Each expectation's outcome, by its name."""
    return {one.name: one.outcome for one in found}


class Watched:
    """A cluster with a test image on two disks, and all that is seen of it from now on."""

    def __init__(self, version: str, nodes: int = 3) -> None:
        self.cluster = Cluster(version, nodes=nodes, disks=1, seed=5, disk_size=400 << 20)
        self.disk, self.other = self.cluster.disk_uuids()[:2]
        self.cluster.create_image(IMAGE, on=[self.disk, self.other])
        self.history = History()
        self.cluster.store.subscribe(self._see)

    def _see(self, event: WatchEvent) -> None:
        self._take(event.res, event.obj)

    def _take(self, res: str, obj: Object) -> None:
        labels = obj["metadata"].get("labels") or {}
        if res == names.IMAGES:
            self.history.images.append(history.entries_of(obj))
            self.history.wanted = history.wanted_of(obj, self.cluster.profile.map_field)
        elif res == names.NODES:
            ready, pressure = history.conditions_of(obj, self.disk)
            if pressure is not None:
                self.history.node_ready.append(ready)
                self.history.pressure.append(pressure)
        elif res == "pods" and labels.get("longhorn.io/disk-uuid") == self.disk:
            self.history.managers.append(history.manager_of(obj))

    def until_met(self, judge: Callable[[], list[Expectation]]) -> dict[str, str]:
        """The outcomes when all are met, or after ten minutes."""
        for obj in self.cluster.store.list("pods", names.NAMESPACE):
            self._take("pods", obj)
        self.cluster.run_until_true(lambda: set(outcomes(judge()).values()) == {MET}, 600)
        return outcomes(judge())

    def make(self, kind: str) -> None:
        """Make the fault."""
        node = next(n for n in self.cluster.nodes if self.disk in self.cluster.disk_uuids(n))
        if kind == "wrong_bytes":
            self.cluster.corrupt(IMAGE, self.disk)
        elif kind == "files_removed":
            self.cluster.remove_files(IMAGE, node)
        elif kind == "all_copies_gone":
            self.cluster.remove_files(IMAGE)
        elif kind == "node_down":
            self.cluster.power_off(node)


@pytest.mark.parametrize("version", ["1.6", "1.12"])
@pytest.mark.parametrize("kind", ["wrong_bytes", "files_removed", "all_copies_gone", "node_down"])
def test_what_longhorn_does_meets_what_is_expected(version: str, kind: str) -> None:
    watched = Watched(version)
    try:
        first = outcomes(copies.copy_fault(watched.history, watched.disk, [watched.other], kind))
        assert MET not in first.values(), "nothing was seen yet"
        watched.make(kind)
        seen = watched.until_met(
            lambda: copies.copy_fault(watched.history, watched.disk, [watched.other], kind)
        )
        assert set(seen.values()) == {MET}, seen
    finally:
        watched.cluster.close()


def test_a_file_that_is_still_good_is_not_a_fault() -> None:
    """The copy that fails where it should be used again, and the manager that stays away."""
    seen = History(
        images=[{"d": READY, "o": READY}, {"d": Entry("failed", "text"), "o": READY}],
        managers=[("uid-1", True), ("uid-1", False)],
    )
    found = outcomes(copies.copy_fault(seen, "d", ["o"], "manager_killed"))
    assert found["the file is used again"] == NOT_MET
    assert found["the manager comes back"] == NOT_MET
    assert found["the copy is in doubt"] == NOT_MET
    assert found["the message explains"] == NO_EVIDENCE
    seen.images += [{"d": Entry("unknown", "Backing image manager pod is not running"), "o": READY}]
    seen.managers.append(("uid-2", True))
    found = outcomes(copies.copy_fault(seen, "d", ["o"], "manager_killed"))
    assert [name for name, outcome in found.items() if outcome != MET] == ["the file is used again"]


def test_another_copy_that_suffers_and_another_message_are_told() -> None:
    seen = History(images=[{"d": Entry("failed", "no such host"), "o": Entry("unknown")}])
    found = outcomes(copies.copy_fault(seen, "d", ["o"], "wrong_bytes"))
    assert found == {
        "the copy fails": MET,
        "the message explains": NOT_MET,
        "the file is sent again": NOT_MET,
        "the other copies stay ready": NOT_MET,
    }


@pytest.mark.parametrize(
    ("pressure", "fault", "repair"),
    [
        ([], NO_EVIDENCE, NO_EVIDENCE),
        ([("True", "")], NOT_MET, MET),
        ([("True", ""), ("False", "DiskPressure")], MET, NOT_MET),
        ([("False", "DiskNotReady")], NOT_MET, NOT_MET),
    ],
)
def test_pressure_is_read_off_the_disk(
    pressure: list[tuple[str, str]], fault: str, repair: str
) -> None:
    seen = History(images=[{"d": READY, "o": READY}], wanted=frozenset("do"), pressure=pressure)
    during = outcomes(copies.copy_fault(seen, "d", ["o"], "disk_full"))
    after = outcomes(copies.copy_repair(seen, "d", "disk_full"))
    assert during["the disk is under pressure"] == fault
    assert after["the disk takes data again"] == repair
    assert after["all copies are ready"] == MET


def test_a_lost_node_has_to_come_back() -> None:
    seen = History(images=[{"d": READY}], wanted=frozenset("d"), node_ready=["True", "False"])
    assert outcomes(copies.copy_repair(seen, "d", "node_down"))["the node is back"] == NOT_MET
    seen.node_ready.append("True")
    assert set(outcomes(copies.copy_repair(seen, "d", "node_down")).values()) == {MET}


def test_the_file_is_as_large_as_pressure_needs() -> None:
    disk = Disk("d", "n", storage_maximum=1000 << 20, storage_available=700 << 20)
    assert pressure_bytes(disk, 25) == (450 << 20) + STEP_BYTES
    full = Disk("d", "n", storage_maximum=1000 << 20, storage_available=100 << 20)
    assert pressure_bytes(full, 25) == STEP_BYTES


def no_space(watched: Watched, folder: Path) -> dict[str, str]:
    """Make that fault as a worker does it for a play; what its undo is asked by."""
    cluster, disk = watched.cluster, watched.disk
    uuid = cluster.store.get(names.IMAGES, names.NAMESPACE, IMAGE)["status"]["uuid"]
    node = next(name for name in cluster.nodes if disk in cluster.disk_uuids(name))
    (place,) = parse.node(cluster.store.get(names.NODES, names.NAMESPACE, node)).disks
    asked = {"root": str(make_roots(cluster.workers, folder)[node]), "id": "t"}
    copy = {"image": IMAGE, "uuid": uuid, "disk_uuid": disk, "data_path": place.path}
    fill = {"kind": "no_space", "size": all_bytes(place), "limit": 1 << 30}
    arm({**asked, **copy, **fill, "deadline": 60, "undo": "elsewhere"}, "")
    make(asked)
    return asked


def verdict_now(cluster: Cluster) -> Verdict:
    """What diagnose says of the image, looking for half a minute."""
    kinds = {
        "lhnodes": names.NODES,
        "k8snodes": "nodes",
        "backingimages": names.IMAGES,
        "backingimagedatasources": names.DATA_SOURCES,
        "backingimagemanagers": names.MANAGERS,
    }
    window = []
    for second in range(0, 30, 2):
        held = {
            kind: {str(number): obj for number, obj in enumerate(cluster.store.list(res))}
            for kind, res in kinds.items()
        }
        model = assemble(detect(cluster.profile.text, []), held)
        window.append(see(model, model.images[IMAGE], float(second)))
        cluster.kernel.run_for(2)
    return catalogue.judge(window)


@pytest.mark.parametrize("version", ["1.6", "1.12"])
def test_a_sync_without_space_fails_until_there_is_some(version: str, tmp_path: Path) -> None:
    # No third disk, on which Longhorn would make another copy meanwhile.
    watched = Watched(version, nodes=2)
    cluster, disk, others = watched.cluster, watched.disk, [watched.other]
    cluster.store.mutate(
        names.IMAGES, names.NAMESPACE, IMAGE, lambda obj: obj["spec"].update(minNumberOfCopies=2)
    )
    try:
        asked = no_space(watched, tmp_path)
        seen = watched.until_met(
            lambda: copies.copy_fault(watched.history, disk, others, "no_space")
        )
        assert set(seen.values()) == {MET}, seen
        verdict = verdict_now(cluster)
        assert (verdict.name, verdict.detail) == ("failed_sync_retrying", "no_space")
        assert "no space on the disk" in verdict.summary
        undo(asked["root"], asked["id"])
        seen = watched.until_met(lambda: copies.copy_repair(watched.history, disk, "no_space"))
        assert set(seen.values()) == {MET}, seen
    finally:
        cluster.close()


def test_a_sync_that_breaks_off_ends_with_another_checksum() -> None:
    """As where some space is left: the text that names the cause is only in the manager's log."""
    watched = Watched("1.6", nodes=2)
    cluster, disk = watched.cluster, watched.disk
    folder = cluster.folder_of(disk)
    try:
        with (folder.path / "filled").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, folder.capacity - (8 << 20))
        cluster.remove_files(IMAGE, next(n for n in cluster.nodes if disk in cluster.disk_uuids(n)))
        cluster.kernel.run_for(60)
        said = {one.message for one in watched.history.failures_of(disk)}
        assert any("doesn't match the file checksum" in text for text in said), said
        assert verdict_now(cluster).detail == "no_space"
    finally:
        cluster.close()
