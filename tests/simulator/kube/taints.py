# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taints that follow from a node's conditions and cordon, and the pods of nodes that are no more.

Source: kubernetes pkg/controller/nodelifecycle, podgc; timing from recordings */f-node-down: the
NoExecute taint goes with the monitor's next round, about 5 s after the node is back.
"""

from __future__ import annotations

from typing import ClassVar

from tests.simulator.controller import Controller, Key, key_of
from tests.simulator.errors import ApiError
from tests.simulator.history import DELETED, WatchEvent
from tests.simulator.kernel import Kernel
from tests.simulator.kube.defaults import NOT_READY, UNREACHABLE, UNSCHEDULABLE
from tests.simulator.kube.nodes import MONITOR
from tests.simulator.objects import Object, condition, name_of
from tests.simulator.store import Store

ORPHAN_PODS = 40.0


class NodeLifecycle(Controller):
    """Keeps the taints of a node in line with its conditions and its cordon."""

    resource = "nodes"
    resync: ClassVar[float] = 0.0
    latency: ClassVar[tuple[float, float]] = (0.0, 0.0)

    def __init__(self, kernel: Kernel, store: Store) -> None:
        super().__init__(kernel, store)
        store.subscribe(self._on_deleted)

    def reconcile(self, key: Key) -> float | None:
        """Set the NoSchedule taints now, the NoExecute ones with the monitor's delay."""
        node = self.store.find("nodes", *key)
        if node is None:
            return None
        ready = condition(node, "Ready")
        state = ready["status"] if ready else ""
        wanted = {"Unknown": UNREACHABLE, "False": NOT_READY}.get(state, "")
        self._write(node, wanted, bool(node["spec"].get("unschedulable")))
        present = _executing(node)
        if present != wanted:
            delay = 0.2 if wanted else self.kernel.rng.uniform(4.4, MONITOR)
            self.kernel.call_later(delay, lambda: self._execute(key[1]))
        return None

    def _write(self, node: Object, wanted: str, cordoned: bool) -> None:
        keys = [k for k, on in ((wanted, bool(wanted)), (UNSCHEDULABLE, cordoned)) if on]
        managed = (NOT_READY, UNREACHABLE, UNSCHEDULABLE)

        def edit(obj: Object) -> None:
            obj["metadata"].setdefault("annotations", {})["node.alpha.kubernetes.io/ttl"] = "0"
            taints = obj["spec"].get("taints") or []
            kept = [
                t
                for t in taints
                if t["effect"] != "NoSchedule" or t["key"] not in managed or t["key"] in keys
            ]
            have = {t["key"] for t in kept if t["effect"] == "NoSchedule"}
            stamp = self.kernel.timestamp()
            kept += [
                {"key": k, "effect": "NoSchedule", "timeAdded": stamp}
                for k in keys
                if k not in have
            ]
            obj["spec"]["taints"] = kept

        self.store.mutate("nodes", "", name_of(node), edit)

    def _execute(self, name: str) -> None:
        node = self.store.find("nodes", "", name)
        if node is None:
            return
        ready = condition(node, "Ready")
        wanted = {"Unknown": UNREACHABLE, "False": NOT_READY}.get(
            ready["status"] if ready else "", ""
        )
        if _executing(node) == wanted:
            return

        def edit(obj: Object) -> None:
            taints = obj["spec"].get("taints") or []
            kept = [
                t
                for t in taints
                if t["effect"] != "NoExecute" or t["key"] not in (NOT_READY, UNREACHABLE)
            ]
            if wanted:
                stamp = self.kernel.timestamp()
                kept.append({"key": wanted, "effect": "NoExecute", "timeAdded": stamp})
            obj["spec"]["taints"] = kept

        self.store.mutate("nodes", "", name, edit)

    def _on_deleted(self, event: WatchEvent) -> None:
        """Pods of a node that is no more are removed by the pod garbage collector."""
        if event.res != "nodes" or event.type != DELETED:
            return
        name = name_of(event.obj)

        def collect() -> None:
            if self.store.find("nodes", "", name) is not None:
                return
            for pod in self.store.list("pods"):
                if pod["spec"].get("nodeName") == name:
                    delete_quietly(self.store, pod, 0)

        self.kernel.call_later(ORPHAN_PODS, collect)


def delete_quietly(store: Store, pod: Object, grace: int | None = None) -> None:
    """Delete a pod; one that is gone already, or another of its name, is left alone."""
    namespace, name = key_of(pod)
    try:
        store.delete("pods", namespace, name, uid=pod["metadata"]["uid"], grace=grace)
    except ApiError as error:
        if error.status not in (404, 409):
            raise


def _executing(node: Object) -> str:
    for taint in node["spec"].get("taints") or []:
        if taint["effect"] == "NoExecute" and taint["key"] in (NOT_READY, UNREACHABLE):
            key: str = taint["key"]
            return key
    return ""
