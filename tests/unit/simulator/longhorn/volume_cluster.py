# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with a volume, and the few things the volume tests do to it."""

from __future__ import annotations

from typing import Any

from tests.simulator.longhorn import names
from tests.simulator.longhorn.cluster import Cluster
from tests.simulator.objects import name_of

MERGE = "application/merge-patch+json"
BUDGETS = "poddisruptionbudgets.policy"
Object = dict[str, Any]


class VolumeCluster:
    """Three nodes; an image on every one of them unless told otherwise."""

    def __init__(self, longhorn: str = "1.12", copies: int = 3) -> None:
        self.cluster = Cluster(longhorn=longhorn, nodes=3)
        self.store = self.cluster.store
        self.kernel = self.cluster.kernel
        self.nodes = list(self.cluster.nodes)
        self.kernel.run_for(15)
        if copies:
            self.cluster.create_image("img", copies=copies)

    def close(self) -> None:
        self.cluster.close()

    def wait(self, seconds: float) -> None:
        self.kernel.run_for(seconds)

    def volume(self, name: str = "vol", replicas: int = 2, image: str = "img") -> None:
        """Create a volume and wait until it is detached."""
        spec: Object = {"size": "67108864", "numberOfReplicas": replicas}
        if image:
            spec["backingImage"] = image
        meta = {"name": name, "namespace": names.NAMESPACE}
        self.store.create(names.VOLUMES, {"metadata": meta, "spec": spec})
        self.until(lambda: self.state(name) == "detached", 20)

    def attach(self, node: str, name: str = "vol", wait: bool = True) -> None:
        """Attach by a ticket; wait until healthy."""
        ticket = {
            "id": "test",
            "type": "longhorn-api",
            "nodeID": node,
            "parameters": {"disableFrontend": "true", "lastAttachedBy": ""},
        }
        self.patch(names.ATTACHMENTS, name, {"spec": {"attachmentTickets": {"test": ticket}}})
        if wait:
            self.until(lambda: self.robustness(name) == "healthy", 60)

    def detach(self, name: str = "vol") -> None:
        self.patch(names.ATTACHMENTS, name, {"spec": {"attachmentTickets": {"test": None}}})
        self.until(lambda: self.state(name) == "detached", 20)

    def patch(self, resource: str, name: str, body: Object, ns: str | None = None) -> Object:
        scope = None if resource == "nodes" else ns or names.NAMESPACE
        return self.store.patch(resource, scope, name, body, MERGE)

    def until(self, condition: Any, limit: float) -> None:
        assert self.kernel.run_until_true(condition, limit), "it did not come about"

    def get(self, resource: str, name: str) -> Object:
        return self.store.get(resource, names.NAMESPACE, name)

    def state(self, name: str = "vol") -> str:
        return str((self.get(names.VOLUMES, name).get("status") or {}).get("state") or "")

    def robustness(self, name: str = "vol") -> str:
        return str((self.get(names.VOLUMES, name).get("status") or {}).get("robustness") or "")

    def replicas(self, name: str = "vol") -> list[Object]:
        found = self.store.list(names.REPLICAS, names.NAMESPACE)
        return [r for r in found if r["spec"]["volumeName"] == name]

    def on(self, node: str, name: str = "vol") -> Object | None:
        """The replica of a volume on a node."""
        return next((r for r in self.replicas(name) if r["spec"]["nodeID"] == node), None)

    def there(self, node: str) -> Object:
        """The replica of the volume on a node, which must have one."""
        found = self.on(node)
        assert found is not None, f"no replica on {node}"
        return found

    def homes(self, name: str = "vol") -> set[str]:
        return {r["spec"]["nodeID"] for r in self.replicas(name)}

    def modes(self, name: str = "vol") -> dict[str, str]:
        engine = self.get(names.ENGINES, f"{name}-e-0")
        return dict((engine.get("status") or {}).get("replicaModeMap") or {})

    def manager(self, node: str) -> Object:
        found = self.store.list(names.INSTANCE_MANAGERS, names.NAMESPACE)
        return next(m for m in found if m["spec"]["nodeID"] == node)

    def has_budget(self, node: str) -> bool:
        name = name_of(self.manager(node))
        return self.store.find(BUDGETS, names.NAMESPACE, name) is not None

    def cordon(self, node: str, cordoned: bool = True) -> None:
        self.patch("nodes", node, {"spec": {"unschedulable": cordoned or None}})

    def policy(self, value: str) -> None:
        self.patch(names.SETTINGS, "node-drain-policy", {"value": value})

    def evict_manager(self, node: str) -> None:
        """Evict the instance manager's pod. Raises ApiError 429 while its budget is there."""
        name = name_of(self.manager(node))
        self.cluster.evict(names.NAMESPACE, name, {"metadata": {"name": name}})
