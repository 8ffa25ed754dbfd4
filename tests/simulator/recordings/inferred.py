# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes that the operator of a recording made without logging them.

Preparation ("prepared image", closing nodes so that copies land where they are wanted, attaching
volumes, cleaning up) was done by a helper that logs only notes. Those writes are recognised by
fields that only an operator changes, with no logged action on that object at that time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulator.recordings.actions import MERGE, Action, Drain, Request, Server
from tests.simulator.recordings.load import Event, Recording, parse_time
from tests.simulator.recordings.observe import placement

#: Seconds between a logged action and the watch event of its effect.
_NEAR = 3.0
_MANUAL = "longhorn-api"
_KEPT = ("allowScheduling", "evictionRequested", "disks", "tags")


def inferred(recording: Recording, logged: tuple[Action, ...]) -> tuple[Request, ...]:
    """The unlogged writes, in time order."""
    found: list[Request] = []
    for resource, writes in _READERS.items():
        before: dict[str, Event] = {}
        for event in recording.of(resource):
            if event.t >= recording.start:
                for request in writes(event, before.get(event.name), recording):
                    if not _logged(request, logged):
                        found.append(request)
            if event.type == "DELETED":
                before.pop(event.name, None)
            else:
                before[event.name] = event
    found.sort(key=lambda request: request.t)
    return tuple(found)


def gates(recording: Recording) -> tuple[Server, ...]:
    """When the file server refused or served what is behind a gate, told by each download's fate.

    The server was switched without a note; every attempt says how it stood.
    """
    found: list[Server] = []
    name: dict[str, str] = {}
    began: dict[str, float] = {}
    for event in recording.of("backingimagedatasources.longhorn.io"):
        url = str((_spec(event).get("parameters") or {}).get("url", ""))
        gate = re.search(r"/gate/([^/]+)/", url)
        if gate is None or event.type == "DELETED":
            continue
        status = event.object.get("status") or {}
        state = status.get("currentState") or ""
        if not state:
            began.setdefault(event.name, event.t)
        elif event.name in began and state not in ("pending", "starting"):
            refused = "got 404" in str(status.get("message", ""))
            what = "close" if refused else "open"
            since = began.pop(event.name)
            if name.get(gate.group(1)) != what:
                found.append(Server(since - 0.5, what, name=gate.group(1)))
                name[gate.group(1)] = what
    return tuple(found)


def _logged(request: Request, logged: tuple[Action, ...]) -> bool:
    """Whether an action that was logged explains the change."""
    for action in logged:
        if isinstance(action, Drain):
            continue
        if not isinstance(action, Request) or not action.accepted or action.dry_run:
            continue
        same = action.resource == request.resource and action.name == request.name
        if same and -_NEAR <= request.t - action.t <= _NEAR and action.method == request.method:
            return True
    return False


def _spec(event: Event | None) -> Mapping[str, Any]:
    return {} if event is None else event.object.get("spec") or {}


def _patch(event: Event, resource: str, spec: Mapping[str, Any]) -> Request:
    return Request(event.t, "PATCH", resource, event.name, {"spec": spec}, MERGE, logged=False)


def _created(event: Event, resource: str) -> Request:
    obj = dict(event.object)
    meta = obj["metadata"]
    kept = {"name": meta["name"], "namespace": meta.get("namespace")}
    body = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": kept}
    return Request(
        event.t, "POST", resource, event.name, body | {"spec": obj["spec"]}, logged=False
    )


def _deletion(event: Event, before: Event | None, resource: str) -> Iterator[Request]:
    if before is None or before.object["metadata"].get("deletionTimestamp"):
        return
    if event.object["metadata"].get("deletionTimestamp") or event.type == "DELETED":
        yield Request(event.t, "DELETE", resource, event.name, logged=False)


def _image(event: Event, before: Event | None, recording: Recording) -> Iterator[Request]:
    resource = "backingimages.longhorn.io"
    fresh = event.type == "ADDED" and before is None
    if fresh and parse_time(event.object["metadata"]["creationTimestamp"]) >= recording.start - 1:
        yield _created(event, resource)
    yield from _deletion(event, before, resource)
    if before is None or event.type == "DELETED":
        return
    old, new = _spec(before), _spec(event)
    minimum = new.get("minNumberOfCopies")
    if minimum != old.get("minNumberOfCopies"):
        yield _patch(event, resource, {"minNumberOfCopies": minimum})
    field = "diskFileSpecMap" if "diskFileSpecMap" in new else "disks"
    keys = {
        uuid: (new.get(field) or {}).get(uuid)
        for uuid in placement(new)
        if uuid not in placement(old) and _prepared(event, uuid, recording)
    }
    if keys:
        yield _patch(event, resource, {field: keys})


def _prepared(event: Event, uuid: str, recording: Recording) -> bool:
    """Whether a new key is of the preparation: made after the first copy was there."""
    node = next((disk.node for disk in recording.disks if disk.uuid == uuid), "")
    first = ready = None
    for action in recording.actions:
        note = str(action.get("note", ""))
        if note == f"reached: {event.name}: first copy":
            first = parse_time(str(action["t"]))
        elif re.match(rf"reached: {re.escape(event.name)}: copies on ", note) and first:
            ready = parse_time(str(action["t"])) if f"'{node}'" in note else ready
    return first is not None and ready is not None and first - 0.05 <= event.t <= ready


def _node(event: Event, before: Event | None, recording: Recording) -> Iterator[Request]:
    del recording
    if before is None or event.type == "DELETED":
        return
    old, new = _spec(before), _spec(event)
    changed = {key: new.get(key) for key in _KEPT if old.get(key) != new.get(key)}
    if changed:
        yield _patch(event, "nodes.longhorn.io", changed)


def _attachment(event: Event, before: Event | None, recording: Recording) -> Iterator[Request]:
    if event.type == "DELETED" or before is None and event.type != "ADDED":
        return
    old = _spec(before).get("attachmentTickets") or {}
    new = _spec(event).get("attachmentTickets") or {}
    tickets: dict[str, Any] = {}
    for name in sorted(set(old) | set(new)):
        if (new.get(name) or old.get(name) or {}).get("type") != _MANUAL:
            continue
        if name not in old:
            tickets[name] = {k: v for k, v in new[name].items() if k != "generation"}
        elif name not in new and not _cordoned(recording, old[name].get("nodeID"), event.t):
            tickets[name] = None
    if tickets:
        yield _patch(event, "volumeattachments.longhorn.io", {"attachmentTickets": tickets})


def _cordoned(recording: Recording, node: Any, t: float) -> bool:
    """Whether Longhorn itself may have removed the ticket of this node (F§8.3)."""
    state = False
    for event in recording.of("nodes"):
        if event.name == node and event.t <= t:
            state = bool(_spec(event).get("unschedulable"))
    return state


def _volume(event: Event, before: Event | None, recording: Recording) -> Iterator[Request]:
    resource = "volumes.longhorn.io"
    fresh = event.type == "ADDED" and before is None
    if fresh and parse_time(event.object["metadata"]["creationTimestamp"]) >= recording.start - 1:
        yield _created(event, resource)
    yield from _deletion(event, before, resource)
    if before is None or event.type == "DELETED":
        return
    number = _spec(event).get("numberOfReplicas")
    if number != _spec(before).get("numberOfReplicas"):
        yield _patch(event, resource, {"numberOfReplicas": number})


_READERS = {
    "backingimages.longhorn.io": _image,
    "nodes.longhorn.io": _node,
    "volumeattachments.longhorn.io": _attachment,
    "volumes.longhorn.io": _volume,
}
