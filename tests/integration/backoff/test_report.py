# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back-off reports over HTTP, from a simulated cluster in which a minute takes half a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.connect import connect
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupt
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.progress import Progress
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import backoff
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.server import ApiServer

CHECKOUT = Path(__file__).resolve().parents[3]
SCALE = 120.0
# Nine and a half minutes there: the attempts after 1, 2 and 4 minutes. The first one may be over
# (in a fifth of a second here) before the watch has begun.
WATCH_SECONDS = 4.75
# Nearly twelve minutes: from whenever on, two attempts.
ANY_WINDOW_SECONDS = 5.9
MISSING = "http://images.rig:8080/f/none.img"


@pytest.fixture(params=["1.6", "1.12"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiServer]:
    cluster = Cluster(request.param, root=tmp_path, time=SCALE)
    served = cluster.serve()
    served.call(lambda: cluster.create_image("missing", url=MISSING, wait=False))
    served.call(lambda: cluster.create_image("there", wait=False))
    yield served
    cluster.close()


def task_of(server: ApiServer) -> Task:
    deadline, interrupt = Deadline(60.0), Interrupt()
    client = connect({"kubeconfig": str(server.kubeconfig)}, deadline)
    return Task(client, deadline, interrupt, Progress(None, interrupt))


def play(server: ApiServer, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    tree = str(CHECKOUT / ".build" / "collections")
    kept = {key: os.environ[key] for key in ("HOME", "LANG") if key in os.environ}
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": tree,
        "ANSIBLE_COLLECTIONS_PATH": tree,
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "K8S_AUTH_KUBECONFIG": str(server.kubeconfig),
    }
    return subprocess.run(
        ["ansible-playbook", str(CHECKOUT / "playbooks" / "backoff_report.yml"), *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environment,
        cwd=folder,
    )


def test_watching_a_download_that_is_not_found(server: ApiServer) -> None:
    task = task_of(server)
    images, seen, _gaps = backoff.gather_live(task, ["missing"], WATCH_SECONDS, True)
    found = backoff.report(images, seen)
    (one,) = found["reports"]
    assert (one["verdict"], one["retries"]) == ("follows_rule", "download"), found["text"]
    assert len(one["attempts"]) >= 3
    expected = [window["expected"] for window in one["windows"]]
    assert [120, 240] in (expected[:2], expected[1:3])
    assert task.client.writes == 0


def test_what_objects_show_at_once_proves_nothing(server: ApiServer) -> None:
    images, seen, _gaps = backoff.gather_live(task_of(server), [], 0.0, False)
    found = backoff.report(images, seen)
    assert {one["verdict"] for one in found["reports"]} == {"no_evidence"}
    assert backoff.objection(found["reports"], ["follows_rule", "deviates", "no_backoff"])


def test_an_unknown_image_and_a_log_that_cannot_be_read(server: ApiServer) -> None:
    with pytest.raises(Failure, match="Did you mean missing"):
        backoff.gather_live(task_of(server), ["mising"], 0.0, False)
    with pytest.raises(errors.NotFound):
        task_of(server).client.pod_log("no-such-pod", backoff.MANAGER_CONTAINER)


@pytest.mark.parametrize("server", ["1.12"], indirect=True)
def test_the_playbook_fails_without_evidence_and_writes_the_picture_where_the_user_stands(
    server: ApiServer, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    done = play(server, folder, "-e", "image=there", "-e", "svg=backoff.svg")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no evidence: " in done.stdout
    assert (folder / "backoff.svg").read_text(encoding="utf-8").startswith("<svg")
    watched = play(
        server, folder, "-e", json.dumps({"image": "missing", "watch": ANY_WINDOW_SECONDS})
    )
    assert watched.returncode == 0, watched.stdout + watched.stderr
    assert "follows the rule" in watched.stdout


def test_data_in_place_of_a_cluster() -> None:
    times = ["20:45:44Z", "20:46:47Z", "20:49:17Z"]
    observations = [
        {"at": f"2026-11-20T{at}", "kind": "pod", "image": "img", "disk": None} for at in times
    ]
    line = (
        'time="2026-11-20T20:53:47Z" level=info msg="Creating backing image data source pod" '
        "backingImageDataSource=img"
    )
    seen = backoff.gather_data(observations, [{"text": f"cut off\n{line}\n", "manager": "m-1"}])
    found = backoff.report(["img"], seen)
    (one,) = found["reports"]
    assert (one["verdict"], one["confidence"]) == ("follows_rule", "certain")
    assert backoff.objection(found["reports"], ["follows_rule"]) == ""
    assert "follows the rule" in backoff.objection(found["reports"], ["no_backoff"])
    assert backoff.objection([], ["follows_rule"])
    with pytest.raises(Failure, match="observation 2"):
        backoff.gather_data([observations[0], {"kind": "pod"}], [])
