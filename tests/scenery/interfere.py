# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody takes a drained node into use again: uncordoned, schedulable, its disk added with the
files that are still on it, an image put back on that disk.

``KUBECONFIG=... python -m tests.scenery.interfere NODE``
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.observer.api import LONGHORN, Api
from tests.scenery.plan import LOST

JSON_PATCH = "application/json-patch+json"
LIMIT_SECONDS = 30.0
DISK = {
    "path": "/var/lib/longhorn/",
    "diskType": "filesystem",
    "allowScheduling": True,
    "evictionRequested": False,
    "storageReserved": 0,
    "tags": [],
}


def interfere(api: Api, node: str) -> None:
    """Do so with the writes an operator would make. Raises Refused, TimeoutError."""
    api.send(
        "PATCH",
        f"/api/v1/nodes/{node}",
        {"spec": {"unschedulable": None}},
        "application/merge-patch+json",
    )
    path = f"{LONGHORN}/nodes/{node}"
    found = api.get(path)
    changes = [{"op": "replace", "path": "/spec/allowScheduling", "value": True}]
    if not found["spec"].get("disks"):
        changes.append({"op": "add", "path": "/spec/disks", "value": {"again": DISK}})
    api.send("PATCH", path, changes, JSON_PATCH)
    _put_back(api, _ready_disk(api, path))


def _ready_disk(api: Api, path: str) -> str:
    """UUID of a disk of the node, as soon as it is Ready."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        for disk in (api.get(path)["status"].get("diskStatus") or {}).values():
            ready = {c["type"]: c["status"] for c in disk.get("conditions") or []}.get("Ready")
            if disk.get("diskUUID") and ready == "True":
                return str(disk["diskUUID"])
        time.sleep(0.2)
    raise TimeoutError(f"{path}: no disk is Ready after {LIMIT_SECONDS:.0f} s")


def _put_back(api: Api, uuid: str) -> None:
    """Write the disk into the map of an image and wait for the copy."""
    image = f"{LONGHORN}/backingimages/{LOST}"
    spec = api.get(image)["spec"]
    field = "diskFileSpecMap" if spec.get("diskFileSpecMap") else "disks"
    entry = next(iter(spec[field].values()))
    change = [{"op": "add", "path": f"/spec/{field}/{uuid}", "value": entry}]
    api.send("PATCH", image, change, JSON_PATCH)
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        copies = api.get(image)["status"].get("diskFileStatusMap") or {}
        if copies.get(uuid, {}).get("state") == "ready":
            return
        time.sleep(0.2)
    raise TimeoutError(f"{LOST}: no copy on {uuid} after {LIMIT_SECONDS:.0f} s")


if __name__ == "__main__":
    interfere(Api(Path(os.environ["KUBECONFIG"])), sys.argv[1])
