# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a maintenance begin now? Only while nothing in the cluster is worse than it should be.

A node that is taken away uses up the one failure that volumes and images are built to bear, so
before it everything else must be whole: every attached volume healthy, every image with all its
copies proven, every node Ready, and nobody else's maintenance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import memory, proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
    Volume,
)

STEADY = frozenset({"attached", "detached"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why the gate is closed: the object as kubectl names it, and what is wrong."""

    kind: str
    name: str
    text: str

    def words(self) -> str:
        return f"{self.kind} {self.name}: {self.text}"


def problems(cluster: Cluster, ours: Collection[str] = ()) -> tuple[Problem, ...]:
    """Everything that keeps the gate closed; () when it is open.

    ours: nodes that are under maintenance in this very run, which is no reason.
    """
    found = (
        *_nodes(cluster),
        *_maintenances(cluster, ours),
        *_images(cluster, proven.under_maintenance(cluster)),
        *_volumes(cluster),
    )
    return tuple(found)


def _nodes(cluster: Cluster) -> Iterator[Problem]:
    for name, node in sorted(cluster.nodes.items()):
        kube_node = cluster.kube_nodes.get(name)
        if kube_node is None or not kube_node.ready:
            yield Problem("node", name, "is not Ready in Kubernetes")
        elif not node.ready:
            yield Problem("node", name, "is not Ready in Longhorn")


def _maintenances(cluster: Cluster, ours: Collection[str]) -> Iterator[Problem]:
    for name, node in sorted(cluster.nodes.items()):
        intent = memory.before(node.meta).get("intent")
        if intent and name not in ours:
            yield Problem("node", name, f"is under another maintenance (drained for '{intent}')")
    for name, volume in sorted(cluster.volumes.items()):
        noted = memory.before(volume.meta)
        for_node = str(noted.get("node") or "another node")
        if "numberOfReplicas" in noted and for_node not in ours:
            yield Problem("volume", name, f"has a replica more for a maintenance of {for_node}")


def _images(cluster: Cluster, away: Collection[str]) -> Iterator[Problem]:
    for name, image in sorted(cluster.images.items()):
        why = "" if image.meta.deleting else why_not_whole(cluster, image, away)
        if why:
            yield Problem("image", name, why)


def why_not_whole(cluster: Cluster, image: Image, away: Collection[str] = ()) -> str:
    """Empty when every copy that the map asks for is proven, and there are as many as wanted."""
    source = cluster.data_sources.get(image.name)
    if source is not None and not source.file_transferred:
        done = f", {source.progress} %" if source.progress else ""
        return f"its first file is being made ({source.state or 'not started'}{done})"
    for copy in image.wanted:
        why = proven.why_unproven(cluster, copy, away)
        if why:
            disk = cluster.disks.get(copy.disk)
            return f"its copy on {disk.label if disk else copy.disk}: {why}"
    floor = max(1, image.min_copies if cluster.schema.replenishes else 1)
    if len(image.wanted) < floor:
        return f"it has {len(image.wanted)} of {floor} copies"
    return ""


def _volumes(cluster: Cluster) -> Iterator[Problem]:
    for name, volume in sorted(cluster.volumes.items()):
        why = "" if volume.meta.deleting else _why_volume(volume)
        if why:
            yield Problem("volume", name, why)


def _why_volume(volume: Volume) -> str:
    """A detached volume has no robustness but when it is faulted."""
    if volume.robustness == "faulted":
        return "is faulted"
    if volume.state not in STEADY:
        return f"is {volume.state or 'not started'}"
    if volume.state == "attached" and volume.robustness != "healthy":
        return f"is {volume.robustness or 'of unknown robustness'}"
    return ""
