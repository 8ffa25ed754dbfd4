# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that do one thing, report by their log and go: what the makers of such pods share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import Deadline
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import pod_log, short_pod

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
    return next(iter(reversed(list(pod_log.objects(text)))), None)


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


def remove_left_overs(client: Client, who: str, labels: Iterable[str]) -> None:
    """Delete the pods with these labels that runs which are gone have left, and what belongs to
    them, as far as the account may. *who*: this run.
    """
    with contextlib.suppress(errors.ApiError):
        made = [
            raw for label in labels for raw in client.list(kinds.PODS, label_selector=label).items
        ]
        for raw in made:
            if short_pod.left_over(raw, who, lease.surely_dead, time.time()):
                name, uid = str(raw["metadata"]["name"]), str(raw["metadata"]["uid"])
                remove(client, name, uid, Deadline(0.0), time.sleep)
