# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blows of an operator, dealt to the workers of a simulated cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.longhorn.disk_folder import DiskFolder
from tests.simulator.longhorn.names import HOST_PATH

#: Gates of the recorded file server are opened by name; any is opened by "serve".
_MBIT = 1_000_000 / 8


class SimulatedWorld:
    """Machines, disks, processes and the file server of ``cluster``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def power(self, node: str, on: bool) -> None:
        """Switch a machine off or on."""
        self._cluster.power(node, on)

    def wipe(self, node: str) -> None:
        """Make a new file system on the first disk of a machine."""
        disk = self._cluster.workers.disk(node, HOST_PATH)
        if disk is not None:
            disk.wipe()

    def remove_copy(self, node: str, folder: str) -> None:
        """Remove the files in a folder below backing-images ("*": in all of them).

        A machine that is off is out of the operator's reach.
        """
        if not self._cluster.workers[node].powered:
            return
        for _path, directory in self._folders(node, folder):
            for file in directory.glob("backing*"):
                file.unlink()

    def lock(self, node: str, folder: str, locked: bool) -> None:
        """chattr +i or -i on a folder below backing-images."""
        for path, directory in self._folders(node, folder):
            self._cluster.workers.chattr(node, path, directory, locked)

    def receiving(self, node: str, folder: str) -> bool:
        """Whether a transfer is writing into a folder below backing-images."""
        return any((found / "backing.tmp").exists() for _path, found in self._folders(node, folder))

    def kill_manager(self, pod: str) -> None:
        """kill -9 of the process in a pod of a backing image manager."""
        self._cluster.kill_pod(pod)

    def kill_replica(self, node: str, volume: str) -> None:
        """kill -9 of the replica process of a volume on a node."""
        self._cluster.kill_replica(node, volume)

    def serve(self) -> None:
        """From now on the file server serves what it refused."""
        self._cluster.sources.open_all_gates()

    def gate(self, name: str, is_open: bool) -> None:
        """Let the file server serve, or refuse, what is behind a gate."""
        if is_open:
            self._cluster.sources.open_gate(name)
        else:
            self._cluster.sources.close_gate(name)

    def limit(self, mbit: float) -> None:
        """Limit what each manager sends, in Mbit/s; 0 lifts the limit."""
        self._cluster.limit_transfers(mbit * _MBIT if mbit else None)

    def _folders(self, node: str, folder: str) -> Iterator[tuple[str, Path]]:
        for path, disk in self._disks(node):
            for found in sorted((disk.path / "backing-images").glob(folder)):
                yield path, found

    def _disks(self, node: str) -> list[tuple[str, DiskFolder]]:
        return sorted(self._cluster.workers[node].disks.items())
