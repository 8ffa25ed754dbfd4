# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole return of a node as a value: what would be written, what is waited for, what is done.

Made from one reading, before anything is written; a plan without work is a node given back.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    living,
    memory,
    minimum,
    node_before,
    return_images,
    return_volumes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Node
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.node_before import (
    Change,
    NodeBefore,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import (
    Move,
    Step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope

PLAYBOOKS = "ansible-playbook nodecare.longhorn"


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asked for. cancel: undo a drain, whatever its intent and wherever it
    stands; else the node comes back from the maintenance. keep_extra: copies that the maintenance
    has made stay.
    """

    node: str
    cancel: bool = False
    keep_extra: bool = False
    disk: str = ""
    disk_name: str = ""

    @property
    def scope(self) -> Scope:
        """What is given back: the node, or one disk of it (its UUID and name)."""
        return Scope(self.node, self.disk, self.disk_name)


@dataclass(frozen=True, slots=True)
class Plan:
    """The return of one node, from what is there now.

    nothing: why there is nothing to do ("" when there is). cordon_kept: the operator's own cordon.
    drift: disks that are not those of before. flagged: copies with a stale eviction flag.
    held: volumes that cannot be finished while the operator keeps the node cordoned.
    """

    request: Request
    version: str
    before: NodeBefore | None
    nothing: str
    uncordon: bool
    cordon_kept: bool
    stale_cordon_note: bool
    eviction: tuple[Change, ...]
    opening: tuple[Change, ...]
    flagged: dict[str, tuple[str, ...]]
    volumes: tuple[Move, ...]
    images: tuple[return_images.Return, ...]
    drift: tuple[str, ...]
    held: tuple[str, ...]

    @property
    def opens(self) -> bool:
        """Whether the node itself is to be changed."""
        return bool(self.uncordon or self.eviction or self.opening or self.flagged)

    @property
    def volumes_to_do(self) -> tuple[Move, ...]:
        return tuple(move for move in self.volumes if move.volume not in self.held)

    @property
    def images_to_do(self) -> tuple[return_images.Return, ...]:
        return tuple(item for item in self.images if not item.held or _lowered(item))

    @property
    def work(self) -> bool:
        """Whether anything is to be written, or to be waited for before the notes can go."""
        if self.nothing:
            return False
        parts = (self.opens, self.volumes_to_do, self.images_to_do, self.stale_cordon_note)
        return any(parts) or not self.held


def _lowered(item: return_images.Return) -> bool:
    return bool(minimum.noted_number(memory.before(item.image.meta)))


def make(cluster: Cluster, request: Request) -> Plan:
    """The plan. The node must be known to Longhorn and Kubernetes."""
    node = cluster.nodes[request.node]
    kube_node = cluster.kube_nodes[request.node]
    scope = request.scope
    before = node_before.of_scope(node, scope)
    ours = not scope.disk and memory.before(kube_node.meta).get("unschedulable") is False
    volumes = tuple(
        move
        for volume in return_volumes.concerned(cluster, scope)
        if (move := return_volumes.decide(cluster, volume, scope)).step is not Step.DONE
    )
    kept = kube_node.unschedulable and not ours and not scope.disk
    held = tuple(m.volume for m in volumes if kept and return_volumes.held_by_cordon(cluster, m))
    images = _images(cluster, request, before)
    left = bool(volumes or images or ours)
    return Plan(
        request=request,
        version=str(cluster.schema.version),
        before=before,
        nothing=_why_nothing(node, request, before, left),
        uncordon=ours and kube_node.unschedulable,
        cordon_kept=kept,
        stale_cordon_note=not scope.disk and bool(memory.before(kube_node.meta)),
        eviction=node_before.eviction_off(node, before) if before else (),
        opening=node_before.opening(node, before, same_names=request.cancel) if before else (),
        flagged=_flagged(cluster, request, before),
        volumes=volumes,
        images=images,
        drift=living.drifted(cluster, request.node, before) if before else (),
        held=held,
    )


def _images(
    cluster: Cluster, request: Request, before: NodeBefore | None
) -> tuple[return_images.Return, ...]:
    """Without a note on the node only its own images count, not those that others have left."""
    return tuple(
        return_images.decide(cluster, image, request.node, keep_extra=request.keep_extra)
        for image in return_images.concerned(cluster, request.scope)
        if before is not None or request.scope.marks(memory.before(image.meta))
    )


def _flagged(
    cluster: Cluster, request: Request, before: NodeBefore | None
) -> dict[str, tuple[str, ...]]:
    if before is None or before.eviction_requested:
        return {}
    if any(disk.flag("evictionRequested") for disk in before.disks):
        return {}
    return return_images.flagged(cluster, request.scope)


def _why_nothing(node: Node, request: Request, before: NodeBefore | None, left: bool) -> str:
    if before is None and not left:
        return f"no maintenance is noted on {request.scope.label}: there is nothing to give back"
    if before is not None and before.intent == Intent.REMOVE.value and not request.cancel:
        return (
            f"{node.name} was drained to be removed: there is nothing to restore. To take it into "
            f"use again: {PLAYBOOKS}.drain_node -e node={node.name} -e cancel=true"
        )
    return ""


def drift_text(node: str, drift: tuple[str, ...]) -> str:
    """Why a node with other disks is not given back, and the ways on."""
    return "\n".join(
        [
            f"{node} cannot be given back as it was: it has other disks than before.",
            *(f"  {problem}" for problem in drift),
            "Nothing on it counts any more until this is settled, and nothing was deleted.",
            "Ways on: 1. If the right disk is only not mounted, mount it at that path and run "
            "again.",
            "  2. If it was wiped or replaced: take the old disk out of Longhorn by "
            f"{PLAYBOOKS}.drain_node -e node={node} -e intent=reinstall (it refuses where the only "
            "good copy would be lost), then run again: the disk goes in as a new one.",
        ]
    )
