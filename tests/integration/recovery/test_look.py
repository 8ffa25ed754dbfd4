# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at the files of failed copies on their nodes: what it finds, and where it cannot look."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupted
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look_pod import (
    LABEL,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import pod_run
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.integration.documented import OPERATOR, grant, items_of, text_of
from tests.integration.recovery.scene import Scene
from tests.material import CHECKOUT
from tests.simulator.admission import AdmissionRequest
from tests.simulator.errors import ApiError
from tests.simulator.longhorn import names
from tests.simulator.longhorn.sources import MIB, Answer, Content, payload_of

Make = Callable[..., Scene]
# What a look writes: pods of its own, and questions for its rights.
ALLOWED = {"create pods", "delete pods", "create selfsubjectaccessreviews.authorization.k8s.io"}
URL = "http://images.local/f/raw8.img"
CONTENT = Content("raw8.img", 8 * MIB, 8 * MIB)
RIGHT = payload_of(CONTENT.name, CONTENT.size).ljust(CONTENT.size, b"\0")
CHILD = """
import sys, time
from importlib import import_module

base = "ansible_collections.nodecare.longhorn.plugins.module_utils."
api = {name: import_module(f"{base}_api.{name}")
       for name in ("connect", "deadline", "interrupt", "lease", "progress")}
ours = {name: import_module(f"{base}_operations.{name}")
        for name in ("recover", "recovery_report", "short_pods", "task")}
ours["short_pods"].phase_of = lambda pod: time.sleep(60)
deadline, flag = api["deadline"].Deadline(60.0), api["interrupt"].Interrupt()
client = api["connect"].connect({"kubeconfig": sys.argv[1]}, deadline)
task = ours["task"].Task(client, deadline, flag, api["progress"].Progress(None, flag))
who = api["lease"].new_holder("recovery")
request = ours["recovery_report"].Request(
    ["tool"], who, window_seconds=0.5, look_on_nodes=True)
ours["recover"].Recovery(task, request).run()
"""


def lost(
    make: Make, longhorn: str = "1.12", source_type: str = "upload", *, volume: bool = False
) -> Scene:
    """An image with copies on two nodes whose files were away, so that both read failed."""
    scene = make(longhorn)
    first = [scene.cluster.disk_uuids(node)[0] for node in ("node-1", "node-2")]
    scene.cluster.create_image("tool", source_type=source_type, on=first)
    if volume:
        scene.volume("vol", "tool")
    scene.lose("tool")
    return scene


def file(scene: Scene, uuid: str) -> Path:
    """The file of a copy."""
    return scene.cluster.copy_dir("tool", uuid) / "backing"


def disk(scene: Scene, node: str) -> str:
    """The first disk of a node."""
    return scene.cluster.disk_uuids(node)[0]


def write(scene: Scene, node: str, data: bytes | None = None) -> None:
    """Let a file be there again, by default with the bytes that it had."""
    uuid = disk(scene, node)
    path = file(scene, uuid)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(RIGHT if data is None else data)


def pods(scene: Scene) -> list[dict[str, Any]]:
    """Pods of a look that are there."""
    listed = scene.call(lambda: scene.cluster.store.list("pods", names.NAMESPACE))
    return [pod for pod in listed if LABEL in (pod["metadata"].get("labels") or {})]


def looked(scene: Scene, **options: Any) -> tuple[str, dict[str, Any]]:
    """Text of the refusal and its way on `salvage`; nothing of Longhorn was written."""
    with pytest.raises(Failure, match="tool was not touched") as failure:
        scene.recover("tool", **{"look_on_nodes": True, **options})
    assert set(scene.writes()) <= ALLOWED
    assert failure.value.result is not None
    ways = failure.value.result["images"][0]["ways_on"]
    assert pods(scene) == []
    return str(failure.value), next(way for way in ways if way["rule"] == "salvage")


@pytest.mark.parametrize("longhorn", ["1.6", "1.12"])
def test_a_file_with_the_right_bytes_is_found(make: Make, longhorn: str) -> None:
    scene = lost(make, longhorn)
    write(scene, "node-1")
    text, way = looked(scene)
    assert way["state"] == "open"
    found = {each["node"]: each for each in way["evidence"]}
    right = found["node-1"]
    assert (right["finding"], right["size"]) == ("right_bytes", len(RIGHT))
    assert right["disk"] == disk(scene, "node-1")
    assert right["path"].startswith("/var/lib/longhorn/backing-images/tool-")
    assert found["node-2"]["finding"] == "no_file"
    assert f"1. {right['place']} still has the right bytes: {right['path']}" in text
    rest = text.partition(right["path"])[2].partition(" no file. ")[0]
    assert found["node-2"]["place"] in rest


def test_other_bytes_and_another_size_are_told_apart(make: Make) -> None:
    scene = lost(make)
    write(scene, "node-1", b"x" * len(RIGHT))
    write(scene, "node-2", b"x" * 512)
    text, way = looked(scene)
    assert way["state"] == "closed"
    wrong = hashlib.sha512(b"x" * len(RIGHT)).hexdigest()[:12]
    assert "-  no failed copy has the right bytes: " in text
    assert f"other bytes (sha512 {wrong}…)" in text and "another size (512 bytes)" in text


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"error": "expected status code 200, got 404 Not Found"}, "answers 404"),
        ({"content": Content("rebuilt.img", 8 * MIB, 8 * MIB)}, "delivers other bytes"),
    ],
    ids=["dead-url", "other-bytes"],
)
def test_also_where_the_source_does_not_deliver(
    make: Make, answer: dict[str, Any], why: str
) -> None:
    scene = lost(make, source_type="download")
    write(scene, "node-2")
    scene.cluster.sources.serve(URL, Answer(**answer))
    text, way = looked(scene)
    assert why in text and "ways on:" in text
    assert way["state"] == "open"


def test_not_where_it_is_fetched_again(make: Make) -> None:
    scene = lost(make, source_type="download")
    done = scene.recover("tool", look_on_nodes=True)["images"][0]
    assert (done["outcome"], done["ways_on"]) == ("recovered", [])
    assert "create pods" not in scene.writes()


def test_a_disk_without_its_folder_does_not_stop_the_look_at_others(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_run, "START_SECONDS", 0.5)
    scene = lost(make)
    (file(scene, disk(scene, "node-1")).parent.parent).rename(scene.cluster.workers.root / "away")
    text, way = looked(scene)
    assert way["state"] == "check"
    found = {each["node"]: each["finding"] for each in way["evidence"]}
    assert found.pop("node-1") == "not_read" and set(found.values()) == {"no_file"}
    assert "no pod started within" in text and "ContainerCreating" in text
    assert len(way["commands"]) == 1 and way["commands"][0].endswith("# on node-1")


def test_a_cluster_that_lets_no_such_pod_in(make: Make) -> None:
    scene = lost(make)
    scene.cluster.store.admission.validating("pods", ["CREATE"], refuse_host_paths)
    text, way = looked(scene)
    assert way["state"] == "check" and len(way["commands"]) == len(way["evidence"]) > 1
    assert "the failed copies cannot be looked at: " in text and "PodSecurity" in text


def refuse_host_paths(request: AdmissionRequest) -> None:
    """As Pod Security admission does in a namespace of the level baseline."""
    if any("hostPath" in volume for volume in request.obj["spec"].get("volumes") or ()):
        raise ApiError(403, "Forbidden", 'pods is forbidden: violates PodSecurity "baseline:v1"')


def test_check_mode_makes_no_pod(make: Make) -> None:
    scene = lost(make)
    text, way = looked(scene, check_mode=True)
    assert way["state"] == "check" and "check mode makes no pod" in text
    assert scene.writes() == []


def test_an_interruption_removes_the_pods(make: Make) -> None:
    scene = lost(make)

    def stop(text: str, task: Task) -> None:
        if "read on their nodes" in text:
            task.interrupt.request("interrupted by Ctrl-C")

    with pytest.raises(Interrupted, match="looking at files on nodes"):
        scene.recover("tool", look_on_nodes=True, task=scene.task(hook=stop))
    assert pods(scene) == []


def test_killed_while_it_looks_and_run_again(make: Make) -> None:
    scene = lost(make)
    server = scene.serve()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(server.kubeconfig)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / ".build/collections")},
    )
    end = time.monotonic() + 20
    while len(pods(scene)) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    left = pods(scene)
    assert {"node-1", "node-2"} <= {pod["spec"]["nodeName"] for pod in left}
    with pytest.raises(Failure, match="tool was not touched"):
        scene.recover("tool")
    assert pods(scene) == []


@pytest.mark.parametrize("block", [False, True], ids=["documented", "with-the-optional-rights"])
def test_with_the_documented_rights(make: Make, tmp_path: Path, block: bool) -> None:
    scene = lost(make)
    write(scene, "node-1")
    server = scene.serve()
    scene.call(lambda: grant(scene.cluster.store, operator(block)))
    token = server.tokens.for_service_account("longhorn-system", "nodecare")
    config = str(server.kubeconfig_for(token, tmp_path / "as-nodecare"))
    text, way = looked(scene, task=scene.task(kubeconfig=config))
    assert way["state"] == ("open" if block else "check")
    why = "cannot be looked at: the account may not create pods in namespace longhorn-system, "
    assert (why in text) is not block
    assert [entry.path for entry in server.requests.entries if entry.status == 403] == []


def operator(block: bool) -> list[dict[str, Any]]:
    """The objects of docs/rbac.yaml; with *block* the rules for the probe, but for secrets."""
    text = text_of(OPERATOR)
    if block:
        head, mark, rest = text.partition("# Only for source_probe")
        rules, blank, tail = rest.partition("\n  - apiVersion")
        rules = rules[: rules.rindex("# - apiGroups")]
        text = head + mark + re.sub(r"(?m)^(\s*)# (- |  [a-z])", r"\1\2", rules) + blank + tail
    return items_of(text)
