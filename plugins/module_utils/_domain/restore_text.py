# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return of a node in words: the plan as a diff, and the report at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import return_images
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Plan,
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
    spell_seconds,
)

Step = Mapping[str, Any]


def summary(plan: Plan) -> list[str]:
    """One to three lines."""
    head = f"{plan.request.scope.label}, Longhorn {plan.version}: "
    if plan.nothing:
        return [head + plan.nothing]
    before = plan.before
    purpose = f"drained for '{before.intent}'" if before else "its note is gone already"
    verb = "the drain is undone" if plan.request.cancel else "it is given back"
    if plan.request.disk:
        purpose, verb = "emptied", "that is undone"
    extra = sum(len(item.remove) for item in plan.images)
    lines = [
        f"{head}{purpose}; {verb}: {_node_words(plan)}, "
        f"{count(len(plan.volumes), 'volume')} and {count(len(plan.images), 'image')} carry a note"
        + (f", {count(extra, 'extra copy', 'extra copies')} can go now" if extra else "")
    ]
    if plan.held:
        lines.append(held_text(plan.request.node, list(plan.held)))
    lines += [f"! {problem}" for problem in plan.drift]
    return lines


def held_text(node: str, volumes: list[str]) -> str:
    """What an operator's own cordon keeps open."""
    return (
        f"{node} stays cordoned, as you had it: no instance manager starts there, so "
        f"{names(volumes)} {'keeps' if len(volumes) == 1 else 'keep'} one replica more. "
        f"Uncordon {node} when you want it back, then run this again."
    )


def _node_words(plan: Plan) -> str:
    parts = ["uncordoned"] if plan.uncordon else []
    parts += ["your own cordon is kept"] if plan.cordon_kept else []
    changes = len(plan.eviction) + len(plan.opening) + len(plan.flagged)
    parts += [count(changes, "value") + " set back"] if changes else []
    return ", ".join(parts) or "nothing to change on the node"


def diff(plan: Plan, cluster: Cluster) -> list[dict[str, Any]]:
    """The node, its volumes and images now and afterwards."""
    now, then = _node_lines(plan)
    for move in plan.volumes:
        volume = cluster.volumes[move.volume]
        held = len(cluster.replicas_of_volume.get(move.volume, ()))
        now.append(f"volume {move.volume}   wants {volume.replicas_wanted}   has {held}")
        kept = min(held, move.original)
        then.append(f"volume {move.volume}   wants {move.original}   has {kept}")
    for item in plan.images:
        present = {copy.disk for copy in item.image.wanted}
        extra = present - return_images.map_before(item.image)
        stays = present if plan.request.keep_extra else present - extra
        stays |= {disk for disk, _why in item.kept}
        now.append(f"image {item.image.name}   copies on {_labels(cluster, present)}")
        then.append(f"image {item.image.name}   copies on {_labels(cluster, stays)}")
    node = plan.request.scope.label
    return [
        {
            "before_header": f"{node} now",
            "after_header": f"{node} given back",
            "before": "\n".join(now) + "\n",
            "after": "\n".join(then) + "\n",
        }
    ]


def _node_lines(plan: Plan) -> tuple[list[str], list[str]]:
    node = plan.request.node
    closed = plan.uncordon or plan.cordon_kept
    now = [f"node {node}   cordoned: {str(closed).lower()}"]
    then = [f"node {node}   cordoned: {str(plan.cordon_kept).lower()}"]
    if plan.request.disk:
        now, then = [], []
    for change in (*plan.eviction, *plan.opening):
        now.append(f"node {node}   {change.what}: {change.now}")
        then.append(f"node {node}   {change.what}: {change.then}")
    for image, disks in plan.flagged.items():
        now.append(f"image {image}   eviction requested for {count(len(disks), 'copy', 'copies')}")
    if plan.before is not None and not plan.held:
        now.append(f"node {node}   note of the maintenance: '{plan.before.intent}'")
    return now, then


def _labels(cluster: Cluster, disks: set[str]) -> str:
    told = sorted(cluster.disks[d].label if d in cluster.disks else d for d in disks)
    return ", ".join(told) or "no disk"


def as_data(plan: Plan, cluster: Cluster) -> dict[str, Any]:
    """The plan for programs."""
    changes = (*plan.eviction, *plan.opening)
    return {
        "node": plan.request.node,
        "disk": plan.request.disk_name,
        "intent": plan.before.intent if plan.before else "",
        "longhorn_version": plan.version,
        "work": plan.work,
        "nothing": plan.nothing,
        "uncordon": plan.uncordon,
        "cordon_kept": plan.cordon_kept,
        "changes": [{"what": c.what, "from": c.now, "to": c.then} for c in changes],
        "volumes": [
            {
                "volume": move.volume,
                "replicas": move.original,
                "replicas_now": cluster.volumes[move.volume].replicas_wanted,
                "step": move.step.value,
                "why": move.why,
            }
            for move in plan.volumes
        ],
        "images": [
            {
                "image": item.image.name,
                "keys_to_remove": list(item.remove),
                "waits": item.waits or item.held,
            }
            for item in plan.images
        ],
        "held": list(plan.held),
        "drift": list(plan.drift),
    }


def report(
    request: Request, steps: Mapping[str, Step], open_volumes: list[str], elapsed: float | None
) -> list[str]:
    """Lines for a person. steps: results of the tasks of this run by name."""
    node = request.scope.label
    took = f" ({spell_seconds(elapsed)})" if elapsed is not None else ""
    opened = steps.get("open", {})
    volumes, images = steps.get("volumes", {}), steps.get("images", {})
    if open_volumes:
        head = f"{node} is given back as far as its cordon lets it{took}"
    elif request.cancel:
        what = "eviction" if request.disk else "drain"
        head = f"the {what} of {node} is undone{took}"
    else:
        head = f"{node} is given back{took}"
    new = opened.get("disks_added") or []
    rebuilt = steps.get("finish", {}).get("rebuilt_elsewhere") or []
    lines = [head, f"  node      {'; '.join(opened.get('actions') or ['as it was'])}"]
    lines.append(f"  volumes   {_volume_words(volumes)}")
    lines.append(f"  images    {_image_words(images)}")
    lines += [
        f"  kept      image {k['image']} on {k['disk']}: {k['why']}"
        for k in images.get("kept") or []
    ]
    lines += _moved_lines(node, steps.get("finish", {}), images.get("moved") or [])
    if rebuilt:
        lines.append(
            f"  moved     {names([str(name) for name in rebuilt])}: rebuilt elsewhere while {node} "
            "was away; the failed replica here is Longhorn's to remove"
        )
    if new and not request.cancel:
        lines.append(
            f"  disks     {names([str(name) for name in new])} went in empty, under new UUIDs. "
            "Nothing returns to them by itself: new replicas and copies come as they are needed"
        )
    here = steps.get("finish", {}).get("holds")
    if here is not None:
        lines.append(f"  holds     {here}")
    lines.append(f"  next      {held_text(node, open_volumes) if open_volumes else 'nothing'}")
    return lines


def _moved_lines(node: str, finish: Step, copies: list[Mapping[str, str]]) -> list[str]:
    """What was on the node before and is elsewhere now: nothing brings it back by itself."""
    lines = [
        f"  moved     image {m['image']}: its copy on {m['disk']} is no longer there"
        for m in copies
    ]
    told = {m["image"] for m in copies}
    images = [name for name in finish.get("images_moved") or [] if name not in told]
    volumes = finish.get("volumes_moved") or []
    if images:
        copy = "its copy is" if len(images) == 1 else "their copies are"
        lines.append(f"  moved     image {names(images, 20)}: {copy} no longer on {node}")
    if volumes:
        replica = "its replica is" if len(volumes) == 1 else "their replicas are"
        lines.append(f"  moved     volume {names(volumes, 20)}: {replica} on another node now")
    surplus = finish.get("volumes_surplus") or []
    if surplus:
        lines.append(
            f"  surplus   volume {names(surplus, 20)}: more replicas than it asks for, and "
            "Longhorn keeps them all; delete the one that you do not want"
        )
    return lines


def _volume_words(step: Step) -> str:
    lowered = len(step.get("numbers_restored") or [])
    deleted = len(step.get("replicas_deleted") or [])
    return (
        f"{count(lowered, 'number')} of replicas set back, "
        f"{count(deleted, 'extra replica')} deleted"
    )


def _image_words(step: Step) -> str:
    removed = len(step.get("keys_removed") or [])
    text = f"{count(removed, 'extra copy', 'extra copies')} taken back"
    minimums = len(step.get("minimums_restored") or [])
    return text + (f", minNumberOfCopies of {count(minimums, 'image')} set back" * bool(minimums))
