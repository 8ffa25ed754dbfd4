# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report at the end: what was done, what is proven, what comes next. Plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_proof import Proof
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import (
    count,
    names,
    spell_bytes,
    spell_seconds,
)

RESTORE = "ansible-playbook nodecare.longhorn.restore_node"
EVICT = "ansible-playbook nodecare.longhorn.evict_disk"
Step = Mapping[str, Any]
# Shorter ones are the ordinary course: Longhorn takes a budget back some seconds after its reason.
BLOCKED_SECONDS = 5.0
BLOCKED_TOLD = 5


def report(
    proof: Proof, request: Request, steps: Mapping[str, Step], elapsed: float | None
) -> list[str]:
    """Lines for a person. steps: results of the tasks of this run by name, missing ones skipped.

    elapsed: seconds that the whole run took, None when unknown.
    """
    took = f" ({spell_seconds(elapsed)})" if elapsed is not None else ""
    if request.disk:
        return _disk_report(proof, request, steps, took)
    drained = proof.safe(request.intent)
    done = "is drained" if drained else "is NOT drained"
    lines = [f"{request.node} {done} for '{request.intent.value}'{took}: {proof.outcome}"]
    lines += [f"  images    {_images(steps)}", f"  volumes   {_volumes(steps, proof)}"]
    lines += _short(proof)
    lines.append(f"  pods      {_pods(steps)}")
    lines += _blocked(steps)
    lines.append(f"  node      {_node(steps, proof)}")
    for intent in () if drained else Intent:
        lines += [f"  not {intent.value}: {reason}" for reason in proof.against[intent]]
    lines.append(f"  next      {_next(proof, request)}")
    return lines


def _disk_report(proof: Proof, request: Request, steps: Mapping[str, Step], took: str) -> list[str]:
    """The same for one disk: it has one purpose, and no pods."""
    empty = proof.safe(request.intent)
    disk = request.scope.label
    lines = [f"{disk} {'is empty' if empty else 'is NOT empty'}{took}: {proof.outcome}"]
    lines += [f"  images    {_images(steps)}", f"  volumes   {_volumes(steps, proof)}"]
    lines += _short(proof)
    lines += _blocked(steps)
    lines.append(f"  disk      {_disk(steps, proof)}")
    lines += [f"  against   {reason}" for reason in proof.against[request.intent]]
    lines.append(f"  next      {_next_of_disk(proof, request)}")
    return lines


def _disk(steps: Mapping[str, Step], proof: Proof) -> str:
    state = "in Longhorn, closed for scheduling" if proof.left.disks else "out of Longhorn"
    closed = ", scheduling true -> false" if steps.get("begin", {}).get("closed") else ""
    note = "earlier values kept in annotation longhorn.nodecare.dev/disks-before"
    return f"{state}{closed}; {note}"


def _next_of_disk(proof: Proof, request: Request) -> str:
    again = f"-e node={request.node} -e disk={request.disk_name}"
    if not proof.safe(request.intent):
        return "solve what is named above and run the same command again"
    back = f"to use it again: {EVICT} {again} -e cancel=true"
    if proof.left.disks:
        return f"take its entry out of Longhorn: {EVICT} {again} -e remove_disk=true; {back}"
    return f"take the disk out of the machine; {back}"


def _images(steps: Mapping[str, Step]) -> str:
    made = steps.get("images", {})
    # What Longhorn's own eviction got for targets first, where it moves the replicas.
    targets = steps.get("targets", {})
    released = steps.get("release", {})
    making = [step for step in (targets, made) if step.get("copies_made")]
    copies = [each for step in making for each in step["copies_made"]]
    size = sum(int(step.get("bytes") or 0) for step in making)
    seconds = sum(float(step.get("seconds") or 0.0) for step in making)
    rate = f", {spell_bytes(int(size / seconds))}/s" if copies and seconds >= 1 else ""
    keys = released.get("keys_removed") or []
    text = f"{count(len(copies), 'copy', 'copies')} made"
    text += f" ({spell_bytes(size)}{rate})" if copies else ""
    if steps.get("replicas", {}).get("raised"):
        # The plan counts these, too: Longhorn copies the image to where it starts a replica of it.
        text += " beside those that came with a replica"
    again = released.get("copies_made") or []
    if again:
        # A copy more than it asks for, and the clean-up takes one that nothing uses.
        text += f", {len(again)} made again for others that went meanwhile"
    text += f", {len(keys)} taken off it"
    lowered = len(made.get("minimums_lowered") or [])
    if lowered:
        text += f", minNumberOfCopies of {count(lowered, 'image')} lowered until the return"
    lowest = [step.get("lowest_proven") for step in (targets, made, released)]
    seen = [int(number) for number in lowest if number is not None]
    if seen:
        text += f", lowest number of proven copies of any image on the way: {min(seen)}"
    return text


def _volumes(steps: Mapping[str, Step], proof: Proof) -> str:
    step = steps.get("replicas", {})
    moved = step.get("replicas_deleted") or []
    raised = step.get("raised") or []
    text = f"{count(len(moved), 'replica')} moved"
    extra = len(raised) - len(moved)
    if extra > 0:
        text += f", {count(extra, 'volume has', 'volumes have')} one replica more until the return"
    text += f", {count(len(proof.degraded), 'volume')} degraded now"
    were = int(step.get("degraded") or 0)
    if were:
        longest = spell_seconds(float(step.get("degraded_longest_seconds") or 0))
        text += f" ({were} were, for {longest} at most)"
    return text


def _pods(steps: Mapping[str, Step]) -> str:
    step = steps.get("pods", {})
    evicted = step.get("evicted") or []
    text = f"{len(evicted)} evicted"
    waited = step.get("waited_for_budgets") or {}
    if waited:
        longest = spell_seconds(float(step.get("longest_wait_seconds") or 0))
        text += f" ({len(waited)} waited up to {longest} for a budget)"
    around = step.get("deleted_around_budgets") or []
    if around:
        text += f", of them {len(around)} deleted around a budget, no data being at risk"
    return text


def blocked(steps: Mapping[str, Step]) -> list[dict[str, Any]]:
    """What blocked in any step of this run: which, since when, how long, and how it ended."""
    found = [dict(one) for step in steps.values() for one in step.get("blocked") or ()]
    return sorted(found, key=lambda one: -float(one.get("seconds") or 0))


def _blocked(steps: Mapping[str, Step]) -> list[str]:
    """The longest first; one line each."""
    found = [one for one in blocked(steps) if float(one.get("seconds") or 0) >= BLOCKED_SECONDS]
    lines = [
        f"  blocked   {one['kind']} {one['name']} ({one['rule']}) for "
        f"{spell_seconds(float(one['seconds']))} since {one['since']}, {one['ended']}"
        for one in found[:BLOCKED_TOLD]
    ]
    more = len(found) - BLOCKED_TOLD
    return [*lines, f"  blocked   and {more} more (in the result: blocked)"] if more > 0 else lines


def _short(proof: Proof) -> list[str]:
    """What stays short of what it asks for, though it is safe."""
    if not proof.below_minimum:
        return []
    images = count(len(proof.below_minimum), "image stays", "images stay")
    told = names(list(proof.below_minimum))
    why = "no other disk could take one more copy yet"
    return [f"  short     {images} below minNumberOfCopies ({told}): {why}"]


def _node(steps: Mapping[str, Step], proof: Proof) -> str:
    begun = steps.get("begin", {})
    parts = ["cordoned" if proof.cordoned else "not cordoned"]
    if proof.left.disks:
        parts.append(f"disks in Longhorn: {names(list(proof.left.disks))}")
    else:
        parts.append("no disk left in Longhorn")
    if begun.get("closed"):
        parts.append("scheduling true -> false")
    parts.append("earlier values kept in annotation longhorn.nodecare.dev/before")
    return "; ".join(parts)


def _next(proof: Proof, request: Request) -> str:
    if not proof.safe(request.intent):
        return "solve what is named above and run the same command again"
    if request.intent is Intent.REBOOT:
        return f"reboot the machine, then {RESTORE} -e node={request.node}"
    if request.intent is Intent.REINSTALL:
        return (
            f"reinstall the machine, keep its Kubernetes node, then {RESTORE} -e node="
            f"{request.node}: its disks go in as new ones"
        )
    if not request.delete_node:
        return (
            f"power {request.node} off, then run the same command with -e delete_node=true, or "
            f"kubectl delete node {request.node}; its Longhorn node goes by itself"
        )
    if proof.running:
        return (
            f"power {request.node} off and run the same command again: it deletes the node then. "
            "While it runs, its kubelet would register the node again at once"
        )
    return f"the machine is off: the Kubernetes node {request.node} is deleted now"
