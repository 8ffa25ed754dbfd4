# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopped at any write, by a fault or by hand: the next run finishes what was begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.interrupt import Interrupted
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task
from tests.integration.recovery.scene import Scene
from tests.simulator.longhorn import names

Make = Callable[..., Scene]


class Killed(BaseException):
    """The process is gone: not even its clean-up runs."""


def kill_after_write(task: Task, number: int) -> None:
    """From the *number*-th write on, every request of this task ends in Killed."""
    send = task.client.transport.send
    done = 0

    def counted(method: str, url: str, **options: Any) -> Any:
        nonlocal done
        if done >= number:
            raise Killed
        answer = send(method, url, **options)
        if method != "GET":
            done += 1
            if done >= number:
                raise Killed
        return answer

    vars(task.client.transport)["send"] = counted


def lost_scene(make: Make, longhorn: str) -> Scene:
    scene = make(longhorn)
    scene.cluster.create_image("img", copies=2)
    scene.volume("vol", "img")
    scene.lose("img")
    return scene


def check_whole(scene: Scene) -> None:
    assert scene.ready("img") >= 2
    assert list(scene.tickets("vol")) == ["ui"]
    assert scene.volume_state("vol") == ("attached", "healthy")
    assert scene.notes() == []


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("longhorn", ["1.6", "1.12"])
def test_killed_after_any_write(make: Make, longhorn: str, number: int) -> None:
    scene = lost_scene(make, longhorn)
    task = scene.task()
    kill_after_write(task, number)
    with pytest.raises(Killed):
        scene.recover("img", task=task)
    scene.recover("img", task=scene.task(seconds=110))
    check_whole(scene)
    written = len(scene.writes())
    assert not scene.recover("img")["changed"]
    assert len(scene.writes()) == written


def test_another_run_waits_until_the_dead_ones_lock_has_expired(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "DURATION_SECONDS", 3)
    monkeypatch.setattr(
        lease.Lease.__init__,
        "__kwdefaults__",
        {**(lease.Lease.__init__.__kwdefaults__ or {}), "duration_seconds": 3},
    )
    monkeypatch.setattr(lease, "REQUEST_SECONDS", 0.5)
    scene = lost_scene(make, "1.12")
    task = scene.task()
    kill_after_write(task, 3)
    with pytest.raises(Killed):
        scene.recover("img", task=task, holder="dead")
    with pytest.raises(lease.LeaseHeld, match="dead"):
        scene.recover("img", holder="impatient", lock_wait_seconds=0.5)
    scene.recover("img", holder="patient", task=scene.task(seconds=110))
    check_whole(scene)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "error", "status": 503, "verb": "write"},
        {"action": "error", "status": 429, "verb": "write"},
        {"action": "error", "status": 409, "verb": "patch"},
        {"action": "cut", "verb": "patch"},
        {"action": "refuse", "verb": "write"},
        {"action": "error", "status": 410, "verb": "watch"},
        {"action": "cut", "verb": "watch", "seconds": 0.2},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_faults_of_the_server_are_survived(make: Make, fault: dict[str, Any]) -> None:
    scene = lost_scene(make, "1.12")
    faults = [scene.serve().faults.add(**fault, nth=nth) for nth in (1, 3, 4)]
    scene.recover("img", task=scene.task(seconds=110))
    check_whole(scene)
    assert sum(rule.injected for rule in faults) >= 1


def test_an_interruption_says_where_it_was_and_gives_the_lock_back(make: Make) -> None:
    scene = lost_scene(make, "1.12")

    def interrupt(text: str, task: Task) -> None:
        if "first file" in text:
            task.interrupt.request("interrupted by Ctrl-C")

    with pytest.raises(Interrupted, match="img: first file on") as stopped:
        scene.recover("img", task=scene.task(hook=interrupt))
    ways_on = scene.texts.index(next(t for t in scene.texts if "run the same command again" in t))
    first_write = scene.texts.index(next(t for t in scene.texts if "taking the tickets" in t))
    assert ways_on < first_write, "after a Ctrl-C Ansible shows nothing that a module says"
    assert stopped.value.result is not None
    assert stopped.value.result["images"][0]["outcome"] == "interrupted"
    scene.recover("img", holder="another")
    check_whole(scene)


def test_a_deadline_says_what_was_waited_for(make: Make) -> None:
    scene = lost_scene(make, "1.12")
    scene.cluster.world.processes.send_rate = 1000.0
    with pytest.raises(TimedOut, match="img: still waiting for 1 of 2 copies"):
        scene.recover("img", task=scene.task(seconds=6))


def test_somebody_who_keeps_changing_the_image_is_named_as_the_cause(make: Make) -> None:
    scene = lost_scene(make, "1.12")
    scene.serve().faults.add(
        action="error", status=409, verb="patch", resource="backingimages.longhorn.io", times=0
    )
    with pytest.raises(Exception, match="somebody else keeps changing it"):
        scene.recover("img")


@pytest.mark.parametrize("held", [False, True], ids=["gone", "held-by-a-finalizer"])
def test_an_image_that_somebody_deletes_meanwhile_is_told_in_one_sentence(
    make: Make, held: bool
) -> None:
    scene = make("1.12")
    scene.cluster.create_image("img", copies=2)
    scene.lose("img")
    store = scene.cluster.store
    done: list[str] = []

    def keep(image: dict[str, Any]) -> None:
        image["metadata"]["finalizers"] = ["example.org/held"]

    def delete(text: str, _task: Task) -> None:
        if "emptying its placement map" in text and not done:
            done.append(text)
            if held:
                scene.call(lambda: store.mutate(names.IMAGES, names.NAMESPACE, "img", keep))
            scene.call(lambda: store.delete(names.IMAGES, names.NAMESPACE, "img"))

    with pytest.raises(Failure) as failure:
        scene.recover("img", task=scene.task(hook=delete))
    text = str(failure.value)
    assert "img" in text and "somebody deleted it while it was being recovered" in text
    assert "tries" not in text and "\n" not in text
