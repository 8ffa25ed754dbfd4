# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a return as modules run them: look, and only if something is missing lock and do it.

Each takes the step's work, the request, the module's options and a way to take the lock, and
returns the result of its task.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import (
    disk_names,
    left_on_node,
    living,
    memory,
    minimum,
    moved,
    node_before,
    parse,
    restore_plan,
    restore_text,
    return_volumes,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request as Drain,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Plan,
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.scope import Scope
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    await_return,
    lower_minimums,
    plan_drain,
    rights,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import (
    cordon as cordoning,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.open_node import Opening
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.open_node import (
    Outcome as Opened,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.return_images import (
    ImageReturner,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.return_images import (
    Outcome as ImagesReturned,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.return_volumes import (
    Returner,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import (
    Ops,
    Stopped,
    Work,
)

Result = dict[str, Any]
Lock = Callable[[], AbstractContextManager[Work]]
Step = Callable[[Work, Request, Mapping[str, Any], Lock], Result]


def _read(work: Work, request: Request) -> tuple[Cluster, Plan]:
    """A fresh reading and its plan; refuses names that do not fit."""
    cluster = plan_drain.read(work.client, work.longhorn, request.node)
    drain = Drain(request.node, Intent.REBOOT, disk=request.disk)
    drain = disk_names.resolved(cluster, drain)
    request = dataclasses.replace(request, disk=drain.disk, disk_name=drain.disk_name)
    problems = plan_drain.input_problems(cluster, drain)
    if problems:
        raise plan_drain.BadInput("\n".join([*problems, "Nothing was changed."]))
    return cluster, restore_plan.make(cluster, request)


def plan(work: Work, request: Request) -> tuple[Cluster, Plan]:
    """Look before anything is written. Raises BadInput, also for rights that are missing, and
    Stopped for disks that are not those of before.
    """
    cluster, made = _read(work, request)
    if not work.check_mode and made.work:
        wanted = rights.for_return(work.client.namespace)
        lacking = [
            f"The account lacks a right: {right}. Grant it by a Role or ClusterRole."
            for right in rights.missing(work.client, wanted)
        ]
        if lacking:
            raise plan_drain.BadInput("\n".join([*lacking, "Nothing was changed."]))
    if made.drift and not work.check_mode and not made.nothing:
        raise Stopped(restore_plan.drift_text(request.node, made.drift))
    return cluster, made


@contextmanager
def _healing(work: Work, made: Plan) -> Iterator[None]:
    """A node that does not come back must not keep Longhorn from healing: with the wait the
    lowered minNumberOfCopies end, too.
    """
    try:
        yield
    except TimedOut as late:
        images = [item.image for item in made.images]
        lowered = [i.name for i in images if minimum.noted_number(memory.before(i.meta))]
        if lowered and lower_minimums.give_back(work, lowered):
            told = count(len(lowered), "image")
            late.args = (
                f"{late} minNumberOfCopies of {told} was set back, so that Longhorn makes the "
                "copies that are missing.",
            )
        raise


def open_node(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Flags, scheduling, tags, disks and cordon of the node."""
    _cluster, made = _read(work, request)
    request = made.request
    pending = not made.nothing and made.opens
    if work.check_mode or not pending:
        return {"changed": pending, **Opened().as_data()}
    with lock():
        if made.before is None:
            outcome = Opened(uncordoned=cordoning.uncordon(work, request.node))
            outcome.actions = ["uncordoned"] if outcome.uncordoned else []
        else:
            opening = Opening(work, request, made.before)
            with _healing(work, made):
                outcome = _told(work, opening.outcome.as_data, opening.run)
    return {"changed": bool(outcome.actions or outcome.flags_cleared), **outcome.as_data()}


def settle(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """The node lives again and its volumes are whole; writes nothing."""
    _cluster, made = _read(work, request)
    request = made.request
    if work.check_mode or made.nothing or not made.work:
        return {"changed": False, "seconds": 0.0}
    with lock(), _healing(work, made):
        seconds = await_return.await_return(work, request.scope)
    return {"changed": False, "seconds": round(seconds, 1)}


def volumes(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Numbers of replicas as before, extra replicas gone."""
    _cluster, made = _read(work, request)
    request = made.request
    returner = Returner(work, request.scope, patient=not made.cordon_kept)
    pending = not made.nothing and bool(made.volumes_to_do)
    if work.check_mode or not pending:
        return {"changed": pending, **returner.as_data()}
    with lock():
        outcome = _told(work, returner.as_data, returner.run)
    return {"changed": outcome.writes > 0, **returner.as_data()}


def images(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Extra copies gone, maps as before."""
    _cluster, made = _read(work, request)
    request = made.request
    pending = not made.nothing and bool(made.images_to_do)
    if work.check_mode or not pending:
        return {"changed": pending, **ImagesReturned().as_data()}
    with lock():
        returner = ImageReturner(work, request)
        outcome = _told(work, returner.outcome.as_data, returner.run)
    changed = bool(outcome.notes or outcome.minimums)
    return {"changed": changed, **outcome.as_data()}


def finish(work: Work, request: Request, params: Mapping[str, Any], lock: Lock) -> Result:
    """Once more everything whole; then the notes of the node go, and the report."""
    cluster, made = _read(work, request)
    request = made.request
    node, scope = request.node, request.scope
    result: Result = {"changed": False, "complete": not made.held}
    before = made.before
    pending = not made.nothing and (made.before is not None or made.stale_cordon_note)
    if work.check_mode:
        return {**result, "changed": pending and not made.held}
    if pending and not made.held:
        with lock():
            if made.before is not None:
                await_return.await_return(work, scope)
            result["changed"] = _forget(work, scope)
        cluster, made = _read(work, request)
    held = [v.name for v in return_volumes.concerned(cluster, scope)] if made.held else []
    left = left_on_node.left_on(cluster, scope)
    copies = count(len(left.images), "image copy", "image copies")
    holds = f"{count(len(left.replicas), 'replica')}, {copies}"
    rebuilt = living.replaced(cluster, node)
    gone = moved.moved(cluster, scope, before) if before is not None else ([], [])
    finished = {
        "holds": holds,
        "rebuilt_elsewhere": rebuilt,
        "volumes_moved": gone[0],
        "images_moved": gone[1],
        "volumes_surplus": moved.surplus(cluster, before) if before is not None else [],
    }
    steps = {**(params.get("steps") or {}), "finish": finished}
    if steps.get("images"):
        told = steps["images"].get("moved") or []
        steps["images"] = {**steps["images"], "moved": moved.still_gone(cluster, told)}
    started = params.get("started")
    elapsed = work.wall_seconds_since(float(started)) if started else None
    result["report"] = restore_text.report(request, steps, held, elapsed)
    return {**result, **finished, "complete": not held}


def _forget(work: Work, scope: Scope) -> bool:
    """Our notes on the core node and, last of all, on the Longhorn node; or that on one disk."""
    node = scope.node

    def disk(raw: Object) -> Ops | None:
        return memory.drop(parse.meta(raw), scope.disk, annotation=memory.DISKS_BEFORE) or None

    if scope.disk:
        work.irreversible()
        return work.patch(kinds.LONGHORN_NODES, node, disk) is not None

    def core(raw: Object) -> Ops | None:
        return memory.forget(parse.meta(raw)) or None

    def longhorn(raw: Object) -> Ops | None:
        found = parse.node(raw)
        return memory.forget(found.meta) if node_before.of(found) is not None else None

    work.irreversible()
    first = work.patch(kinds.NODES, node, core)
    work.irreversible()
    second = work.patch(kinds.LONGHORN_NODES, node, longhorn)
    return first is not None or second is not None


def _told(work: Work, data: Callable[[], dict[str, Any]], run: Callable[[], Any]) -> Any:
    """Run, and keep what was done in the result if it fails."""
    try:
        return run()
    finally:
        work.done.update(data())


PHASES: dict[str, Step] = {
    "open": open_node,
    "settle": settle,
    "volumes": volumes,
    "images": images,
    "finish": finish,
}
