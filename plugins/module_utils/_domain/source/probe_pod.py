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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_script import (
    READERS_MAX,
    SCRIPT,
)

LABEL = "longhorn.nodecare.dev/source-probe"
WHO = "longhorn.nodecare.dev/who"
UNTIL = "longhorn.nodecare.dev/until"
CONTAINER = "source"
# nobody, as everywhere.
USER = 65534
# Reasons for which a container waits and that no waiting for a few seconds changes.
HOPELESS = (
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
    "RunContainerError",
    "CrashLoopBackOff",
)


@dataclass(frozen=True)
class Question:
    """One source as it is asked: *plain* without user and password, which are in *user* as
    ``name:password``; *longest*: more bytes than this cannot be right (0: not known).
    """

    plain: str
    scheme: str
    user: str = ""
    longest: int = 0


def pod(name: str, image: str, who: str, seconds: int, until: float, pull: str = "") -> Any:
    """The pod. It is ended after *seconds* whatever happens; *until* is when that is. *pull*: the
    name of the Secret that Longhorn pulls its images with.
    """
    return {
        "metadata": {
            "name": name,
            "labels": {LABEL: "true"},
            "annotations": {WHO: who, UNTIL: moment.spell(until)},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": max(1, seconds),
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **({"imagePullSecrets": [{"name": pull}]} if pull else {}),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": CONTAINER,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", SCRIPT],
                    "envFrom": [{"secretRef": {"name": name}}],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "1", "memory": "128Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


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


def why_hopeless(raw: Mapping[str, Any]) -> str:
    """Why a pod that has not started will not; "" where it may."""
    statuses = (raw.get("status") or {}).get("containerStatuses") or []
    for status in statuses:
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason") or "")
        if reason in HOPELESS:
            return reason
    return ""


def why_waiting(raw: Mapping[str, Any]) -> str:
    """What a pod that has not started waits for, as far as it says so."""
    status = raw.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("reason") or "not scheduled")
    for each in status.get("containerStatuses") or []:
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return str(waiting["reason"])
    return str(status.get("phase") or "new")


def left_over(raw: Mapping[str, Any], who: str, is_dead: Callable[[str], bool], now: float) -> bool:
    """Whether a pod with our label belongs to nobody any more: its time is over, its maker is known
    to be dead, or is this very run. The pod of another run that may be alive is left alone.
    """
    notes = (raw.get("metadata") or {}).get("annotations") or {}
    maker = str(notes.get(WHO) or "")
    if maker == who or is_dead(maker):
        return True
    try:
        return moment.seconds(str(notes.get(UNTIL) or "")) < now
    except ValueError:
        # Nobody who knows our label writes no time.
        return True


def _config(question: Question) -> str:
    lines = [f'url = "{_quoted(question.plain)}"']
    if question.user:
        lines.append(f'user = "{_quoted(question.user)}"')
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """As curl's config wants it between quotation marks (man curl, --config)."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    return "".join(escapes.get(character, character) for character in text)
