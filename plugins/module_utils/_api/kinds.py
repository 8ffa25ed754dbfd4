# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds we talk about: group, version, plural and scope are known, so nothing is discovered."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote


@dataclasses.dataclass(frozen=True)
class Kind:
    """A resource of the API and its place in the URL space."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def label(self) -> str:
        """The name as `kubectl` and RBAC texts write it: ``backingimages.longhorn.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """The apiVersion of an object of this kind."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """The URL path. Without *namespace*, a namespaced kind means all namespaces."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if sub:
            parts.append(sub)
        return "/".join(parts)


def _longhorn(plural: str, kind: str) -> Kind:
    return Kind("longhorn.io", "v1beta2", plural, kind)


BACKING_IMAGES = _longhorn("backingimages", "BackingImage")
DATA_SOURCES = _longhorn("backingimagedatasources", "BackingImageDataSource")
MANAGERS = _longhorn("backingimagemanagers", "BackingImageManager")
LONGHORN_NODES = _longhorn("nodes", "Node")
VOLUMES = _longhorn("volumes", "Volume")
ENGINES = _longhorn("engines", "Engine")
REPLICAS = _longhorn("replicas", "Replica")
INSTANCE_MANAGERS = _longhorn("instancemanagers", "InstanceManager")
ATTACHMENTS = _longhorn("volumeattachments", "VolumeAttachment")
SETTINGS = _longhorn("settings", "Setting")
CRDS = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", False)
NODES = Kind("", "v1", "nodes", "Node", False)
PODS = Kind("", "v1", "pods", "Pod")
SECRETS = Kind("", "v1", "secrets", "Secret")
PERSISTENT_VOLUMES = Kind("", "v1", "persistentvolumes", "PersistentVolume", False)
EVENTS = Kind("", "v1", "events", "Event")
BUDGETS = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
NODE_ATTACHMENTS = Kind("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", False)
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease")
DAEMON_SETS = Kind("apps", "v1", "daemonsets", "DaemonSet")
