# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that do one thing, report by their log and go: what they have in common, as objects.

None has a token of a service account, a capability, or anything writable but what it is given; each
has an end of its own, and says who made it and when that end is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment

WHO = "longhorn.nodecare.dev/who"
UNTIL = "longhorn.nodecare.dev/until"
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
class Terms:
    """What every pod of a run has in common: its container image, who makes it, after how many
    seconds it ends whatever happens and when that is (epoch seconds), and the name of the Secret
    that Longhorn pulls its images with.
    """

    image: str
    who: str
    seconds: int
    until: float
    pull: str = ""


def body(
    name: str,
    label: str,
    terms: Terms,
    script: str,
    *,
    spec: Mapping[str, Any],
    container: Mapping[str, Any],
) -> Any:
    """A pod that runs a shell script. *label* tells what it is for; *spec* and *container* are what
    it has besides (the container at least its name).
    """
    confined = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        **container.get("securityContext", {}),
    }
    return {
        "metadata": {
            "name": name,
            "labels": {label: "true"},
            "annotations": {WHO: terms.who, UNTIL: moment.spell(terms.until)},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": max(1, terms.seconds),
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **({"imagePullSecrets": [{"name": terms.pull}]} if terms.pull else {}),
            **spec,
            "containers": [
                {
                    "image": terms.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", script],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "1", "memory": "128Mi"},
                    },
                    **container,
                    "securityContext": confined,
                }
            ],
        },
    }


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
