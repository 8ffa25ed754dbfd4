# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of a maintenance share: their options, the lock, and a step to work in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodecare.longhorn.plugins.module_utils import argspec, reporting, task
from ansible_collections.nodecare.longhorn.plugins.module_utils._api import interrupt, lease
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.drain_request import (
    Request,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.intent import Intent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pod_filters import Consent
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.restore_plan import (
    Request as Return,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import drain_steps
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    find_longhorn,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.drain_steps import (
    Step,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Work

Locked = AbstractContextManager[Work]
NODE: dict[str, dict[str, Any]] = {"node": {"type": "str", "required": True}}
DISK: dict[str, dict[str, Any]] = {"disk": {"type": "str"}}
INTENT: dict[str, dict[str, Any]] = {
    "intent": {"type": "str", "choices": [intent.value for intent in Intent], "required": True},
}
TARGETS: dict[str, dict[str, Any]] = {
    "next_nodes": {"type": "list", "elements": "str", "default": []},
}
PODS: dict[str, dict[str, Any]] = {
    "force": {"type": "bool", "default": False},
    "delete_emptydir_data": {"type": "bool", "default": False},
    "ignore_daemonsets": {"type": "bool", "default": True},
    "disable_eviction": {"type": "bool", "default": False},
}
MOVER: dict[str, dict[str, Any]] = {
    "mover": {"type": "str", "choices": ["own", "longhorn"], "default": "own"},
}
SINGLE_REPLICA: dict[str, dict[str, Any]] = {
    "single_replica_volumes": {"type": "str", "choices": ["move", "block"], "default": "move"},
}
REPAIR: dict[str, dict[str, Any]] = {"repair_entries": {"type": "bool", "default": False}}
RETURN: dict[str, dict[str, Any]] = {
    "cancel": {"type": "bool", "default": False},
    "keep_extra_copies": {"type": "bool", "default": False},
}
REMOVE_DISKS: dict[str, dict[str, Any]] = {"remove_disks": {"type": "bool", "default": True}}
LOWER_MINIMUM: dict[str, dict[str, Any]] = {"lower_min_copies": {"type": "bool", "default": False}}
DELETE_NODE: dict[str, dict[str, Any]] = {"delete_node": {"type": "bool", "default": False}}
LOCK: dict[str, dict[str, Any]] = {
    "lock_holder": {"type": "str"},
    "lock_timeout": {"type": "int", "default": 120},
}


def module(*specs: Mapping[str, dict[str, Any]], **rules: Any) -> AnsibleModule:
    """A module with the connection options and these; *rules* as AnsibleModule has them."""
    spec: dict[str, dict[str, Any]] = dict(argspec.CONNECTION_OPTIONS)
    for more in specs:
        spec.update(more)
    return AnsibleModule(argument_spec=spec, supports_check_mode=True, **rules)


def request_of(params: Mapping[str, Any]) -> Request:
    """The drain that the options describe; options that a module lacks keep their defaults.

    disk is as the operator gave it until a cluster has been read (disk_names.resolved).
    """
    return Request(
        node=params["node"],
        intent=Intent(params.get("intent") or Intent.REBOOT),
        consent=Consent(
            force=bool(params.get("force")),
            delete_emptydir_data=bool(params.get("delete_emptydir_data")),
            ignore_daemonsets=bool(params.get("ignore_daemonsets", True)),
            disable_eviction=bool(params.get("disable_eviction")),
            pod_selectors=tuple(params.get("pod_selectors") or ()),
        ),
        own_mover=params.get("mover", "own") == "own",
        move_single=params.get("single_replica_volumes", "move") == "move",
        repair_entries=bool(params.get("repair_entries")),
        next_nodes=tuple(params.get("next_nodes") or ()),
        disk=params.get("disk") or "",
        remove_disks=bool(params.get("remove_disks", True)),
        lower_minimum=bool(params.get("lower_min_copies")),
        delete_node=bool(params.get("delete_node")),
    )


def return_of(params: Mapping[str, Any]) -> Return:
    """The return of a node that the options describe."""
    return Return(
        params["node"],
        # One disk is only ever given back by undoing its eviction.
        bool(params["cancel"] or params.get("disk")),
        bool(params["keep_extra_copies"]),
        params.get("disk") or "",
    )


@contextmanager
def reading(module: AnsibleModule, guard: Callable[[Client], None] | None = None) -> Iterator[Work]:
    """A step that only reads. *guard* is called before all else, and may raise Failure."""
    with task.running(module) as running:
        if guard is not None:
            guard(running.client)
        longhorn = find_longhorn(running.client)
        yield Work(
            running.client,
            longhorn,
            running.deadline,
            running.interrupt,
            running.progress,
            check_mode=bool(module.check_mode),
        )


def join(module: AnsibleModule, work: Work) -> None:
    """For a step that only reads, in a play that has the lock: keep it alive meanwhile."""
    lock = lease.Lease(work.client, module.params["lock_holder"])
    lock.rejoin()
    work.lease = lock


@contextmanager
def locked(module: AnsibleModule, work: Work) -> Iterator[Work]:
    """The part that writes: under the lock of the play, or under one of its own for its time.

    A failure inside carries what was done until then in the task's result.
    """
    holder = module.params.get("lock_holder")
    lock = lease.Lease(work.client, holder or lease.new_holder(module._name))
    work.where = "Nothing was changed."

    def on_wait(text: str) -> None:
        work.interrupt.check("Nothing was changed.")
        work.progress.update(text)

    if holder:
        lock.rejoin()
    else:
        lock.acquire(float(module.params["lock_timeout"]), on_wait, work.deadline)
    work.lease = lock
    try:
        with work.reporting():
            yield work
    except interrupt.Interrupted:
        # The play ends too, without running what would give the lock back.
        lock.release()
        raise
    finally:
        if not holder:
            lock.release()


def run_step(step: Step, *specs: Mapping[str, dict[str, Any]]) -> None:
    """A whole module: options, reading, the step, the end.

    The step looks first and asks for the lock only when there is something to write. A failure goes
    to report_file, too (task.running): it is the last thing that the play has to say.
    """
    chosen = module(*specs, reporting.OPTION)
    with reading(chosen) as work:
        request = request_of(chosen.params)
        try:
            result = step(work, request, chosen.params, lambda: locked(chosen, work))
        except TimedOut as late:
            playbook = "evict_disk" if request.disk else "drain_node"
            what = f"disk {request.disk} of {request.node}" if request.disk else request.node
            late.args = (
                f"{late} Run the same command again to go on, or {playbook} with -e cancel=true "
                f"to give {what} back as it was.",
            )
            raise
        except interrupt.Interrupted as stop:
            stop.args = (f"{stop} {drain_steps.stopped(work, request)}",)
            raise
    chosen.exit_json(**result)
