# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workloads as an operator would create them: claims of Longhorn volumes, sets of pods, budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulator.longhorn.csi import DRIVER

Object = dict[str, Any]
GRACE_SECONDS = 30


def bound_claim(volume: str, namespace: str = "default") -> tuple[Object, Object]:
    """PersistentVolume and claim, both named like the Longhorn volume, bound to each other."""
    size = {"storage": "64Mi"}
    modes = ["ReadWriteOnce"]
    persistent = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pv-{volume}"},
        "spec": {
            "accessModes": modes,
            "capacity": size,
            "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": volume},
            "csi": {"driver": DRIVER, "volumeHandle": volume},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": volume, "namespace": namespace},
        "spec": {
            "accessModes": modes,
            "resources": {"requests": size},
            "volumeName": f"pv-{volume}",
        },
    }
    return persistent, claim


def template(
    labels: Mapping[str, str], node: str = "", claim: str = "", scratch: bool = False
) -> Object:
    """A pod's template; ``node`` pins it to one node, ``scratch`` gives it an emptyDir."""
    spec: Object = {
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [{"name": "main", "image": "registry.example.org/app:1"}],
    }
    volumes: list[Object] = []
    if claim:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": claim}})
    if scratch:
        volumes.append({"name": "scratch", "emptyDir": {}})
    if volumes:
        spec["volumes"] = volumes
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    return {"metadata": {"labels": dict(labels)}, "spec": spec}


def workload(
    kind: str, name: str, replicas: int, pod: Object, namespace: str = "default"
) -> Object:
    """A Deployment, ReplicaSet, StatefulSet or DaemonSet of such pods."""
    spec: Object = {
        "selector": {"matchLabels": pod["metadata"]["labels"]},
        "template": pod,
    }
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def budget(
    name: str, labels: Mapping[str, str], namespace: str = "default", **limit: int | str
) -> Object:
    """A PodDisruptionBudget; ``limit`` is minAvailable or maxUnavailable."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": dict(labels)}, **limit},
    }
