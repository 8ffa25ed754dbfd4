# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take what is left of a node out of Longhorn: image keys under the guard, then its disk entries.

The guard looks at lists made after the images whose resourceVersions the removals test. The test
does not see a replica that comes meanwhile (it is another object), so replicas are listed once
more after the writes, and a key that one of them names is put back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    guards,
    image_needs,
    map_entries,
    memory,
    minimum,
    parse,
    proven,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.image_needs import Need
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    PAUSE_SECONDS,
    TRIES,
    Ops,
    Stopped,
    Work,
    spec_of,
)

GUARD_KINDS = (
    kinds.REPLICAS,
    kinds.DATA_SOURCES,
    kinds.MANAGERS,
    kinds.LONGHORN_NODES,
    kinds.NODES,
)
WATCHED = (kinds.BACKING_IMAGES, kinds.REPLICAS, kinds.DATA_SOURCES, kinds.MANAGERS)
# So many keys are taken out on one reading: it must not be older than the few seconds in which a
# replica that came meanwhile gets its key back.
AT_ONCE = 600
# A refusal that no waiting clears is told after this: until then lists may still disagree.
SETTLE_SECONDS = 8.0
RULES_THAT_PASS = frozenset({"being_read", "being_cloned", "first_file"})
# Refusals that another copy elsewhere ends.
RULES_OF_COPIES = frozenset({"too_few_proven", "copies_missing"})
CLEANED_UP = (
    "Longhorn's clean-up may have taken copies elsewhere that nothing has used for "
    f"{minimum.CLEANUP} (60 min by default)"
)


class ShortOfCopies(Stopped):
    """Nothing but copies elsewhere is missing: they went since they were counted."""

    def __init__(self, message: str, images: tuple[str, ...]) -> None:
        super().__init__(message)
        self.images = images


@dataclass
class Outcome:
    """What was taken off the node."""

    keys: list[tuple[str, str]] = field(default_factory=list)
    put_back: list[tuple[str, str]] = field(default_factory=list)
    disks: list[str] = field(default_factory=list)
    notes_gone: list[str] = field(default_factory=list)
    lowest: int | None = None

    def as_data(self) -> dict[str, Any]:
        return {
            "keys_removed": [{"image": image, "disk_uuid": disk} for image, disk in self.keys],
            "keys_put_back": [{"image": image, "disk_uuid": disk} for image, disk in self.put_back],
            "disks_removed": self.disks,
            "lowest_proven": self.lowest,
        }


class Release:
    """Takes the image keys of one node out of the maps."""

    def __init__(self, work: Work, request: Request, outcome: Outcome | None = None) -> None:
        self._work = work
        self._request = request
        self._place = request.scope.label
        self._uuids: frozenset[str] = frozenset()
        self.outcome = Outcome() if outcome is None else outcome

    def run(self) -> Outcome:
        """Until no map names a disk of the node and no manager there records a file.

        Raises ShortOfCopies where another relocation helps, Stopped where only a person does,
        TimedOut.
        """
        work = self._work
        stuck_since: float | None = None
        misses = 0
        while True:
            work.safe_point()
            cluster = self._read()
            self._uuids |= self._request.scope.uuids(cluster)
            needs, _placement = image_needs.assess(
                cluster, self._request.scope, self._request.intent, self._request.next_nodes
            )
            if not needs:
                break
            may_go, refused = self._judge(cluster, needs)
            self._check(refused, bool(may_go), stuck_since)
            if may_go:
                misses = 0 if self._remove(cluster, may_go[:AT_ONCE]) else misses + 1
                if misses >= TRIES:
                    raise Stopped(
                        f"images changed {TRIES} times while they were being written. "
                        f"{work.where} Run the same command again."
                    )
                stuck_since = None
            else:
                stuck_since = work.deadline.now() if stuck_since is None else stuck_since
                self._wait_for_change()
        self._wait_for_managers()
        self._forget_notes()
        return self.outcome

    def _forget_notes(self) -> None:
        """Notes on images whose key Longhorn has removed itself: nothing is left to give back."""
        work = self._work

        def forget(raw: Object) -> Ops | None:
            identity = parse.meta(raw)
            if not self._request.scope.marks(memory.before(identity)):
                return None
            return note_gone(parse.image(raw, work.longhorn.schema)) or None

        for image in image_needs.noted_only(self._read(), self._request.scope):
            if work.patch(kinds.BACKING_IMAGES, image.name, forget) is not None:
                self.outcome.notes_gone.append(image.name)

    def _wait_for_change(self) -> None:
        """Until something that the guard looks at has changed, at most some seconds."""
        work = self._work
        limit = work.deadline.within(SETTLE_SECONDS)
        work.pause(PAUSE_SECONDS)
        with LiveCluster(work.client, work.longhorn, WATCHED) as live:
            while not limit.expired:
                work.safe_point()
                if live.next_change(min(1.0, limit.remaining())):
                    return

    def _read(self) -> Cluster:
        """Images first, everything that guards them after."""
        work = self._work
        return read_cluster(work.client, work.longhorn, (kinds.BACKING_IMAGES, *GUARD_KINDS))

    def _judge(
        self, cluster: Cluster, needs: tuple[Need, ...]
    ) -> tuple[list[tuple[Need, str]], dict[str, tuple[guards.Refusal, ...]]]:
        gone = self._request.scope.gone(cluster)
        may_go: list[tuple[Need, str]] = []
        refused: dict[str, tuple[guards.Refusal, ...]] = {}
        for need in needs:
            for copy in need.here:
                against = guards.against_removal(
                    cluster, need.image, copy.disk, maintenance=gone, keep=need.keep
                )
                if need.targets and not against:
                    against = (guards.Refusal("copies_missing", "copies are still to be made"),)
                if against:
                    refused[need.image.name] = against
                else:
                    may_go.append((need, copy.disk))
        return may_go, refused

    def _check(
        self, refused: dict[str, tuple[guards.Refusal, ...]], progress: bool, since: float | None
    ) -> None:
        """Refusals that time heals are waited for; others end the release, naming all of them."""
        if not refused or progress:
            return
        told = "; ".join(
            f"{image}: {', '.join(reason.text for reason in reasons)}"
            for image, reasons in sorted(refused.items())
        )
        where = f"{count(len(refused), 'copy', 'copies')} must stay on {self._place}"
        rules = {reason.rule for reasons in refused.values() for reason in reasons}
        final = rules - RULES_THAT_PASS
        stuck = 0.0 if since is None else self._work.deadline.now() - since
        if final and stuck >= SETTLE_SECONDS:
            text = f"{where}: {told}. Nothing unsafe was removed."
            if final <= RULES_OF_COPIES:
                again = f"{CLEANED_UP}. Run the same command again: it makes what is missing first."
                raise ShortOfCopies(f"{text} {again}", tuple(sorted(refused)))
            raise Stopped(text)
        if self._work.deadline.expired:
            elapsed = spell_seconds(self._work.deadline.elapsed())
            raise TimedOut(f"waited {elapsed}, but {where}: {told}.")
        self._work.where = f"{where}."
        self._work.progress.update(f"{where}: {told}")

    def _remove(self, cluster: Cluster, may_go: list[tuple[Need, str]]) -> bool:
        """Take these keys out; False when every one of their images has changed meanwhile."""
        by_image: dict[str, list[str]] = {}
        for need, disk in may_go:
            by_image.setdefault(need.image.name, []).append(disk)
        asked: list[tuple[str, str]] = []
        removed: list[tuple[str, str]] = []
        left: list[int] = []
        gone = self._request.scope.gone(cluster)

        def remove(item: tuple[str, list[str]]) -> None:
            name, disks = item
            image = cluster.images[name]
            ops: Ops = [{"op": "remove", "path": cluster.schema.key_path(disk)} for disk in disks]
            ops += note_gone(image)
            # Before the write: one whose answer was lost may have happened all the same.
            asked.extend((name, disk) for disk in disks)
            try:
                written = self._work.client.patch_json(
                    kinds.BACKING_IMAGES, name, ops, resource_version=image.meta.version
                )
            except (errors.FailedTest, errors.Conflict, errors.NotFound):
                return
            removed.extend((name, disk) for disk in disks)
            # Counted in the answer of the write: what the image has now, not what it should have.
            after = self._work.longhorn.parser(kinds.BACKING_IMAGES)(written)
            left.append(len(proven.proven(cluster, after, gone)))

        try:
            self._work.in_parallel(remove, list(by_image.items()))
        finally:
            self.outcome.put_back += put_back(self._work, asked)
        self.outcome.keys += [pair for pair in removed if pair not in self.outcome.put_back]
        lowest = self.outcome.lowest
        self.outcome.lowest = min([*left, *([] if lowest is None else [lowest])], default=None)
        total = len(self.outcome.keys)
        self._work.where = f"{count(total, 'copy', 'copies')} taken off {self._place}."
        self._work.progress.update(f"{count(total, 'copy', 'copies')} taken off {self._place}")
        if not removed:
            self._work.pause(PAUSE_SECONDS)
        return bool(removed)

    def _wait_for_managers(self) -> None:
        """The file is gone when no running manager of the node records it: 1 to 4 s."""
        work = self._work
        with LiveCluster(work.client, work.longhorn, (kinds.MANAGERS,)) as live:
            while True:
                work.safe_point()
                held = sorted(
                    f"{image} on {manager.name}"
                    for manager in live.picture().managers.values()
                    if manager.disk in self._uuids and manager.running
                    for image in manager.files
                )
                if not held:
                    return
                work.where = f"{count(len(held), 'file')} still recorded on {self._place}."
                work.progress.update(f"waiting for {count(len(held), 'file')} to be removed")
                if work.deadline.expired:
                    raise TimedOut(
                        f"waited {spell_seconds(work.deadline.elapsed())} for the managers of "
                        f"{self._place} to drop their files; last seen: "
                        f"{', '.join(held[:5])}."
                    )
                live.next_change(min(1.0, work.deadline.remaining()))


def note_gone(image: Image) -> Ops:
    """Operations that take our note off an image, and set a lowered minNumberOfCopies again."""
    noted = memory.before(image.meta)
    ops = minimum.give_back(noted, {minimum.FIELD: image.min_copies})
    return [*ops, *memory.drop(image.meta, "map", "node", "disk", minimum.FIELD)]


def put_back(work: Work, asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A replica that came in the same moment needs its copy: give such keys back, and name them.

    asked: image and disk UUID of keys whose removal was just asked for, whatever was answered;
    those that are still in their map are left as they are.
    """
    if not asked:
        return []
    replicas = work.client.list(kinds.REPLICAS, parse.replica).items
    used = {(replica.image, replica.disk) for replica in replicas if replica.image}
    schema = work.longhorn.schema
    returned: list[tuple[str, str]] = []
    for name, disk in (pair for pair in asked if pair in used):

        def add(raw: Object, uuid: str = disk) -> Ops | None:
            return map_entries.add(spec_of(raw), schema, [uuid]) or None

        if work.patch(kinds.BACKING_IMAGES, name, add) is not None:
            returned.append((name, disk))
    return returned
