# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of a recording in the words of the simulated cluster, and back.

Nodes, disks, managers, replicas, resource versions and uids are called differently in every
cluster. They are matched by what they are: the n-th node, the disk of that name on that node, the
manager of that disk, the replica of that volume on that disk.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from tests.simulator.recordings.actions import NAMESPACE, Request
from tests.simulator.recordings.load import Event, Recording

Object = Mapping[str, Any]
STALE_UID = "00000000-0000-4000-8000-000000000000"


class Store(Protocol):
    """The part of the simulated API server's store that is read here."""

    def list(self, res: str, ns: str | None = None) -> list[dict[str, Any]]:
        """All objects of a resource."""

    def find(self, res: str, ns: str | None, name: str) -> dict[str, Any] | None:
        """An object, None if there is none."""


class Names:
    """Translates between a recording and the cluster behind ``store``.

    ``nodes``: names of the simulated nodes, in the order of the recorded ones.
    """

    def __init__(self, recording: Recording, store: Store, nodes: tuple[str, ...]) -> None:
        self._recording = recording
        self._store = store
        self._nodes = dict(zip(recording.nodes, nodes, strict=True))
        self._learned: dict[str, str] = {}
        self._seen: dict[str, list[tuple[str, str]]] = {}

    def forward(self, value: Any, t: float) -> Any:
        """``value`` (text or JSON) of the recording at epoch second ``t``, in simulated words."""
        return _replace(value, self.tokens(t))

    def back(self, text: str) -> str:
        """A simulated text in the words of the recording."""
        self.tokens(self._recording.end)
        return str(_replace(text, {ours: theirs for theirs, ours in self._learned.items()}))

    def tokens(self, t: float) -> dict[str, str]:
        """Recorded -> simulated name of everything that is known at ``t``."""
        found = self._learned | self._nodes
        for pairs in (self._disks(), self._managers(found), self._replicas(t, found)):
            found.update(pairs)
        self._learned.update(found)
        return found

    def look(self) -> None:
        """Take note of the disks there are now; a disk that goes later keeps its partner."""
        for simulated in self._nodes.values():
            obj = self._store.find("nodes.longhorn.io", NAMESPACE, simulated)
            seen = self._seen.setdefault(simulated, [])
            for name, disk in (((obj or {}).get("status") or {}).get("diskStatus") or {}).items():
                entry = (str(name), str(disk.get("diskUUID") or ""))
                if entry[1] and entry not in seen:
                    seen.append(entry)

    def _disks(self) -> Iterator[tuple[str, str]]:
        """The first disk of a node is the first one here; later ones go by name and order."""
        self.look()
        for node, simulated in self._nodes.items():
            theirs = [disk for disk in self._recording.disks if disk.node == node]
            ours = list(self._seen.get(simulated, []))
            for index, disk in enumerate(theirs):
                named = [entry for entry in ours if entry[0] == disk.name]
                partner = ours[0] if index == 0 and ours else named[0] if named else None
                if partner is None:
                    continue
                ours.remove(partner)
                yield disk.uuid, partner[1]
                if disk.name:
                    yield disk.name, partner[0]

    def _managers(self, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for resource, place in (
            ("backingimagemanagers.longhorn.io", "longhorn.io/disk-uuid"),
            ("instancemanagers.longhorn.io", "longhorn.io/node"),
        ):
            ours = {_label(obj, place): obj for obj in self._store.list(resource, NAMESPACE)}
            for event in self._recording.events:
                where = known.get(_label(event.object, place)) or _label(event.object, place)
                its_pod = event.resource == "pods" and _component(event) == _COMPONENT[resource]
                if (event.resource == resource or its_pod) and where in ours:
                    yield event.name, str(ours[where]["metadata"]["name"])

    def _replicas(self, t: float, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        ours: dict[tuple[str, str], list[str]] = {}
        for obj in self._store.list("replicas.longhorn.io", NAMESPACE):
            ours.setdefault(_place(obj), []).append(str(obj["metadata"]["name"]))
        theirs: dict[str, tuple[str, str]] = {}
        for event in self._recording.of("replicas.longhorn.io"):
            if event.t > t:
                break
            if event.type == "DELETED":
                theirs.pop(event.name, None)
            else:
                theirs[event.name] = _place(event.object)
        for name, (volume, disk) in theirs.items():
            candidates = ours.get((volume, known.get(disk, disk))) or []
            if candidates:
                yield name, candidates.pop(0)


_COMPONENT = {
    "backingimagemanagers.longhorn.io": "backing-image-manager",
    "instancemanagers.longhorn.io": "instance-manager",
}


def with_identity(
    request: Request, body: Any, target: Object | None, stale: Callable[[], str]
) -> Any:
    """``body`` with resource versions and uids that mean here what they meant in the recording.

    Accepted there: the present ones of ``target``. Refused there: ``stale()`` versions (what a
    precondition asks for that a refusal of another kind met is not known; it gets present ones).
    """
    conflict = not request.accepted and _is_conflict(request.text)
    meta = (target or {}).get("metadata") or {}
    version = stale() if conflict else str(meta.get("resourceVersion", "1"))
    result = copy.deepcopy(body)
    if isinstance(result, list):
        for operation in result:
            if operation.get("op") == "test":
                if operation.get("path") == "/metadata/resourceVersion":
                    operation["value"] = version
                elif operation.get("path") == "/metadata/uid":
                    operation["value"] = meta.get("uid", STALE_UID)
    elif isinstance(result, dict):
        for holder in (
            result.get("metadata"),
            result.get("preconditions"),
            (result.get("deleteOptions") or {}).get("preconditions"),
        ):
            if holder and "resourceVersion" in holder:
                holder["resourceVersion"] = version
            if holder and "uid" in holder:
                holder["uid"] = meta.get("uid", STALE_UID)
    return result


def _is_conflict(text: str) -> bool:
    return any(
        words in text
        for words in (
            "has been modified",
            "rejected our request",
            "precondition",
            "might have been",
        )
    )


def _replace(value: Any, tokens: Mapping[str, str]) -> Any:
    changed = {theirs: ours for theirs, ours in tokens.items() if theirs and theirs != ours}
    if not changed:
        return value
    longest = sorted(changed, key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(token) for token in longest))

    def walk(part: Any) -> Any:
        if isinstance(part, str):
            return pattern.sub(lambda match: changed[match.group(0)], part)
        if isinstance(part, dict):
            return {walk(key): walk(item) for key, item in part.items()}
        if isinstance(part, list):
            return [walk(item) for item in part]
        return part

    return walk(value)


def _label(obj: Object, key: str) -> str:
    return str((obj["metadata"].get("labels") or {}).get(key, ""))


def _component(event: Event) -> str:
    return _label(event.object, "longhorn.io/component")


def _place(obj: Object) -> tuple[str, str]:
    spec = obj.get("spec") or {}
    return str(spec.get("volumeName")), str(spec.get("diskID") or "")
