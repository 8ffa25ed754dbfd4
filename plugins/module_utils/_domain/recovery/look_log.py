# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod that looks at files says: the lines of its log, read strictly.

A line is one JSON object: ``{"missing": tool}``, ``{"begun": n}``, ``{"file": i, "so_far":
bytes}``, ``{"ended": n}``, or an answer: ``{"file": i, "none": true}``, ``{"file": i, "broken":
why}``, ``{"file": i, "size": bytes, "sha512": sum}`` (the sum is empty where the size is wrong).
A pod that keeps a file also says ``{"did": word}`` for each thing done, with a word of `DONE`.
Other lines are no part of it; an answer that is not exactly of its form counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import pod_log
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_log import (
    SHA512,
    TOOL,
    objects,
    whole,
)

DONE = ("linked", "unlinked", "linked_back", "occupied", "released", "still_kept")
_WHY = re.compile(r"[A-Za-z ,/-]{1,80}")


@dataclass(frozen=True)
class Answer:
    """What the pod saw of one file. *read*: bytes that went into the sum."""

    none: bool = False
    broken: str = ""
    size: int = 0
    sha512: str = ""
    read: int = 0


@dataclass(frozen=True)
class Told(pod_log.Told):
    """All of a log."""

    so_far: Mapping[int, int] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=dict)
    did: tuple[str, ...] = ()


def read(text: str) -> Told:
    """The log as far as it was written; a line that is cut off is left out."""
    missing, begun, ended = "", False, False
    so_far: dict[int, int] = {}
    answers: dict[int, Answer] = {}
    did: list[str] = []
    for said in objects(text):
        number: Any = said.get("file")
        if whole(number) and set(said) == {"file", "so_far"} and whole(said["so_far"]):
            so_far[number] = said["so_far"]
        elif whole(number):
            answer = _answer(said)
            # What broke the reading stays; the sum of what came before it is none.
            if answer is not None and not answers.get(number, Answer()).broken:
                answers[number] = replace(answer, read=so_far.get(number, 0))
        elif TOOL.fullmatch(str(said.get("missing") or "")):
            missing = str(said["missing"])
        elif said.get("did") in DONE:
            did.append(said["did"])
        begun = begun or "begun" in said
        ended = ended or "ended" in said
    return Told(missing, begun, ended, so_far, answers, tuple(did))


def _answer(said: Mapping[str, Any]) -> Answer | None:
    keys = set(said) - {"file"}
    if keys == {"none"} and said["none"] is True:
        return Answer(none=True)
    if keys == {"broken"} and _WHY.fullmatch(str(said["broken"])):
        return Answer(broken=str(said["broken"]))
    sized = keys == {"size", "sha512"} and whole(said["size"])
    if sized and isinstance(said["sha512"], str) and SHA512.fullmatch(said["sha512"]):
        return Answer(size=said["size"], sha512=said["sha512"])
    return None
