# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The immutable flag under a simulated Longhorn in virtual time, by the host's flag where it gives
one, and by writes that the simulated machine refuses itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults import expectations
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker import flag
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.arming import arm
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.faults import make
from ansible_collections.nodecare.longhorn.plugins.module_utils._worker.undo import clean, undo
from tests.material import need_flags
from tests.observer.leftovers import immutable
from tests.simulator.longhorn import names
from tests.simulator.workers import make_roots, make_tools
from tests.unit.plugins.module_utils._domain.faults.test_copies import IMAGE, Watched, outcomes
from tests.unit.plugins.module_utils._worker.test_faults import HOST, SIMULATED


@pytest.fixture(params=["1.6", "1.12"])
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    made = Watched(request.param)
    try:
        yield made
    finally:
        made.cluster.close()


@pytest.mark.parametrize("means", [HOST, SIMULATED])
def test_a_sync_fails_while_the_directory_is_immutable(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, means: str
) -> None:
    if means == SIMULATED:
        monkeypatch.setenv("PATH", f"{make_tools(tmp_path)}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(flag, "_SET_FLAGS", 0)
    else:
        need_flags(tmp_path)
    cluster, disk = watched.cluster, watched.disk
    node = next(name for name in cluster.nodes if disk in cluster.disk_uuids(name))
    uuid = cluster.store.get(names.IMAGES, names.NAMESPACE, IMAGE)["status"]["uuid"]
    (place,) = parse.node(cluster.store.get(names.NODES, names.NAMESPACE, node)).disks
    root = str(make_roots(cluster.workers, tmp_path)[node])
    request = {"image": IMAGE, "uuid": uuid, "disk_uuid": disk, "data_path": place.path}
    asked = {"root": root, "id": "t"}
    arm({**asked, **request, "kind": "immutable", "deadline": 600, "undo": "elsewhere"}, "")
    assert make(asked)["flag_by"] == ("ioctl" if means == HOST else "chattr")
    assert immutable(cluster.copy_dir(IMAGE, disk)) == (means == HOST)

    def failing() -> list[expectations.Expectation]:
        found = expectations.sync_failure(
            watched.history, disk, [watched.other], "immutable", with_volume=False
        )
        return [one for one in found if "log" not in one.name]

    assert set(watched.until_met(failing).values()) == {expectations.MET}
    disks = [{"disk_uuid": disk, "data_path": place.path}]
    assert len(clean(root, disks, only_look=True)["immutable"]) == 1
    assert undo(root, "t")["undone"] == [f"immutable flag of {IMAGE}-{uuid}"]
    healed = watched.until_met(
        lambda: expectations.sync_repair(watched.history, disk, with_volume=False)
    )
    assert set(healed.values()) == {expectations.MET}, outcomes(failing())
