# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make every image of a node safe without it: keys of our own where copies are missing, then wait.

Up to 1.6 a key is the only way to get a copy; from 1.7 Longhorn would pick a disk at random. The
target's key is written in the full form of the version together with a note of the earlier map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    blockers_of_images,
    image_needs,
    map_entries,
    proven,
    quiet_waits,
    redact,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import Clears
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.image_needs import Need
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    DataSource,
    Disk,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Schema
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.transfers import (
    Transfers,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.remember_node import (
    image_note,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
    spec_of,
    take_in,
)

FOLLOWED = (
    kinds.BACKING_IMAGES,
    kinds.DATA_SOURCES,
    kinds.MANAGERS,
    kinds.LONGHORN_NODES,
    kinds.NODES,
)
SYNC_HELD_BACK = (
    "Longhorn from 1.10 may hold a manager back for up to 2 min without a reason in the API"
)
# A manager that runs begins with a copy sooner than this.
QUIET_SECONDS = 10.0
NOT_BEGUN = frozenset({"", "pending", "starting", "unknown"})


@dataclass
class Outcome:
    """What making copies did. Seconds are of the wait, bytes of the copies we asked for."""

    added: list[tuple[str, str, int]] = field(default_factory=list)
    seconds: float = 0.0
    lowest: int | None = None

    @property
    def bytes(self) -> int:
        return sum(size for _image, _disk, size in self.added)

    def see(self, cluster: Cluster, images: list[str]) -> None:
        """Remember the lowest number of proven copies, the node's own included."""
        for name in images:
            image = cluster.images.get(name)
            if image is not None:
                number = len(proven.proven(cluster, image))
                self.lowest = number if self.lowest is None else min(self.lowest, number)

    def as_data(self) -> dict[str, Any]:
        return {
            "copies_made": [
                {"image": image, "disk": disk, "bytes": size} for image, disk, size in self.added
            ],
            "bytes": self.bytes,
            "seconds": round(self.seconds, 1),
            "lowest_proven": self.lowest,
        }


class Relocation:
    """Makes the images of one node safe."""

    def __init__(
        self, work: Work, request: Request, outcome: Outcome | None = None, taken: int = 0
    ) -> None:
        """taken: copies that were taken off the node before, to be told."""
        self._work = work
        self._request = request
        self._place = request.scope.label
        self._kept = f"Nothing was taken off {self._place}"
        if taken:
            self._kept = f"{count(taken, 'copy', 'copies')} taken off {self._place} before"
        self._quiet_since: float | None = None
        self.outcome = Outcome() if outcome is None else outcome
        self._transfers = Transfers()

    def run(self) -> Outcome:
        """Until every image of the node has its proven copies elsewhere.

        Raises Stopped when an image has no target left, TimedOut with what was last seen.
        """
        work = self._work
        with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
            while True:
                work.safe_point()
                needs, _placement = self._assess(live.picture())
                self.outcome.see(live.picture(), [need.image.name for need in needs])
                self._tell(live.picture(), needs)
                missing = [need for need in needs if need.targets]
                if missing and self._add(live, missing):
                    continue
                unsafe = [need for need in needs if not need.safe]
                if not unsafe:
                    self.outcome.seconds = work.deadline.elapsed()
                    return self.outcome
                self._check_hope(live.picture(), unsafe)
                self._check_first_files(live.picture(), unsafe)
                if work.deadline.expired:
                    raise TimedOut(
                        f"waited {spell_seconds(work.deadline.elapsed())} for proven copies off "
                        f"{self._place}; last seen: {_seen(live.picture(), unsafe)}. "
                        f"{self._kept}. {SYNC_HELD_BACK}."
                    )
                live.next_change(min(1.0, work.deadline.remaining()))

    def _assess(self, cluster: Cluster) -> tuple[tuple[Need, ...], Any]:
        request = self._request
        return image_needs.assess(cluster, request.scope, request.intent, request.next_nodes)

    def _check_hope(self, cluster: Cluster, unsafe: list[Need]) -> None:
        """Without a proven or coming copy elsewhere, and without a target, no image gets safe."""
        whole = {name for name, source in cluster.data_sources.items() if source.file_transferred}
        lost = [
            need
            for need in unsafe
            if need.reachable < 1 and not need.image.meta.deleting and need.image.name in whole
        ]
        if lost:
            told = names([need.image.name for need in lost])
            raise Stopped(
                f"{told}: the only proven copy is on {self._place} and no disk can take "
                f"another; last seen: {_seen(cluster, lost)}. {self._kept}. Run it "
                "again once that is settled, or plan again to see why each disk was refused "
                "(--check --diff)."
            )

    def _check_first_files(self, cluster: Cluster, unsafe: list[Need]) -> None:
        """A download that fails for a lasting cause ends only when somebody acts, and what they
        would do about the image needs the lock that this wait holds.
        """
        for source in _first_files(cluster, unsafe):
            found = blockers_of_images.first_file(cluster, source, self._place)
            if source.state in blockers_of_images.FAILED and found.clears is not Clears.BY_ITSELF:
                raise Stopped(
                    f"{source.name}: {found.reason}. {self._kept}. What to do: {found.remedy}."
                )

    def _tell(self, cluster: Cluster, needs: tuple[Need, ...]) -> None:
        work = self._work
        waiting = [need for need in needs if not need.safe]
        safe = len(needs) - len(waiting)
        work.where = f"{safe} of {len(needs)} images are safe without {self._place}. {self._kept}."
        if not needs:
            return
        if not waiting:
            text = f"{count(len(needs), 'image')}: each has a proven copy outside {self._place}"
            work.progress.update(text, at_once=True)
            return
        self._transfers.follow_coming(needs)
        line = self._transfers.line(cluster, work.deadline.now())
        rest = f"   {len(waiting)} of {len(needs)} images not safe yet" if line else ""
        first = {source.name for source in _first_files(cluster, waiting)}
        if rest and first:
            rest += f": {_seen(cluster, [n for n in waiting if n.image.name in first])}"
        wanted = sum(len(need.targets) for need in needs)
        asking = f"{count(wanted, 'copy', 'copies')} to ask for" if wanted else ""
        text = line + rest if line else asking or f"waiting for {_seen(cluster, waiting)}"
        work.progress.update(text + self._held_back(cluster, waiting))

    def _held_back(self, cluster: Cluster, waiting: list[Need]) -> str:
        """Why nothing happens although nothing is wrong ("" while something does)."""
        now = self._work.deadline.now()
        here = {copy.disk for need in waiting for copy in need.here}
        first = {source.name for source in _first_files(cluster, waiting)}
        synced = [need for need in waiting if need.image.name not in first]
        states = {
            copy.state
            for need in synced
            for copy in cluster.images.get(need.image.name, need.image).wanted
            if copy.disk not in here
        }
        if not synced or states - NOT_BEGUN or not cluster.schema.holds_managers_back:
            self._quiet_since = None
            return ""
        self._quiet_since = now if self._quiet_since is None else self._quiet_since
        return f"   ({SYNC_HELD_BACK})" if now - self._quiet_since >= QUIET_SECONDS else ""

    def _add(self, live: LiveCluster, missing: list[Need]) -> bool:
        """Write the target keys, a few images at a time; largest files first. False when there was
        nothing to write: the picture is older than the maps, and what is new has yet to come.
        """
        schema, scope = self._work.longhorn.schema, self._request.scope

        def add(need: Need) -> tuple[Object | None, Need]:
            decide = _adder(schema, scope, need.image, list(need.targets))
            return self._work.patch(kinds.BACKING_IMAGES, need.image.name, decide), need

        written = False
        for raw, need in self._work.in_parallel(add, missing):
            if raw is None:
                continue
            written = True
            take_in(live, kinds.BACKING_IMAGES, raw)
            name, size = need.image.name, need.image.file_bytes
            self.outcome.added += [(name, disk.label, size) for disk in need.targets]
            for disk in need.targets:
                self._transfers.follow(name, disk.uuid, size)
        while live.next_change(0.0):
            pass
        return written


def _adder(
    schema: Schema, scope: Scope, image: Image, disks: list[Disk]
) -> Callable[[Object], Ops | None]:
    """The operations that put these disks into an image's map, and note the earlier map once.

    None where the map is not the one they were chosen for: a key that Longhorn, or a starting
    replica, has added meanwhile may be all that was missing.
    """
    known = {copy.disk for copy in image.wanted}

    def decide(raw: Object) -> Ops | None:
        spec = spec_of(raw)
        if (raw.get("metadata") or {}).get("deletionTimestamp"):
            return None
        if map_entries.present(spec, schema).keys() - known:
            return None
        keys = map_entries.add(spec, schema, [disk.uuid for disk in disks])
        return [*(image_note(raw, schema, scope) or []), *keys] if keys else None

    return decide


def _seen(cluster: Cluster, needs: list[Need]) -> str:
    """What is in flight, for a line: `ubuntu -> worker-1 (in-progress 7 %)`."""
    told: list[str] = []
    for need in needs[:3]:
        image = cluster.images.get(need.image.name, need.image)
        told.append(f"{image.name} {_copies_seen(cluster, image, need)}")
    more = f" and {len(needs) - 3} more" if len(needs) > 3 else ""
    return ", ".join(told) + more


def _first_files(cluster: Cluster, needs: list[Need]) -> tuple[DataSource, ...]:
    """The data sources of these images whose first file is not there yet."""
    found = (cluster.data_sources.get(need.image.name) for need in needs)
    return tuple(source for source in found if source is not None and not source.file_transferred)


def _copies_seen(cluster: Cluster, image: Image, need: Need) -> str:
    for source in _first_files(cluster, [need]):
        why = f": {redact.plain(source.message)}" if source.message else ""
        return f"has no first file yet ({source.state or 'starting'}, {source.progress} %){why}"
    here = {copy.disk for copy in need.here}
    parts = []
    for copy in image.wanted:
        if copy.disk in here:
            continue
        disk = cluster.disks.get(copy.disk)
        place = disk.node if disk else copy.disk[:8]
        state = copy.state or "asked for"
        shown = f"{copy.progress} %" if state == "in-progress" else state
        why = copy.message or quiet_waits.held_back(cluster, copy)
        parts.append(f"-> {place} ({shown})" + (f": {why}" if why else ""))
    return " ".join(parts) or "has no copy elsewhere"
