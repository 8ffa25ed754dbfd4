# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica of the same volume that is being built on another node: the way out that needs nobody.

A new replica counts as in the making as soon as it is placed beside an attached volume, or is
wanted to run; a failed one that rests does not (it is taken up again after 10 s at the earliest,
or never).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import condition
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Engine,
    Replica,
)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One replica in the making. percent is None before its rebuild starts; seconds: about how
    long it still takes, None unless a pace was measured.
    """

    replica: Replica
    stage: str
    percent: int | None = None
    seconds: int | None = None

    @property
    def words(self) -> str:
        """For a message: `rebuild on worker-2 88 %, about 40 s`."""
        text = f"{self.stage} on {self.replica.node}"
        if self.percent is not None:
            text += f" {self.percent} %"
        return text + (f", about {self.seconds} s" if self.seconds is not None else "")


def elsewhere(
    cluster: Cluster, volume: str, node: str, pace: Mapping[str, float]
) -> Rebuild | None:
    """The replica that is furthest in the making off the node, None where there is none.

    pace: percent per second of replicas whose rebuild was watched, by name.
    """
    engine = cluster.engine(volume)
    found = [
        _seen(engine, replica, pace)
        for replica in cluster.replicas_of_volume.get(volume, ())
        if replica.node not in ("", node) and _in_the_making(cluster, engine, replica)
    ]
    return max(found, key=lambda r: -1 if r.percent is None else r.percent, default=None)


def _in_the_making(cluster: Cluster, engine: Engine | None, replica: Replica) -> bool:
    kube_node = cluster.kube_nodes.get(replica.node)
    if replica.meta.deleting or kube_node is None or kube_node.unschedulable:
        return False
    if engine is not None and engine.modes.get(replica.name) == "WO":
        return True
    if replica.healthy_at or replica.failed_at:
        return False
    volume = cluster.volumes.get(replica.volume)
    attached = volume is not None and volume.state in ("attached", "attaching")
    return attached or replica.desire == "running"


def _seen(engine: Engine | None, replica: Replica, pace: Mapping[str, float]) -> Rebuild:
    mode = engine.modes.get(replica.name, "") if engine is not None else ""
    if engine is not None and mode == "WO":
        percent = max(engine.rebuilding.values(), default=0)
        speed = pace.get(replica.name, 0.0)
        seconds = round((100 - percent) / speed) if speed > 0 else None
        return Rebuild(replica, "rebuild", percent, seconds)
    if mode == "RW":
        return Rebuild(replica, "rebuild", 100, 0)
    waiting = condition(replica.conditions, "WaitForBackingImage")
    if waiting is not None and waiting.true:
        return Rebuild(replica, "a new one waits for its image")
    return Rebuild(replica, "a new one starts" if replica.running else "a new one is to start")


def progress(cluster: Cluster) -> dict[str, int]:
    """Percent of each rebuild that runs, by replica."""
    return {
        name: max(engine.rebuilding.values(), default=0)
        for engine in cluster.engines.values()
        for name, mode in engine.modes.items()
        if mode == "WO"
    }
