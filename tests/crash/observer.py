# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody sees who knows nothing of the collection: the state, and what was ever wrong.

Reads only what is stored, event by event, with rules of its own (design.md section 2): no image
without a ready copy, no key taken from under a replica, no volume without a complete replica; and
counts what was made, so that work done twice shows.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.simulator.history import ADDED, DELETED, WatchEvent
from tests.simulator.kernel import parse_rfc3339
from tests.simulator.longhorn.cluster import Cluster

PREFIX = "longhorn.nodecare.dev/"
IMAGES = "backingimages.longhorn.io"
REPLICAS = "replicas.longhorn.io"
VOLUMES = "volumes.longhorn.io"
NODES = "nodes.longhorn.io"
ATTACHMENTS = "volumeattachments.longhorn.io"
Object = dict[str, Any]


class Observer:
    """Watches one cluster from now on."""

    def __init__(self, cluster: Cluster, node: str) -> None:
        self._store = cluster.store
        self._field = cluster.profile.map_field
        self._ready = cluster.ready_copies
        self._uuids = set(cluster.disk_uuids(node))
        self._node = node
        self.made: Counter[str] = Counter()
        self.wrong: list[str] = []
        # Nobody can lose what was lost before (a recovery).
        self._safe = {_name(i) for i in self._store.list(IMAGES) if self._ready(_name(i))}
        self._safe |= {_name(v) for v in self._store.list(VOLUMES) if self._whole(_name(v))}
        self._store.subscribe(self._see)

    def _see(self, event: WatchEvent) -> None:
        if event.res == REPLICAS:
            self._see_replica(event)
        elif event.res == IMAGES and event.type != DELETED:
            self._see_image(event)

    def _see_replica(self, event: WatchEvent) -> None:
        volume = event.obj["spec"]["volumeName"]
        if event.type == ADDED:
            self.made[f"replica of {volume}"] += 1
        if volume in self._safe and not self._whole(volume):
            self._say(f"volume {volume} had no complete replica")

    def _whole(self, volume: str) -> bool:
        """Whether a volume has a complete replica."""
        return any(
            replica["spec"]["volumeName"] == volume
            and replica["spec"].get("healthyAt")
            and not replica["spec"].get("failedAt")
            for replica in self._store.list(REPLICAS)
        )

    def _see_image(self, event: WatchEvent) -> None:
        name = event.obj["metadata"]["name"]
        keys = set(event.obj["spec"].get(self._field) or {})
        before = set(((event.old or {}).get("spec") or {}).get(self._field) or {})
        self.made[f"copy of {name}"] += len(keys - before)
        for gone in before - keys if name in self._safe else ():
            users = [
                replica["metadata"]["name"]
                for replica in self._store.list(REPLICAS)
                if replica["spec"].get("backingImage") == name
                and replica["spec"].get("diskID") == gone
            ]
            if users:
                self._say(f"image {name} lost a key under {users[0]}")
        if name in self._safe and not self._ready(name):
            self._say(f"image {name} had no ready copy in its map")

    def _say(self, text: str) -> None:
        if text not in self.wrong:
            self.wrong.append(text)

    # -- the state -----------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Everything a maintenance changes or must not change, without what is left to chance:
        which of two equally good nodes and disks was chosen.
        """
        store = self._store
        return {
            "nodes": {_name(n): n["spec"] for n in store.list(NODES)},
            "cordoned": {
                _name(n): bool(n["spec"].get("unschedulable")) for n in self._all("nodes")
            },
            "notes": self._notes(),
            "images": {_name(i): self._image(i) for i in store.list(IMAGES)},
            "volumes": {_name(v): self._volume(v) for v in store.list(VOLUMES)},
            "tickets": {
                _name(a): sorted(a["spec"].get("attachmentTickets") or {})
                for a in store.list(ATTACHMENTS)
            },
            "lock": self._holders(),
            "pods": sorted(
                _name(pod)
                for pod in store.list("pods")
                if pod["spec"].get("nodeName") == self._node
            ),
        }

    def _holders(self) -> list[str]:
        """Who holds a lock that has not expired: a dead run's is free after its duration."""
        now = self._store.kernel.now()
        return [
            str(lease["spec"]["holderIdentity"])
            for lease in self._store.list("leases.coordination.k8s.io", "longhorn-system")
            if _name(lease).startswith("nodecare")
            and lease["spec"].get("holderIdentity")
            and parse_rfc3339(lease["spec"]["renewTime"]) + lease["spec"]["leaseDurationSeconds"]
            > now
        ]

    def _all(self, kind: str) -> list[Object]:
        return list(self._store.list(kind))

    def _notes(self) -> dict[str, Any]:
        """Our annotations, read."""
        return {
            f"{kind}/{_name(item)}": {
                key: _decoded(value)
                for key, value in (item["metadata"].get("annotations") or {}).items()
                if key.startswith(PREFIX)
            }
            for kind in ("nodes", NODES, IMAGES, VOLUMES, ATTACHMENTS)
            for item in self._store.list(kind)
            if any(k.startswith(PREFIX) for k in item["metadata"].get("annotations") or {})
        }

    def _image(self, image: Object) -> dict[str, Any]:
        entries = image["spec"].get(self._field) or {}
        return {
            "entries": sorted({json.dumps(entry, sort_keys=True) for entry in entries.values()}),
            "here": sorted(set(entries) & self._uuids),
            "elsewhere": len(set(entries) - self._uuids),
            "ready": len(self._ready(_name(image))),
            "minimum": image["spec"].get("minNumberOfCopies"),
        }

    def _volume(self, volume: Object) -> dict[str, Any]:
        status = volume.get("status") or {}
        replicas = [
            replica
            for replica in self._store.list(REPLICAS)
            if replica["spec"]["volumeName"] == _name(volume)
        ]
        here = [r for r in replicas if r["spec"].get("nodeID") == self._node]
        return {
            "number": volume["spec"]["numberOfReplicas"],
            "state": status.get("state"),
            "robustness": status.get("robustness"),
            "here": len(here),
            "elsewhere": len(replicas) - len(here),
            "evicting": sum(bool(r["spec"].get("evictionRequested")) for r in replicas),
        }


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Where two states differ, in words."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            line
            for key in sorted(set(expected) | set(found))
            for line in differences(expected.get(key), found.get(key), f"{where} {key}".strip())
        ]
    return [] if expected == found else [f"{where}: {found!r} instead of {expected!r}"]
