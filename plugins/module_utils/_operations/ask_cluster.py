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
import contextlib
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import Way
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source_url import (
    SourceTrouble,
    parse,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import look_pod
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
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

AUTO, CLUSTER, CONTROLLER = "auto", "cluster", "controller"
IMAGE_SETTING = "default-backing-image-manager-image"
PULL_SETTING = "registry-secret"
# A pod whose image is on its node runs after two or three seconds.
START_SECONDS = 15.0
# Its own deadline counts from when it runs, and is told a moment after it.
END_SECONDS = 15.0
LOOK_SECONDS = 1.0
LOG_SECONDS = 2.0
# The script says that it has begun at once; a running pod whose log says nothing for so long, or
# cannot be read, is not waited for until its own deadline, which is as long as a reading may take.
SILENT_SECONDS = 15.0
LOG_TRIES = 3
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


def remove_left_overs(task: Task, who: str) -> None:
    """Delete the pods that runs which are gone have left, and their Secrets with them, as far as
    the account may.
    """
    with contextlib.suppress(errors.ApiError):
        made = [
            raw
            for label in (probe_pod.LABEL, look_pod.LABEL)
            for raw in task.client.list(kinds.PODS, label_selector=label).items
        ]
        for raw in made:
            if probe_pod.left_over(raw, who, lease.surely_dead, time.time()):
                name, uid = str(raw["metadata"]["name"]), str(raw["metadata"]["uid"])
                short_pods.remove(task.client, name, uid, Deadline(0.0), time.sleep)


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
        self._client = task.client
        self._side = side
        self._expected = expected
        self._questions = questions
        self._each = max(1.0, min(way.seconds, task.deadline.remaining()))
        self._idle = way.idle_seconds
        self._name = f"nodecare-source-{uuid.uuid4().hex[:8]}"

    def run(self) -> dict[Expected, Delivered]:
        """Make it, wait for it, read what it says, and remove it whatever happens."""
        most = probe_pod.longest_run(len(self._expected), self._each)
        seconds = min(most, self._task.deadline.remaining()) + START_SECONDS
        body = probe_pod.pod(
            self._name,
            self._side.runs,
            self._side.who,
            int(seconds),
            time.time() + seconds,
            self._side.settings.get(PULL_SETTING, ""),
        )
        try:
            # Once: whoever does not let pods in is not asked until the time is up.
            made = self._client.create(kinds.PODS, body, once=True)
            data = probe_pod.environment(self._questions, self._each, self._idle)
            told = probe_pod.secret(self._name, str(made["metadata"]["uid"]), data)
            self._client.create(kinds.SECRETS, told, once=True)
            ended = self._await(self._task.deadline.within(seconds + END_SECONDS))
            return self._read(ended)
        finally:
            self._remove()

    def _remove(self) -> None:
        """Also a pod whose creation was not answered. One that cannot be removed now ends by
        itself, and the next run removes it.
        """
        with contextlib.suppress(errors.ApiError):
            found = self._client.find(kinds.PODS, self._name)
            if found is not None:
                uid = str(found["metadata"]["uid"])
                short_pods.remove(self._client, self._name, uid, Deadline(0.0), time.sleep)

    def _await(self, limit: Deadline) -> Object:
        """The pod when it has ended. Raises NotPossible when it does not start, or never ends."""
        start = limit.within(START_SECONDS)
        told, read_at = probe_log.Told(), limit.now()
        heard_at = read_at
        while True:
            pod = self._client.find(kinds.PODS, self._name)
            phase = short_pods.phase_of(pod or {})
            if pod is None:
                raise NotPossible("somebody removed the pod while it was reading")
            if phase in short_pods.ENDED:
                return pod
            if phase != "Running":
                self._check_start(pod, start)
                heard_at = limit.now()
            elif limit.now() - read_at >= LOG_SECONDS:
                so_far, why = self._so_far()
                read_at = limit.now()
                if so_far.begun:
                    told, heard_at = so_far, read_at
                elif read_at - heard_at >= SILENT_SECONDS:
                    raise NotPossible(why)
            self._task.interrupt.check("It was reading sources; nothing was written yet.")
            self._task.progress.update(self._line(told, phase))
            if limit.expired:
                raise NotPossible(f"the pod had not ended after {spell_seconds(limit.elapsed())}")
            new = start.elapsed() < START_SECONDS
            time.sleep(short_pods.TURN_SECONDS if new else LOOK_SECONDS)

    @staticmethod
    def _check_start(pod: Object, start: Deadline) -> None:
        reason = probe_pod.why_hopeless(pod)
        if reason:
            raise NotPossible(f"the pod does not start ({reason})")
        if start.expired:
            why = probe_pod.why_waiting(pod)
            raise NotPossible(f"no pod started within {spell_seconds(START_SECONDS)} ({why})")

    def _so_far(self) -> tuple[probe_log.Told, str]:
        """The log now, and what is wrong where it does not say that the script has begun."""
        try:
            text = short_pods.log_of(self._client, self._name, probe_pod.CONTAINER, once=True)
        except errors.ApiError as error:
            return probe_log.Told(), f"the pod's log cannot be read: {error.message}"
        return probe_log.read(text), "the pod runs, but its log stays empty"

    def _read(self, pod: Object) -> dict[Expected, Delivered]:
        told = probe_log.read(self._log())
        if told.missing:
            raise NotPossible(f"the image {self._side.runs} has no {told.missing}")
        found = {}
        for number, expected in enumerate(self._expected):
            answer = told.answers.get(number)
            if answer is not None:
                found[expected] = probe_log.delivered(answer, expected, self._each)
            elif _over_time(pod):
                text = f"was not read to its end in {spell_seconds(self._each)}"
                found[expected] = Delivered(trouble="deadline", reason=text)
            else:
                raise NotPossible(f"the pod ended without an answer ({_why_ended(pod)})")
        return found

    def _log(self) -> str:
        for left in reversed(range(LOG_TRIES)):
            try:
                return short_pods.log_of(self._client, self._name, probe_pod.CONTAINER, once=True)
            except errors.ApiError as error:
                if not left:
                    raise NotPossible(f"the pod's log cannot be read: {error.message}") from error
                time.sleep(LOOK_SECONDS)
        raise AssertionError("the loop above returns or raises")

    def _line(self, told: probe_log.Told, phase: str) -> str:
        """How far the reading is, for a person."""
        if phase != "Running":
            return f"waiting for pod {self._name}, which reads the source in the cluster"
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
