# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources are read by a pod in the cluster where that is possible, and what is done elsewhere."""

from __future__ import annotations

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
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    ask_cluster,
    pod_run,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.integration.documented import OPERATOR, grant, items_of, text_of
from tests.integration.recovery.scene import Scene
from tests.material import CHECKOUT
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import NOBODY
from tests.simulator.longhorn.sources import MIB, Answer, Content
from tests.simulator.pod_commands import PodCommands

Make = Callable[..., Scene]
URL = "http://user:s3cret@images.local/f/raw8.img?signature=abc"
SLOW = "http://images.local/slow/256/raw8.img"
CHILD = """
import sys
from importlib import import_module

base = "ansible_collections.nodecare.longhorn.plugins.module_utils."
api = {name: import_module(f"{base}_api.{name}")
       for name in ("connect", "deadline", "interrupt", "lease", "progress")}
ours = {name: import_module(f"{base}_operations.{name}")
        for name in ("recover", "recovery_report", "task")}
deadline, flag = api["deadline"].Deadline(60.0), api["interrupt"].Interrupt()
client = api["connect"].connect({"kubeconfig": sys.argv[1]}, deadline)
task = ours["task"].Task(client, deadline, flag, api["progress"].Progress(None, flag))
who = api["lease"].new_holder("recovery")
request = ours["recovery_report"].Request(["img"], who, window_seconds=0.5, probe="auto")
ours["recover"].Recovery(task, request).run()
"""
LABEL = "longhorn.nodecare.dev/source-probe"
ALLOWED = {
    "create pods",
    "create secrets",
    "delete pods",
    "create selfsubjectaccessreviews.authorization.k8s.io",
}


def lost(make: Make, url: str = URL, **answer: Any) -> Scene:
    """A scene with one lost image, whose source then does something else."""
    scene = make()
    content = Content("raw8.img", 8 * MIB, 8 * MIB)
    scene.cluster.sources.serve(URL, Answer(content=content))
    scene.cluster.sources.serve(plain(URL), Answer(content=content))
    scene.cluster.create_image("img", url=url, copies=2)
    scene.lose("img")
    if answer:
        scene.cluster.sources.serve(plain(URL), Answer(**answer))
    scene.serve()
    return scene


def plain(url: str) -> str:
    """As a server sees it."""
    return url.replace("user:s3cret@", "")


def ours(scene: Scene) -> list[str]:
    """Pods and Secrets of ours that are there."""
    store = scene.cluster.store
    return [
        f"{kind}/{obj['metadata']['name']}"
        for kind in ("pods", "secrets")
        for obj in scene.call(lambda kind=kind: store.list(kind, names.NAMESPACE))
        if LABEL in (obj["metadata"].get("labels") or {})
    ]


def nothing_left(scene: Scene) -> bool:
    """Whether the pod is gone, and soon its Secret, which the garbage collector takes."""
    end = time.monotonic() + 5
    while ours(scene) and time.monotonic() < end:
        time.sleep(0.05)
    return ours(scene) == []


def never(pod: dict[str, Any]) -> float | None:
    """A pod of ours takes a day to start."""
    return 86400.0 if LABEL in (pod["metadata"].get("labels") or {}) else None


def refused(scene: Scene, **options: Any) -> tuple[str, dict[str, Any]]:
    """Text and image of the refusal; nothing of Longhorn was written."""
    with pytest.raises(Failure, match="img was not touched") as failure:
        scene.recover("img", **options)
    assert set(scene.writes()) <= ALLOWED
    assert failure.value.result is not None
    return str(failure.value), failure.value.result["images"][0]


def test_a_source_that_only_the_cluster_reaches(make: Make) -> None:
    scene = lost(make)
    seen: list[Any] = []

    def look(text: str, _task: Task) -> None:
        if "in the cluster" in text:
            pods = scene.call(lambda: scene.cluster.store.list("pods", names.NAMESPACE))
            seen.extend(p for p in pods if "source-probe" in str(p["metadata"]))

    here = {"way": Way(NOBODY), "task": scene.task(hook=look)}
    image = scene.recover("img", probe="auto", **here)["images"][0]
    assert image["outcome"] == "recovered"
    source = image["source"]
    assert (source["finding"], source["checked_from"]) == ("same_bytes", "cluster")
    assert (source["length"], source["received"]) == (8 * MIB, 8 * MIB)
    assert seen and "s3cret" not in str(seen) and "signature" not in str(seen)
    assert "s3cret" not in str(image) + str(scene.texts)
    assert nothing_left(scene)


def test_a_source_that_only_this_machine_reaches(make: Make) -> None:
    scene = lost(make)
    scene.cluster.pods_reach_sources = False
    text, image = refused(scene, probe="auto")
    assert "cannot be reached" in text and "-e source_probe=controller" in text
    assert "s3cret" not in text and "signature" not in text
    assert image["source"]["checked_from"] == "cluster"
    assert nothing_left(scene)
    here = scene.recover("img", probe="controller", check_mode=True)["images"][0]
    assert (here["outcome"], here["source"]["checked_from"]) == ("planned", "controller")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"error": "expected status code 200, got 404 Not Found"}, "answers 404 to HEAD"),
        ({"content": Content("rebuilt.img", 8 * MIB, 8 * MIB)}, "delivers other bytes"),
    ],
    ids=["404", "other-bytes"],
)
def test_what_the_pod_finds_is_refused(make: Make, answer: dict[str, Any], text: str) -> None:
    scene = lost(make, **answer)
    told, image = refused(scene, probe="cluster", way=Way(NOBODY))
    assert text in told
    assert image["source"]["checked_from"] == "cluster"
    assert nothing_left(scene)


def test_a_pod_that_never_starts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_run, "START_SECONDS", 0.5)
    scene = lost(make)
    for node in scene.cluster.nodes:
        scene.cluster.machines.kubelet(node).known_start = never
    text, image = refused(scene, probe="cluster")
    assert "no pod started within" in text
    assert image["source"]["finding"] == "no_pod"
    done = scene.recover("img", probe="auto")
    source = done["images"][0]["source"]
    assert source["checked_from"] == "controller" and "no pod started" in source["because"]
    assert any("not in the cluster" in line for line in done["summary"])
    assert nothing_left(scene)


@pytest.mark.parametrize("mute", ["no-log", "never-runs"])
def test_a_running_pod_that_says_nothing_is_not_waited_for(
    make: Make, monkeypatch: pytest.MonkeyPatch, mute: str
) -> None:
    """As with a kubelet that died after it had said Running: the reading may take half an hour."""
    monkeypatch.setattr(pod_run, "SILENT_SECONDS", 0.5)
    if mute == "never-runs":
        monkeypatch.setattr(PodCommands, "_begin", lambda self, pod: None)
    scene = lost(make, url=SLOW.replace("/256/", "/16/"))
    assert scene.server is not None
    if mute == "no-log":
        log = {"verb": "get", "resource": "pods", "subresource": "log"}
        scene.server.faults.add(action="error", status=500, times=0, **log)
    began = time.monotonic()
    text, image = refused(scene, probe="cluster")
    assert time.monotonic() - began < 10
    assert image["source"]["finding"] == "no_pod"
    why = "log cannot be read" if mute == "no-log" else "the pod runs, but its log stays empty"
    assert why in text
    assert nothing_left(scene)


def test_a_pod_that_reads_for_too_long_ends_by_itself(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own deadline ends it; here it is one second."""
    monkeypatch.setattr(pod_run, "START_SECONDS", 1.0)
    monkeypatch.setattr(ask_cluster.probe_pod, "longest_run", lambda sources, seconds: 0.0)
    scene = lost(make, url=SLOW.replace("/256/", "/16/"))
    _text, image = refused(scene, probe="auto")
    assert (image["source"]["finding"], image["source"]["checked_from"]) == ("deadline", "cluster")
    assert nothing_left(scene)


def test_a_cluster_that_lets_no_pod_in_is_not_asked_for_long(make: Make) -> None:
    """As a webhook does that does not answer: the API server says 500 for as long."""
    scene = lost(make)
    assert scene.server is not None
    scene.server.faults.add(action="error", status=500, verb="create", resource="pods", times=0)
    began = time.monotonic()
    _text, image = refused(scene, probe="cluster")
    assert image["source"]["finding"] == "no_pod"
    assert time.monotonic() - began < 10
    assert len([write for write in scene.writes() if write == "create pods"]) <= 1


def test_an_interruption_removes_the_pod(make: Make) -> None:
    scene = lost(make, url=SLOW)

    def stop(text: str, task: Task) -> None:
        if "read and hashed in the cluster" in text:
            task.interrupt.request("interrupted by Ctrl-C")

    with pytest.raises(Interrupted, match="reading sources"):
        scene.recover("img", probe="auto", task=scene.task(hook=stop))
    assert nothing_left(scene)


def test_check_mode_makes_no_pod(make: Make) -> None:
    scene = lost(make)
    auto = scene.recover("img", probe="auto", check_mode=True)["images"][0]["source"]
    assert (auto["finding"], auto["because"]) == ("same_bytes", "check mode makes no pod")
    image = scene.recover("img", probe="cluster", check_mode=True)["images"][0]
    assert image["outcome"] == "planned"
    assert image["source"]["finding"] == "not_checked"
    assert [c["name"] for c in image["checks"] if not c["shown"]] == ["source", "same_bytes"]
    assert scene.writes() == []


def test_killed_while_the_pod_reads_and_run_again(make: Make) -> None:
    scene = lost(make, url=SLOW)
    assert scene.server is not None
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(scene.server.kubeconfig)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / ".build/collections")},
    )
    end = time.monotonic() + 20
    while len(ours(scene)) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    left = ours(scene)
    assert [each.partition("/")[0] for each in left] == ["pods", "secrets"]
    done = scene.recover("img", probe="auto", way=Way(NOBODY))
    assert done["images"][0]["source"]["checked_from"] == "cluster"
    assert scene.ready("img") == 2
    assert nothing_left(scene)


def manifest(block: bool) -> list[dict[str, Any]]:
    """The objects of docs/rbac.yaml; with *block* the rules for the probe are taken in."""
    text = text_of(OPERATOR)
    if block:
        head, mark, rest = text.partition("# Only for source_probe")
        assert mark
        rules, blank, tail = rest.partition("\n  - apiVersion")
        text = head + mark + re.sub(r"(?m)^(\s*)# (- |  [a-z])", r"\1\2", rules) + blank + tail
    return items_of(text)


@pytest.mark.parametrize("block", [False, True], ids=["documented", "with-the-optional-rights"])
def test_with_the_documented_rights(make: Make, tmp_path: Path, block: bool) -> None:
    scene = lost(make, content=Content("rebuilt.img", 8 * MIB, 8 * MIB))
    server = scene.serve() if scene.server is None else scene.server
    scene.call(lambda: grant(scene.cluster.store, manifest(block)))
    token = server.tokens.for_service_account("longhorn-system", "nodecare")
    config = str(server.kubeconfig_for(token, tmp_path / "as-nodecare"))
    task = scene.task(kubeconfig=config)
    text, image = refused(scene, probe="auto", task=task)
    source = image["source"]
    assert source["finding"] == "changed"
    assert source["checked_from"] == ("cluster" if block else "controller")
    why = "the account may not create pods in namespace longhorn-system, "
    assert (why in text and why in source["because"]) is not block
    assert [entry.path for entry in server.requests.entries if entry.status == 403] == []
    assert nothing_left(scene)
