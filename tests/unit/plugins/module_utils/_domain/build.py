# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small clusters of the model, built in a line, for tests of single rules."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import (
    Condition,
    Meta,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.memory import BEFORE
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Attachment,
    Cluster,
    Copy,
    DataSource,
    Disk,
    Engine,
    Image,
    InstanceManager,
    KubeNode,
    Manager,
    ManagerFile,
    Node,
    Replica,
    Ticket,
    Volume,
    Workload,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import Budget, Pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect

GIB = 2**30
YES = (Condition("Ready", "True"), Condition("Schedulable", "True"))


def conditions(ready: bool = True, schedulable: bool = True) -> tuple[Condition, ...]:
    return (
        Condition("Ready", str(ready), "" if ready else "DiskNotReady"),
        Condition("Schedulable", str(schedulable), "" if schedulable else "DiskPressure"),
    )


def noted(value: Mapping[str, Any] | None) -> dict[str, str]:
    return {BEFORE: json.dumps(value)} if value else {}


def disk(node: str, number: int = 0, **fields: Any) -> Disk:
    """Disk `disk-<number>` with UUID `<node>.<number>`, 100 GiB of 200 free."""
    values: dict[str, Any] = {
        "name": f"disk-{number}",
        "node": node,
        "uuid": f"{node}.{number}",
        "allow_scheduling": True,
        "storage_maximum": 200 * GIB,
        "storage_available": 150 * GIB,
        "conditions": YES,
    }
    return Disk(**{**values, **fields})


def node(name: str, disks: Iterable[Disk] | None = None, **fields: Any) -> Node:
    before = fields.pop("before", None)
    values: dict[str, Any] = {
        "meta": Meta(name, annotations=noted(before)),
        "disks": tuple(disks) if disks is not None else (disk(name),),
        "conditions": YES,
    }
    return Node(**{**values, **fields})


def kube_node(name: str, cordoned: bool = False, ready: bool = True) -> KubeNode:
    return KubeNode(Meta(name), cordoned, (Condition("Ready", str(ready)),))


def copy(uuid: str, state: str = "ready", **fields: Any) -> Copy:
    values: dict[str, Any] = {"disk": uuid, "in_map": True, "reported": True, "state": state}
    return Copy(**{**values, "progress": 100 if state == "ready" else 0, **fields})


def image(name: str, copies: Iterable[Copy], **fields: Any) -> Image:
    before = fields.pop("before", None)
    values: dict[str, Any] = {
        "meta": Meta(name, uid=f"uid-{name}", version="1", annotations=noted(before)),
        "source_type": "download",
        "size": GIB,
        "copies": {item.disk: item for item in copies},
    }
    return Image(**{**values, **fields})


def source(name: str, done: bool = True, **fields: Any) -> DataSource:
    values: dict[str, Any] = {
        "meta": Meta(name),
        "source_type": "download",
        "file_transferred": done,
        "state": "ready" if done else "in-progress",
    }
    return DataSource(**{**values, **fields})


def replica(name: str, volume: str, on: str, **fields: Any) -> Replica:
    """A healthy, running replica on the first disk of a node."""
    values: dict[str, Any] = {
        "meta": Meta(name, uid=f"uid-{name}"),
        "volume": volume,
        "node": on,
        "disk": f"{on}.0",
        "state": "running",
        "desire": "running",
        "healthy_at": "2026-01-05T08:00:00Z",
    }
    return Replica(**{**values, **fields})


def volume(name: str, replicas: int, **fields: Any) -> Volume:
    before = fields.pop("before", None)
    values: dict[str, Any] = {
        "meta": Meta(name, version="1", annotations=noted(before)),
        "size": GIB,
        "replicas_wanted": replicas,
        "state": "attached",
        "robustness": "healthy",
    }
    return Volume(**{**values, **fields})


def engine(volume_name: str, on: str, rw: Iterable[str] = (), **fields: Any) -> Engine:
    values: dict[str, Any] = {
        "meta": Meta(f"{volume_name}-e-0"),
        "volume": volume_name,
        "node": on,
        "state": "running",
        "modes": dict.fromkeys(rw, "RW"),
    }
    return Engine(**{**values, **fields})


def ticket(id_: str, on: str, kind: str = "longhorn-api") -> Ticket:
    return Ticket(id_, kind, on)


def attachment(volume_name: str, *tickets: Ticket) -> Attachment:
    return Attachment(Meta(volume_name), volume_name, {t.id: t for t in tickets})


def manager(
    on: str, files: Iterable[ManagerFile], uuid: str = "", state: str = "running"
) -> Manager:
    held = {file.image: file for file in files}
    return Manager(Meta(f"manager-{on}"), on, uuid or f"{on}.0", state=state, files=held)


def pod(name: str, on: str, namespace: str = "default", **fields: Any) -> Pod:
    labels = fields.pop("labels", {})
    values: dict[str, Any] = {
        "meta": Meta(name, namespace, uid=f"uid-{name}", labels=labels),
        "node": on,
        "phase": "Running",
        "owner_kind": "ReplicaSet",
        "owner_name": "rs",
    }
    return Pod(**{**values, **fields})


def budget(
    name: str, labels: Mapping[str, str], namespace: str = "default", allowed: int = 0
) -> Budget:
    return Budget(Meta(name, namespace), labels, allowed=allowed)


def workload(pod_name: str, namespace: str = "default") -> Workload:
    return Workload(namespace, pod_name)


def instance_manager(on: str, **fields: Any) -> InstanceManager:
    """The running instance manager `im-<node>`."""
    values: dict[str, Any] = {"meta": Meta(f"im-{on}"), "node": on, "type": "aio"}
    return InstanceManager(**{**values, "state": "running", **fields})


def cluster(version: str = "1.12.1", *things: Any, **fields: Any) -> Cluster:
    """A cluster of these things. Core nodes, data sources, instance managers and their budgets that
    are not given are added in their calm state; cordoned=[...] names cordoned nodes.
    """
    cordoned = set(fields.pop("cordoned", ()))
    held: dict[type, dict[str, Any]] = {}
    for thing in things:
        held.setdefault(type(thing), {})[thing.meta.name] = thing
    nodes = held.get(Node, {})
    kube = {name: kube_node(name, name in cordoned) for name in nodes} | held.get(KubeNode, {})
    sources = {name: source(name) for name in held.get(Image, {})} | held.get(DataSource, {})
    managers = {f"im-{name}": instance_manager(name) for name in nodes}
    managers |= held.get(InstanceManager, {})
    budgets = {name: budget(name, {"im": name}, "longhorn-system") for name in managers}
    made = Cluster(
        schema=detect(version, []),
        nodes=nodes,
        kube_nodes=kube,
        images=held.get(Image, {}),
        data_sources=sources,
        managers=held.get(Manager, {}),
        volumes=held.get(Volume, {}),
        replicas=held.get(Replica, {}),
        engines=held.get(Engine, {}),
        attachments=held.get(Attachment, {}),
        instance_managers=managers,
        pods=tuple(held.get(Pod, {}).values()),
        budgets=tuple((budgets | held.get(Budget, {})).values()),
    )
    return dataclasses.replace(made, **fields)
