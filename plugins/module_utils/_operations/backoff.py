# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what a cluster shows of retries, at once or over a time, and has it judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.watch import LiveView
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import (
    log_line,
    objects,
    picture,
    timeline,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.judge import (
    VERDICTS,
    Judgement,
    judge_image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff.observation import (
    Observation,
    from_data,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.diagnose import chosen
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

TICK_SECONDS = 1.0
MANAGER_LABEL = "app=longhorn-manager"
MANAGER_CONTAINER = "longhorn-manager"
READERS: dict[Kind, Callable[[Mapping[str, Any]], list[Observation]]] = {
    kinds.DATA_SOURCES: objects.of_source,
    kinds.PODS: objects.of_pod,
    kinds.BACKING_IMAGES: objects.of_image,
}


class _Recorder:
    """Keeps every state an object went through, also those that a later one replaced at once."""

    def __init__(self) -> None:
        self.images: set[str] = set()
        self.observations: set[Observation] = set()

    def record(self, kind: Kind, raw: Object) -> None:
        """Called by the followers' threads; one `update` of a set is one step."""
        if kind is kinds.BACKING_IMAGES:
            self.images.add(str(raw["metadata"]["name"]))
        self.observations.update(READERS[kind](raw))


def gather_live(
    task: Task, names: Sequence[str], watch_seconds: float, read_logs: bool
) -> tuple[list[str], list[Observation], list[str]]:
    """(images, observations, what could not be read), after watching for *watch_seconds*.

    Raises Failure for an image that does not exist.
    """
    recorder = _Recorder()
    limit = task.deadline.within(watch_seconds)
    with LiveView(task.client, READERS, keep=recorder.record) as view:
        images = chosen(names, set(recorder.images))
        while not limit.expired:
            task.interrupt.check("Nothing is written by this task.")
            view.next_change(min(TICK_SECONDS, limit.remaining()))
    seen = list(recorder.observations)
    gaps: list[str] = []
    if read_logs:
        seen += _logs(task.client, gaps)
    return images, seen, gaps


def _logs(client: Client, gaps: list[str]) -> list[Observation]:
    found: list[Observation] = []
    pods = client.list(
        kinds.PODS, lambda raw: str(raw["metadata"]["name"]), label_selector=MANAGER_LABEL
    )
    for pod in pods.items:
        try:
            text = client.pod_log(pod, MANAGER_CONTAINER)
        except errors.ApiError as error:
            gaps.append(f"log of {pod}: {error}")
            continue
        found += log_line.observe_all(text.splitlines(), pod)
    return found


def gather_data(
    observations: Iterable[Mapping[str, Any]], logs: Iterable[Mapping[str, Any]]
) -> list[Observation]:
    """The same from data. Raises Failure naming the observation that cannot be read."""
    found: list[Observation] = []
    for number, data in enumerate(observations, 1):
        try:
            found.append(from_data(data))
        except ValueError as error:
            raise Failure(f"observation {number}: {error}") from error
    for log in logs:
        found += log_line.observe_all(str(log["text"]).splitlines(), str(log["manager"] or ""))
    return found


def report(images: Iterable[str], observations: Sequence[Observation]) -> dict[str, Any]:
    """The judgements of these images, worst first, as data, as text and as a picture."""
    found = [one for image in images for one in judge_image(observations, image)]
    found.sort(key=_severity)
    return {
        "reports": [one.as_dict() for one in found],
        "text": [line for one in found for line in timeline.draw(one).splitlines()],
        "svg": picture.draw(found),
    }


def objection(reports: Sequence[Mapping[str, Any]], expected: Sequence[str]) -> str:
    """Why the task must fail, or "": no evidence always is a reason, and any other verdict."""
    if not reports:
        return "No image is there to be judged."
    wrong = [
        f"{one['retries']} retries of {one['image']}: {one['summary']}"
        for one in reports
        if one["verdict"] not in expected
    ]
    return "\n".join(wrong)


def _severity(judgement: Judgement) -> tuple[int, str, str]:
    series = judgement.series
    return VERDICTS.index(judgement.verdict), series.image, series.disk
