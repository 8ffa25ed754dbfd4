# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can stand in the way of a drain at once, and how an operator clears each away.

``KUBECONFIG=... python -m tests.scenery.obstacles ACTION NODE [NAME ...]``: ``build`` puts them up,
``solve`` clears those that are named, ``lonely`` puts up nothing but a pod that no controller would
start again, ``meanwhile`` waits until a drain is held by the budget of
``api`` and makes its pod ready again, ``untouched`` tells whether the collection has written
anything since ``build``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.observer.api import LONGHORN, NAMESPACE, Api, Refused
from tests.scenery import workloads

MERGE = "application/merge-patch+json"
PODS = "/api/v1/namespaces/default/pods"
SETS = "/apis/apps/v1/namespaces/default/replicasets"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
LIMIT_SECONDS = 240.0
HESITATION_SECONDS = 6.0
AGENT = "nodecare.longhorn"
BY_HAND = "ledger"
UPLOADED = "half-uploaded"


class Course:
    """The obstacles of one node."""

    def __init__(self, api: Api, node: str) -> None:
        self._api = api
        self._node = node
        self._others = [
            str(item["metadata"]["name"])
            for item in api.items("/api/v1/nodes")
            if item["metadata"]["name"] != node
        ]

    # -- up ----------------------------------------------------------------------------------------
    def build(self) -> None:
        """Put all of them up and wait until they stand."""
        self._attach_by_hand()
        self._begin_upload()
        self._cordon(self._others, True)
        self._set("cache", 1, scratch=True)
        self._set("db", 2)
        self._set("api", 1)
        self.lonely()
        self._wait("pods", lambda: self._running("cache", 1, "db", 2, "api", 1))
        self._cordon(self._others, False)
        self._scale("api", 3)
        for name, least in (("db", 2), ("api", 2)):
            body = workloads.budget(name, {"app": name}, minAvailable=least)
            self._api.send("POST", BUDGETS, body)
        self._ready(self._elsewhere("api"), False)
        self._close_disks(True)
        self._wait("the upload's server", self._upload_waits)
        self._wait("the volume", lambda: self._robust(BY_HAND))
        self._api.send("DELETE", "/simulator/requests", {})

    def _set(self, name: str, replicas: int, scratch: bool = False) -> None:
        pod = workloads.template({"app": name}, scratch=scratch)
        self._api.send("POST", SETS, workloads.workload("ReplicaSet", name, replicas, pod))

    def lonely(self) -> None:
        """A pod without an owner."""
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "debug", "namespace": "default"},
            "spec": {"nodeName": self._node, "containers": [{"name": "main", "image": "x"}]},
        }
        self._api.send("POST", PODS, body)

    def _attach_by_hand(self) -> None:
        spec = {"size": str(64 << 20), "numberOfReplicas": 2, "frontend": "blockdev"}
        body = {"metadata": {"name": BY_HAND, "namespace": NAMESPACE}, "spec": spec}
        self._api.send("POST", f"{LONGHORN}/volumes", self._longhorn("Volume", body))
        path = f"{LONGHORN}/volumeattachments/{BY_HAND}"
        self._wait("its attachment", lambda: self._exists(path))
        ticket = {
            "id": "by-hand",
            "type": "longhorn-api",
            "nodeID": self._node,
            "parameters": {"disableFrontend": "false", "lastAttachedBy": ""},
        }
        change = {"spec": {"attachmentTickets": {"by-hand": ticket}}}
        self._api.send("PATCH", path, change, MERGE)

    def _begin_upload(self) -> None:
        """An upload that nobody sends the bytes of, on a disk of the node."""
        field = self._map_field()
        spec: dict[str, Any] = {"sourceType": "upload", "sourceParameters": {}}
        status = self._api.get(f"{LONGHORN}/nodes/{self._node}")["status"]["diskStatus"]
        disk = sorted(status.values(), key=lambda d: str(d["diskUUID"]))[0]["diskUUID"]
        image = self._api.items(f"{LONGHORN}/backingimages")[0]
        entry = next(iter(image["spec"][field].values()))
        spec[field] = {disk: entry}
        body = {"metadata": {"name": UPLOADED, "namespace": NAMESPACE}, "spec": spec}
        self._api.send("POST", f"{LONGHORN}/backingimages", self._longhorn("BackingImage", body))

    def _map_field(self) -> str:
        image = self._api.items(f"{LONGHORN}/backingimages")[0]
        return "diskFileSpecMap" if image["spec"].get("diskFileSpecMap") else "disks"

    def _longhorn(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": "longhorn.io/v1beta2", "kind": kind, **body}

    def _close_disks(self, closed: bool) -> None:
        """No other disk takes a copy or a replica."""
        for name in self._others:
            path = f"{LONGHORN}/nodes/{name}"
            disks = self._api.get(path)["spec"]["disks"]
            change = {"spec": {"disks": {d: {"allowScheduling": not closed} for d in disks}}}
            self._api.send("PATCH", path, change, MERGE)

    def _cordon(self, nodes: list[str], closed: bool) -> None:
        for name in nodes:
            change = {"spec": {"unschedulable": True if closed else None}}
            self._api.send("PATCH", f"/api/v1/nodes/{name}", change, MERGE)

    # -- away --------------------------------------------------------------------------------------
    def solve(self, name: str) -> None:
        """Clear one of them away, as its remedy says. Raises KeyError for an unknown one."""
        ways: dict[str, Callable[[], None]] = {
            "bare_pod": lambda: self._delete(f"{PODS}/debug"),
            "empty_dir": lambda: self._scale("cache", 0),
            "budget_never": lambda: self._scale("db", 3),
            "manual_attachment": self._detach,
            "first_file": lambda: self._delete(f"{LONGHORN}/backingimages/{UPLOADED}"),
            "no_target_disk": lambda: self._close_disks(False),
            "single_replica": self._second_replica,
        }
        ways[name]()

    def _delete(self, path: str) -> None:
        self._api.send("DELETE", path)
        self._wait(f"the end of {path}", lambda: not self._exists(path))

    def _scale(self, name: str, replicas: int) -> None:
        self._api.send("PATCH", f"{SETS}/{name}", {"spec": {"replicas": replicas}}, MERGE)
        self._wait(f"{name} with {replicas} pods", lambda: self._running(name, replicas))

    def _detach(self) -> None:
        path = f"{LONGHORN}/volumeattachments/{BY_HAND}"
        change = {"spec": {"attachmentTickets": {"by-hand": None}}}
        self._api.send("PATCH", path, change, MERGE)
        self._wait("the volume detached", lambda: self._state(BY_HAND) == "detached")

    def _second_replica(self) -> None:
        path = f"{LONGHORN}/volumes/web"
        self._api.send("PATCH", path, {"spec": {"numberOfReplicas": 2}}, MERGE)
        self._wait("its second replica", lambda: self._whole("web", 2))

    # -- while it runs -----------------------------------------------------------------------------
    def meanwhile(self) -> None:
        """Once the drain is refused by the budget of `api`: a while later its other pod becomes
        ready again.
        """
        self._wait("a refused eviction", self._refused)
        time.sleep(HESITATION_SECONDS)
        self._ready(self._elsewhere("api"), True)

    def _refused(self) -> bool:
        answer = self._api.send("GET", "/simulator/requests")
        return any(
            entry["subresource"] == "eviction"
            and entry["status"] == 429
            and entry["name"].startswith("api-")
            for entry in answer["entries"]
        )

    def writes(self) -> list[str]:
        """What the collection has written since `build`; asking for rights is no write."""
        answer = self._api.send("GET", "/simulator/requests")
        return [
            f"{entry['verb']} {entry['path']}"
            for entry in answer["entries"]
            if AGENT in entry["agent"]
            and entry["verb"] not in ("get", "list", "watch")
            and "selfsubject" not in entry["resource"]
        ]

    # -- what is seen ------------------------------------------------------------------------------
    def _pods(self, name: str) -> list[dict[str, Any]]:
        found = self._api.items(PODS)
        return [pod for pod in found if pod["metadata"].get("labels", {}).get("app") == name]

    def _elsewhere(self, name: str) -> dict[str, Any]:
        """A pod of the set that is not on the node."""
        pods = self._pods(name)
        return next(pod for pod in pods if pod["spec"]["nodeName"] != self._node)

    def _running(self, *wanted: str | int) -> bool:
        pairs = zip(wanted[::2], wanted[1::2], strict=True)
        for name, number in pairs:
            pods = self._pods(str(name))
            if len(pods) != number or any(p["status"].get("phase") != "Running" for p in pods):
                return False
        return True

    def _ready(self, pod: dict[str, Any], ready: bool) -> None:
        """What the kubelet reports of it."""
        conditions = [
            {**entry, "status": str(ready)} if entry["type"] == "Ready" else entry
            for entry in pod["status"]["conditions"]
        ]
        path = f"{PODS}/{pod['metadata']['name']}/status"
        self._api.send("PATCH", path, {"status": {"conditions": conditions}}, MERGE)

    def _exists(self, path: str) -> bool:
        try:
            self._api.get(path)
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True

    def _volume(self, name: str) -> dict[str, Any]:
        return self._api.get(f"{LONGHORN}/volumes/{name}").get("status") or {}

    def _state(self, name: str) -> str:
        return str(self._volume(name).get("state") or "")

    def _robust(self, name: str) -> bool:
        return self._volume(name).get("robustness") == "healthy"

    def _whole(self, name: str, number: int) -> bool:
        replicas = [
            r["spec"]
            for r in self._api.items(f"{LONGHORN}/replicas")
            if r["spec"]["volumeName"] == name
        ]
        good = [r for r in replicas if r.get("healthyAt") and not r.get("failedAt")]
        return self._robust(name) and len(good) == number

    def _upload_waits(self) -> bool:
        path = f"{LONGHORN}/backingimagedatasources/{UPLOADED}"
        return self._exists(path) and bool(self._api.get(path)["spec"].get("nodeID"))

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not there after {LIMIT_SECONDS:.0f} s")
            time.sleep(0.2)


def main() -> int:
    """Do what is asked; 1 if `untouched` does not hold."""
    action, node, *names = sys.argv[1:]
    course = Course(Api(Path(os.environ["KUBECONFIG"])), node)
    if action == "untouched":
        found = course.writes()
        print("\n".join(found) if found else "nothing was written")
        return 1 if found else 0
    if action == "solve":
        for name in names:
            course.solve(name)
    else:
        {"build": course.build, "lonely": course.lonely, "meanwhile": course.meanwhile}[action]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
