# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the test images, volumes, tickets and pods of a run out of the cluster again."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    Deadline,
    TimedOut,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import data_source_end
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.fault_images import (
    RUN_LABEL,
    TICKET,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.task import Task

TURN_SECONDS = 0.5
# A data source goes within 5 s after its image (measured).
SOURCE_SECONDS = 15.0
ENDED = ("Succeeded", "Failed")


def find(client: Client, run: str = "") -> dict[str, list[Object]]:
    """What carries the label of a run, or of any run, by kind."""
    selector = f"{RUN_LABEL}={run}" if run else RUN_LABEL
    found = {
        "volumes": client.list(kinds.VOLUMES, label_selector=selector).items,
        "images": client.list(kinds.BACKING_IMAGES, label_selector=selector).items,
        "pods": client.list(kinds.PODS, label_selector=selector).items,
    }
    ours = {str(raw["metadata"]["name"]) for raw in found["volumes"]}
    found["tickets"] = [
        raw
        for raw in client.list(kinds.ATTACHMENTS).items
        if raw["metadata"]["name"] in ours
        and TICKET in ((raw.get("spec") or {}).get("attachmentTickets") or {})
    ]
    return found


def names(found: dict[str, list[Object]]) -> dict[str, list[str]]:
    """The names in it, for a report."""
    return {
        kind: sorted(str(raw["metadata"]["name"]) for raw in raws) for kind, raws in found.items()
    }


def remove(task: Task, run: str = "") -> dict[str, list[str]]:
    """Take everything of a run (of any run) away, in the order in which Longhorn lets it go: the
    ticket, the volume, the image; pods when they have ended. Tells what there was.

    Raises TimedOut with what is left, and Failure where Longhorn leaves the data source of an image
    behind, which no wait ends.
    """
    first = find(task.client, run)
    found = first
    while any(found.values()):
        task.interrupt.check("What is left of a test run can be removed by inject_cleanup.")
        _turn(task.client, found)
        if task.deadline.expired:
            raise TimedOut(f"These test objects are still there: {_spelled(found)}.")
        task.progress.update(f"waiting for the end of {_spelled(found)}")
        _sleep(task.deadline)
        found = find(task.client, run)
    _see_sources_end(task, [str(raw["metadata"]["name"]) for raw in first["images"]])
    return names(first)


def _see_sources_end(task: Task, images: list[str]) -> None:
    """A deletion that meets a retry of the first file leaves the data source in its own deletion
    for good: the image is gone before a manager has cleaned up for it (seen on 1.6.4).
    """
    limit = task.deadline.within(SOURCE_SECONDS)
    left = images
    while left:
        listed = task.client.list(kinds.DATA_SOURCES).items
        there = {str(raw["metadata"]["name"]) for raw in listed}
        left = [name for name in images if name in there]
        if left and limit.expired:
            commands = "".join(
                f"\n  {data_source_end.command(task.client.namespace, name)}" for name in left
            )
            raise Failure(
                "The test objects are gone, but Longhorn left behind "
                f"{count(len(left), 'data source')} of them, which it never ends by itself and "
                f"which holds nothing; end it by hand:{commands}"
            )
        if left:
            _sleep(limit)


def _sleep(deadline: Deadline) -> None:
    time.sleep(min(TURN_SECONDS, deadline.remaining()))


def _spelled(found: dict[str, list[Object]]) -> str:
    return ", ".join(
        f"{kind} {' '.join(listed)}" for kind, listed in names(found).items() if listed
    )


def _turn(client: Client, found: dict[str, list[Object]]) -> None:
    """One step for each object; what cannot be done yet is tried in the next turn."""
    for raw in found["tickets"]:
        version = raw["metadata"]["resourceVersion"]
        gone = {"op": "remove", "path": f"/spec/attachmentTickets/{TICKET}"}
        try:
            name = raw["metadata"]["name"]
            client.patch_json(kinds.ATTACHMENTS, name, [gone], resource_version=version)
        except (errors.FailedTest, errors.Conflict, errors.NotFound):
            continue
    if not found["tickets"]:
        for raw in found["volumes"]:
            _delete(client, kinds.VOLUMES, raw)
    if not found["volumes"]:
        for raw in found["images"]:
            _delete(client, kinds.BACKING_IMAGES, raw)
    for raw in found["pods"]:
        if (raw.get("status") or {}).get("phase") in ENDED:
            _delete(client, kinds.PODS, raw)


def _delete(client: Client, kind: Kind, raw: dict[str, Any]) -> None:
    if raw["metadata"].get("deletionTimestamp"):
        return
    try:
        client.delete(kind, raw["metadata"]["name"], uid=raw["metadata"]["uid"])
    except (errors.NotFound, errors.Conflict, errors.Refused):
        return
