# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Longhorn cluster is, as plain immutable values.

Everything else in this folder decides on these classes and on nothing else: no clock, no network,
no raw dictionaries. Names follow Longhorn (image, copy, disk, manager, data source); sizes are
bytes; times are the RFC 3339 strings that the objects carry (one-second resolution, compared only
with each other).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import (
    Condition,
    Resource,
    is_true,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.pods import (
    Budget,
    NodeAttachment,
    PersistentVolume,
    Pod,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Schema

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a Longhorn node. `uuid` is the key of the images' placement maps ("" while
    unknown).

    Sizes are bytes. `scheduled_*` lag by one node sync (0.1 to 30 s) in both directions and prove
    nothing.
    """

    name: str
    node: str
    uuid: str = ""
    path: str = ""
    kind: str = "filesystem"
    allow_scheduling: bool = False
    eviction_requested: bool = False
    tags: tuple[str, ...] = ()
    in_spec: bool = True
    in_status: bool = True
    storage_reserved: int = 0
    storage_maximum: int = 0
    storage_available: int = 0
    storage_scheduled: int = 0
    scheduled_images: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def ready(self) -> bool:
        return self.in_spec and is_true(self.conditions, "Ready")

    @property
    def schedulable(self) -> bool:
        return is_true(self.conditions, "Schedulable")

    @property
    def label(self) -> str:
        """How a person names it: node/disk."""
        return f"{self.node}/{self.name}"


@dataclass(frozen=True, slots=True)
class Node(Resource):
    """nodes.longhorn.io."""

    allow_scheduling: bool = True
    eviction_requested: bool = False
    auto_evicting: bool = False
    tags: tuple[str, ...] = ()
    region: str = ""
    zone: str = ""
    disks: tuple[Disk, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def ready(self) -> bool:
        return is_true(self.conditions, "Ready")

    @property
    def schedulable(self) -> bool:
        return is_true(self.conditions, "Schedulable")


@dataclass(frozen=True, slots=True)
class KubeNode(Resource):
    """The core Node: cordon and readiness as Kubernetes sees them."""

    unschedulable: bool = False
    conditions: tuple[Condition, ...] = ()

    @property
    def ready(self) -> bool:
        return is_true(self.conditions, "Ready")


@dataclass(frozen=True, slots=True)
class Copy:
    """The file of one image on one disk: the map's key and the status entry put side by side.

    `in_map` says that the placement map wants it; `reported` that the status has an entry.
    `complete` is False for an entry that 1.8 and later cannot write back (no dataEngine). `state`
    is one of Longhorn's file states, "" when nothing is reported.
    """

    disk: str
    in_map: bool = False
    reported: bool = False
    complete: bool = True
    eviction_requested: bool = False
    data_engine: str = ""
    state: str = ""
    progress: int = 0
    message: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class Image(Resource):
    """BackingImage. `min_copies` is 1 where the field does not exist (up to 1.6)."""

    uuid: str = ""
    source_type: str = ""
    source_parameters: Mapping[str, str] = field(default_factory=dict)
    wanted_checksum: str = ""
    min_copies: int = 1
    node_selector: tuple[str, ...] = ()
    disk_selector: tuple[str, ...] = ()
    data_engine: str = "v1"
    checksum: str = ""
    size: int = 0
    virtual_size: int = 0
    real_size: int = 0
    map_present: bool = True
    # Disks that spec.disks names where Longhorn (1.7+) does not look at it any more.
    unread_keys: tuple[str, ...] = ()
    copies: Mapping[str, Copy] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[Copy, ...]:
        """Copies whose key is in the placement map: the only ones that count."""
        return tuple(copy for copy in self.copies.values() if copy.in_map)

    @property
    def file_bytes(self) -> int:
        """Bytes that one copy takes on a disk: the real size where Longhorn reports it (1.8+),
        else the size.
        """
        return self.real_size or self.size


@dataclass(frozen=True, slots=True)
class DataSource(Resource):
    """BackingImageDataSource: prepares the first file of the image of the same name."""

    uuid: str = ""
    node: str = ""
    disk: str = ""
    disk_path: str = ""
    source_type: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    file_transferred: bool = False
    state: str = ""
    size: int = 0
    progress: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class ManagerFile:
    """What one manager records about one image."""

    image: str
    uuid: str = ""
    state: str = ""
    progress: int = 0
    message: str = ""
    size: int = 0
    checksum: str = ""
    sending: int = 0


@dataclass(frozen=True, slots=True)
class Manager(Resource):
    """BackingImageManager: one per disk, found by spec.diskUUID, never by its name."""

    node: str = ""
    disk: str = ""
    disk_path: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    files: Mapping[str, ManagerFile] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class Replica(Resource):
    """A replica of a volume; `disk` is the disk's UUID, "" until it is placed."""

    volume: str = ""
    node: str = ""
    disk: str = ""
    image: str = ""
    engine: str = ""
    desire: str = ""
    state: str = ""
    failed_at: str = ""
    healthy_at: str = ""
    eviction_requested: bool = False
    size: int = 0
    instance_manager: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def healthy(self) -> bool:
        """Has complete data as far as the API knows, running or not."""
        return bool(self.healthy_at) and not self.failed_at and not self.meta.deleting

    @property
    def running(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class Workload:
    """Pod that uses a volume, as volume.status.kubernetesStatus tells it."""

    namespace: str
    pod: str
    kind: str = ""
    owner: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Volume(Resource):
    """A Longhorn volume. `node` is spec.nodeID; `migrates_to` where its live migration goes."""

    size: int = 0
    replicas_wanted: int = 0
    image: str = ""
    node: str = ""
    migrates_to: str = ""
    state: str = ""
    robustness: str = ""
    access_mode: str = ""
    data_engine: str = "v1"
    data_locality: str = ""
    clone_mode: str = ""
    node_selector: tuple[str, ...] = ()
    disk_selector: tuple[str, ...] = ()
    soft_anti_affinity: str = ""
    zone_soft_anti_affinity: str = ""
    claim: str = ""
    claim_namespace: str = ""
    workloads: tuple[Workload, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Engine(Resource):
    """The engine of a volume; `modes` maps replica names to RW, WO or ERR."""

    volume: str = ""
    node: str = ""
    active: bool = True
    desire: str = ""
    state: str = ""
    modes: Mapping[str, str] = field(default_factory=dict)
    rebuilding: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstanceManager(Resource):
    """Runs engines and replicas of one node; its PodDisruptionBudget has the same name.

    `instances` is the undivided list that releases up to 1.10 may still fill; `frontends` are
    those of 1.12.
    """

    node: str = ""
    type: str = ""
    state: str = ""
    engines: tuple[str, ...] = ()
    replicas: tuple[str, ...] = ()
    frontends: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """One attachment ticket of a volume."""

    id: str
    type: str = ""
    node: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attachment(Resource):
    """VolumeAttachment of Longhorn (same name as the volume)."""

    volume: str = ""
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    map_present: bool = True


@dataclass(frozen=True)
class Cluster:
    """One consistent enough picture: one list per kind, and the indexes that decisions need.

    unreadable: kinds, as RBAC names them, that were wanted but that the account may not read.
    lock_holder: who holds the lock of maintenances, "" where nobody does or it was not read.
    """

    schema: Schema
    namespace: str = "longhorn-system"
    settings: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    kube_nodes: Mapping[str, KubeNode] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    data_sources: Mapping[str, DataSource] = field(default_factory=dict)
    managers: Mapping[str, Manager] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    replicas: Mapping[str, Replica] = field(default_factory=dict)
    engines: Mapping[str, Engine] = field(default_factory=dict)
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    instance_managers: Mapping[str, InstanceManager] = field(default_factory=dict)
    pods: tuple[Pod, ...] = ()
    budgets: tuple[Budget, ...] = ()
    persistent_volumes: Mapping[str, PersistentVolume] = field(default_factory=dict)
    node_attachments: Mapping[str, NodeAttachment] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    lock_holder: str = ""

    @cached_property
    def disks(self) -> Mapping[str, Disk]:
        """Disks by UUID. A UUID that is not here belongs to a disk or node that was taken out."""
        return {disk.uuid: disk for node in self.nodes.values() for disk in node.disks if disk.uuid}

    @cached_property
    def volume_of_claim(self) -> Mapping[tuple[str, str], PersistentVolume]:
        """PersistentVolumes by (namespace, name) of the claim that they serve."""
        return {
            (found.claim_namespace, found.claim): found
            for found in self.persistent_volumes.values()
            if found.claim
        }

    @cached_property
    def budget_names(self) -> frozenset[tuple[str, str]]:
        """(namespace, name) of every budget."""
        return frozenset((budget.meta.namespace, budget.name) for budget in self.budgets)

    @cached_property
    def replicas_of_volume(self) -> Mapping[str, tuple[Replica, ...]]:
        return _group((replica.volume, replica) for replica in self.replicas.values())

    @cached_property
    def replicas_of_image(self) -> Mapping[str, tuple[Replica, ...]]:
        return _group(
            (replica.image, replica) for replica in self.replicas.values() if replica.image
        )

    @cached_property
    def replicas_on_disk(self) -> Mapping[str, tuple[Replica, ...]]:
        return _group((replica.disk, replica) for replica in self.replicas.values() if replica.disk)

    @cached_property
    def engines_of_volume(self) -> Mapping[str, tuple[Engine, ...]]:
        return _group((engine.volume, engine) for engine in self.engines.values())

    @cached_property
    def managers_of_disk(self) -> Mapping[str, tuple[Manager, ...]]:
        return _group((manager.disk, manager) for manager in self.managers.values())

    @cached_property
    def managers_of_image(self) -> Mapping[str, tuple[Manager, ...]]:
        """Managers that record a file of the image, whatever their own state."""
        return _group(
            (image, manager) for manager in self.managers.values() for image in manager.files
        )

    @cached_property
    def clones_of_image(self) -> Mapping[str, tuple[Image, ...]]:
        """Images that were made from another one inside of the cluster."""
        return _group(
            (image.source_parameters.get("backing-image", ""), image)
            for image in self.images.values()
            if image.source_type == "clone"
        )

    @cached_property
    def volumes_of_image(self) -> Mapping[str, tuple[Volume, ...]]:
        return _group((volume.image, volume) for volume in self.volumes.values() if volume.image)

    def disk_uuids(self, node: str) -> frozenset[str]:
        """UUIDs of the node's disks (empty for a node that Longhorn does not know)."""
        found = self.nodes.get(node)
        return frozenset(disk.uuid for disk in found.disks if disk.uuid) if found else frozenset()

    def engine(self, volume: str) -> Engine | None:
        """The active engine of a volume (a migration has two for a while)."""
        engines = self.engines_of_volume.get(volume, ())
        return next(
            (engine for engine in engines if engine.active), engines[0] if engines else None
        )


def _group(pairs: Iterable[tuple[str, Value]]) -> Mapping[str, tuple[Value, ...]]:
    groups: defaultdict[str, list[Value]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}
