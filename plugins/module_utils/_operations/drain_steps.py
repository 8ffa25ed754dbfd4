# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a drain as modules run them: look, and only if something is missing lock and do it.

Each takes the step's work, the request, the module's options and a way to take the lock, and
returns the result of its task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    disk_names,
    drain_report,
    image_needs,
    label_selector,
    memory,
    minimum,
    pod_filters,
    replica_moves,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.left_on_node import left_on
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.replica_moves import (
    Step as Next,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    cordon as cordoning,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    evict_by_flags,
    evict_pods,
    lower_minimums,
    plan_drain,
    prove_drain,
    release_and_relocate,
    release_node,
    remember_node,
    remove_disks,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    move_replicas as moving,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    relocate_images as relocating,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Stopped,
    Work,
)

Result = dict[str, Any]
Lock = Callable[[], AbstractContextManager[Work]]
Step = Callable[[Work, Request, Mapping[str, Any], Lock], Result]


def _read(work: Work, request: Request) -> tuple[Cluster, Request]:
    """A fresh reading, and the request with the disk that it names; refuses names that do not
    fit.
    """
    cluster = plan_drain.read(work.client, work.longhorn, request.node)
    request = disk_names.resolved(cluster, request)
    problems = plan_drain.input_problems(cluster, request)
    if problems:
        raise plan_drain.BadInput("\n".join([*problems, "Nothing was changed."]))
    return cluster, request


def begin(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Notes, repairs, and the node closed."""
    cluster, request = _read(work, request)
    if not work.check_mode:
        # Ansible shows nothing that a module says after a Ctrl-C, so it is said before.
        work.progress.update(
            f"Ctrl-C stops it before the next write; {request.node} stays as closed as it is "
            f"then. {_ways_on(request)}",
            at_once=True,
        )
    repair = bool(params["repair_entries"]) and remember_node.broken_images(cluster)
    close = remember_node.will_close(cluster, request)
    pending = remember_node.pending(cluster, request) or bool(repair)
    result: Result = {"changed": pending, "actions": [], "closed": close, "repaired": []}
    if work.check_mode or not pending:
        return result
    with lock():
        if repair:
            result["repaired"] = remember_node.repair_entries(work, cluster)
            cluster, request = _read(work, request)
        result["actions"] = remember_node.remember(work, cluster, request)
    return result


def _ways_on(request: Request) -> str:
    playbook = "evict_disk" if request.disk else "drain_node"
    return (
        f"The same command goes on; {playbook} with -e cancel=true gives "
        f"{request.scope.label} back as far as nothing has left it."
    )


def stopped(work: Work, request: Request) -> str:
    """For a drain that was asked to stop: how the node stands, and the ways on and back."""
    try:
        closed = cordoning.is_cordoned(work, request.node)
    except Failure:
        return _ways_on(request)
    stands = "stays cordoned" if closed else "is not cordoned"
    return f"{request.node} {stands}. {_ways_on(request)}"


def move_replicas(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Every volume independent of the node."""
    cluster, request = _read(work, request)
    moves = [
        replica_moves.decide(cluster, volume, request.scope, request.intent)
        for volume in replica_moves.concerned(cluster, request.scope)
    ]
    pending = [move for move in moves if move.step is not Next.DONE]
    if not pending and replica_moves.opens_node(cluster, request.scope, request.intent):
        return _reopen(work, request, lock)
    flagged = evict_by_flags.standing(cluster, request.scope)
    if not pending and flagged:
        return _take_back(work, request, lock)
    if work.check_mode or not pending:
        planned = moving.Outcome()
        planned.raised = {m.volume for m in pending if m.step in (Next.RAISE, Next.ATTACH)}
        planned.attached = {m.volume for m in pending if m.step is Next.ATTACH}
        planned.deleted = [r.name for m in pending for r in m.victims]
        return {"changed": bool(pending), **planned.as_data()}
    with lock():
        if request.own_mover:
            mover = moving.Mover(work, request)
            outcome = _told(work, mover.outcome, mover.run)
            if not request.intent.leaves and remember_node.reopen(work, request):
                outcome.writes += 1
            if flagged:
                outcome.writes += evict_by_flags.take_back(work, request.scope)
        else:
            outcome = evict_by_flags.evict(work, request)
            if any(_own_ticket_or_note(cluster, move.volume) for move in pending):
                outcome.writes += moving.Mover(work, request).run().writes
    return {"changed": outcome.writes > 0, **outcome.as_data()}


def _reopen(work: Work, request: Request, lock: Lock) -> Result:
    """The replicas are safe; only the node's scheduling is still to be given back."""
    changed = True
    if not work.check_mode:
        with lock():
            changed = remember_node.reopen(work, request)
    return {"changed": changed, **moving.Outcome().as_data()}


def _take_back(work: Work, request: Request, lock: Lock) -> Result:
    """Longhorn's eviction has ended while nobody looked; its flag still stands."""
    changed = True
    if not work.check_mode:
        with lock():
            changed = evict_by_flags.take_back(work, request.scope)
    return {"changed": changed, **moving.Outcome().as_data()}


def _own_ticket_or_note(cluster: Cluster, volume: str) -> bool:
    """Whether an earlier run, with the other mover, has left something on the volume."""
    found = cluster.volumes[volume]
    noted = "numberOfReplicas" in memory.before(found.meta)
    return noted or replica_moves.own_ticket(cluster, found)


def _told(work: Work, outcome: Any, run: Callable[[], Any]) -> Any:
    """Run, and keep what was done in the result if it fails."""
    try:
        return run()
    finally:
        work.done.update(outcome.as_data())


def relocate_images(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Every image of the node safe without it."""
    cluster, request = _read(work, request)
    needs, _placement = image_needs.assess(
        cluster, request.scope, request.intent, request.next_nodes
    )
    pending = [need for need in needs if not need.safe]
    lowering = minimum.needed(cluster, request.scope) if request.lowers else ()
    lowering = tuple(item for item in lowering if not item.why_not)
    outcome = relocating.Outcome()
    if work.check_mode or not (pending or lowering):
        outcome.see(cluster, [need.image.name for need in needs])
        outcome.added = [
            (need.image.name, disk.label, need.image.file_bytes)
            for need in needs
            for disk in need.targets
        ]
        changed = bool(lowering) or any(need.targets for need in needs)
        return {"changed": changed, **outcome.as_data(), **_lowered(lowering)}
    with lock():
        if pending:
            relocation = relocating.Relocation(work, request)
            outcome = _told(work, relocation.outcome, relocation.run)
        lowered = lower_minimums.lower(work, request) if request.lowers else []
    changed = bool(outcome.added or lowered)
    return {"changed": changed, **outcome.as_data(), **_lowered(lowered)}


def _lowered(done: Iterable[minimum.Lowering]) -> Result:
    told = [{"image": d.image, "from": d.before, "to": d.number} for d in done]
    return {"minimums_lowered": told}


def cordon(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """The node closed or open for new pods."""
    close = params["state"] == "cordoned"
    closed = cordoning.is_cordoned(work, request.node)
    pending = close != closed
    if pending and not close and params["only_ours"]:
        pending = cordoning.is_ours(work, request.node)
    after = close if pending else closed
    result: Result = {"changed": pending, "cordoned": after}
    if pending:
        result["diff"] = {
            "before": f"node {request.node} cordoned: {str(closed).lower()}\n",
            "after": f"node {request.node} cordoned: {str(after).lower()}\n",
        }
    if work.check_mode or not pending:
        return result
    with lock():
        if close:
            result["changed"] = cordoning.cordon(work, request.node)
        else:
            only_ours = bool(params["only_ours"])
            result["changed"] = cordoning.uncordon(work, request.node, only_ours=only_ours)
    return result


def evict(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """The pods of the node gone."""
    _check_selectors(request)
    pods = work.client.list(
        kinds.PODS,
        work.longhorn.parser(kinds.PODS),
        all_namespaces=True,
        field_selector=f"spec.nodeName={request.node}",
    ).items
    verdicts = pod_filters.judge_all(pods, request.node, request.consent)
    pending = [v for v in verdicts if v.fate is not pod_filters.Fate.LEAVE]
    outcome = evict_pods.Outcome()
    if work.check_mode or not pending:
        outcome.evicted = [v.pod.key for v in pending if v.fate is pod_filters.Fate.EVICT]
        return {"changed": bool(pending), **outcome.as_data()}
    if not cordoning.is_cordoned(work, request.node):
        raise Stopped(
            f"{request.node} is not cordoned: new pods would come while others go, and Longhorn "
            "keeps its budgets. Cordon it first (nodecare.longhorn.node_cordon). "
            "Nothing was changed."
        )
    with lock():
        eviction = evict_pods.Eviction(work, request, params["terminate_grace_period"])
        outcome = _told(work, eviction.outcome, eviction.run)
    return {"changed": bool(outcome.evicted), **outcome.as_data()}


def _check_selectors(request: Request) -> None:
    for text in request.consent.pod_selectors:
        try:
            label_selector.terms(text)
        except label_selector.BadSelector as error:
            told = f"pod_selectors: {error}. Nothing was changed."
            raise plan_drain.BadInput(told) from error


def release(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Keys and disk entries of the node out of Longhorn."""
    outcome, made = release_node.Outcome(), relocating.Outcome()
    if not request.intent.leaves:
        return {"changed": False, **_released(outcome, made)}
    cluster, request = _read(work, request)
    uuids = request.scope.uuids(cluster)
    keys = [
        (image.name, copy.disk)
        for image in image_needs.concerned(cluster, request.scope)
        for copy in image.wanted
        if copy.disk in uuids
    ]
    disks = list(left_on(cluster, request.scope).disks) if request.remove_disks else []
    notes = image_needs.noted_only(cluster, request.scope)
    if work.check_mode or not (keys or disks or notes):
        outcome.keys, outcome.disks = keys, disks
        return {"changed": bool(keys or disks), **_released(outcome, made)}
    with lock():
        # Without a key left, too: an earlier run may have ended before its files were gone.
        try:
            release_and_relocate.release(work, request, outcome, made)
        finally:
            work.done.update(_released(outcome, made))
        if disks:
            outcome.disks = remove_disks.remove_disks(work, request.scope)
    changed = bool(outcome.keys or outcome.disks or outcome.notes_gone or made.added)
    return {"changed": changed, **_released(outcome, made)}


def _released(outcome: release_node.Outcome, made: relocating.Outcome) -> Result:
    """What was taken off, and the copies that had to be made once more for it."""
    copies = made.as_data()
    return {
        **outcome.as_data(),
        "copies_made": copies["copies_made"],
        "bytes": copies["bytes"],
    }


def prove(work: Work, request: Request, params: Mapping[str, Any]) -> Result:
    """The proof and the report."""
    _cluster, request = _read(work, request)
    proof = prove_drain.prove_drain(work, request)
    started = params.get("started")
    elapsed = work.wall_seconds_since(float(started)) if started else None
    steps = params.get("steps") or {}
    report = drain_report.report(proof, request, steps, elapsed)
    return {**proof.as_data(), "blocked": drain_report.blocked(steps), "report": report}
