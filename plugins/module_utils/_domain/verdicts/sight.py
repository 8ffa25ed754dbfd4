# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one read shows of one image, each copy sorted by what can still come of it.

With all copies lost, real controllers flap between failed, starting and absent for over a minute,
so a verdict is made from several sights, a window (longhorn-manager
controller/backing_image_controller.go and backing_image_manager_controller.go, v1.6.4 to v1.12.1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drift,
    proven,
    redact,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    DataSource,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.finding import (
    Finding,
)

DOWNLOAD = "download"
RECHECKED = "need to re-check the checksum"


class Standing(str, Enum):
    """What a copy of the placement map is worth."""

    PROVEN = "proven"
    LEAVING = "leaving"  # complete, but its eviction is requested
    MOVING = "moving"  # bytes are arriving, or a file is being checked
    EMPTY = "empty"  # wanted, its manager runs, and nothing is there (yet)
    LOST = "lost"  # failed: the file is missing or wrong
    WAITING = "waiting"  # nothing reported, and its manager does not run now: it may have a file
    MAY_RETURN = "may_return"  # unknown or not to be understood, or on a disk or node down now
    GONE = "gone"  # on a disk that no node has any more


@dataclass(frozen=True)
class SeenCopy:
    """A copy, where it is, and what it is worth."""

    copy: Copy
    standing: Standing
    node: str
    place: str
    why: str

    @property
    def progress(self) -> int:
        """Per cent, as Longhorn reports it."""
        return self.copy.progress

    @property
    def checked(self) -> bool:
        """Whether Longhorn computes the checksum of a file that is there (longhorn/
        backing-image-manager pkg/sync/sync_file.go).
        """
        return self.copy.state == "unknown" and RECHECKED in self.copy.message


@dataclass(frozen=True)
class Sight:
    """One image in one read. *seconds* is the reader's own clock, for the length of a window;
    *recording* names the running managers of living nodes that record a file of it; *finding* is
    what asking its source has told, where somebody asked.
    """

    seconds: float
    image: Image
    source: DataSource | None
    copies: tuple[SeenCopy, ...]
    wanted: int
    recording: tuple[str, ...]
    cluster: Cluster
    finding: Finding | None = None

    def having(self, *standings: Standing) -> tuple[SeenCopy, ...]:
        """Copies with one of these standings."""
        return tuple(c for c in self.copies if c.standing in standings)

    @property
    def exists(self) -> bool:
        """Whether a complete file is there for all that the API tells."""
        return bool(self.having(Standing.PROVEN, Standing.LEAVING))

    @property
    def may_exist(self) -> bool:
        """Whether a complete file may be on a disk although nobody can tell now."""
        return bool(self.having(Standing.MAY_RETURN, Standing.WAITING))

    @property
    def down(self) -> bool:
        """Whether some copy is on a disk or node that is down: waiting seconds tells nothing."""
        return any(
            seen.standing is Standing.MAY_RETURN and seen.copy.disk not in self.disks_up
            for seen in self.copies
        )

    @cached_property
    def disks_up(self) -> frozenset[str]:
        """Disks of the map whose node and disk are Ready."""
        return frozenset(
            seen.copy.disk
            for seen in self.copies
            if seen.copy.disk in self.cluster.disks and not _why_down(self.cluster, seen.copy.disk)
        )

    @property
    def source_type(self) -> str:
        """The type that Longhorn acts by: the data source's, which later edits of the image do not
        reach (longhorn-manager controller/backing_image_data_source_controller.go).
        """
        return self.source.source_type if self.source is not None else self.image.source_type

    @property
    def can_download(self) -> bool:
        """Whether image and data source are both of a type that can be fetched again."""
        return self.source_type == self.image.source_type == DOWNLOAD

    @property
    def first_file_pending(self) -> bool:
        """Whether the data source still prepares the first file (again)."""
        return self.source is not None and not self.source.file_transferred

    @property
    def was_ready_once(self) -> bool:
        """Whether a copy was ever complete: Longhorn knows the virtual size only from then on."""
        return self.image.virtual_size > 0


def see(
    cluster: Cluster, image: Image, seconds: float = 0.0, closed: Collection[str] = ()
) -> Sight:
    """Look at one image. *closed* names nodes under maintenance, whose copies prove nothing."""
    return Sight(
        seconds=seconds,
        image=image,
        source=cluster.data_sources.get(image.name),
        copies=tuple(_see_copy(cluster, image, copy, closed) for copy in image.wanted),
        wanted=wanted_copies(cluster, image),
        recording=recording_managers(cluster, image.name),
        cluster=cluster,
    )


def wanted_copies(cluster: Cluster, image: Image) -> int:
    """How many copies the image asks for: its minimum from 1.7, before that its keys (or 1)."""
    if cluster.schema.replenishes:
        return image.min_copies
    return max(1, len(image.wanted))


def recording_managers(cluster: Cluster, image: str) -> tuple[str, ...]:
    """Running managers of living nodes that record the image; dead ones do not count."""
    return tuple(
        sorted(
            manager.name
            for manager in cluster.managers_of_image.get(image, ())
            if manager.running
            and manager.node in cluster.nodes
            and cluster.nodes[manager.node].ready
        )
    )


def is_gone(cluster: Cluster, disk_uuid: str) -> bool:
    """Whether it is proven that no node has this disk any more.

    Not proven while some disk has not told its UUID yet: it could be that one. Nor while its node
    is still in Kubernetes and only Longhorn has none of that name: the manager that starts there
    makes it anew, with the disk that it finds (longhorn-manager app/daemon.go).
    """
    disk = cluster.disks.get(disk_uuid)
    if disk is not None:
        return not disk.in_spec and not disk.ready
    if node_left_out(cluster, disk_uuid):
        return False
    return not any(
        found.in_spec and not found.uuid for node in cluster.nodes.values() for found in node.disks
    )


def node_left_out(cluster: Cluster, disk_uuid: str) -> str:
    """The node that a manager remembers for this disk, where Kubernetes has it and Longhorn does
    not; "" where there is none.
    """
    managers = cluster.managers_of_disk.get(disk_uuid, ())
    names = (manager.node for manager in managers)
    return next((n for n in names if n in cluster.kube_nodes and n not in cluster.nodes), "")


def _see_copy(cluster: Cluster, image: Image, copy: Copy, closed: Collection[str]) -> SeenCopy:
    disk = cluster.disks.get(copy.disk)
    standing, why = _standing(cluster, image, copy, closed)
    return SeenCopy(
        copy=copy,
        standing=standing,
        node=disk.node if disk else "",
        place=disk.label if disk else f"disk {copy.disk}",
        why=redact.plain(why),
    )


def _standing(
    cluster: Cluster, image: Image, copy: Copy, closed: Collection[str]
) -> tuple[Standing, str]:
    disk = cluster.disks.get(copy.disk)
    if is_gone(cluster, copy.disk):
        other = drift.stands_for(cluster, image, copy.disk) if disk is None else None
        if other is not None:
            return Standing.MAY_RETURN, (
                f"{other.label} is at its path now, under another UUID; the file may be there"
            )
        return Standing.GONE, "no node has this disk any more"
    if disk is None and (node := node_left_out(cluster, copy.disk)):
        return Standing.MAY_RETURN, f"Longhorn has no node {node}, but Kubernetes has"
    if disk is None:
        return Standing.MAY_RETURN, "some disk has not told its UUID yet; it may be this one"
    against = proven.why_unproven(cluster, copy, closed)
    if not against:
        return Standing.PROVEN, ""
    unreliable = _why_down(cluster, copy.disk)
    if unreliable:
        return Standing.MAY_RETURN, unreliable
    if copy.state == "ready":
        return Standing.LEAVING, against
    if copy.state == "unknown":
        return Standing.MAY_RETURN, copy.message or "state unknown"
    if copy.state in ("failed", "failed-and-cleanup"):
        return Standing.LOST, copy.message or "failed without a message"
    if copy.state in ("in-progress", "pending", "ready-for-transfer"):
        return Standing.MOVING, f"{copy.state}, {copy.progress} %"
    if copy.state not in ("", "starting"):
        return Standing.MAY_RETURN, f"state {copy.state}, which is not known here"
    return _nothing_reported(cluster, image, copy)


def _why_down(cluster: Cluster, disk_uuid: str) -> str:
    """Why the disk's reports cannot be believed now; eviction and maintenance do not matter."""
    disk = cluster.disks[disk_uuid]
    node = cluster.nodes[disk.node]
    kube_node = cluster.kube_nodes.get(disk.node)
    if not node.ready:
        return f"node {disk.node} is not Ready in Longhorn"
    if kube_node is None or not kube_node.ready:
        return f"node {disk.node} is not Ready in Kubernetes"
    return "" if disk.ready else f"disk {disk.label} is not Ready"


def _nothing_reported(cluster: Cluster, image: Image, copy: Copy) -> tuple[Standing, str]:
    """State "", starting or no entry: an empty place, unless its manager cannot tell now."""
    state = copy.state or "not reported"
    managers = [m for m in cluster.managers_of_disk.get(copy.disk, ()) if not m.meta.deleting]
    source = cluster.data_sources.get(image.name)
    if source is not None and not source.file_transferred and source.disk == copy.disk:
        return Standing.EMPTY, f"{state}; its first file is being prepared"
    if copy.data_engine == "v2":
        return Standing.WAITING, f"{state}; the v2 engine tells nothing of it"
    if any(manager.running for manager in managers):
        return Standing.EMPTY, state
    return Standing.WAITING, f"{state}; the disk's backing image manager is not running"


def unchanged_for(window: Sequence[Sight], same: Callable[[Sight], bool]) -> float:
    """For how many seconds until now *same* has held at every sight; 0.0 when it does not now."""
    seconds = 0.0
    for earlier in reversed(window):
        if not same(earlier):
            break
        seconds = window[-1].seconds - earlier.seconds
    return seconds


def progressed(window: Sequence[Sight]) -> bool:
    """Whether bytes arrive or a file is checked now, or some copy's progress grew in the window.

    A progress that stands still proves nothing: it counts whole per cents, and stays at 100 while
    the checksum of a large file is computed. A transfer that has died fails by itself after 30 s
    without a byte (longhorn/backing-image-manager pkg/sync/handler.go).
    """
    if window[-1].having(Standing.MOVING):
        return True
    first: dict[str, int] = {}
    for sight in window:
        for seen in sight.having(Standing.MOVING):
            if seen.progress > first.setdefault(seen.copy.disk, seen.progress):
                return True
    return False
