# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many replicas a volume gets, and when: replenishing, reusing, evicting (F§7.5, F§15.3).

longhorn-manager controller/volume_controller.go, v1.6.4 and v1.12.1.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator.errors import ApiError
from tests.simulator.kernel import parse_rfc3339
from tests.simulator.longhorn import names, volume_objects
from tests.simulator.longhorn.choices import Choices
from tests.simulator.longhorn.replica_scheduling import candidates, may_return
from tests.simulator.longhorn.volume_scene import (
    ERR,
    RW,
    Scene,
    is_evicting,
    is_failed,
    is_healthy,
    manager_state,
    scene_of,
    state_of,
)
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, condition, is_terminating, name_of

_COMPONENT = "longhorn-volume-controller"
_BEAT = 29.0


class Rebuilder:
    """Adds, reuses and removes replicas of attached volumes."""

    def __init__(self, world: World, choices: Choices) -> None:
        self.world = world
        self.choices = choices

    def run(self, mine: Object, scene: Scene) -> None:
        """One pass; ``mine`` is the private copy of the volume with its status so far."""
        if (mine.get("status") or {}).get("state") != "attached":
            return
        engine = scene.engine
        if engine is None or state_of(engine) != "running" or not scene.modes:
            return
        self._give_up_lost(scene)
        self._drop_hopeless(scene)
        self._drop_pending(scene)
        if any(mode == ERR for mode in scene.modes.values()):
            return  # the engine still lets go of a member
        if self._under_way(scene):
            return
        if not self._replenish(scene):
            self._evict(scene)

    def blocked(self, scene: Scene) -> tuple[str, str]:
        """Reason and message of the condition Scheduled=False; empty where nothing is blocked."""
        if not self._prechecks() or scene.state != "attached":
            return "", ""
        returning = any(is_failed(r) and not is_evicting(r) for r in scene.replicas)
        short = len(scene.unfailed()) < scene.wanted and not returning
        leaving = any(is_evicting(r) for r in scene.healthy())
        if (short or leaving) and not candidates(self.world, scene):
            text = "precheck new replica failed: disks are unavailable"
            return "ReplicaSchedulingFailure", text
        return "", ""

    def _prechecks(self) -> bool:
        """Up to 1.6 a replica is made first and placed later; 1.7 looks first (F§15.5)."""
        return self.world.profile.has("precheck_replica")

    def _under_way(self, scene: Scene) -> bool:
        """Whether a replica that is not complete is being worked on already."""
        return any(not is_healthy(r) for r in scene.unfailed())

    def _replenish(self, scene: Scene) -> bool:
        """Make up for missing replicas; True where something was done or is waited for."""
        if len(scene.unfailed()) >= scene.wanted:
            return False
        # one that is being evicted is not taken up again (rec: v1.7.3/v12-..)
        failed = [
            r
            for r in scene.replicas
            if is_failed(r) and not is_terminating(r) and not is_evicting(r)
        ]
        for replica in failed:
            node = str(replica["spec"].get("nodeID") or "")
            if may_return(self.world, replica) and manager_state(self.world.store, node) in (
                "running",
                "unknown",
            ):
                self._reuse(replica)
                return True
        if failed and not self._waited_enough(failed):
            return True
        self._create(scene)
        return True

    def _reuse(self, replica: Object) -> None:
        def edit(obj: Object) -> None:
            spec = obj["spec"]
            spec.update(failedAt="", healthyAt="", desireState="running")
            spec["rebuildRetryCount"] = int(spec.get("rebuildRetryCount") or 0) + 1

        self._edit(replica, edit)

    def _waited_enough(self, failed: list[Object]) -> bool:
        """A failed replica may come back within replica-replenishment-wait-interval."""
        wait = self.world.setting_int("replica-replenishment-wait-interval")
        last = max(parse_rfc3339(r["spec"]["failedAt"]) for r in failed)
        return self.world.kernel.now() - last >= wait

    def _create(self, scene: Scene) -> bool:
        if self._prechecks() and not candidates(self.world, scene):
            return False
        made = volume_objects.replica(self.world, scene.volume, volume_objects.NO_REUSE)
        self.world.store.create(names.REPLICAS, made)
        return True

    def _evict(self, scene: Scene) -> None:
        """One more replica for an evicted one; the evicted one goes when it has been rebuilt."""
        leaving = [r for r in scene.replicas if is_evicting(r) and not is_terminating(r)]
        if not leaving:
            return
        modes = scene.modes
        working = [r for r in scene.healthy() if modes.get(name_of(r)) == RW]
        staying = [r for r in working if not is_evicting(r)]
        if len(staying) >= scene.wanted:
            # one that failed meanwhile stays listed for good (rec: v1.7.3/v12-..)
            for replica in [r for r in leaving if is_healthy(r)][:1]:
                self._delete(replica)
        elif not self._create(scene):
            text = f"volume {scene.name} failed to create one more replica"
            self.world.event(scene.volume, _COMPONENT, "EvictionFailed", text, "Warning")

    def _delete(self, replica: Object) -> None:
        try:
            self.world.store.delete(names.REPLICAS, names.NAMESPACE, name_of(replica))
        except ApiError as error:
            text = f"failed to delete replica {name_of(replica)}: {error.message}"
            self.world.event(replica, _COMPONENT, "EvictionFailed", text, "Warning")

    def _drop_hopeless(self, scene: Scene) -> None:
        """A replica that failed before it ever had data is made anew (rec: v1.6.4/w4-..)."""
        for replica in scene.replicas:
            spent = int(replica["spec"].get("rebuildRetryCount") or 0) >= volume_objects.NO_REUSE
            empty = not replica["spec"].get("healthyAt") and not is_terminating(replica)
            if is_failed(replica) and spent and empty:
                self._delete(replica)

    def _drop_pending(self, scene: Scene) -> None:
        """A replica that found no place goes when nobody needs it any more (rec: v1.6.4/v14-..)."""
        if any(is_evicting(r) for r in scene.replicas) or len(scene.healthy()) < scene.wanted:
            return
        for replica in scene.replicas:
            if not replica["spec"].get("nodeID") and not is_terminating(replica):
                self._delete(replica)

    def _give_up_lost(self, scene: Scene) -> None:
        """A replica that is being rebuilt on a node that went down fails again (rec: */v9-..)."""
        for replica in scene_of(self.world.store, scene.volume).unfailed():
            node = replica["spec"].get("nodeID")
            if not node or is_healthy(replica) or state_of(replica) == "running":
                continue
            if self._long_gone(node):
                self._edit(replica, self._fail)

    def _long_gone(self, node: str) -> bool:
        """Whether a node has not been Ready for a beat or more, or is no more."""
        found = self.world.store.find(names.NODES, names.NAMESPACE, node)
        ready = condition(found, "Ready") if found is not None else None
        if ready is None or ready.get("status") == "True":
            return found is None
        return self.world.kernel.now() - parse_rfc3339(ready["lastTransitionTime"]) >= _BEAT

    def _fail(self, obj: Object) -> None:
        obj["spec"].update(failedAt=self.world.kernel.timestamp(), desireState="stopped")

    def _edit(self, replica: Object, fn: Callable[[Object], None]) -> None:
        self.world.store.mutate(names.REPLICAS, names.NAMESPACE, name_of(replica), fn)
