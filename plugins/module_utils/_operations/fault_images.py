# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test images of the fault plays: made, found again and removed by the label of their run.

Everything a run makes in the cluster carries ``longhorn.nodecare.dev/test-run``; nothing without
it is ever removed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.deadline import TimedOut
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.faults import target
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster
from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
    read_cluster,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.work import Ops, Work

RUN_LABEL = "longhorn.nodecare.dev/test-run"
TICKET = "nodecare"
VOLUME_UNIT = 1 << 21
VOLUME_LEAST = 1 << 26
KINDS = (
    kinds.BACKING_IMAGES,
    kinds.DATA_SOURCES,
    kinds.LONGHORN_NODES,
    kinds.NODES,
    kinds.VOLUMES,
    kinds.REPLICAS,
    kinds.ENGINES,
    kinds.ATTACHMENTS,
)
LEAST_SETTING = "storage-minimal-available-percentage"
LEAST_PERCENTAGE = 25
_RUN = re.compile(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?")


@dataclass(frozen=True)
class Order:
    """What a run wants: the image, how many copies, whether a volume is made on it."""

    run: str
    url: str
    copies: int = 2
    volume: bool = True
    checksum: str = ""
    wait: bool = True
    nodes: Sequence[str] = field(default_factory=tuple)


def name_of(run: str) -> str:
    """Name of the image and of the volume of a run. Raises Failure for a run that is no name."""
    if not _RUN.fullmatch(run):
        raise Failure(
            f"run is {run!r}; it has to be at most 24 lower-case letters, digits and dashes."
        )
    return f"fault-{run}"


# -- making ------------------------------------------------------------------------------------
def create_image(work: Work, order: Order) -> str:
    """Create the image; the text of the refusal where a webhook refused it, else "".

    Raises Failure for an image of that name that is not of this run.
    """
    name = name_of(order.run)
    known = work.client.find(kinds.BACKING_IMAGES, name)
    if known is not None:
        _check_ours(known, order.run, "image", name)
        return ""
    cluster = read_cluster(work.client, work.longhorn, KINDS)
    schema = work.longhorn.schema
    disks = target.disks_for(cluster, order.copies)
    if len(disks) < order.copies:
        raise Failure(
            f"A test image with {order.copies} copies needs usable disks on as many nodes; there "
            f"are {len(disks)}."
        )
    spec: Object = {
        "sourceType": "download",
        "sourceParameters": {"url": order.url},
        "checksum": order.checksum,
    }
    if order.wait:
        spec[schema.map_field] = {disk.uuid: schema.entry() for disk in disks}
    if schema.replenishes:
        spec["minNumberOfCopies"] = order.copies
    try:
        work.client.create(kinds.BACKING_IMAGES, _body(name, order.run, spec))
    except (errors.Refused, errors.Forbidden) as error:
        return str(error)
    return ""


def _body(name: str, run: str, spec: Object) -> Object:
    return {"metadata": {"name": name, "labels": {RUN_LABEL: run}}, "spec": spec}


def _check_ours(raw: Mapping[str, Any], run: str, what: str, name: str) -> None:
    if (raw["metadata"].get("labels") or {}).get(RUN_LABEL) != run:
        raise Failure(f"There is a {what} {name} already that is not of this run; nothing is done.")


def await_copies(work: Work, order: Order) -> None:
    """Wait until the image has its proven copies. Raises TimedOut."""
    name = name_of(order.run)

    def count(cluster: Cluster) -> int:
        image = cluster.images.get(name)
        return len(proven.proven(cluster, image)) if image is not None else 0

    _wait(
        work,
        lambda cluster: count(cluster) >= order.copies,
        f"{order.copies} copies of {name}",
        lambda cluster: f"{count(cluster)} proven",
    )


def make_volume(work: Work, order: Order) -> None:
    """Make a volume on the image, attach it by our ticket, wait until it is healthy."""
    name = name_of(order.run)
    known = work.client.find(kinds.VOLUMES, name)
    if known is not None:
        _check_ours(known, order.run, "volume", name)
    else:
        image = work.client.get(kinds.BACKING_IMAGES, name).get("status") or {}
        size = max(int(image.get("virtualSize") or image.get("size") or 0), VOLUME_LEAST)
        spec = {
            "size": str(-(-size // VOLUME_UNIT) * VOLUME_UNIT),
            "numberOfReplicas": order.copies,
            "frontend": "blockdev",
            "backingImage": name,
        }
        work.client.create(kinds.VOLUMES, _body(name, order.run, spec))
    _wait(
        work,
        lambda cluster: name in cluster.attachments and _state(cluster, name)[0] != "creating",
        f"the attachment of volume {name}",
        lambda cluster: " ".join(_state(cluster, name)),
    )
    cluster = read_cluster(work.client, work.longhorn, KINDS)
    holders = {copy.disk for copy in cluster.images[name].wanted}
    nodes = sorted(n for n, node in cluster.nodes.items() if node.ready)
    # Away from the copies where there is a choice: then the engine outlives what they suffer.
    free = [n for n in nodes if not holders & cluster.disk_uuids(n)] or nodes
    work.patch(kinds.ATTACHMENTS, name, lambda raw: _ticket(raw, free[0]))
    _wait(
        work,
        lambda cluster: _state(cluster, name) == ("attached", "healthy"),
        f"volume {name} to be attached and healthy",
        lambda cluster: " ".join(_state(cluster, name)).strip() or "no state yet",
    )


def _state(cluster: Cluster, name: str) -> tuple[str, str]:
    volume = cluster.volumes.get(name)
    return (volume.state, volume.robustness) if volume is not None else ("absent", "")


def _ticket(raw: Object, node: str) -> Ops | None:
    tickets = (raw.get("spec") or {}).get("attachmentTickets")
    if tickets and TICKET in tickets:
        return None
    ticket = {
        "id": TICKET,
        "type": "longhorn-api",
        "nodeID": node,
        "parameters": {"disableFrontend": "true", "lastAttachedBy": TICKET},
    }
    if tickets is None:
        return [{"op": "add", "path": "/spec/attachmentTickets", "value": {TICKET: ticket}}]
    return [{"op": "add", "path": f"/spec/attachmentTickets/{TICKET}", "value": ticket}]


def _wait(work: Work, condition: Any, waited_for: str, describe: Any) -> None:
    with LiveCluster(work.client, work.longhorn, KINDS) as live:
        while True:
            cluster = live.picture()
            if condition(cluster):
                return
            work.safe_point()
            work.progress.update(f"waiting for {waited_for}: {describe(cluster)}")
            if work.deadline.expired:
                raise TimedOut(f"Waited for {waited_for}; last seen: {describe(cluster)}.")
            live.next_change(min(1.0, work.deadline.remaining()))


def describe(work: Work, order: Order) -> dict[str, Any]:
    """What a play needs to know of its image, and the copy to make the fault in.

    Raises Failure where no copy can take one.
    """
    name = name_of(order.run)
    cluster = read_cluster(work.client, work.longhorn, KINDS)
    image = cluster.images.get(name)
    if image is None:
        raise Failure(f"There is no image {name}.")
    volume = name if name in cluster.volumes else ""
    chosen = target.target_of(cluster, image, volume, order.nodes)
    if isinstance(chosen, str):
        raise Failure(f"No fault can be made: {chosen}.")
    disk = chosen.disk
    copies = [cluster.disks[copy.disk] for copy in proven.proven(cluster, image)]
    return {
        "image": name,
        "uuid": image.uuid,
        "size": image.size,
        "volume": volume,
        "node": disk.node,
        "disk_uuid": disk.uuid,
        "disk": disk.label,
        "data_path": disk.path,
        "directory": f"backing-images/{name}-{image.uuid}",
        "other_disks": list(chosen.others),
        "copies": [
            {"node": one.node, "disk_uuid": one.uuid, "data_path": one.path} for one in copies
        ],
        "pressure_bytes": target.pressure_bytes(disk, _least_percentage(work.client)),
        "all_bytes": target.all_bytes(disk),
        "replicas": sorted(one.name for one in cluster.replicas_on_disk.get(disk.uuid, ())),
        "since": work.client.list(kinds.BACKING_IMAGES, lambda raw: None).resource_version,
    }


def _least_percentage(client: Client) -> int:
    """The setting storage-minimal-available-percentage, or what Longhorn has without it."""
    found = client.find(kinds.SETTINGS, LEAST_SETTING)
    text = str((found or {}).get("value") or "")
    return int(text) if text.isdigit() else LEAST_PERCENTAGE
