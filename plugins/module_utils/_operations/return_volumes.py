# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes as before a maintenance: the old number, the extra replica deleted by uid, the note."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import return_volumes
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Volume
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import Move
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.move_replicas import (
    Mover,
    waiting_for,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work


class Returner(Mover):
    """Gives the volumes of one node their number of replicas back.

    patient: False does what can be done and waits for nothing (the operator keeps the node
    cordoned, so its replicas cannot come back).
    """

    def __init__(self, work: Work, scope: Scope, *, patient: bool = True) -> None:
        drain = Drain(scope.node, Intent.REBOOT, disk=scope.disk, disk_name=scope.name)
        super().__init__(work, drain)
        self._patient = patient
        self.restored: set[str] = set()

    def as_data(self) -> dict[str, Any]:
        """What was done, for the task's result."""
        return {
            "numbers_restored": sorted(self.restored),
            "replicas_deleted": sorted(self.outcome.deleted),
            "attached_for_it": sorted(self.outcome.attached),
        }

    def _decide(self, cluster: Cluster) -> list[Move]:
        moves = [
            self._judge(cluster, volume)
            for volume in return_volumes.concerned(cluster, self._request.scope)
        ]
        if self._patient:
            return moves
        return [move for move in moves if not return_volumes.held_by_cordon(cluster, move)]

    def _judge(self, cluster: Cluster, volume: Volume) -> Move:
        return return_volumes.decide(cluster, volume, self._request.scope)

    def _set_number(self, live: LiveCluster, move: Move) -> bool:
        lowered = live.picture().volumes[move.volume].replicas_wanted != move.number
        wrote = super()._set_number(live, move)
        if wrote and lowered:
            self.restored.add(move.volume)
        return wrote

    def _tell(self, cluster: Cluster, moves: list[Move], open_moves: Collection[Move]) -> None:
        work = self._work
        work.where = (
            f"{count(len(open_moves), 'volume')} still carry our note; all keep their data."
        )
        if not open_moves:
            text = "every volume has its number of replicas back"
        else:
            text = f"volumes to give back {len(open_moves)}   {waiting_for(list(open_moves))}"
        if moves:
            work.progress.update(text, at_once=not open_moves)

    def _late(self, open_moves: list[Move]) -> str:
        return (
            f"waited {spell_seconds(self._work.deadline.elapsed())} for the replicas on "
            f"{self._request.node} to serve again; last seen: {waiting_for(open_moves)}. No extra "
            "replica was deleted that is still needed. Run the same command again, or see why the "
            "replica does not come up (kubectl -n longhorn-system describe replica NAME)."
        )
