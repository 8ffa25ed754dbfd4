# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node goes down only where it can be switched on again, and its undo is noted before; a manager
is killed by the UID of its pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    fault_guard,
    fault_janitor,
    fault_power,
    fault_watch,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work
from ansible_collections.nodecare.longhorn.plugins.modules import fault_image
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.server import ApiServer

POWER = "/simulator/power"
RUN = fault_janitor.Run("this-cluster", "run")
ANOTHER = fault_janitor.Run("another-cluster", "run")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Cluster, ApiServer, Client]]:
    cluster = Cluster("1.12", nodes=2, disks=1, root=tmp_path / "disks")
    cluster.create_image("debian", copies=1)
    try:
        server = cluster.serve(state_dir=tmp_path)
        yield cluster, server, connect({"kubeconfig": str(server.kubeconfig)}, Deadline(30))
    finally:
        cluster.close()


def test_a_node_is_switched_only_where_it_comes_on_again(
    served: tuple[Cluster, ApiServer, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _server, client = served
    monkeypatch.setattr(fault_janitor, "folder", lambda: tmp_path)

    def note() -> None:
        fault_janitor.note_power(RUN, POWER, "node-2")

    for path in ("", "/api/v1/nodes", "/version", "/simulator/nothing"):
        with pytest.raises(Failure, match="only in a simulated cluster"):
            fault_power.switch_off(client, path, "node-2", note)
    with pytest.raises(Failure, match="There is no machine node-9"):
        fault_power.switch_off(client, POWER, "node-9", note)
    with pytest.raises(Failure, match="is not armed"):
        fault_power.switch_off(client, POWER, "node-2", note)
    assert cluster.workers["node-2"].powered
    fault_janitor.marker(RUN).write_text('{"run": "run", "until": 0}')
    assert fault_power.switch_off(client, POWER, "node-2", note)
    assert not cluster.workers["node-2"].powered
    assert not fault_power.switch_off(client, POWER, "node-2", note)
    noted = fault_janitor.noted_power(RUN)
    assert noted == (POWER, ["node-2"])
    assert fault_power.switch_on(client, *noted) == ["node-2"]
    assert cluster.workers["node-2"].powered
    assert fault_power.switch_on(client, *noted) == []
    assert fault_power.switch_on(client, *fault_janitor.noted_power(ANOTHER)) == []


def test_the_manager_of_exactly_that_disk_is_killed(
    served: tuple[Cluster, ApiServer, Client],
) -> None:
    cluster, server, client = served
    image = server.call(cluster.store.get, "backingimages.longhorn.io", "longhorn-system", "debian")
    (disk,) = image["status"]["diskFileStatusMap"]
    selector = f"longhorn.io/component=backing-image-manager,longhorn.io/disk-uuid={disk}"
    (pod,) = server.call(cluster.store.list, "pods", "longhorn-system", selector)
    assert fault_watch.kill_manager(client, disk) == pod["metadata"]["name"]
    deleted = [e.path for e in server.requests.entries if e.verb == "delete"]
    assert len(deleted) == 1 and deleted[0].endswith(f"/{pod['metadata']['name']}")
    with pytest.raises(Failure, match="no manager that is ready"):
        fault_watch.kill_manager(client, "no-such-disk")


def test_each_cluster_has_runs_of_its_own(
    served: tuple[Cluster, ApiServer, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cleans up one cluster neither disarms nor switches what a run in another one left."""
    _cluster, _server, client = served
    monkeypatch.setattr(fault_janitor, "folder", lambda: tmp_path)
    here = fault_janitor.Run(fault_guard.cluster_of(client), "run")
    for run, path in ((here, POWER), (ANOTHER, "/elsewhere/power")):
        fault_janitor.marker(run).write_text('{"run": "run", "until": 0}')
        fault_janitor.note_power(run, path, "node-2")
    interrupt = Interrupt()
    progress = Progress(None, interrupt)
    work = Work(client, find_longhorn(client), Deadline(30), interrupt, progress)
    assert fault_image.remove(work, {"run": ""})["problems"] == []
    assert not fault_janitor.marker(here).exists()
    assert fault_janitor.marker(ANOTHER).exists()
    fault_janitor.marker(here).write_text('{"run": "run", "until": 0}')
    fault_janitor.note_power(here, "/elsewhere/power", "node-2")
    (problem,) = fault_image.remove(work, {"run": ""})["problems"]
    assert problem.startswith("run run: ") and fault_janitor.marker(here).exists()
