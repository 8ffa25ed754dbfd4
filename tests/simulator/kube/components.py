# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything of Kubernetes around the API server, put together."""

from __future__ import annotations

from tests.simulator.errors import ApiError
from tests.simulator.kernel import Kernel
from tests.simulator.kube.attachdetach import AttachDetach
from tests.simulator.kube.budgets import Budgets
from tests.simulator.kube.garbage import GarbageCollector, Namespaces
from tests.simulator.kube.nodes import Machines
from tests.simulator.kube.scheduling import Scheduler
from tests.simulator.kube.tainteviction import TaintEviction
from tests.simulator.kube.taints import NodeLifecycle
from tests.simulator.kube.workloads import DaemonSets, Deployments, ReplicaSets, StatefulSets
from tests.simulator.objects import Object
from tests.simulator.resources import Resource
from tests.simulator.store import Store

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class Kubernetes:
    """The controllers, the scheduler and the machines of one cluster.

    ``start`` makes the first namespaces and publishes the custom kinds as
    CustomResourceDefinitions.
    """

    def __init__(self, kernel: Kernel, store: Store) -> None:
        self.store = store
        self.machines = Machines(kernel, store)
        self._controllers = (
            NodeLifecycle(kernel, store),
            Budgets(kernel, store),
            Scheduler(kernel, store),
            ReplicaSets(kernel, store),
            Deployments(kernel, store),
            StatefulSets(kernel, store),
            DaemonSets(kernel, store),
            AttachDetach(kernel, store),
        )
        self._followers = (
            GarbageCollector(kernel, store),
            Namespaces(kernel, store),
            TaintEviction(kernel, store),
        )

    def start(self) -> None:
        """Begin to work."""
        for name in NAMESPACES:
            ensure_namespace(self.store, name)
        publish_definitions(self.store)
        for follower in self._followers:
            follower.start()
        for controller in self._controllers:
            controller.start()


def ensure_namespace(store: Store, name: str) -> None:
    """Make a namespace, with its default service account, unless it exists."""
    if store.find("namespaces", "", name) is None:
        store.create("namespaces", {"metadata": {"name": name}})
        store.create("serviceaccounts", {"metadata": {"name": "default", "namespace": name}})


def publish_definitions(store: Store) -> None:
    """Make a CustomResourceDefinition for every custom kind of the registry, so that clients find
    its schema.
    """
    for resource in store.registry:
        if resource.builtin:
            continue
        try:
            store.create("customresourcedefinitions.apiextensions.k8s.io", definition(resource))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise


def definition(resource: Resource) -> Object:
    """Return the CustomResourceDefinition of a kind."""
    names: Object = {
        "kind": resource.kind,
        "listKind": resource.list_kind,
        "plural": resource.plural,
        "singular": resource.singular,
    }
    if resource.short_names:
        names["shortNames"] = list(resource.short_names)
    columns = [
        {
            "name": c.name,
            "type": c.type,
            "jsonPath": c.path,
            **({"description": c.description} if c.description else {}),
        }
        for c in resource.printer_columns
    ]
    version: Object = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": resource.schema or {"type": "object"}},
        "additionalPrinterColumns": columns,
    }
    if resource.status_subresource:
        version["subresources"] = {"status": {}}
    conditions = [
        {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts"},
        {"type": "Established", "status": "True", "reason": "InitialNamesAccepted"},
    ]
    return {
        "metadata": {"name": resource.key},
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "conversion": {"strategy": "None"},
            "versions": [version],
        },
        "status": {
            "acceptedNames": names,
            "conditions": conditions,
            "storedVersions": [resource.version],
        },
    }
