# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the files of failed copies on their nodes: one short-lived pod for each node.

The pods only read, so nothing has to be undone; they are removed whatever happens, and what a
killed run has left ends by itself and is removed by the next one. What cannot be looked at is an
answer like any other: it never stops the run that asked.
"""

from __future__ import annotations

import contextlib
import itertools
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    look_log,
    look_pod,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    Look,
    Place,
    judge,
    unread,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_pod import (
    why_hopeless,
    why_waiting,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    rights,
    short_pods,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_cluster import (
    IMAGE_SETTING,
    PULL_SETTING,
    Side,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

# A pod whose image is on its node runs after two or three seconds.
START_SECONDS = 15.0
# A running pod whose log says nothing for so long is not waited for until its own deadline.
SILENT_SECONDS = 15.0
# Its own deadline is told a moment after it.
END_SECONDS = 10.0
LOG_SECONDS = 2.0
LOG_TRIES = 3
NODES_AT_ONCE = 10
NOT_NAMEABLE = "its path has characters that are not passed on to a pod"


@dataclass
class _NodePod:
    """The pod of one node: its places, when it began, and what its log has said so far."""

    name: str
    node: str
    places: list[Place]
    limit: Deadline
    told: look_log.Told = field(default_factory=look_log.Told)
    read_at: float = 0.0
    heard_at: float = 0.0
    why: str = ""
    over: bool = False
    body: Callable[[look_pod.Terms], Object] | None = None


def look_on_nodes(task: Task, side: Side, places: Sequence[Place]) -> dict[Place, Look]:
    """What lies at each place. *side*: the container image of the pods, and who this run is.

    Raises Interrupted. A node that cannot be looked at is told as that.
    """
    able = [place for place in places if place.nameable]
    found = unread((place for place in places if not place.nameable), NOT_NAMEABLE)
    if not able:
        return found
    try:
        lacking = rights.missing(task.client, rights.for_disk_look(task.client.namespace))
    except errors.ApiError as error:
        return found | unread(able, error.message or str(error))
    if lacking:
        return found | unread(able, f"the account may not {', '.join(lacking)}")
    if not side.runs:
        why = f"no image is known for a pod (the setting {IMAGE_SETTING} is empty)"
        return found | unread(able, why)
    by_node = {
        node: list(group)
        for node, group in itertools.groupby(
            sorted(able, key=lambda place: (place.node, place.label, place.image)),
            key=lambda place: place.node,
        )
    }
    nodes = list(by_node)
    for start in range(0, len(nodes), NODES_AT_ONCE):
        part = {node: by_node[node] for node in nodes[start : start + NODES_AT_ONCE]}
        found |= _Looking(task, side, part).run()
    return found


def work_on_disk(
    task: Task,
    side: Side,
    place: Place,
    body: Callable[[str, Place, look_pod.Terms], Object],
    on_turn: Callable[[str], None],
) -> tuple[Look, tuple[str, ...]]:
    """Let one pod work on one file: what it found of it in the end, and the words for what it did.
    *body* makes the pod from its name; *on_turn* is called while it is waited for, with how far it
    is, and may raise.
    """
    running = _Looking(task, side, {place.node: [place]}, on_turn)
    pod = running.pods[0]
    pod.body = lambda terms: body(pod.name, place, terms)
    return running.run()[place], pod.told.did


class _Looking:
    """Pods for up to ten nodes. Use it once."""

    def __init__(
        self,
        task: Task,
        side: Side,
        places: dict[str, list[Place]],
        on_turn: Callable[[str], None] | None = None,
    ) -> None:
        self._task = task
        self._client = task.client
        self._side = side
        self._on_turn = on_turn or self._tell
        self.pods = [self._plan(node, listed) for node, listed in places.items()]

    def _plan(self, node: str, places: list[Place]) -> _NodePod:
        seconds = min(look_pod.longest_run(places), self._task.deadline.remaining())
        name = f"nodecare-look-{uuid.uuid4().hex[:8]}"
        return _NodePod(name, node, places, self._task.deadline.within(seconds + START_SECONDS))

    def run(self) -> dict[Place, Look]:
        """Make them, wait for them, read what they say, and remove them whatever happens."""
        try:
            for pod in self.pods:
                self._make(pod)
            while any(not pod.over for pod in self.pods):
                self._turn()
        finally:
            self._remove()
        return {place: look for pod in self.pods for place, look in _answers(pod).items()}

    def _make(self, pod: _NodePod) -> None:
        seconds = pod.limit.remaining()
        terms = look_pod.Terms(
            self._side.runs,
            self._side.who,
            int(seconds),
            time.time() + seconds,
            self._side.settings.get(PULL_SETTING, ""),
        )
        if pod.body is None:
            body = look_pod.pod(pod.name, pod.node, pod.places, terms)
        else:
            body = pod.body(terms)
        pod.read_at = pod.heard_at = pod.limit.now()
        try:
            # Once: whoever does not let pods in is not asked until the time is up.
            self._client.create(kinds.PODS, body, once=True)
        except errors.ApiError as error:
            pod.why, pod.over = error.message or str(error), True

    def _turn(self) -> None:
        """One look at all of them."""
        try:
            listed = self._client.list(kinds.PODS, label_selector=look_pod.LABEL).items
        except errors.ApiError as error:
            for pod in self.pods:
                pod.why, pod.over = pod.why or error.message or str(error), True
            return
        there = {str(raw["metadata"]["name"]): raw for raw in listed}
        for pod in self.pods:
            if not pod.over:
                self._follow(pod, there.get(pod.name))
        self._on_turn(self._line())
        if any(not pod.over for pod in self.pods):
            time.sleep(short_pods.TURN_SECONDS)

    def _follow(self, pod: _NodePod, raw: Object | None) -> None:
        phase = short_pods.phase_of(raw or {})
        if raw is None:
            self._end(pod, "somebody removed the pod while it was reading")
        elif phase in short_pods.ENDED:
            for _try in range(LOG_TRIES):
                self._listen(pod)
                if pod.told.ended or pod.told.missing:
                    break
                time.sleep(short_pods.TURN_SECONDS)
            reason = str((raw.get("status") or {}).get("reason") or phase)
            self._end(pod, "" if pod.told.ended else f"the pod ended before it was done ({reason})")
        elif phase != "Running":
            pod.heard_at = pod.limit.now()
            reason = why_hopeless(raw)
            if reason:
                self._end(pod, f"the pod does not start ({reason})")
            elif pod.limit.elapsed() >= START_SECONDS:
                roots = ", ".join(dict.fromkeys(place.root for place in pod.places))
                self._end(
                    pod,
                    f"no pod started within {spell_seconds(START_SECONDS)} ({why_waiting(raw)}; is "
                    f"{roots} there?)",
                )
        else:
            self._hear(pod)
        if not pod.over and pod.limit.elapsed() >= (pod.limit.seconds or 0.0) + END_SECONDS:
            self._end(pod, f"the pod had not ended after {spell_seconds(pod.limit.elapsed())}")

    def _hear(self, pod: _NodePod) -> None:
        now = pod.limit.now()
        if now - pod.read_at < LOG_SECONDS:
            return
        pod.read_at = now
        self._listen(pod)
        if pod.told.begun:
            pod.heard_at = now
        elif now - pod.heard_at >= SILENT_SECONDS:
            self._end(pod, pod.why or "the pod runs, but its log stays empty")

    def _listen(self, pod: _NodePod) -> None:
        """Take what the log says now; a log that cannot be read is remembered as the reason."""
        try:
            text = short_pods.log_of(self._client, pod.name, look_pod.CONTAINER, once=True)
        except errors.ApiError as error:
            pod.why = f"the pod's log cannot be read: {error.message}"
            return
        pod.told = look_log.read(text)

    @staticmethod
    def _end(pod: _NodePod, why: str) -> None:
        pod.over = True
        pod.why = "" if not why else pod.why or why

    def _tell(self, line: str) -> None:
        self._task.interrupt.check("It was looking at files on nodes; nothing was written yet.")
        self._task.progress.update(f"files of failed copies, read on their nodes: {line}")

    def _line(self) -> str:
        """How far the reading is, for a person."""
        total = sum(len(pod.places) for pod in self.pods)
        done = sum(len(pod.told.answers) for pod in self.pods)
        now = []
        for pod in self.pods:
            number = len(pod.told.answers)
            if pod.over or number not in pod.told.so_far:
                continue
            place, read = pod.places[number], pod.told.so_far[number]
            part = f" ({100 * read // place.size} %)" if place.size else ""
            now.append(f"{place.label} {place.image} {spell_bytes(read)}{part}")
        shown = ", ".join(now[:2]) + (f" and {len(now) - 2} more" if len(now) > 2 else "")
        return f"{done} of {total}" + (f"   now: {shown}" if shown else "")

    def _remove(self) -> None:
        """Also pods whose creation was not answered. One that cannot be removed now ends by itself,
        and the next run removes it.
        """
        for pod in self.pods:
            with contextlib.suppress(errors.ApiError):
                raw = self._client.find(kinds.PODS, pod.name)
                if raw is not None:
                    uid = str(raw["metadata"]["uid"])
                    short_pods.remove(self._client, pod.name, uid, Deadline(0.0), time.sleep)


def _answers(pod: _NodePod) -> dict[Place, Look]:
    why = pod.why
    if pod.told.missing:
        why = f"the container image has no {pod.told.missing}"
    found = unread(pod.places, why or "the pod ended without an answer")
    for number, place in enumerate(pod.places):
        if number in pod.told.answers:
            found[place] = judge(place, pod.told.answers[number])
    return found
