# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deleted image whose data source stays on the node to drain, since no manager ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Clears
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.diagnose import diagnose
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.integration.drain.scene import SPACE
from tests.integration.drain.trap_scene import Trap, trap

SOURCES = "backingimagedatasources.longhorn.io"
TOLD = "its image is deleted, only its data source stays"


def left_source(scene: Trap, node: str) -> None:
    """A data source in the state in which its image has left it: deleted, never cleaned up."""
    spec = {
        "nodeID": node,
        "diskUUID": scene.disk(node),
        "diskPath": "/var/lib/longhorn",
        "uuid": "0a1b2c3d",
        "sourceType": "download",
        "parameters": {"url": "http://images.local/missing.img"},
        "fileTransferred": False,
    }
    metadata = {"name": "gone", "namespace": SPACE, "finalizers": ["longhorn.io"]}
    scene.store.create(SOURCES, {"metadata": metadata, "spec": spec})
    scene.store.delete(SOURCES, SPACE, "gone")
    scene.kernel.run_for(300.0)
    status = scene.store.get(SOURCES, SPACE, "gone")["status"]
    assert status["currentState"] == "failed" and "requesting manager" in status["message"]


@pytest.mark.parametrize("longhorn", ["1.6.4", "1.12.1"])
def test_it_is_told_and_stops_nothing(longhorn: str, tmp_path: Path) -> None:
    with trap(longhorn, tmp_path) as scene:
        left_source(scene, "node-3")
        told = [b for b in scene.plan("node-3").blockers if b.name == "gone"]
        assert [(b.rule, b.clears, b.stops) for b in told] == [
            ("data_source_left", Clears.NEEDS_ACTION, False)
        ]
        result = scene.drain("node-3")
        assert result["proof"]["safe_to"]["remove"] and result["release"]["disks_removed"]
        assert scene.store.find(SOURCES, SPACE, "gone"), "ending it is not ours to do"


def test_who_asks_for_its_image_is_told_what_stays(tmp_path: Path) -> None:
    with trap("1.12.1", tmp_path) as scene:
        left_source(scene, "node-3")
        work = scene.session.work()
        task = Task(work.client, work.deadline, work.interrupt, work.progress)
        with pytest.raises(Failure, match=TOLD):
            diagnose(task, ["gone"], 0.0)
        with pytest.raises(Failure, match=TOLD):
            scene.session.recover("gone")
