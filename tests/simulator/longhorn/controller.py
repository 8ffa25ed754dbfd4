# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of Longhorn's controllers: ownership, and a beat of 30 s per manager process (F§0.1)."""

from __future__ import annotations

from typing import ClassVar

from tests.simulator.controller import Controller, Key, key_of
from tests.simulator.errors import ApiError
from tests.simulator.kernel import Timer
from tests.simulator.longhorn import names
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, clone

BEAT_LATENCY = 0.01


class LonghornController(Controller):
    """A controller that runs in every manager; ``prefer`` says whose object it is first of all."""

    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.008, 0.12)

    def __init__(self, world: World) -> None:
        super().__init__(world.kernel, world.store)
        self.world = world
        self.profile = world.profile
        self._beats: dict[str, Timer] = {}
        world.managers.subscribe(self._manager_started, self._manager_stopped)

    def prefer(self, obj: Object) -> str:
        """The node whose manager ought to act on an object; empty for any."""
        return ""

    def own(self, obj: Object) -> Object | None:
        """A private copy of an object that a manager may act on now, ownership written down.

        None where no manager may act.
        """
        owner = self.world.managers.owner_for(obj, self.prefer(obj))
        if owner is None:
            return None
        mine: Object = clone(obj)
        status = mine.setdefault("status", {})
        if status.get("ownerID") != owner:
            status["ownerID"] = owner
            self.first_status(mine)
            mine = clone(self.store.update(self.resource, mine, subresource="status"))
        return mine

    def first_status(self, obj: Object) -> None:
        """Fill in what the first status write of this kind carries, in place."""

    def save(self, mine: Object, old: Object) -> None:
        """Write spec, then status, by the version that was read: a spec change costs a conflict.

        Raises ApiError, 409 among others; the pass is then repeated (F§0.1).
        """
        if {k: v for k, v in mine.items() if k != "status"} != {
            k: v for k, v in old.items() if k != "status"
        }:
            self.store.update(self.resource, mine)
        if mine.get("status") != old.get("status"):
            self.store.update(self.resource, mine, subresource="status")

    def get(self, key: Key) -> Object | None:
        """The object of a key."""
        return self.store.find(self.resource, *key)

    def _manager_started(self, node: str) -> None:
        self._arm_beat(node)
        self.enqueue_all()

    def _arm_beat(self, node: str) -> None:
        at = self.world.managers.get(node).next_beat(self.kernel.now())
        self._beats[node] = self.kernel.call_at(at, lambda: self._on_node_beat(node))

    def _manager_stopped(self, node: str) -> None:
        beat = self._beats.pop(node, None)
        if beat is not None:
            beat.cancel()
        self.forget_node(node)

    def forget_node(self, node: str) -> None:
        """Drop what a manager process that ended kept in memory."""

    def _on_node_beat(self, node: str) -> None:
        for obj in self.store.list(self.resource):
            if (obj.get("status") or {}).get("ownerID") in (node, None, ""):
                self.enqueue(key_of(obj), BEAT_LATENCY)
        self._arm_beat(node)


def image_key(name: str) -> Key:
    """Queue key of a Longhorn object by its name."""
    return (names.NAMESPACE, name)


def gone(error: ApiError) -> bool:
    """Whether an error says that the object is not there any more."""
    return error.status == 404
