# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small clusters for the rules of the recovery: one image, its copies, data source and volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.base import Condition, Meta
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Attachment,
    Cluster,
    Copy,
    DataSource,
    Disk,
    Image,
    KubeNode,
    Manager,
    ManagerFile,
    Node,
    Replica,
    Ticket,
    Volume,
    Workload,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import detect
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)

NAME = "img"
GIB = 1 << 30


def well(*, ready: bool = True) -> tuple[Condition, ...]:
    """Conditions of a node or disk."""
    return tuple(Condition(kind, str(ready)) for kind in ("Ready", "Schedulable"))


@dataclass
class Scene:
    """What a test says about the cluster; everything else is well.

    states: copy state by disk UUID ("d1" on node n1, …); a key that is not here is not in the map.
    """

    version: str = "v1.12.1"
    states: Mapping[str, str] = field(default_factory=dict)
    progress: int = 0
    messages: Mapping[str, str] = field(default_factory=dict)
    source_type: str = "download"
    source_state: str = "ready"
    source_message: str = ""
    transferred: bool = True
    source_disk: str = "d1"
    source: bool = True
    virtual_size: int = GIB
    min_copies: int = 2
    nodes: int = 3
    down: Sequence[str] = ()
    gone: Sequence[str] = ()
    recording: Sequence[str] = ()
    managers_down: Sequence[str] = ()
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    saved: bool = False
    volume_state: str = "detached"
    robustness: str = "unknown"
    note: str = ""
    deleting: bool = False
    workloads: tuple[Workload, ...] = ()
    replica_state: str = "stopped"
    with_volume: bool = False
    since: str = ""

    def cluster(self) -> Cluster:
        """The cluster that was described."""
        names = [
            f"n{number}" for number in range(1, self.nodes + 1) if f"d{number}" not in self.gone
        ]
        managers = {f"m{name[1:]}": self._manager(name) for name in names}
        with_volume = self.with_volume or bool(self.tickets) or self.saved
        return Cluster(
            schema=detect(self.version, []),
            nodes={name: self._node(name) for name in names},
            kube_nodes={
                name: KubeNode(Meta(name), conditions=well(ready=name not in self.down))
                for name in names
            },
            images={NAME: self._image()},
            data_sources={NAME: self._source()} if self.source else {},
            managers=managers,
            volumes={"vol": self._volume()} if with_volume else {},
            replicas={"vol-r": self._replica()} if with_volume else {},
            attachments={"vol": self._attachment()} if with_volume else {},
        )

    def sight(self, seconds: float = 0.0) -> Sight:
        """One look at the image."""
        cluster = self.cluster()
        return see(cluster, cluster.images[NAME], seconds)

    def window(self, seconds: float = 12.0) -> list[Sight]:
        """The same picture at the beginning and at the end of a window."""
        return [self.sight(0.0), self.sight(seconds)]

    def _node(self, name: str) -> Node:
        up = name not in self.down
        disk = Disk(
            name="disk",
            node=name,
            uuid=f"d{name[1:]}",
            allow_scheduling=True,
            storage_maximum=100 * GIB,
            storage_available=90 * GIB,
            conditions=well(ready=up),
        )
        return Node(Meta(name), disks=(disk,), conditions=well(ready=up))

    def _image(self) -> Image:
        copies = {
            uuid: Copy(
                disk=uuid,
                in_map=True,
                reported=bool(state),
                state=state,
                progress=self.progress,
                message=self.messages.get(uuid, ""),
                since=self.since,
            )
            for uuid, state in self.states.items()
        }
        annotations = {"longhorn.nodecare.dev/before": self.note} if self.note else {}
        meta = Meta(
            NAME,
            namespace="longhorn-system",
            uid="image-uid",
            version="7",
            deleting=self.deleting,
            annotations=annotations,
            annotated=bool(annotations),
        )
        return Image(
            meta,
            uuid="abcd",
            source_type=self.source_type,
            source_parameters={"url": "http://user:secret@images.local/f.img?sig=abc"},
            min_copies=self.min_copies,
            size=GIB,
            virtual_size=self.virtual_size,
            copies=copies,
        )

    def _source(self) -> DataSource:
        return DataSource(
            Meta(NAME, uid="source-uid", version="8"),
            node=f"n{self.source_disk[1:]}",
            disk=self.source_disk,
            source_type=self.source_type,
            file_transferred=self.transferred,
            state=self.source_state,
            message=self.source_message,
        )

    def _manager(self, node: str) -> Manager:
        uuid = f"d{node[1:]}"
        files = {NAME: ManagerFile(NAME)} if uuid in self.recording else {}
        state = "unknown" if uuid in self.managers_down or node in self.down else "running"
        return Manager(Meta(f"m{node[1:]}"), node=node, disk=uuid, state=state, files=files)

    def _volume(self) -> Volume:
        return Volume(
            Meta("vol"),
            image=NAME,
            replicas_wanted=1,
            state=self.volume_state,
            robustness=self.robustness,
            workloads=self.workloads,
        )

    def _replica(self) -> Replica:
        return Replica(
            Meta("vol-r"), volume="vol", image=NAME, disk="d1", node="n1", state=self.replica_state
        )

    def _attachment(self) -> Attachment:
        note = '{"tickets":{"t":{"id":"t","type":"longhorn-api"}}}' if self.saved else ""
        annotations = {"longhorn.nodecare.dev/before": note} if note else {}
        meta = Meta("vol", annotations=annotations, annotated=bool(note))
        return Attachment(meta, volume="vol", tickets=dict(self.tickets))


def ticket(kind: str = "longhorn-api") -> dict[str, Ticket]:
    """One ticket of a type, as Scene.tickets."""
    return {"t": Ticket("t", type=kind, node="n1")}


def raw_attachment(annotations: dict[str, str] | None = None, **tickets: Any) -> dict[str, Any]:
    """A VolumeAttachment as the API returns it."""
    metadata: dict[str, Any] = {"name": "vol", "resourceVersion": "3"}
    if annotations is not None:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"volume": "vol", "attachmentTickets": tickets}}
