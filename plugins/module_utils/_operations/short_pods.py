# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that do one thing, report by their log and go: what the makers of such pods share."""

from __future__ import annotations

import json
from collections.abc import Callable

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline

ENDED = ("Succeeded", "Failed")
TURN_SECONDS = 0.3


def phase_of(pod: Object) -> str:
    """The phase of a pod, "" where it has none yet."""
    return str((pod.get("status") or {}).get("phase") or "")


def log_of(client: Client, name: str, container: str, *, once: bool = False) -> str:
    """What the container has printed so far, "" while it has no log."""
    try:
        return client.pod_log(name, container, once=once)
    except (errors.NotFound, errors.BadRequest):
        return ""


def last_object(text: str) -> Object | None:
    """The last line of a log that is a JSON object."""
    for line in reversed(text.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None


def remove(
    client: Client, name: str, uid: str, deadline: Deadline, pause: Callable[[float], None]
) -> None:
    """Delete exactly this pod and wait until it is gone, not beyond the deadline."""
    try:
        client.delete(kinds.PODS, name, uid=uid, grace_seconds=0)
        while client.find(kinds.PODS, name) is not None and not deadline.expired:
            pause(TURN_SECONDS)
    except (errors.NotFound, errors.Conflict):
        return
