# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of Kubernetes itself that the simulator serves."""

from __future__ import annotations

from tests.simulator.kube import defaults, rules
from tests.simulator.kube.columns import (
    BUDGETS,
    DAEMONSETS,
    DEPLOYMENTS,
    EVENTS,
    NODES,
    PODS,
    REPLICASETS,
)
from tests.simulator.resources import Column, Registry, Resource

_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)


def _core() -> list[Resource]:
    return [
        Resource(
            "",
            "v1",
            "namespaces",
            "Namespace",
            short_names=("ns",),
            namespaced=False,
            builtin=True,
            generation=False,
            selectable_fields=("status.phase",),
            prepare=defaults.prepare_namespace,
            printer_columns=(Column("Status", ".status.phase"), _AGE),
        ),
        Resource(
            "",
            "v1",
            "nodes",
            "Node",
            short_names=("no",),
            namespaced=False,
            builtin=True,
            generation=False,
            created_with_status=True,
            selectable_fields=("spec.unschedulable",),
            printer_columns=NODES,
            default=defaults.default_node,
            check=rules.check_node,
            prepare=defaults.prepare_node,
        ),
        Resource(
            "",
            "v1",
            "pods",
            "Pod",
            short_names=("po",),
            builtin=True,
            returns_deleted=True,
            selectable_fields=_POD_FIELDS,
            printer_columns=PODS,
            categories=("all",),
            default=defaults.default_pod,
            check=rules.check_pod,
            prepare=defaults.prepare_pod,
            subresources=(("eviction", "Eviction"), ("log", "Pod"), ("binding", "Binding")),
        ),
        Resource(
            "",
            "v1",
            "events",
            "Event",
            short_names=("ev",),
            builtin=True,
            generation=False,
            status_subresource=False,
            selectable_fields=_EVENT_FIELDS,
            printer_columns=EVENTS,
            default=defaults.default_event,
            check=rules.check_event,
            create_on_update=True,
        ),
        Resource(
            "",
            "v1",
            "services",
            "Service",
            short_names=("svc",),
            builtin=True,
            generation=False,
            returns_deleted=True,
            categories=("all",),
            printer_columns=(_AGE,),
        ),
        Resource(
            "",
            "v1",
            "serviceaccounts",
            "ServiceAccount",
            short_names=("sa",),
            builtin=True,
            generation=False,
            status_subresource=False,
            returns_deleted=True,
            printer_columns=(_AGE,),
            subresources=(("token", "TokenRequest"),),
        ),
        Resource(
            "",
            "v1",
            "configmaps",
            "ConfigMap",
            short_names=("cm",),
            builtin=True,
            generation=False,
            status_subresource=False,
            printer_columns=(_AGE,),
        ),
        Resource(
            "",
            "v1",
            "secrets",
            "Secret",
            builtin=True,
            generation=False,
            status_subresource=False,
            selectable_fields=("type",),
            printer_columns=(Column("Type", ".type"), _AGE),
        ),
        Resource(
            "",
            "v1",
            "persistentvolumes",
            "PersistentVolume",
            short_names=("pv",),
            namespaced=False,
            builtin=True,
            generation=False,
            printer_columns=(_AGE,),
        ),
        Resource(
            "",
            "v1",
            "persistentvolumeclaims",
            "PersistentVolumeClaim",
            short_names=("pvc",),
            builtin=True,
            generation=False,
            printer_columns=(Column("Status", ".status.phase"), _AGE),
        ),
    ]


def _apps() -> list[Resource]:
    kinds = (
        ("daemonsets", "DaemonSet", "ds", DAEMONSETS),
        ("deployments", "Deployment", "deploy", DEPLOYMENTS),
        ("replicasets", "ReplicaSet", "rs", REPLICASETS),
        ("statefulsets", "StatefulSet", "sts", REPLICASETS),
    )
    return [
        Resource(
            "apps",
            "v1",
            plural,
            kind,
            short_names=(short,),
            printer_columns=columns,
            default=defaults.default_workload,
            subresources=() if plural == "daemonsets" else (("scale", "Scale"),),
            builtin=True,
            categories=("all",),
        )
        for plural, kind, short, columns in kinds
    ]


def _rbac() -> list[Resource]:
    group = "rbac.authorization.k8s.io"
    kinds = (
        ("roles", "Role", True),
        ("rolebindings", "RoleBinding", True),
        ("clusterroles", "ClusterRole", False),
        ("clusterrolebindings", "ClusterRoleBinding", False),
    )
    return [
        Resource(
            group,
            "v1",
            plural,
            kind,
            namespaced=namespaced,
            builtin=True,
            generation=False,
            status_subresource=False,
            printer_columns=(_AGE,),
        )
        for plural, kind, namespaced in kinds
    ]


def _others() -> list[Resource]:
    return [
        Resource(
            "policy",
            "v1",
            "poddisruptionbudgets",
            "PodDisruptionBudget",
            short_names=("pdb",),
            builtin=True,
            needs_version=True,
            prepare=defaults.prepare_budget,
            check=rules.check_budget,
            printer_columns=BUDGETS,
        ),
        Resource(
            "coordination.k8s.io",
            "v1",
            "leases",
            "Lease",
            builtin=True,
            create_on_update=True,
            needs_version=True,
            check=rules.check_lease,
            generation=False,
            status_subresource=False,
            printer_columns=(Column("Holder", ".spec.holderIdentity"), _AGE),
        ),
        Resource(
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
            short_names=("crd", "crds"),
            namespaced=False,
            builtin=True,
            created_with_status=True,
            printer_columns=(Column("Created At", ".metadata.creationTimestamp", "date"),),
        ),
        Resource(
            "authorization.k8s.io",
            "v1",
            "selfsubjectaccessreviews",
            "SelfSubjectAccessReview",
            namespaced=False,
            builtin=True,
            generation=False,
            status_subresource=False,
            verbs=("create",),
        ),
        Resource(
            "storage.k8s.io",
            "v1",
            "storageclasses",
            "StorageClass",
            short_names=("sc",),
            namespaced=False,
            builtin=True,
            generation=False,
            status_subresource=False,
            printer_columns=(Column("Provisioner", ".provisioner"), _AGE),
        ),
        Resource(
            "storage.k8s.io",
            "v1",
            "volumeattachments",
            "VolumeAttachment",
            namespaced=False,
            builtin=True,
            generation=False,
            printer_columns=(_AGE,),
        ),
        Resource(
            "scheduling.k8s.io",
            "v1",
            "priorityclasses",
            "PriorityClass",
            short_names=("pc",),
            namespaced=False,
            builtin=True,
            status_subresource=False,
            printer_columns=(Column("Value", ".value", "integer"), _AGE),
        ),
    ]


def builtin_registry() -> Registry:
    """Return a fresh registry with every built-in kind; Longhorn's kinds are registered on top."""
    return Registry([*_core(), *_apps(), *_others(), *_rbac()])
