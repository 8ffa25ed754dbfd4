# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that Longhorn makes for images (F§2.2, F§4.1)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulator.longhorn import names
from tests.simulator.longhorn.profiles import Profile
from tests.simulator.objects import Object, name_of, owner_reference

ACCOUNT = "longhorn-service-account"
PRIORITY = 1000000000
TOLERATED = 300


def manager_pod(profile: Profile, manager: Object) -> Object:
    """The pod of a backing image manager."""
    spec = manager["spec"]
    command = ["backing-image-manager", "--debug", "daemon", "--listen", ":8000"]
    return _pod(
        profile,
        manager,
        name_of(manager),
        names.COMPONENT_MANAGER,
        names.manager_labels(spec["nodeID"], spec["diskUUID"]),
        [*command, "--sync-listen", ":8001"],
    )


def data_source_pod(profile: Profile, source: Object, parameters: Mapping[str, str]) -> Object:
    """The pod that prepares an image's first file."""
    spec = source["spec"]
    name = name_of(source)
    command = ["backing-image-manager", "--debug", "data-source", "--listen", ":8000"]
    command += ["--sync-listen", ":8001", "--name", name, "--uuid", spec.get("uuid", "")]
    command += ["--source-type", spec.get("sourceType", "")]
    for key, value in sorted(parameters.items()):
        command += ["--parameters", f"{key}={value}"]
    if spec.get("checksum"):
        command += ["--checksum", spec["checksum"]]
    return _pod(
        profile,
        source,
        names.data_source_pod(name),
        names.COMPONENT_DATA_SOURCE,
        names.data_source_labels(name, spec["nodeID"], spec["diskUUID"]),
        command,
    )


def _pod(
    profile: Profile,
    owner: Object,
    name: str,
    container: str,
    labels: dict[str, str],
    command: list[str],
) -> Object:
    spec = owner["spec"]
    reason = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATED}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": names.NAMESPACE,
            "labels": labels,
            "annotations": {"longhorn.io/last-applied-tolerations": "[]"},
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": {
            "nodeName": spec["nodeID"],
            "restartPolicy": "Never",
            "serviceAccountName": ACCOUNT,
            "priorityClassName": "longhorn-critical",
            "priority": PRIORITY,
            "terminationGracePeriodSeconds": 30,
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", **reason},
                {"key": "node.kubernetes.io/unreachable", **reason},
            ],
            "volumes": [{"name": "disk-path", "hostPath": {"path": spec["diskPath"], "type": ""}}],
            "containers": [
                {
                    "name": container,
                    "image": profile.image_of(names.COMPONENT_MANAGER),
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "resources": {},
                    "securityContext": {"privileged": True},
                    "volumeMounts": [{"name": "disk-path", "mountPath": "/data/"}],
                    "readinessProbe": {
                        "tcpSocket": {"port": 8000},
                        "initialDelaySeconds": 3,
                        "timeoutSeconds": 4,
                        "periodSeconds": 5,
                        "successThreshold": 1,
                        "failureThreshold": 3,
                    },
                }
            ],
        },
    }
