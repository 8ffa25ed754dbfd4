# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the drain: is the node safe to reboot, to reinstall, to remove? From a fresh reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    data_source_end,
    drain_outcome,
    held_without,
    image_needs,
    minimum,
    pod_filters,
    proven,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import (
    Left,
    left_on,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import names


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found. `against` has the reasons per intent; an empty list means safe."""

    node: str
    left: Left
    against: dict[Intent, tuple[str, ...]]
    cordoned: bool
    running: bool
    degraded: tuple[str, ...]
    outcome: str
    below_minimum: tuple[str, ...]

    def safe(self, intent: Intent) -> bool:
        return not self.against[intent]

    def as_data(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "cordoned": self.cordoned,
            "outcome": self.outcome,
            "safe_to": {intent.value: self.safe(intent) for intent in Intent},
            "against": {intent.value: list(why) for intent, why in self.against.items() if why},
            "left": {
                "replicas": list(self.left.replicas),
                "engines": list(self.left.engines),
                "images": list(self.left.images),
                "manager_records": list(self.left.manager_records),
                "first_files": list(self.left.first_files),
                "entries": list(self.left.entries),
                "disks": list(self.left.disks),
            },
            "degraded_volumes": list(self.degraded),
            "below_minimum": list(self.below_minimum),
        }


def prove(cluster: Cluster, request: Request) -> Proof:
    """The proof for all three intents; entries that outlive their keys by up to 30 s count."""
    scope = request.scope
    left = left_on(cluster, scope)
    common = [] if scope.disk else _common(cluster, request)
    reboot = common + _unsafe_images(cluster, scope) + _unsafe_volumes(cluster, scope)
    gone = common + ([f"{left.words()} left on {scope.label}"] if left.data else [])
    short = () if scope.disk else held_without.against(cluster, request.node)
    against = {
        Intent.REBOOT: tuple(reboot),
        Intent.REINSTALL: tuple(gone),
        Intent.REMOVE: (*gone, *short),
    }
    return Proof(
        node=request.node,
        left=left,
        against=against,
        cordoned=cluster.kube_nodes[request.node].unschedulable,
        running=cluster.kube_nodes[request.node].ready,
        outcome=drain_outcome.proven_words(against, left, request),
        below_minimum=_below_minimum(cluster, scope) if request.intent.leaves else (),
        degraded=tuple(
            sorted(v.name for v in cluster.volumes.values() if v.robustness == "degraded")
        ),
    )


def _below_minimum(cluster: Cluster, scope: Scope) -> tuple[str, ...]:
    """Images that have fewer proven copies without the scope than their minNumberOfCopies: safe,
    but short for as long as no other disk can take one (1.7 and later; before there is no such
    number).
    """
    if not cluster.schema.replenishes:
        return ()
    gone = scope.gone(cluster)
    return tuple(
        name
        for name, image in sorted(cluster.images.items())
        if 0 < len(proven.proven(cluster, image, gone)) < minimum.original(image)
    )


def _common(cluster: Cluster, request: Request) -> list[str]:
    found: list[str] = []
    if not cluster.kube_nodes[request.node].unschedulable:
        found.append(f"{request.node} is not cordoned")
    engines = [e.volume for e in cluster.engines.values() if e.node == request.node]
    if engines:
        found.append(f"attached there: {names(sorted(engines))}")
    making = [
        source.name
        for source in cluster.data_sources.values()
        if source.node == request.node and data_source_end.in_the_making(cluster, source)
    ]
    if making:
        found.append(f"first file in the making: {names(sorted(making))}")
    pods = [
        v.pod.key
        for v in pod_filters.judge_all(cluster.pods, request.node, request.consent)
        if v.fate is not pod_filters.Fate.LEAVE
    ]
    if pods:
        found.append(f"pods still there: {names(pods)}")
    return found


def _unsafe_images(cluster: Cluster, scope: Scope) -> list[str]:
    gone = scope.gone(cluster)
    unsafe = [
        image.name
        for image in image_needs.concerned(cluster, scope)
        if not proven.proven(cluster, image, gone)
    ]
    return [f"no proven copy elsewhere: {names(sorted(unsafe))}"] if unsafe else []


def _unsafe_volumes(cluster: Cluster, scope: Scope) -> list[str]:
    unsafe = [
        volume.name
        for volume in replica_moves.concerned(cluster, scope)
        if any(scope.holds(r) for r in cluster.replicas_of_volume.get(volume.name, ()))
        and not replica_moves.protected_elsewhere(cluster, volume, scope)
    ]
    return [f"no complete replica elsewhere: {names(sorted(unsafe))}"] if unsafe else []
