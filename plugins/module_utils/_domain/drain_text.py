# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drain in words: the plan as a diff, blockers, and the sentences of a stop.

Names are exactly as kubectl shows them, numbers have units, worst comes first, one line per thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    drain_outcome,
    pod_filters,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.blocker import (
    Blocker,
    Clears,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_plan import Plan
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import Step
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
    spell_bytes,
)

CLEARS = {
    Clears.BY_ITSELF: "clears by itself",
    Clears.NEEDS_ACTION: "needs action",
    Clears.NEVER: "never clears",
}


def summary(plan: Plan) -> list[str]:
    """Two or three lines: what must move, and what is in the way."""
    request = plan.request
    why = "" if request.disk else f", intent {request.intent.value}"
    head = f"{request.scope.label}{why}, Longhorn {plan.version}: "
    if not plan.work and not plan.stopping:
        return [f"{head}nothing to do"]
    held = count(len(plan.needs), "image has a copy", "images have a copy")
    verb = "must leave" if request.intent.leaves else "stay"
    lines = [
        f"{head}{held} and {count(plan.replicas_here, 'replica')} on it, which {verb}; "
        f"{count(len(plan.copies), 'copy', 'copies')} to make "
        f"({spell_bytes(plan.bytes_to_copy)}), "
        f"{count(len(plan.to_move), 'volume')} to work on"
        + (f", {count(len(plan.to_evict), 'pod')} to evict" if not request.disk else ""),
        f"afterwards: {drain_outcome.expected_words(plan.left, request)}",
    ]
    stops = [b for b in plan.blockers if b.stops]
    if stops:
        needing = len([b for b in stops if b.clears is not Clears.BY_ITSELF])
        waiting = len(stops) - needing
        told = [count(needing, "blocker needs", "blockers need") + " you"] if needing else []
        told += [count(waiting, "clears", "clear") + " by itself"] if waiting else []
        lines.append(", ".join(told))
    return lines


def blocker_lines(blockers: Iterable[Blocker]) -> list[str]:
    """One line each, columns aligned, details below; `!` stops, `~` clears, `i` informs."""
    rows = list(blockers)
    width = max((len(f"{b.kind} {b.name}") for b in rows), default=0)
    lines: list[str] = []
    for row in rows:
        mark = "i" if not row.stops else "~" if row.clears is Clears.BY_ITSELF else "!"
        ends = "worth knowing" if not row.stops else CLEARS[row.clears]
        ends += f" in about {row.seconds} s" if row.stops and row.seconds is not None else ""
        name = f"{row.kind} {row.name}".ljust(width)
        lines.append(f"{mark} {name}   {row.reason}   {ends}: {row.remedy}")
        lines += [f"      {detail}" for detail in row.detail]
    return lines


def _yes(value: bool) -> str:
    return "true " if value else "false"


def _disk_line(plan: Plan, cluster: Cluster, after: bool) -> str:
    scope = plan.request.scope
    disk = cluster.disks.get(scope.disk)
    if disk is None or (after and plan.disks_out):
        return f"disk {scope.label}   not in Longhorn"
    open_now = disk.allow_scheduling and not after
    copies, replicas = (0, 0) if after else (len(plan.left.images), plan.replicas_here)
    return (
        f"disk {scope.label}   schedulable: {_yes(open_now)}   copies: {copies}   "
        f"replicas: {replicas}"
    )


def _node_line(plan: Plan, cluster: Cluster, after: bool) -> str:
    if plan.request.disk:
        return _disk_line(plan, cluster, after)
    node = cluster.nodes[plan.request.node]
    leaves = plan.request.intent.leaves
    open_now = node.allow_scheduling and not (after and leaves)
    cordoned = after or cluster.kube_nodes[node.name].unschedulable
    copies = 0 if after and leaves else len(plan.left.images)
    replicas = 0 if after and leaves else plan.replicas_here
    return (
        f"node {node.name}   schedulable: {_yes(open_now)}   cordoned: {_yes(cordoned)}   "
        f"copies: {copies}   replicas: {replicas}"
    )


def _disk_lines(plan: Plan, after: bool) -> list[str]:
    lines = []
    width = max((len(row[0]) for row in plan.free), default=0)
    for label, now, then, number in plan.free:
        if after:
            more = f"   (+{count(number, 'image')}, {spell_bytes(now - then)})"
            lines.append(f"disk {label.ljust(width)}   {spell_bytes(then)} free{more}")
        else:
            lines.append(f"disk {label.ljust(width)}   {spell_bytes(now)} free")
    return lines


def moves_text(plan: Plan, cluster: Cluster) -> str:
    """Everything that moves or goes, and what is in the way, as plain text."""
    lines: list[str] = []
    if plan.copies:
        size = spell_bytes(plan.bytes_to_copy)
        whole = len(plan.needs) - len({copy.image for copy in plan.copies})
        rest = f" ({count(whole, 'image is', 'images are')} whole without it)" * bool(whole)
        lines.append(f"{count(len(plan.copies), 'copy', 'copies')} to make, {size}{rest}:")
        width = max(len(copy.image) for copy in plan.copies)
        for copy in plan.copies:
            route = f"{copy.source} -> {copy.target.label}"
            size = spell_bytes(copy.bytes)
            lines.append(f"+ {copy.image.ljust(width)}  {size:>10}   {route}   {copy.why}")
    elif plan.needs:
        lines.append(f"no copy to make: {count(len(plan.needs), 'image')} safe or blocked as is")
    lines += _volume_lines(plan, cluster)
    lines += _substitute_lines(plan)
    if plan.keys_out:
        keys = count(len(plan.keys_out), "copy", "copies")
        lines.append(f"{keys} to take off it once every image is safe elsewhere")
    if plan.request.delete_node:
        node = plan.request.node
        lines.append(f"the Kubernetes node {node} to delete once its machine is off")
    if plan.disks_out:
        lines.append(f"disk entries to take out of Longhorn: {', '.join(plan.disks_out)}")
    lines += _pod_lines(plan)
    if plan.blockers:
        lines += ["blockers:", *blocker_lines(plan.blockers)]
    return "\n".join(lines)


def _substitute_lines(plan: Plan) -> list[str]:
    """What Longhorn would copy while the node is away, and what is done about it."""
    lines: list[str] = []
    width = max((len(item.image) for item in plan.substitutes), default=0)
    if plan.to_lower:
        number = count(len(plan.to_lower), "image")
        lines.append(
            f"minNumberOfCopies of {number} lowered until the return, so that none is made:"
        )
        for item in plan.to_lower:
            lines.append(f"~ {item.image.ljust(width)}   {item.before} -> {item.number}")
    made = [item for item in plan.substitutes if item not in plan.to_lower]
    if made:
        copies = count(len(made), "image", "images")
        lines.append(
            f"{copies} that Longhorn copies once more when the node is off for longer than 45 s "
            "(restore_node takes these copies back):"
        )
        for item in made:
            why = item.why_not or "not asked for (-e lower_min_copies=true)"
            lines.append(
                f"i {item.image.ljust(width)}   minNumberOfCopies stays {item.before}: {why}"
            )
    return lines


def _volume_lines(plan: Plan, cluster: Cluster) -> list[str]:
    if not plan.to_move:
        return []
    lines = [f"{count(len(plan.to_move), 'volume')} to work on:"]
    width = max(len(move.volume) for move in plan.to_move)
    for move in plan.to_move:
        volume = cluster.volumes[move.volume]
        if move.step in (Step.RAISE, Step.ATTACH):
            number = move.number or move.original + 1
            what = f"replicas {move.original} -> {number}"
            what += f" -> {move.original}" if plan.request.intent.leaves else " until the return"
            what += "" if move.step is Step.RAISE else f", attached to {move.attach_to} for it"
        else:
            what = f"{move.step.value}: {move.why}"
        lines.append(f"~ {move.volume.ljust(width)}  {spell_bytes(volume.size):>10}   {what}")
    return lines


def _pod_lines(plan: Plan) -> list[str]:
    evicted, left = plan.to_evict, pod_filters.by_reason(plan.pods, pod_filters.Fate.LEAVE)
    if not plan.pods:
        return []
    kept = sum(len(pods) for pods in left.values())
    where = "it is" if kept == 1 else "they are"
    lines = [f"{count(len(evicted), 'pod')} to evict, {kept} left where {where}:"]
    lines += [f"- {verdict.pod.key}" for verdict in evicted]
    lines += [
        f"  {count(len(pods), 'stays', 'stay')}: {reason}" for reason, pods in sorted(left.items())
    ]
    return lines


def diff(plan: Plan, cluster: Cluster) -> list[dict[str, Any]]:
    """Two diffs: the node and the target disks before and after, then the moves as one text."""
    before = [_node_line(plan, cluster, False), *_disk_lines(plan, False)]
    after = [_node_line(plan, cluster, True), *_disk_lines(plan, True)]
    what = plan.request.scope.label
    end = "once it is empty" if plan.request.disk else "after the drain"
    return [
        {
            "before_header": f"{what} and target disks now",
            "after_header": f"{what} and target disks {end}",
            "before": "\n".join(before) + "\n",
            "after": "\n".join(after) + "\n",
        },
        {"prepared": moves_text(plan, cluster)},
    ]


def removal_begun(cluster: Cluster, request: Request) -> dict[str, Any]:
    """The plan's result for a node whose Kubernetes node is deleted already."""
    there = request.node in cluster.nodes
    told = (
        "its Kubernetes node is deleted; Longhorn's goes by itself"
        if there
        else "neither a Kubernetes node nor a Longhorn node (any more); nothing to do. Longhorn "
        f"manages: {names(sorted(cluster.nodes), 20)}"
    )
    return {
        "changed": False,
        "plan": {"node": request.node, "intent": request.intent.value, "work": False},
        "summary": [f"{request.node}: {told}"],
        "plan_text": "",
        "kube_node_gone": True,
    }


def refusal(plan: Plan) -> str:
    """Why nothing was begun: all blockers at once, worst first."""
    request = plan.request
    what = "emptied" if request.disk else f"drained for '{request.intent.value}'"
    head = f"{request.scope.label} cannot be {what} yet; nothing was changed."
    lines = [head, *(f"  {line}" for line in blocker_lines(b for b in plan.blockers if b.stops))]
    return "\n".join([*lines, "Solve what needs action and run the same command again."])


def as_data(plan: Plan) -> dict[str, Any]:
    """The same plan for programs."""
    return {
        "node": plan.request.node,
        "disk": plan.request.disk_name,
        "disk_uuid": plan.request.disk,
        "outcome": drain_outcome.expected_words(plan.left, plan.request),
        "intent": plan.request.intent.value,
        "longhorn_version": plan.version,
        "work": plan.work,
        "copies": [
            {
                "image": copy.image,
                "bytes": copy.bytes,
                "from": copy.source,
                "to": copy.target.label,
                "to_disk_uuid": copy.target.uuid,
                "why": copy.why,
            }
            for copy in plan.copies
        ],
        "bytes_to_copy": plan.bytes_to_copy,
        "keys_to_remove": [
            {"image": key.image, "disk_uuid": key.disk, "disk": key.label} for key in plan.keys_out
        ],
        "volumes": [
            {
                "volume": move.volume,
                "step": move.step.value,
                "replicas": move.original,
                "why": move.why,
            }
            for move in plan.to_move
        ],
        "pods": {
            "evict": [verdict.pod.key for verdict in plan.to_evict],
            "leave": pod_filters.by_reason(plan.pods, pod_filters.Fate.LEAVE),
            "block": pod_filters.by_reason(plan.pods, pod_filters.Fate.BLOCK),
        },
        "disks_to_remove": list(plan.disks_out),
        "minimums_to_lower": [
            {"image": item.image, "from": item.before, "to": item.number} for item in plan.to_lower
        ],
        "substitutes_expected": [
            {"image": item.image, "why": item.why_not or "not asked for"}
            for item in plan.substitutes
            if item not in plan.to_lower
        ],
        "cordon": plan.cordon,
        "incomplete_entries": list(plan.incomplete),
        "blockers": [found.as_data() for found in plan.blockers],
        "left": plan.left.words(),
    }
