# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod that reads sources in the cluster, and the Secret that tells it which: as objects.

The pod may do nothing but open connections and write to its log: no token of a service account, no
user root, nothing writable, no capability, and an end of its own. URLs may carry passwords or
signatures, so they are in a Secret that belongs to the pod and goes with it, and neither in the
pod's spec nor among the arguments of a process.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import short_pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.short_pod import (
    Terms,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_script import (
    READERS_MAX,
    SCRIPT,
)

LABEL = "longhorn.nodecare.dev/source-probe"
CONTAINER = "source"
# nobody, as everywhere.
USER = 65534


@dataclass(frozen=True)
class Question:
    """One source as it is asked: *plain* without user and password, which are in *user* as
    ``name:password``; *longest*: more bytes than this cannot be right (0: not known).
    """

    plain: str
    scheme: str
    user: str = ""
    longest: int = 0


def pod(name: str, terms: Terms) -> Any:
    """The pod, whose questions are in the Secret of its name."""
    user = {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": CONTAINER, "envFrom": [{"secretRef": {"name": name}}]}
    return short_pod.body(
        name, LABEL, terms, SCRIPT, spec={"securityContext": user}, container=container
    )


def secret(name: str, owner_uid: str, data: Mapping[str, str]) -> Any:
    """The Secret of the pod of the same name, which takes it along when it is deleted."""
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    owner = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": owner_uid}
    return {
        "metadata": {"name": name, "labels": {LABEL: "true"}, "ownerReferences": [owner]},
        "immutable": True,
        "type": "Opaque",
        "data": encoded,
    }


def environment(
    questions: Sequence[Question], seconds_max: float, idle_seconds: float
) -> dict[str, str]:
    """What the script is told, by name of the variable."""
    told = {
        "SOURCES": str(len(questions)),
        "SECONDS_MAX": str(max(1, int(seconds_max))),
        "IDLE_MAX": str(max(1, int(idle_seconds))),
    }
    for number, question in enumerate(questions):
        told[f"SOURCE_{number}"] = _config(question)
        told[f"LONGEST_{number}"] = str(question.longest)
        told[f"SCHEME_{number}"] = question.scheme
    return told


def longest_run(sources: int, seconds_max: float) -> float:
    """Seconds after which a pod that reads so many sources has ended."""
    return math.ceil(sources / READERS_MAX) * seconds_max


def _config(question: Question) -> str:
    lines = [f'url = "{_quoted(question.plain)}"']
    if question.user:
        lines.append(f'user = "{_quoted(question.user)}"')
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """As curl's config wants it between quotation marks (man curl, --config)."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    return "".join(escapes.get(character, character) for character in text)
