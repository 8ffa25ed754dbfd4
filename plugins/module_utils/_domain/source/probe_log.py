# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe in the cluster says: the lines of its log, read strictly, as what was delivered.

A line is one JSON object: ``{"missing": tool}``, ``{"begun": n}``, ``{"source": i, "so_far":
bytes}``, an answer (the fields of :class:`Answer`), ``{"ended": n}``. Other lines are no part of
it; an answer that is not exactly of its form counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import pod_log
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_log import (
    SHA512,
    TOOL,
    objects,
    whole,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.delivered import (
    Delivered,
    Expected,
)

_OCTAL = re.compile(r"(?: *[0-3][0-7]{2})* *")
STAGES = ("HEAD", "GET")

# Exit codes of curl (man curl, EXIT CODES) by the fixed word for what they mean here.
_BY_CODE = {
    **dict.fromkeys((1,), ("scheme", "has another scheme than http or https")),
    **dict.fromkeys((3,), ("url", "is no URL")),
    **dict.fromkeys((5, 6), ("host", "cannot be reached: the host name is not known there")),
    **dict.fromkeys((7, 45), ("unreachable", "cannot be reached: the connection was refused")),
    **dict.fromkeys((16, 18, 56, 92), ("cut", "was cut")),
    **dict.fromkeys((33,), ("range", "answers a Range with other bytes than asked for")),
    **dict.fromkeys(
        (35, 51, 53, 54, 58, 59, 60, 66, 77, 80, 82, 83, 90, 91),
        ("tls", "cannot be trusted: its TLS connection or certificate was not accepted"),
    ),
    **dict.fromkeys((47,), ("redirects", "redirects more than 10 times")),
    **dict.fromkeys((52,), ("reset", "does not answer: the connection was closed")),
}
_TIMED_OUT = 28
_WRITE_FAILED = 23
_FAILED_BY_STATUS = 22


@dataclass(frozen=True)
class Answer:
    """What the pod saw of one source. *curl* is curl's last exit code, *stage* the last request."""

    source: int
    stage: str
    curl: int
    status: int
    length: int
    received: int
    redirects: int
    cuts: int
    downgraded: bool
    sha512: str
    head: str
    seconds: int


@dataclass(frozen=True)
class Told(pod_log.Told):
    """All of a log."""

    so_far: Mapping[int, int] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=dict)


def read(text: str) -> Told:
    """The log as far as it was written; a line that is cut off is left out."""
    missing, begun, ended = "", False, False
    so_far: dict[int, int] = {}
    answers: dict[int, Answer] = {}
    for said in objects(text):
        if "stage" in said:
            answer = _answer(said)
            if answer is not None:
                answers[answer.source] = answer
        elif whole(said.get("source")) and whole(said.get("so_far")):
            so_far[said["source"]] = said["so_far"]
        elif TOOL.fullmatch(str(said.get("missing") or "")):
            missing = str(said["missing"])
        begun = begun or "begun" in said
        ended = ended or "ended" in said
    return Told(missing, begun, ended, so_far, answers)


def delivered(answer: Answer, expected: Expected, seconds_max: float) -> Delivered:
    """An answer in the words in which a read by this machine is told."""
    trouble, reason = _trouble(answer, expected, seconds_max)
    return Delivered(
        trouble=trouble,
        reason=reason,
        status=answer.status,
        length=answer.length,
        received=answer.received,
        checksum=answer.sha512,
        head=bytes(int(each, 8) for each in answer.head.split()),
        cuts=answer.cuts,
        redirects=answer.redirects,
        downgraded=answer.downgraded,
        seconds=float(answer.seconds),
    )


def _trouble(answer: Answer, expected: Expected, seconds_max: float) -> tuple[str, str]:
    """(fixed word, text) of what ended it early; ("", "") for a read to the end."""
    # curl could not write on because nobody takes more than that.
    closed = answer.curl == _WRITE_FAILED and answer.length != expected.size
    if expected.size and (closed or answer.received > expected.size):
        return "too_long", f"goes on after {expected.size} bytes"
    if answer.curl in (0, _FAILED_BY_STATUS):
        if answer.status != 200:
            return "status", f"answers {answer.status} to {answer.stage}"
        return "", ""
    if answer.curl == _TIMED_OUT:
        if answer.seconds >= int(seconds_max):
            text = f"had delivered {answer.received} bytes after {answer.seconds} s"
            return "deadline", text
        if answer.status:
            return "idle", f"stood still at {answer.received} bytes"
        return "idle", "does not answer: no answer in time"
    if answer.curl == 56 and not answer.status:
        return "reset", "does not answer: the connection was reset"
    word, text = _BY_CODE.get(
        answer.curl, ("unreachable", f"cannot be read: curl ended with {answer.curl}")
    )
    if word == "cut":
        text = f"was cut {answer.cuts} times, the last time after {answer.received} bytes"
    return word, text


def _answer(said: Mapping[str, Any]) -> Answer | None:
    wanted = {each.name: each.type for each in fields(Answer)}
    if set(said) != set(wanted):
        return None
    for name, kind in wanted.items():
        value = said[name]
        if kind == "int" and not (whole(value) or (name == "length" and value == -1)):
            return None
        if kind == "bool" and not isinstance(value, bool):
            return None
        if kind == "str" and not isinstance(value, str):
            return None
    good = said["stage"] in STAGES and SHA512.fullmatch(said["sha512"])
    return Answer(**said) if good and _OCTAL.fullmatch(said["head"]) else None
