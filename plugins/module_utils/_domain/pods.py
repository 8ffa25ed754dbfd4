# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods and their budgets, reduced to what decides an eviction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Resource


@dataclass(frozen=True, slots=True)
class Pod(Resource):
    """A pod, reduced to what decides whether and how it may be evicted."""

    node: str = ""
    phase: str = ""
    owner_kind: str = ""
    owner_name: str = ""
    mirror: bool = False
    empty_dirs: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    grace: int = 30
    ready: bool = True
    finalizers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.meta.namespace}/{self.meta.name}"

    @property
    def finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Budget(Resource):
    """PodDisruptionBudget. Without `has_selector` it selects nothing; expressions are kept as (key,
    operator, values). expected, desired, healthy: pods counted, to stay healthy, healthy now.
    spares_unready: pods that are not ready may always go (unhealthyPodEvictionPolicy AlwaysAllow).
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    has_selector: bool = True
    allowed: int = 0
    expected: int = 0
    desired: int = 0
    healthy: int = 0
    min_available: str = ""
    max_unavailable: str = ""
    spares_unready: bool = False

    @property
    def key(self) -> str:
        return f"{self.meta.namespace}/{self.meta.name}"

    @property
    def never_allows(self) -> bool:
        """Whether it demands every pod that it counts, so that no waiting ever frees one."""
        return 0 < self.expected <= self.desired

    def refuses(self, pod: Pod) -> bool:
        """Whether it would refuse this pod now (kubernetes
        pkg/registry/core/pod/storage/eviction.go): one that is not ready is let go where enough
        others are healthy.
        """
        enough = self.healthy >= self.desired > 0
        return self.allowed <= 0 and (pod.ready or not (self.spares_unready or enough))

    def selects(self, pod: Pod) -> bool:
        """Whether the pod is counted by this budget (policy/v1: an empty selector matches all of
        the namespace).
        """
        if pod.meta.namespace != self.meta.namespace or not self.has_selector:
            return False
        if any(pod.meta.labels.get(key) != value for key, value in self.labels.items()):
            return False
        return all(_matches(pod.meta.labels, *expression) for expression in self.expressions)


def _matches(labels: Mapping[str, str], key: str, operator: str, values: tuple[str, ...]) -> bool:
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) == (operator == "Exists")


@dataclass(frozen=True, slots=True)
class PersistentVolume(Resource):
    """A volume as Kubernetes knows it: whose claim it serves, and which driver provides it.

    `handle` is the driver's name for it (for Longhorn the name of its volume). `local`: the data
    are a directory or disk of one node.
    """

    driver: str = ""
    handle: str = ""
    claim_namespace: str = ""
    claim: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class NodeAttachment(Resource):
    """VolumeAttachment of storage.k8s.io: a PersistentVolume that a driver holds on a node."""

    attacher: str = ""
    node: str = ""
    volume: str = ""
    attached: bool = False
    error: str = ""
