# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sixty images with two copies each, five of them under attached volumes."""

from __future__ import annotations

from collections.abc import Callable

from tests.scenery.furnish import NotFurnished
from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import Object

IMAGES = 60
USED = ("img-07", "img-19", "img-23", "img-42", "img-55")
URL = "http://images.example.org/f/raw{size}.img"
LIMIT_SECONDS = 3600.0


def gather(cluster: Cluster) -> None:
    """Make them and wait, in virtual time. Raises NotFurnished."""
    uuids = sorted(cluster.disk_uuids())
    for number in range(IMAGES):
        places = [uuids[number % len(uuids)], uuids[(number + len(uuids) // 2) % len(uuids)]]
        url = URL.format(size=2 + number % 3)
        cluster.create_image(f"img-{number:02d}", url=url, on=places, wait=False)
    known = [f"img-{number:02d}" for number in range(IMAGES)]
    _wait(cluster, lambda: all(len(cluster.ready_copies(name)) >= 2 for name in known))
    for image in USED:
        _volume(cluster, f"vol-{image}", image)


def _volume(cluster: Cluster, name: str, image: str) -> None:
    spec = {
        "size": str(1 << 26),
        "numberOfReplicas": 2,
        "frontend": "blockdev",
        "backingImage": image,
    }
    metadata = {"name": name, "namespace": names.NAMESPACE}
    cluster.store.create(names.VOLUMES, {"metadata": metadata, "spec": spec})
    _wait(cluster, lambda: _state(cluster, name)[0] == "detached")
    cluster.store.mutate(names.ATTACHMENTS, names.NAMESPACE, name, _attach)
    _wait(cluster, lambda: _state(cluster, name) == ("attached", "healthy"))


def _attach(attachment: Object) -> None:
    ticket = {"id": "ui", "type": "longhorn-api", "nodeID": "node-1", "parameters": {}}
    attachment["spec"]["attachmentTickets"] = {"ui": ticket}


def _state(cluster: Cluster, volume: str) -> tuple[str, str]:
    found = cluster.store.find(names.VOLUMES, names.NAMESPACE, volume) or {}
    status = found.get("status") or {}
    return status.get("state", ""), status.get("robustness", "")


def _wait(cluster: Cluster, condition: Callable[[], bool]) -> None:
    if not cluster.kernel.run_until_true(condition, limit=LIMIT_SECONDS):
        raise NotFurnished(f"the crowd is not whole after {LIMIT_SECONDS:.0f} s")
