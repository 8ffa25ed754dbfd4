# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one engine process knows of its replicas, between two looks of its controller.

It notices a replica that has gone, or whose image file has gone, by itself; it adds and rebuilds
replicas when told. Measured: a lost file is noticed 4.9 to 6.3 s after it went and then shows at
the next poll (F§9.2); a new replica is added 10.0 to 10.3 s after it runs (F§15.1).
"""

from __future__ import annotations

import functools

from tests.simulator.kernel import Timer
from tests.simulator.longhorn import names
from tests.simulator.longhorn.instances import Instances, Member
from tests.simulator.longhorn.replica_image import image_file_there
from tests.simulator.longhorn.volume_scene import ERR, RW, UNKNOWN_MEMBER, WO, state_of
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object

_PING = 1.0
_FILE_LOSS = (3.9, 5.3)
_ADD_AFTER = (10.0, 10.3)
_REBUILD_FAST = (0.1, 0.3)
_REBUILD_SLOW = (9.1, 10.0)
#: Removing a member whose machine does not answer takes this long (rec: v1.12.1/v9-..).
_DEAD_REMOVAL = 25.0


class EngineProcess:
    """The members of an engine and how they fare."""

    def __init__(self, world: World, instances: Instances, node: str, name: str) -> None:
        self.world = world
        self.instances = instances
        self.node = node
        self.name = name
        self._members: dict[str, Member] = {}
        self._failing: set[str] = set()
        self._adding: dict[str, Timer] = {}
        self._removing: dict[str, float] = {}
        self._ping: Timer | None = None

    def begin(self, engine: Object) -> None:
        """Open every replica of the address map."""
        for name, address in (engine["spec"].get("replicaAddressMap") or {}).items():
            replica = self.world.store.find(names.REPLICAS, names.NAMESPACE, name)
            node = str(replica["spec"].get("nodeID")) if replica else ""
            self._members[name] = Member(name, node, address, RW)
        self._ping = self.world.kernel.call_later(_PING, self._look_around)

    def end(self) -> None:
        """The process is gone."""
        for timer in (self._ping, *self._adding.values()):
            if timer is not None:
                timer.cancel()
        self._adding.clear()

    def take_new(self, engine: Object) -> None:
        """Plan the rebuilding of replicas that run and are no members yet."""
        for name, address in (engine["spec"].get("replicaAddressMap") or {}).items():
            if name in self._members or name in self._adding:
                continue
            replica = self.world.store.find(names.REPLICAS, names.NAMESPACE, name)
            if replica is None or state_of(replica) != "running":
                continue
            self._plan(name, str(replica["spec"].get("nodeID")), address, _ADD_AFTER)

    def look(self, engine: Object) -> tuple[dict[str, str], dict[str, Object]]:
        """What a poll finds: mode per replica, and the rebuilds under way."""
        self._check()
        wanted = engine["spec"].get("replicaAddressMap") or {}
        now = self.world.kernel.now()
        modes: dict[str, str] = {}
        rebuild: dict[str, Object] = {}
        for name, member in list(self._members.items()):
            if name in wanted:
                modes[name] = member.mode
                if member.mode == WO:
                    rebuild[f"tcp://{member.address}"] = _progress(member)
                continue
            if now >= self._removing.setdefault(name, now + self._removal(member)):
                del self._members[name], self._removing[name]
                self._failing.discard(name)
                continue
            modes[f"{UNKNOWN_MEMBER}tcp://{member.address}"] = ERR
        return modes, rebuild

    def _removal(self, member: Member) -> float:
        worker = self.world.workers.get(member.node)
        return 0.5 if worker is not None and worker.powered else _DEAD_REMOVAL

    def _plan(self, name: str, node: str, address: str, after: tuple[float, float]) -> None:
        delay = self.world.kernel.rng.uniform(*after)
        self._adding[name] = self.world.kernel.call_later(
            delay, lambda: self._add(name, node, address)
        )

    def _add(self, name: str, node: str, address: str) -> None:
        del self._adding[name]
        if any(member.mode == WO for member in self._members.values()):
            self._plan(name, node, address, (1.0, 1.0))
            return
        member = Member(name, node, address, WO)
        if not self._answers(member):
            return
        self._members[name] = member
        slow = self.world.profile.has("slow_rebuild")
        seconds = self.world.kernel.rng.uniform(*(_REBUILD_SLOW if slow else _REBUILD_FAST))
        self.world.kernel.call_later(seconds, lambda: self._built(member))

    def _built(self, member: Member) -> None:
        if self._members.get(member.name) is member and member.mode == WO:
            member.mode = RW

    def _look_around(self) -> None:
        self._check()
        self._ping = self.world.kernel.call_later(_PING, self._look_around)

    def _check(self) -> None:
        for member in self._members.values():
            if member.mode == ERR:
                continue
            if not self._answers(member):
                member.mode = ERR
            elif member.name not in self._failing and not self._file_there(member.name):
                self._failing.add(member.name)
                delay = self.world.kernel.rng.uniform(*_FILE_LOSS)
                self.world.kernel.call_later(delay, functools.partial(_fail, member))

    def _answers(self, member: Member) -> bool:
        worker = self.world.workers.get(member.node)
        if worker is None or not worker.powered:
            return False
        return self.instances.runs(member.node, member.name)

    def _file_there(self, name: str) -> bool:
        """Whether the image file below a replica still exists."""
        replica = self.world.store.find(names.REPLICAS, names.NAMESPACE, name)
        return replica is None or image_file_there(self.world, replica)


def _fail(member: Member) -> None:
    member.mode = ERR


def _progress(member: Member) -> Object:
    return {
        "error": "",
        "fromReplicaAddress": "",
        "isRebuilding": True,
        "progress": 100,
        "state": "in_progress",
    }
