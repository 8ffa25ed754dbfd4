# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a controller sees of one volume: engine, replicas, their nodes and instance managers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulator.longhorn import names
from tests.simulator.objects import Object, condition, is_terminating, labels_of, name_of
from tests.simulator.store import Store

LABEL_VOLUME = "longhornvolume"
LABEL_NODE = "longhornnode"
LABEL_DISK = "longhorndiskuuid"
UNKNOWN_MEMBER = "UNKNOWN-"
RW = "RW"
WO = "WO"
ERR = "ERR"


@dataclass(frozen=True, slots=True)
class Scene:
    """A volume with everything of it. The objects are the store's and must not be changed."""

    volume: Object
    engine: Object | None
    replicas: tuple[Object, ...]

    @property
    def name(self) -> str:
        return name_of(self.volume)

    @property
    def modes(self) -> dict[str, str]:
        """Mode per replica (or unknown address) as the engine last reported."""
        status = (self.engine or {}).get("status") or {}
        return dict(status.get("replicaModeMap") or {})

    @property
    def state(self) -> str:
        return str((self.volume.get("status") or {}).get("state") or "")

    @property
    def wanted(self) -> int:
        """spec.numberOfReplicas."""
        return int(self.volume["spec"].get("numberOfReplicas") or 0)

    def healthy(self) -> list[Object]:
        """Replicas with complete data that are not failed."""
        return [r for r in self.replicas if is_healthy(r)]

    def unfailed(self) -> list[Object]:
        """Replicas that are not failed, complete or not."""
        return [r for r in self.replicas if not is_failed(r) and not is_terminating(r)]


def scene_of(store: Store, volume: Object) -> Scene:
    """Collect what belongs to a volume."""
    selector = f"{LABEL_VOLUME}={name_of(volume)}"
    engines = store.list(names.ENGINES, names.NAMESPACE, selector)
    replicas = store.list(names.REPLICAS, names.NAMESPACE, selector)
    return Scene(volume, engines[0] if engines else None, tuple(replicas))


def is_failed(replica: Object) -> bool:
    """spec.failedAt is set."""
    return bool(replica["spec"].get("failedAt"))


def is_healthy(replica: Object) -> bool:
    """Complete (healthyAt), not failed, not going."""
    spec = replica["spec"]
    return bool(spec.get("healthyAt")) and not spec.get("failedAt") and not is_terminating(replica)


def is_evicting(replica: Object) -> bool:
    """The node controller, or somebody by hand, asked the replica to leave its disk."""
    return bool(replica["spec"].get("evictionRequested"))


def state_of(instance: Object) -> str:
    """status.currentState of a replica or engine; "stopped" before it has one."""
    return str((instance.get("status") or {}).get("currentState") or "stopped")


def manager_of(store: Store, node: str) -> Object | None:
    """The instance manager of a node."""
    selector = f"{names.LABEL_NODE}={node}"
    found = store.list(names.INSTANCE_MANAGERS, names.NAMESPACE, selector)
    return found[0] if found else None


def manager_state(store: Store, node: str) -> str:
    """currentState of a node's instance manager, "" where there is none."""
    found = manager_of(store, node) if node else None
    return str(((found or {}).get("status") or {}).get("currentState") or "")


def reported(manager: Object | None, kind: str, name: str) -> str | None:
    """State of a process as its instance manager reports it; ``kind``: replica or engine."""
    field = "instanceReplicas" if kind == "replica" else "instanceEngines"
    entry = (((manager or {}).get("status") or {}).get(field) or {}).get(name)
    return str(entry["status"].get("state")) if entry else None


def node_is(store: Store, node: str, kind: str) -> bool:
    """Whether a condition of a Longhorn Node is True."""
    found = store.find(names.NODES, names.NAMESPACE, node)
    entry = condition(found, kind) if found is not None else None
    return entry is not None and entry.get("status") == "True"


def core_schedulable(store: Store, node: str) -> bool:
    """Whether the core node is there and not cordoned."""
    found = store.find("nodes", None, node)
    return found is not None and not (found.get("spec") or {}).get("unschedulable")


def disks_of(node: Object) -> Iterator[tuple[str, Object, Object]]:
    """Name, spec and status of each disk that has both."""
    status = (node.get("status") or {}).get("diskStatus") or {}
    for name, disk in (node["spec"].get("disks") or {}).items():
        if name in status:
            yield name, disk, status[name]


def volume_of(obj: Object) -> str:
    """Name of the volume a replica, engine or attachment belongs to."""
    return str(obj["spec"].get("volumeName") or obj["spec"].get("volume") or "")


def labels_for(volume: str, node: str = "", disk: str | None = None) -> dict[str, str]:
    """Labels of an engine (``disk`` None) or a replica."""
    found = {LABEL_VOLUME: volume, LABEL_NODE: node}
    if disk is not None:
        found[LABEL_DISK] = disk
    return found


def has_image_label(replica: Object, image: str) -> bool:
    """Whether a replica uses an image."""
    return labels_of(replica).get(names.LABEL_IMAGE) == image
