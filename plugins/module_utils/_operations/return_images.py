# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as before a maintenance: extra keys out of the maps under the guard, notes with them.

The key and the note go in one write. Replicas are listed once more afterwards, and a key that one
of them names is put back: the target disks stay open, so a replica may come at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    memory,
    minimum,
    return_images,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import Request
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.return_images import Return
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import lower_minimums
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.release_node import (
    AT_ONCE,
    GUARD_KINDS,
    note_gone,
    put_back,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    PAUSE_SECONDS,
    TRIES,
    Ops,
    Stopped,
    Work,
)

POLL_SECONDS = 1.0


@dataclass
class Outcome:
    """What was done to the maps; disks as node/disk where they are known."""

    removed: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str, str]] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    minimums: list[str] = field(default_factory=list)
    notes: int = 0

    def as_data(self) -> dict[str, Any]:
        return {
            "keys_removed": [{"image": i, "disk": d} for i, d in sorted(self.removed)],
            "kept": [{"image": i, "disk": d, "why": w} for i, d, w in sorted(self.kept)],
            "moved": [{"image": i, "disk": d} for i, d in sorted(self.moved)],
            "minimums_restored": sorted(self.minimums),
            "held": [{"image": i, "why": w} for i, w in sorted(self.held)],
        }


class ImageReturner:
    """Gives the images of one node their maps back."""

    def __init__(self, work: Work, request: Request) -> None:
        self._work = work
        self._request = request
        self._gone: set[tuple[str, str]] = set()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Until no image has a note that can go. Raises TimedOut with what each one waits for."""
        work, misses = self._work, 0
        while True:
            work.safe_point()
            cluster = self._read()
            decided = self._decide(cluster)
            ready = [item for item in decided if item.forget]
            if ready:
                wrote = self._write(cluster, ready[:AT_ONCE])
                misses = 0 if wrote else misses + 1
                if misses >= TRIES:
                    raise Stopped(
                        f"images changed {TRIES} times while they were being written. "
                        f"{work.where} Run the same command again."
                    )
                continue
            waiting = [item for item in decided if item.waits]
            self._tell(waiting)
            if not waiting:
                self._give_back_minimums(decided)
                self.outcome.held = [(item.image.name, item.held) for item in decided]
                break
            if work.deadline.expired:
                self._give_back_minimums(waiting)
                raise TimedOut(self._late(waiting))
            work.pause(POLL_SECONDS)
        self._await_files()
        return self.outcome

    def _read(self) -> Cluster:
        """Images first, everything that guards them after."""
        wanted = (kinds.BACKING_IMAGES, *GUARD_KINDS, kinds.VOLUMES)
        return read_cluster(self._work.client, self._work.longhorn, wanted)

    def _decide(self, cluster: Cluster) -> list[Return]:
        node, keep = self._request.node, self._request.keep_extra
        return [
            return_images.decide(cluster, image, node, keep_extra=keep)
            for image in return_images.concerned(cluster, self._request.scope)
        ]

    def _write(self, cluster: Cluster, ready: list[Return]) -> bool:
        """Keys and notes, one write per image; a conflict leaves the image for the next round."""
        removed: list[tuple[str, str]] = []
        done: list[Return] = []
        asked: list[tuple[str, str]] = []

        def write(item: Return) -> None:
            image = item.image
            ops: Ops = [
                {"op": "remove", "path": cluster.schema.key_path(disk)} for disk in item.remove
            ]
            ops += note_gone(image)
            asked.extend((image.name, disk) for disk in item.remove)
            try:
                self._work.client.patch_json(
                    kinds.BACKING_IMAGES, image.name, ops, resource_version=image.meta.version
                )
            except (errors.FailedTest, errors.Conflict, errors.NotFound):
                return
            done.append(item)
            removed.extend((image.name, disk) for disk in item.remove)

        try:
            self._work.in_parallel(write, ready)
        finally:
            returned = put_back(self._work, asked)
        self._gone |= set(removed) - set(returned)
        for item in done:
            self._note(cluster, item, returned)
        if not done:
            self._work.pause(PAUSE_SECONDS)
        return bool(done)

    def _note(self, cluster: Cluster, item: Return, returned: list[tuple[str, str]]) -> None:
        name = item.image.name
        outcome = self.outcome
        outcome.notes += 1
        if minimum.noted_number(memory.before(item.image.meta)):
            outcome.minimums.append(name)
        for disk in item.remove:
            if (name, disk) in returned:
                why = "a replica began to use it in the same moment"
                outcome.kept.append((name, _label(cluster, disk), why))
            else:
                outcome.removed.append((name, _label(cluster, disk)))
        outcome.kept += [(name, _label(cluster, disk), why) for disk, why in item.kept]
        outcome.moved += [(name, _label(cluster, disk)) for disk in item.moved]

    def _give_back_minimums(self, left: list[Return]) -> None:
        """Images that are not whole keep their note, but not a lowered minNumberOfCopies: with it
        Longhorn would not heal them.
        """
        noted = [i.image.name for i in left if minimum.noted_number(memory.before(i.image.meta))]
        lower_minimums.give_back(self._work, noted)
        self.outcome.minimums += noted

    def _tell(self, waiting: list[Return]) -> None:
        taken = count(len(self.outcome.removed), "extra copy", "extra copies")
        self._work.where = f"{taken} taken back."
        if waiting:
            self._work.progress.update(f"{taken} taken back   waiting: {_words(waiting)}")

    def _late(self, waiting: list[Return]) -> str:
        return (
            f"waited {spell_seconds(self._work.deadline.elapsed())} for the images to be whole; "
            f"last seen: {_words(waiting)}. Their extra copies stay until then. Run the same "
            "command again, or keep the copies with -e keep_extra_copies=true."
        )

    def _await_files(self) -> None:
        """The files are gone when no running manager records them: 1 to 4 s."""
        work = self._work
        while self._gone:
            work.safe_point()
            cluster = read_cluster(work.client, work.longhorn, (kinds.MANAGERS,))
            held = {
                (name, manager.disk)
                for manager in cluster.managers.values()
                if manager.running
                for name in manager.files
            }
            left = self._gone & held
            if not left:
                return
            work.progress.update(f"waiting for {count(len(left), 'file')} to be removed")
            if work.deadline.expired:
                raise TimedOut(
                    f"waited {spell_seconds(work.deadline.elapsed())} for Longhorn to remove "
                    f"{count(len(left), 'file')} of extra copies. Their keys are gone."
                )
            work.pause(POLL_SECONDS)


def _words(waiting: list[Return]) -> str:
    told = [f"{item.image.name}: {item.waits}" for item in waiting[:3]]
    more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
    return "; ".join(told) + more


def _label(cluster: Cluster, disk: str) -> str:
    found = cluster.disks.get(disk)
    return found.label if found is not None else disk
