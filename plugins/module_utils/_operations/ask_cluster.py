# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads sources in the cluster, where Longhorn will: by a pod that lives as long as that takes.

Which image it runs: what Longhorn itself runs its managers and data sources with (setting
default-backing-image-manager-image), so it is on the nodes, or about to be pulled for the very
download that is asked for. Wherever it cannot be done this way, NotPossible says why, soon.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source_url import (
    SourceTrouble,
    parse,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import (
    probe_log,
    probe_pod,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    Delivered,
    Expected,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_pod import (
    Question,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_bytes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    rights,
    short_pods,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.pod_run import (
    PodRun,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

AUTO, CLUSTER, CONTROLLER = "auto", "cluster", "controller"
IMAGE_SETTING = "default-backing-image-manager-image"
PULL_SETTING = "registry-secret"
LOOK_SECONDS = 1.0
SOURCES_MAX = 50


class NotPossible(Exception):
    """The cluster's side cannot be asked. The text says why, after "because"."""


@dataclass(frozen=True)
class Side:
    """From where sources are read: *mode* is AUTO, CLUSTER or CONTROLLER; *image* what the pod runs
    ("": what Longhorn does); *who* the name of this run.
    """

    mode: str = CONTROLLER
    image: str = ""
    who: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> str:
        """The container image."""
        return self.image or self.settings.get(IMAGE_SETTING, "")

    @property
    def pull(self) -> str:
        """The name of the Secret that Longhorn pulls its images with, "" for none."""
        return self.settings.get(PULL_SETTING, "")


def ask_cluster(
    task: Task, side: Side, expected: Sequence[Expected], way: Way
) -> dict[Expected, Delivered]:
    """What each source delivered to a pod in the cluster. Raises NotPossible, Interrupted."""
    try:
        return _ask(task, side, expected, way)
    except errors.ApiError as error:
        raise NotPossible(error.message or str(error)) from error


def _ask(
    task: Task, side: Side, expected: Sequence[Expected], way: Way
) -> dict[Expected, Delivered]:
    answers: dict[Expected, Delivered] = {}
    questions: dict[Expected, Question] = {}
    for each in expected:
        try:
            questions[each] = _question(each)
        except SourceTrouble as trouble:
            answers[each] = Delivered(trouble=trouble.word, reason=redact.plain(str(trouble)))
    if not questions:
        return answers
    lacking = rights.missing(task.client, rights.for_source_probe(task.client.namespace))
    if lacking:
        raise NotPossible(f"the account may not {', '.join(lacking)}")
    if not side.runs:
        raise NotPossible(f"no image is known for a pod (the setting {IMAGE_SETTING} is empty)")
    listed = list(questions)
    for start in range(0, len(listed), SOURCES_MAX):
        part = listed[start : start + SOURCES_MAX]
        probe = _Probe(task, side, part, [questions[each] for each in part], way)
        answers.update(probe.run())
    return answers


def _question(expected: Expected) -> Question:
    """Raises SourceTrouble for what Longhorn would not fetch."""
    url = parse(expected.url)
    pair = url.authorization.removeprefix("Basic ")
    user = base64.b64decode(pair).decode() if pair else ""
    return Question(url.plain, url.scheme, user, expected.size)


class _Probe:
    """One pod for up to fifty sources. Use it once."""

    def __init__(
        self,
        task: Task,
        side: Side,
        expected: Sequence[Expected],
        questions: Sequence[Question],
        way: Way,
    ) -> None:
        self._task = task
        self._side = side
        self._expected = expected
        self._questions = questions
        self._each = max(1.0, min(way.seconds, task.deadline.remaining()))
        self._idle = way.idle_seconds
        most = probe_pod.longest_run(len(expected), self._each)
        self._run = PodRun(
            task.client, "source", probe_pod.CONTAINER, probe_log.read, task.deadline, most
        )

    def run(self) -> dict[Expected, Delivered]:
        """Make it, wait for it, read what it says, and remove it whatever happens."""
        run, side = self._run, self._side
        terms = run.terms(side.runs, side.who, side.pull)
        try:
            made = run.make(probe_pod.pod(run.name, terms))
            data = probe_pod.environment(self._questions, self._each, self._idle)
            told = probe_pod.secret(run.name, str(made["metadata"]["uid"]), data)
            self._task.client.create(kinds.SECRETS, told, once=True)
            self._await()
            return self._answers()
        finally:
            run.remove()

    def _await(self) -> None:
        """Until nothing more comes of it. Raises Interrupted."""
        run = self._run
        while not run.over:
            run.follow(self._task.client.find(kinds.PODS, run.name))
            self._task.interrupt.check("It was reading sources; nothing was written yet.")
            self._task.progress.update(self._line(run.told, run.phase))
            if not run.over:
                time.sleep(short_pods.TURN_SECONDS if run.new else LOOK_SECONDS)

    def _answers(self) -> dict[Expected, Delivered]:
        """Raises NotPossible when it did not start, never ended, or left a source out."""
        told = self._run.told
        if told.missing:
            raise NotPossible(f"the image {self._side.runs} has no {told.missing}")
        if self._run.why and not self._run.ended:
            raise NotPossible(self._run.why)
        found = {}
        for number, expected in enumerate(self._expected):
            answer = told.answers.get(number)
            if answer is not None:
                found[expected] = probe_log.delivered(answer, expected, self._each)
            elif _over_time(self._run.raw):
                text = f"was not read to its end in {spell_seconds(self._each)}"
                found[expected] = Delivered(trouble="deadline", reason=text)
            elif self._run.unread:
                raise NotPossible(self._run.unread)
            else:
                why = _why_ended(self._run.raw)
                raise NotPossible(f"the pod ended without an answer ({why})")
        return found

    def _line(self, told: probe_log.Told, phase: str) -> str:
        """How far the reading is, for a person."""
        if phase != "Running":
            return f"waiting for pod {self._run.name}, which reads the source in the cluster"
        now = []
        for number, expected in enumerate(self._expected):
            if number in told.answers or number not in told.so_far:
                continue
            received = told.so_far[number]
            part = f" ({100 * received // expected.size} %)" if expected.size else ""
            now.append(f"{redact.plain(expected.url)} {spell_bytes(received)}{part}")
        shown = ", ".join(now[:2]) + (f" and {len(now) - 2} more" if len(now) > 2 else "")
        done = f"{count(len(told.answers), 'source')} of {len(self._expected)}"
        return f"{done} read and hashed in the cluster" + (f"   now: {shown}" if shown else "")


def _over_time(pod: Object) -> bool:
    return str((pod.get("status") or {}).get("reason") or "") == "DeadlineExceeded"


def _why_ended(pod: Object) -> str:
    """The reason of the pod, else that of its container."""
    status = pod.get("status") or {}
    if status.get("reason"):
        return str(status["reason"])
    for each in status.get("containerStatuses") or []:
        ended = (each.get("state") or {}).get("terminated") or {}
        if ended:
            return f"{ended.get('reason') or 'ended'}, exit code {ended.get('exitCode')}"
    return short_pods.phase_of(pod)
