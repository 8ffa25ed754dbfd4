# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks sources whether they still deliver what their images were: each URL once, a few at a time.

Asked by a pod in the cluster or from the machine that the module runs on (source_probe). What is
read is only counted and hashed.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source import (
    SourceReader,
    Way,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.source_url import (
    SourceTrouble,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import redact
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source import finding
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    Delivered,
    Expected,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_bytes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.ask_cluster import (
    AUTO,
    CONTROLLER,
    NotPossible,
    Side,
    ask_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

READERS_MAX = 4
TICK_SECONDS = 0.05


@dataclasses.dataclass
class _Question:
    """One source being read."""

    expected: Expected
    reader: SourceReader
    delivered: Delivered | None = None
    failure: Exception | None = None

    def answer(self) -> None:
        """Read it to its end; runs in a thread of its own."""
        try:
            self.delivered = _read(self.reader, self.expected)
        except Exception as error:  # told by the main thread, which alone may speak
            self.failure = error


def check_sources(
    task: Task,
    wanted: Mapping[str, Expected],
    way: Way,
    side: Side | None = None,
    *,
    check_mode: bool = False,
) -> dict[str, Finding]:
    """The finding for each name. The same question is only asked once. *side*: from where (default:
    this machine); check mode makes no pod.

    Raises Interrupted or TimedOut; a source that does not deliver is a finding, not an error.
    """
    side = side or Side()
    distinct = list(dict.fromkeys(expected for expected in wanted.values() if expected.url))
    if side.mode == CONTROLLER or not distinct:
        asked = _from_here(task, distinct, way, "")
    elif check_mode:
        why = "check mode makes no pod"
        asked = (
            _from_here(task, distinct, way, why)
            if side.mode == AUTO
            else {each: finding.not_asked(each, why) for each in distinct}
        )
    else:
        asked = _from_there(task, distinct, way, side)
    return {name: asked.get(expected, finding.no_url()) for name, expected in wanted.items()}


def _from_there(
    task: Task, distinct: list[Expected], way: Way, side: Side
) -> dict[Expected, Finding]:
    """By a pod; where there can be none, from here, unless that is not wanted."""
    try:
        answers = ask_cluster(task, side, distinct, way)
    except NotPossible as problem:
        why = str(problem)
        if side.mode != AUTO:
            return {each: finding.no_pod(each, why) for each in distinct}
        text = f"no pod can read the source in the cluster ({redact.plain(why)}); reading it here"
        task.progress.update(text, at_once=True)
        return _from_here(task, distinct, way, why)
    return {
        expected: finding.find(expected, delivered, finding.CLUSTER)
        for expected, delivered in answers.items()
    }


def _from_here(
    task: Task, distinct: list[Expected], way: Way, because: str
) -> dict[Expected, Finding]:
    way = dataclasses.replace(way, seconds=min(way.seconds, task.deadline.remaining()))
    return {
        expected: finding.find(expected, delivered, because=because)
        for expected, delivered in _ask_all(task, distinct, way).items()
    }


def _ask_all(task: Task, expected: list[Expected], way: Way) -> dict[Expected, Delivered]:
    waiting = [_Question(each, SourceReader(each.url, way)) for each in expected]
    total = len(waiting)
    running: dict[threading.Thread, _Question] = {}
    done: list[_Question] = []
    try:
        while waiting or running:
            while waiting and len(running) < READERS_MAX:
                question = waiting.pop(0)
                thread = threading.Thread(target=question.answer, daemon=True)
                running[thread] = question
                thread.start()
            task.interrupt.check("It was reading sources; nothing was written yet.")
            task.progress.update(_line(done, running.values(), total))
            next(iter(running)).join(TICK_SECONDS)
            for thread in [thread for thread in running if not thread.is_alive()]:
                done.append(running.pop(thread))
    finally:
        # A thread that still reads ends at its next piece; nobody waits for it.
        for question in running.values():
            question.reader.reading.stop = True
    return {question.expected: _delivered(question) for question in done}


def _delivered(question: _Question) -> Delivered:
    if question.delivered is None:
        raise Failure(
            f"{redact.plain(question.expected.url)} could not be read: "
            f"{type(question.failure).__name__}"
        ) from question.failure
    return question.delivered


def _read(reader: SourceReader, expected: Expected) -> Delivered:
    trouble = reason = ""
    status = 0
    try:
        reader.read(expected.size)
    except SourceTrouble as found:
        trouble, reason, status = found.word, redact.plain(str(found)), found.status
    seen = reader.reading
    return Delivered(
        trouble=trouble,
        reason=reason,
        status=status or seen.status,
        length=seen.length,
        received=seen.received,
        checksum=seen.checksum,
        head=seen.head,
        cuts=seen.cuts,
        redirects=seen.redirects,
        downgraded=seen.downgraded,
        seconds=seen.seconds,
    )


def _line(done: list[_Question], running: Iterable[_Question], total: int) -> str:
    """How far the reading is, for a person."""
    now = []
    for question in running:
        seen = question.reader.reading
        size = max(question.expected.size, seen.length)
        part = f" ({100 * seen.received // size} %)" if size > 0 else ""
        now.append(f"{redact.plain(question.expected.url)} {spell_bytes(seen.received)}{part}")
    shown = ", ".join(now[:2]) + (f" and {len(now) - 2} more" if len(now) > 2 else "")
    return f"{count(len(done), 'source')} of {total} read and hashed" + (
        f"   now: {shown}" if shown else ""
    )
