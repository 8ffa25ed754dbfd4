# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise the copies of images: keys on disks that we choose, the minimum with them, then wait.

One conditional write per image holds its new keys, its new minimum (1.7 and later) and the repair
of entries that Longhorn cannot write back. Everything is decided from what is there, so a killed
run is finished by the next one, and a run on a finished job writes nothing, not even the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import map_entries
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit import (
    raising,
    raising_text,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.audit.raising import (
    Raise,
    Wish,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Disk,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Schema
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    spell_bytes,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import rights
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.diagnose import (
    ALL,
    chosen,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
    spec_of,
    take_in,
)

FOLLOWED = (kinds.BACKING_IMAGES, kinds.DATA_SOURCES, kinds.LONGHORN_NODES, kinds.NODES)
Lock = Callable[[], AbstractContextManager[Work]]
SHOWN_MAX = 20
WHERE = "No copy was taken away; run the same command again to go on."


@dataclass
class Outcome:
    """What was asked for: new copies (image, disk, bytes), raised minima (image, old, new)."""

    added: list[tuple[str, str, int]] = field(default_factory=list)
    raised: list[tuple[str, int, int]] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    def count_in(self, one: Raise) -> None:
        """Remember what one image got."""
        size = one.image.file_bytes
        self.added += [(one.image.name, disk.label, size) for disk in one.targets]
        if one.minimum:
            self.raised.append((one.image.name, one.image.min_copies, one.minimum))
        if one.repair:
            self.repaired.append(one.image.name)

    def as_data(self) -> dict[str, Any]:
        return {
            "copies_made": [
                {"image": image, "disk": disk, "bytes": size} for image, disk, size in self.added
            ],
            "bytes": sum(size for _image, _disk, size in self.added),
            "minimum_raised": [
                {"image": image, "from": old, "to": new} for image, old, new in self.raised
            ],
            "entries_repaired": self.repaired,
        }


def run(
    work: Work,
    names: Sequence[str],
    copies: int,
    away: Sequence[str],
    lock: Lock,
    *,
    partial: bool = False,
) -> dict[str, Any]:
    """Everything: look, ask for the rights, write, wait. Returns the task's result.

    partial: an image that cannot get all its copies is only told. Raises Failure for names that do
    not exist, Stopped when an image does not get its copies, with what was done in `result`,
    TimedOut with what was last seen.
    """
    cluster = read_cluster(work.client, work.longhorn, FOLLOWED)
    wish = _wish(cluster, names, copies, away)
    before = found = raising.assess(cluster, wish)
    outcome = Outcome()
    if work.check_mode or all(one.settled for one in found):
        for one in found:
            if one.writes:
                outcome.count_in(one)
    else:
        if any(one.writes for one in found):
            _ask_for_rights(work)
        work.done = {**outcome.as_data(), "changed": False}
        with lock():
            found = _Raising(work, wish, outcome).run()
    result = _result(cluster, wish, before, found, outcome)
    result["changed"] = bool(outcome.added or outcome.raised or outcome.repaired)
    if not partial:
        _fail_if_short(work, found, result)
    return result


def _wish(cluster: Cluster, names: Sequence[str], copies: int, away: Sequence[str]) -> Wish:
    unknown = sorted(set(away) - set(cluster.nodes))
    if unknown:
        raise Failure(
            f"There is no Longhorn node {', '.join(unknown)}. Longhorn manages: "
            f"{', '.join(sorted(cluster.nodes))}. Nothing was changed."
        )
    selected = chosen([] if list(names) == [ALL] else names, cluster.images)
    return Wish(tuple(selected), copies, tuple(away))


def _result(
    cluster: Cluster,
    wish: Wish,
    before: Sequence[Raise],
    found: Sequence[Raise],
    outcome: Outcome,
) -> dict[str, Any]:
    return {
        **outcome.as_data(),
        "images": [raising_text.as_data(cluster, one) for one in found],
        "summary": raising_text.summary(cluster, wish, before, found),
        "diff": raising_text.diff(before),
    }


def _ask_for_rights(work: Work) -> None:
    wanted = [
        rights.Right("patch", kinds.BACKING_IMAGES, work.client.namespace),
        rights.Right("create", kinds.LEASES, work.client.namespace),
    ]
    missing = rights.missing(work.client, wanted)
    if missing:
        told = "\n".join(f"The account lacks a right: {right}." for right in missing)
        raise Failure(f"{told}\nGrant it by a Role or ClusterRole. Nothing was changed.")


def _fail_if_short(work: Work, found: Sequence[Raise], result: dict[str, Any]) -> None:
    short = [one for one in found if one.short]
    if not short or work.check_mode:
        return
    lines = "".join(f"\n  ! {one.image.name}: {one.short}" for one in short[:SHOWN_MAX])
    if len(short) > SHOWN_MAX:
        lines += f"\n  and {len(short) - SHOWN_MAX} more"
    stopped = Stopped(
        f"{count(len(short), 'image')} of {len(found)} cannot get all copies:{lines}\n"
        "The others have theirs. Nothing was taken away."
    )
    # Ansible prints all of a failed result.
    told = {key: value for key, value in result.items() if key not in ("images", "summary", "diff")}
    stopped.result = told
    raise stopped


class _Raising:
    """The loop over all images, on one live view."""

    def __init__(self, work: Work, wish: Wish, outcome: Outcome) -> None:
        self._work = work
        self._wish = wish
        self._outcome = outcome
        self._asked: dict[str, set[str]] = {}

    def run(self) -> tuple[Raise, ...]:
        """Until nothing is to be written or waited for."""
        work = self._work
        work.where = WHERE
        with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
            while True:
                work.safe_point()
                found = raising.assess(live.picture(), self._wish, self._asked)
                missing = [one for one in found if one.writes]
                if missing:
                    self._write(live, missing)
                    work.done.update(self._outcome.as_data(), changed=True)
                    continue
                waiting = [one for one in found if not one.settled]
                self._tell(found, waiting)
                if not waiting:
                    return found
                if work.deadline.expired:
                    raise TimedOut(
                        f"waited {spell_seconds(work.deadline.elapsed())} for "
                        f"{raising_text.seen(waiting)}. {WHERE}"
                    )
                live.next_change(min(1.0, work.deadline.remaining()))

    def _tell(self, found: Sequence[Raise], waiting: Sequence[Raise]) -> None:
        size = spell_bytes(sum(size for _image, _disk, size in self._outcome.added))
        text = f"images {len(found) - len(waiting)}/{len(found)}   {size} asked for"
        if waiting:
            text += f"   now: {raising_text.seen(waiting)}"
        self._work.progress.update(text, at_once=not waiting)

    def _write(self, live: LiveCluster, missing: Sequence[Raise]) -> None:
        """One write per image, a few at a time, largest file first."""
        schema = self._work.longhorn.schema

        def write(one: Raise) -> tuple[Raise, Object | None]:
            decide = _writer(schema, list(one.targets), one.minimum)
            return one, self._work.patch(kinds.BACKING_IMAGES, one.image.name, decide)

        for one, raw in self._work.in_parallel(write, missing):
            if raw is not None:
                take_in(live, kinds.BACKING_IMAGES, raw)
                self._outcome.count_in(one)
                disks = self._asked.setdefault(one.image.name, set())
                disks.update(disk.uuid for disk in one.targets)
        while live.next_change(0.0):
            pass


def _writer(schema: Schema, disks: list[Disk], minimum: int) -> Callable[[Object], Ops | None]:
    """The operations for one image as it is read: never a smaller minimum, never a key twice."""

    def decide(raw: Object) -> Ops | None:
        spec = spec_of(raw)
        if (raw.get("metadata") or {}).get("deletionTimestamp"):
            return None
        ops = map_entries.add(spec, schema, [disk.uuid for disk in disks])
        ops += map_entries.repair(spec, schema)
        if minimum > int(spec.get("minNumberOfCopies") or 0):
            ops.append({"op": "add", "path": "/spec/minNumberOfCopies", "value": minimum})
        return ops or None

    return decide
