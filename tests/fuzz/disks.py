# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on the disks, and since when a machine or a disk does not answer.

The truth of every rule here: a copy is a file of the right bytes on a disk that works.
"""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.disk_folder import DiskFolder
from tests.simulator.objects import Object

# Nobody can know sooner that a machine or a disk is gone: 45 to 52 s, and a beat.
UNSEEN_SECONDS = 120.0


class Disks:
    """All disks of a cluster, those that are out included."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.down: dict[str, float] = {}
        self.out: dict[str, tuple[str, str, DiskFolder, float]] = {}

    def works(self, node: str, uuid: str) -> bool:
        """Whether the disk works, or has failed too recently for anybody to know."""
        now = self._cluster.kernel.now()
        since = [self.down[node]] if node in self.down else []
        since += [self.out[uuid][3]] if uuid in self.out else []
        return all(now - then < UNSEEN_SECONDS for then in since)

    def files(self, image: Object) -> dict[str, tuple[str, bool]]:
        """Disks with a complete file of the image: its node, and whether the disk works."""
        name, status = image["metadata"]["name"], image.get("status") or {}
        found: dict[str, tuple[str, bool]] = {}
        for node, uuid, disk in self._all():
            file = disk.image_dir(name, str(status.get("uuid"))) / "backing"
            if not file.is_file():
                continue
            wanted = status.get("checksum")
            if not wanted or disk.checksum(file) == wanted:
                found[uuid] = (node, self.works(node, uuid))
        return found

    def _all(self) -> list[tuple[str, str, DiskFolder]]:
        found = []
        for worker in self._cluster.workers:
            for disk in worker.disks.values():
                config = disk.config()
                if config is not None:
                    found.append((worker.name, config.uuid, disk))
        return found + [(node, uuid, disk) for uuid, (node, _p, disk, _t) in self.out.items()]

    def replicas(self, volume: str) -> list[Object]:
        """Complete replicas of a volume on disks that work."""
        return [
            replica
            for replica in self._cluster.store.list(names.REPLICAS)
            if replica["spec"].get("volumeName") == volume
            and replica["spec"].get("healthyAt")
            and not replica["spec"].get("failedAt")
            and not replica["metadata"].get("deletionTimestamp")
            and self.works(replica["spec"].get("nodeID", ""), replica["spec"].get("diskID", ""))
        ]
