# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas off a node by lever A: one more, wait until it serves, the old number, delete by uid.

All volumes go at once; Longhorn limits rebuilds per node itself. What to do next with a volume is
decided in _domain/replica_moves.py from what is there, so a killed run goes on where it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import (
    TimedOut,
    spell_seconds,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    blockers_of_volumes,
    memory,
    parse,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker_history import (
    History,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Replica,
    Volume,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import (
    Move,
    Step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import escape
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    PAUSE_SECONDS,
    TRIES,
    Ops,
    Stopped,
    Work,
    take_in,
)

FOLLOWED = (
    kinds.VOLUMES,
    kinds.REPLICAS,
    kinds.ENGINES,
    kinds.ATTACHMENTS,
    kinds.INSTANCE_MANAGERS,
    kinds.LONGHORN_NODES,
    kinds.NODES,
)
REBUILD_STILL_SECONDS = 180.0
NOTED = ("numberOfReplicas", "raised", "node", "disk", "replicas")


@dataclass
class Outcome:
    """What moving the replicas did."""

    raised: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    attached: set[str] = field(default_factory=set)
    degraded_since: dict[str, float] = field(default_factory=dict)
    degraded_longest: float = 0.0
    writes: int = 0
    blocked: list[dict[str, Any]] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        return {
            "raised": sorted(self.raised),
            "replicas_deleted": sorted(self.deleted),
            "attached_for_it": sorted(self.attached),
            "degraded": len(self.degraded_since),
            "degraded_longest_seconds": round(self.degraded_longest),
            "blocked": self.blocked,
        }


class Mover:
    """Moves the replicas of one node."""

    def __init__(self, work: Work, request: Request) -> None:
        self._work = work
        self._request = request
        self._misses: dict[str, int] = {}
        self._rebuilds: dict[str, tuple[str, float]] = {}
        self._history = History()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Until no volume needs anything more. Raises TimedOut with what each one waits for."""
        work = self._work
        with LiveCluster(work.client, work.longhorn, FOLLOWED) as live:
            while True:
                work.safe_point()
                moves = self._decide(live.picture())
                open_moves = [move for move in moves if move.step is not Step.DONE]
                self._tell(live.picture(), moves, open_moves)
                if not open_moves:
                    return self.outcome
                wrote = [self._act(live, move) for move in open_moves]
                deletes = [move for move in open_moves if move.step is Step.DELETE]
                if self._delete(live, deletes) or any(wrote):
                    continue
                if work.deadline.expired:
                    causes = self._decide(with_images(work, live.picture()))
                    left = [move for move in causes if move.step is not Step.DONE]
                    raise TimedOut(self._late(left or open_moves))
                live.next_change(min(1.0, work.deadline.remaining()))

    def _decide(self, cluster: Cluster) -> list[Move]:
        scope = self._request.scope
        return [self._judge(cluster, v) for v in replica_moves.concerned(cluster, scope)]

    def _judge(self, cluster: Cluster, volume: Volume) -> Move:
        scope, intent = self._request.scope, self._request.intent
        move = replica_moves.decide(cluster, volume, scope, intent)
        if move.rebuild and self._stands_still(move):
            return replica_moves.decide(cluster, volume, scope, intent, tired=True)
        return move

    def _stands_still(self, move: Move) -> bool:
        """Whether a rebuild of Longhorn's own has shown nothing new for three minutes."""
        now = self._work.deadline.now()
        seen, since = self._rebuilds.get(move.volume, ("", now))
        if seen != move.rebuild:
            since = now
        self._rebuilds[move.volume] = (move.rebuild, since)
        return now - since > REBUILD_STILL_SECONDS

    def _late(self, open_moves: list[Move]) -> str:
        return (
            f"waited {spell_seconds(self._work.deadline.elapsed())} for the replicas of "
            f"{self._request.scope.label} to be elsewhere; last seen: {waiting_for(open_moves)}. "
            "No replica was deleted that is still needed."
        )

    def _tell(self, cluster: Cluster, moves: list[Move], open_moves: list[Move]) -> None:
        scope, work = self._request.scope, self._work
        done = len(moves) - len(open_moves)
        here = sum(1 for r in cluster.replicas.values() if scope.holds(r))
        work.where = (
            f"{count(here, 'replica')} still on {scope.label}; volumes keep all their data."
        )
        self._watch_degraded(cluster, moves)
        self._watch_rebuilds(cluster, moves)
        if not open_moves:
            text = f"every volume is safe without {scope.label}"
        else:
            text = f"volumes {done}/{len(moves)}   {waiting_for(open_moves)}"
        if moves:
            work.progress.update(text, at_once=not open_moves)

    def _watch_degraded(self, cluster: Cluster, moves: list[Move]) -> None:
        now = self._work.deadline.now()
        for move in moves:
            volume = cluster.volumes.get(move.volume)
            if volume is None or volume.robustness != "degraded":
                continue
            since = self.outcome.degraded_since.setdefault(move.volume, now)
            self.outcome.degraded_longest = max(self.outcome.degraded_longest, now - since)

    def _watch_rebuilds(self, cluster: Cluster, moves: list[Move]) -> None:
        """Rebuilds of Longhorn's own that the drain waits for are told at the end, too."""
        now = self._work.deadline.elapsed()
        waits = [
            blockers_of_volumes.rebuild_elsewhere(cluster.volumes[move.volume], move.rebuild)
            for move in moves
            if move.rebuild and move.volume in cluster.volumes
        ]
        self._history.see(now, waits)
        self.outcome.blocked = self._history.blocked(now, self._work.wall_clock() - now)

    # -- acting: each returns whether something was written -------------------------------------
    def _act(self, live: LiveCluster, move: Move) -> bool:
        actions: dict[Step, Callable[[LiveCluster, Move], bool]] = {
            Step.ATTACH: self._attach,
            Step.RAISE: self._set_number,
            Step.LOWER: self._set_number,
            Step.DETACH: self._detach,
        }
        action = actions.get(move.step)
        if action is None:
            return False
        try:
            wrote = action(live, move)
        except (errors.FailedTest, errors.Conflict, errors.NotFound):
            return self._missed(move)
        if wrote:
            self._misses.pop(move.volume, None)
            self.outcome.writes += 1
        return wrote

    def _missed(self, move: Move) -> bool:
        """Somebody else was quicker, or the object is gone: decide again from what comes, a bounded
        number of times.
        """
        self._misses[move.volume] = self._misses.get(move.volume, 0) + 1
        if self._misses[move.volume] >= TRIES:
            raise Stopped(
                f"volume {move.volume} changed {TRIES} times while it was being written. "
                f"{self._work.where} Run the same command again."
            )
        self._work.pause(PAUSE_SECONDS)
        return False

    def _set_number(self, live: LiveCluster, move: Move) -> bool:
        """numberOfReplicas up (with our note of the number and the replicas) or back."""
        volume = live.picture().volumes[move.volume]
        ops: Ops = [
            {"op": "test", "path": "/spec/numberOfReplicas", "value": volume.replicas_wanted}
        ]
        if volume.replicas_wanted != move.number:
            ops.append({"op": "replace", "path": "/spec/numberOfReplicas", "value": move.number})
        if move.step is Step.RAISE:
            self._work.irreversible()
            noted = memory.before(volume.meta)
            if "numberOfReplicas" not in noted:
                replicas = live.picture().replicas_of_volume.get(volume.name, ())
                names = sorted(replica.name for replica in replicas)
                noted = {**noted, **self._request.scope.mark(), "replicas": names}
            numbers = {"numberOfReplicas": move.original, "raised": move.number}
            ops += memory.note(volume.meta, {**noted, **numbers})
            self.outcome.raised.add(move.volume)
        elif move.forget:
            ops += memory.drop(volume.meta, *NOTED)
        return self._patch_volume(live, volume, ops)

    def _patch_volume(self, live: LiveCluster, volume: Volume, ops: Ops) -> bool:
        written = self._work.client.patch_json(
            kinds.VOLUMES, volume.name, ops, resource_version=volume.meta.version
        )
        take_in(live, kinds.VOLUMES, written)
        return True

    def _attach(self, live: LiveCluster, move: Move) -> bool:
        self._work.irreversible()
        ticket = {
            "id": memory.TICKET,
            "type": "longhorn-api",
            "nodeID": move.attach_to,
            "parameters": {"disableFrontend": "true", "lastAttachedBy": ""},
        }
        attachment = live.picture().attachments.get(move.volume)
        if attachment is None:
            return False
        path = "/spec/attachmentTickets"
        if attachment.map_present:
            op = {"op": "add", "path": f"{path}/{escape(memory.TICKET)}", "value": ticket}
        else:
            op = {"op": "add", "path": path, "value": {memory.TICKET: ticket}}
        written = self._work.client.patch_json(
            kinds.ATTACHMENTS, move.volume, [op], resource_version=attachment.meta.version
        )
        take_in(live, kinds.ATTACHMENTS, written)
        self.outcome.attached.add(move.volume)
        return True

    def _detach(self, live: LiveCluster, move: Move) -> bool:
        attachment = live.picture().attachments[move.volume]
        path = f"/spec/attachmentTickets/{escape(memory.TICKET)}"
        ops: Ops = [
            {"op": "test", "path": f"{path}/id", "value": memory.TICKET},
            {"op": "remove", "path": path},
        ]
        written = self._work.client.patch_json(
            kinds.ATTACHMENTS, move.volume, ops, resource_version=attachment.meta.version
        )
        take_in(live, kinds.ATTACHMENTS, written)
        return True

    def _delete(self, live: LiveCluster, moves: list[Move]) -> bool:
        """Only what a fresh reading, one list per kind, still calls superfluous."""
        if not moves:
            return False
        fresh = self._fresh(live.picture())
        wrote = False
        for move in moves:
            volume = fresh.volumes.get(move.volume)
            if volume is None:
                continue
            again = self._judge(fresh, volume)
            if again.step is not Step.DELETE:
                continue
            for replica in again.victims:
                wrote = self._delete_one(live, move, replica) or wrote
        if not wrote:
            self._work.pause(PAUSE_SECONDS)
        return wrote

    def _delete_one(self, live: LiveCluster, move: Move, replica: Replica) -> bool:
        self._work.irreversible()
        try:
            answer = self._work.client.delete(kinds.REPLICAS, replica.name, uid=replica.meta.uid)
        except errors.NotFound:
            return False
        except errors.Conflict:
            return self._missed(move)
        take_in(live, kinds.REPLICAS, answer)
        self.outcome.deleted.append(replica.name)
        self.outcome.writes += 1
        return True

    def _fresh(self, known: Cluster) -> Cluster:
        """Volumes, engines and replicas read again; nodes as they are followed."""
        client = self._work.client
        volumes = client.list(kinds.VOLUMES, parse.volume).items
        engines = client.list(kinds.ENGINES, parse.engine).items
        replicas = client.list(kinds.REPLICAS, parse.replica).items
        return dataclasses.replace(
            known,
            volumes={item.name: item for item in volumes},
            engines={item.name: item for item in engines},
            replicas={item.name: item for item in replicas},
        )


def with_images(work: Work, known: Cluster) -> Cluster:
    """The same with its images, read now: a replica may have waited for a copy that failed. At the
    end of a wait, where one that cannot be read must not hide the reason.
    """
    try:
        parser = work.longhorn.parser(kinds.BACKING_IMAGES)
        images = work.client.list(kinds.BACKING_IMAGES, parser).items
    except errors.ApiError:
        return known
    return dataclasses.replace(known, images={image.name: image for image in images})


def waiting_for(moves: list[Move]) -> str:
    """The first few volumes and what each waits for."""
    told = [f"{move.volume}: {move.why}" for move in moves[:3]]
    more = f" and {len(moves) - 3} more" if len(moves) > 3 else ""
    return "; ".join(told) + more
