# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the files of failed copies on their nodes: one short-lived pod for each node.

The pods only read, so nothing has to be undone; they are removed whatever happens, and what a
killed run has left ends by itself and is removed by the next one. What cannot be looked at is an
answer like any other: it never stops the run that asked.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
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
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.short_pod import (
    Terms,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import spell_bytes
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    rights,
    short_pods,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_cluster import (
    IMAGE_SETTING,
    Side,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.pod_run import (
    PodRun,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

NODES_AT_ONCE = 10
NOT_NAMEABLE = "its path has characters that are not passed on to a pod"


Body = Callable[[str, str, Sequence[Place], Terms], Object]
"""Makes a pod from its name, its node, its places and its terms."""


class _NodePod(PodRun[look_log.Told]):
    """The pod of one node, and its places."""

    def __init__(self, task: Task, node: str, places: list[Place]) -> None:
        roots = ", ".join(dict.fromkeys(place.root for place in places))
        super().__init__(
            task.client,
            "look",
            look_pod.CONTAINER,
            look_log.read,
            task.deadline,
            look_pod.longest_run(places),
            f"; is {roots} there?",
        )
        self.node = node
        self.places = places

    def answers(self) -> dict[Place, Look]:
        """What was found at each place, or why nothing was."""
        missing = self.told.missing
        why = f"the container image has no {missing}" if missing else self.why
        found = unread(self.places, why or "the pod ended without an answer")
        for number, place in enumerate(self.places):
            if number in self.told.answers:
                found[place] = judge(place, self.told.answers[number])
        return found


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
    task: Task, side: Side, place: Place, body: Body, on_turn: Callable[[str], None]
) -> tuple[Look, tuple[str, ...]]:
    """Let one pod work on one file: what it found of it in the end, and the words for what it did.
    *on_turn* is called while it is waited for, with how far it is, and may raise.
    """
    running = _Looking(task, side, {place.node: [place]}, body, on_turn)
    return running.run()[place], running.pods[0].told.did


class _Looking:
    """Pods for up to ten nodes. Use it once."""

    def __init__(
        self,
        task: Task,
        side: Side,
        places: dict[str, list[Place]],
        body: Body = look_pod.pod,
        on_turn: Callable[[str], None] | None = None,
    ) -> None:
        self._task = task
        self._side = side
        self._body = body
        self._on_turn = on_turn or self._tell
        self.pods = [_NodePod(task, node, listed) for node, listed in places.items()]

    def run(self) -> dict[Place, Look]:
        """Make them, wait for them, read what they say, and remove them whatever happens."""
        try:
            for pod in self.pods:
                self._make(pod)
            while any(not pod.over for pod in self.pods):
                self._turn()
        finally:
            for pod in self.pods:
                pod.remove()
        return {place: look for pod in self.pods for place, look in pod.answers().items()}

    def _make(self, pod: _NodePod) -> None:
        terms = pod.terms(self._side.runs, self._side.who, self._side.pull)
        try:
            pod.make(self._body(pod.name, pod.node, pod.places, terms))
        except errors.ApiError as error:
            pod.end(error.message or str(error))

    def _turn(self) -> None:
        """One look at all of them."""
        open_ones = [pod for pod in self.pods if not pod.over]
        try:
            listed = self._task.client.list(kinds.PODS, label_selector=look_pod.LABEL).items
        except errors.ApiError as error:
            for pod in open_ones:
                pod.end(error.message or str(error))
            return
        there = {str(raw["metadata"]["name"]): raw for raw in listed}
        for pod in open_ones:
            pod.follow(there.get(pod.name))
        self._on_turn(self._line())
        if any(not pod.over for pod in self.pods):
            time.sleep(short_pods.TURN_SECONDS)

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
