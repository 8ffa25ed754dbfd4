# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, labels and small constants of Longhorn (F§1, F§4.1, F§11.2)."""

from __future__ import annotations

import hashlib

from tests.simulator.longhorn.profiles import Profile

NAMESPACE = "longhorn-system"
API_VERSION = "longhorn.io/v1beta2"
FINALIZER = "longhorn.io"
HOST_PATH = "/var/lib/longhorn/"

IMAGES = "backingimages.longhorn.io"
DATA_SOURCES = "backingimagedatasources.longhorn.io"
MANAGERS = "backingimagemanagers.longhorn.io"
NODES = "nodes.longhorn.io"
REPLICAS = "replicas.longhorn.io"
VOLUMES = "volumes.longhorn.io"
ENGINES = "engines.longhorn.io"
SETTINGS = "settings.longhorn.io"
INSTANCE_MANAGERS = "instancemanagers.longhorn.io"
ENGINE_IMAGES = "engineimages.longhorn.io"
ATTACHMENTS = "volumeattachments.longhorn.io"

LABEL_COMPONENT = "longhorn.io/component"
LABEL_MANAGED_BY = "longhorn.io/managed-by"
LABEL_DISK = "longhorn.io/disk-uuid"
LABEL_NODE = "longhorn.io/node"
LABEL_DATA_SOURCE = "longhorn.io/backing-image-data-source"
LABEL_EXPORT = "longhorn.io/export-from-volume"
LABEL_IMAGE = "longhorn.io/backing-image"

COMPONENT_MANAGER = "backing-image-manager"
COMPONENT_DATA_SOURCE = "backing-image-data-source"
MANAGED_BY = "longhorn-manager"

# States of a file (F§2.1).
NEW = ""
PENDING = "pending"
STARTING = "starting"
IN_PROGRESS = "in-progress"
FOR_TRANSFER = "ready-for-transfer"
READY = "ready"
FAILED = "failed"
CLEANED = "failed-and-cleanup"
UNKNOWN = "unknown"

# States of a manager (F§1.5).
RUNNING = "running"
STOPPED = "stopped"
ERROR = "error"

POD_NOT_RUNNING = "Backing image manager pod is not running"


def manager_name(profile: Profile, disk_uuid: str) -> str:
    """Name of the backing image manager of a disk (longhorn-manager types/types.go)."""
    image = profile.image_of(COMPONENT_MANAGER)
    if profile.manager_naming == "short":
        start = hashlib.sha512(image.encode()).hexdigest()[:4]
        return f"backing-image-manager-{start}-{disk_uuid[:4]}"
    make = hashlib.sha256 if profile.manager_naming == "sha256" else hashlib.sha224
    return "bim-" + make(f"{image}-{disk_uuid}".encode()).hexdigest()


def manager_labels(node: str, disk_uuid: str) -> dict[str, str]:
    """Labels of a backing image manager and of its pod."""
    return {
        LABEL_COMPONENT: COMPONENT_MANAGER,
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_DISK: disk_uuid,
        LABEL_NODE: node,
    }


def data_source_pod(image: str) -> str:
    """Name of the pod that prepares an image's first file."""
    return f"backing-image-ds-{image}"


def data_source_labels(image: str, node: str, disk_uuid: str) -> dict[str, str]:
    """Labels of the pod that prepares an image's first file."""
    return {
        LABEL_COMPONENT: COMPONENT_DATA_SOURCE,
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_DATA_SOURCE: image,
        LABEL_DISK: disk_uuid,
        LABEL_NODE: node,
    }


def data_path(image: str, uuid: str) -> str:
    """Where a manager's pod sees the file of an image."""
    return f"/data/backing-images/{image}-{uuid}/backing"
