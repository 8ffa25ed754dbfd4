# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failed copy with the right bytes is put back, and never lost on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupted
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import salvage
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.integration.recovery.scene import Scene
from tests.integration.recovery.test_look import RIGHT, disk, file, looked, lost, pods, write
from tests.material import CHECKOUT
from tests.simulator.longhorn.names import IMAGES, MANAGERS, NAMESPACE, REPLICAS
from tests.simulator.longhorn.sync_file import CopyFiles, SyncFile

Make = Callable[..., Scene]
# While the first pod works, after each write to the map, and while the link is removed.
MOMENTS = ["0 of 1", "now: tool: keeping", "now: tool: putting", "on node-1   0 of 1"]


def kept(scene: Scene) -> list[Path]:
    """Links that are kept on any disk, each with the right bytes."""
    found = sorted(scene.cluster.workers.root.glob("*/*/nodecare-kept/*"))
    assert all(path.read_bytes() == RIGHT for path in found)
    return found


def whole(scene: Scene) -> None:
    """Every wanted copy is there, and nothing of ours is left."""
    assert scene.ready("tool") >= 2
    assert scene.notes() == [] and pods(scene) == [] and kept(scene) == []


def replica_on_a_first_disk(scene: Scene) -> dict[str, Any]:
    """The spec of a replica on the disk on which `write` puts files."""
    specs = [replica["spec"] for replica in scene.cluster.store.list(REPLICAS, NAMESPACE)]
    return next(spec for spec in specs if spec["diskID"] == disk(scene, spec["nodeID"]))


@pytest.mark.parametrize("longhorn", ["1.6", "1.12"])
def test_by_the_map_where_no_replica_uses_the_disk(make: Make, longhorn: str) -> None:
    scene = lost(make, longhorn)
    write(scene, "node-1")
    inode = file(scene, disk(scene, "node-1")).stat().st_ino
    done = scene.recover("tool", experimental=True)["images"][0]
    assert (done["decision"], done["outcome"]) == ("salvage", "recovered")
    assert file(scene, disk(scene, "node-1")).stat().st_ino == inode
    assert [step.split()[0] for step in done["steps"]] == [
        "keeping", "taking", "putting", "putting", "removing",
    ]  # fmt: skip
    whole(scene)


def test_by_the_pod_under_a_volume_which_starts_again(make: Make) -> None:
    scene = lost(make, "1.12", volume=True)
    write(scene, replica_on_a_first_disk(scene)["nodeID"])
    done = scene.recover("tool", experimental=True)["images"][0]
    assert done["outcome"] == "recovered"
    assert any("restarting the backing image manager" in step for step in done["steps"])
    assert scene.volume_state("vol") == ("attached", "healthy")
    whole(scene)


def test_a_restart_whose_answer_is_lost_is_not_made_twice(make: Make) -> None:
    scene = lost(make, volume=True)
    spec = replica_on_a_first_disk(scene)
    write(scene, spec["nodeID"])
    managers = scene.cluster.store.list(MANAGERS, NAMESPACE)
    pod = next(m["metadata"]["name"] for m in managers if m["spec"]["diskUUID"] == spec["diskID"])
    server = scene.serve()
    rule = server.faults.add(action="cut", verb="delete", resource="pods", name=pod)
    done = scene.recover("tool", experimental=True)["images"][0]
    assert rule.injected == 1 and done["outcome"] == "recovered"
    made = [e for e in server.requests.entries if e.verb == "delete" and e.name == pod]
    # Done and not answered; asked for again, it is another pod by now.
    assert [e.status for e in made] == [-1, 409]
    whole(scene)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "cut", "verb": "create", "resource": "pods"},
        {"action": "cut", "verb": "patch", "resource": IMAGES},
        {"action": "error", "status": 409, "verb": "patch", "resource": IMAGES},
        {"action": "error", "status": 503, "verb": "list", "resource": "pods"},
    ],
    ids=lambda fault: f"{fault['action']}-{fault['verb']}-{fault['resource']}",
)
@pytest.mark.parametrize("nth", [2, 3, 4])
def test_faults_of_the_server_lose_nothing(make: Make, fault: dict[str, Any], nth: int) -> None:
    """Where the run ends, the next one finishes."""
    scene = lost(make)
    write(scene, "node-1")
    scene.serve().faults.add(**fault, nth=nth)
    with contextlib.suppress(Failure):
        scene.recover("tool", experimental=True)
    assert kept(scene) or file(scene, disk(scene, "node-1")).read_bytes() == RIGHT
    assert scene.recover("tool", experimental=True)["images"][0]["outcome"] in (
        "recovered",
        "leave_alone",
    )
    whole(scene)


class Unwilling:
    """Longhorn looks at the file a few times and deletes it, as it does with a wrong one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.times = times
        real = CopyFiles._reuse

        def reuse(files: CopyFiles, record: SyncFile, size: int, checksum: str) -> bool:
            if self.times and files.backing.exists():
                self.times -= 1
                return False
            return real(files, record, size, checksum)

        monkeypatch.setattr(CopyFiles, "_reuse", reuse)


def test_a_file_that_longhorn_takes_away_is_linked_back(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = lost(make, volume=True)
    write(scene, "node-1")
    longhorn = Unwilling(monkeypatch, 1)
    done = scene.recover("tool", experimental=True)["images"][0]
    assert longhorn.times == 0 and done["outcome"] == "recovered"
    assert any(step.startswith("putting /var/lib/longhorn/") for step in done["steps"])
    whole(scene)


def test_what_never_works_leaves_the_kept_link(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = lost(make)
    write(scene, "node-1")
    monkeypatch.setattr(salvage, "TRIES_MAX", 2)
    longhorn = Unwilling(monkeypatch, 100)
    with pytest.raises(Failure, match="tool was not salvaged: Longhorn did not") as failure:
        scene.recover("tool", experimental=True)
    assert longhorn.times <= 98 and len(kept(scene)) == 1
    text = str(failure.value)
    where = f"/var/lib/longhorn/nodecare-kept/{kept(scene)[0].name} on node-1"
    assert f"Its file is kept: {where}." in text
    assert "&& ln /var/lib/longhorn/nodecare-kept/" in text
    longhorn.times = 0
    assert scene.recover("tool", experimental=True)["images"][0]["outcome"] == "recovered"
    whole(scene)


@pytest.mark.parametrize("moment", MOMENTS)
def test_stopped_on_the_way_and_run_again(make: Make, moment: str) -> None:
    scene = lost(make)
    write(scene, "node-1")

    def stop(text: str, task: Task) -> None:
        if moment in text and "files of failed" not in text:
            task.interrupt.request("interrupted by Ctrl-C")

    with pytest.raises(Interrupted):
        scene.recover("tool", experimental=True, task=scene.task(hook=stop))
    path = file(scene, disk(scene, "node-1"))
    assert kept(scene) or path.read_bytes() == RIGHT
    assert scene.recover("tool", experimental=True)["images"][0]["outcome"] == "recovered"
    whole(scene)
    scene.recover("tool", experimental=True)
    whole(scene)


CHILD = """
import os, sys
from importlib import import_module

base = "ansible_collections.nodecare.longhorn.plugins.module_utils."
api = {name: import_module(f"{base}_api.{name}")
       for name in ("connect", "deadline", "interrupt", "progress")}
ours = {name: import_module(f"{base}_operations.{name}")
        for name in ("recover", "recovery_report", "task")}
deadline, flag = api["deadline"].Deadline(60.0), api["interrupt"].Interrupt()
client = api["connect"].connect({"kubeconfig": sys.argv[1]}, deadline)
task = ours["task"].Task(client, deadline, flag, api["progress"].Progress(None, flag))
request = ours["recovery_report"].Request(["tool"], "test", window_seconds=0.8, experimental=True)
sys.stdin.readline()
ours["recover"].Recovery(task, request).run()
"""


@pytest.mark.parametrize("write_number", [1, 2, 3], ids=["note", "key-out", "key-in"])
def test_killed_at_a_write_and_run_again(make: Make, write_number: int) -> None:
    scene = lost(make)
    write(scene, "node-1")
    server = scene.serve()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(server.kubeconfig)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / ".build/collections")},
        stdin=subprocess.PIPE,
    )
    server.faults.stop_client_after_write(child.pid, write_number, IMAGES)
    child.communicate(b"go\n", timeout=30)
    assert child.returncode == -signal.SIGKILL
    path = file(scene, disk(scene, "node-1"))
    assert kept(scene) or path.read_bytes() == RIGHT
    assert scene.recover("tool", experimental=True)["images"][0]["outcome"] == "recovered"
    whole(scene)


def test_no_right_bytes_anywhere_is_refused_and_nothing_is_written(make: Make) -> None:
    scene = lost(make)
    write(scene, "node-1", b"x" * len(RIGHT))
    text, way = looked(scene, experimental=True)
    assert way["state"] == "closed" and "no failed copy has the right bytes" in text
    assert kept(scene) == [] and file(scene, disk(scene, "node-1")).is_file()


def test_check_mode_writes_nothing(make: Make) -> None:
    scene = lost(make)
    write(scene, "node-1")
    _text, way = looked(scene, experimental=True, check_mode=True)
    assert way["state"] == "check" and scene.writes() == [] and kept(scene) == []
