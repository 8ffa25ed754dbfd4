# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's kinds as the API server serves them in one release."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulator.longhorn import schemas_images, schemas_nodes, schemas_volumes
from tests.simulator.longhorn.profiles import Profile
from tests.simulator.longhorn.schema_terms import Schema, release_of, render
from tests.simulator.resources import Column, Resource

GROUP = "longhorn.io"
VERSION = "v1beta2"


@dataclass(frozen=True, slots=True)
class Shown:
    """A printer column: name, JSON path, type, the release it came with, priority, description."""

    name: str
    path: str
    type: str = "string"
    since: str = "1.5"
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind's names, schema and columns (an Age column is added to each)."""

    kind: str
    plural: str
    short: str
    schema: Schema
    columns: tuple[Shown, ...] = ()


_INSTANCE_COLUMNS = (
    Shown("Data Engine", ".spec.dataEngine", since="1.6"),
    Shown("State", ".status.currentState"),
    Shown("Node", ".spec.nodeID"),
)
_IMAGE_COLUMNS = (
    Shown("InstanceManager", ".status.instanceManagerName"),
    Shown("Image", ".status.currentImage"),
)

KINDS: tuple[Kind, ...] = (
    Kind(
        "BackingImage",
        "backingimages",
        "lhbi",
        schemas_images.BACKING_IMAGE,
        (
            Shown("UUID", ".status.uuid", description="The system generated UUID"),
            Shown(
                "SourceType",
                ".spec.sourceType",
                description="The source of the backing image file data",
            ),
            Shown("Size", ".status.size", description="The backing image file size in each disk"),
            Shown(
                "VirtualSize",
                ".status.virtualSize",
                description="The virtual size of the image (may be larger than file size)",
            ),
        ),
    ),
    Kind(
        "BackingImageDataSource",
        "backingimagedatasources",
        "lhbids",
        schemas_images.DATA_SOURCE,
        (
            Shown("UUID", ".spec.uuid"),
            Shown("State", ".status.currentState"),
            Shown("SourceType", ".spec.sourceType"),
            Shown("Size", ".status.size"),
            Shown("Node", ".spec.nodeID"),
            Shown("DiskUUID", ".spec.diskUUID"),
        ),
    ),
    Kind(
        "BackingImageManager",
        "backingimagemanagers",
        "lhbim",
        schemas_images.MANAGER,
        (
            Shown("State", ".status.currentState"),
            Shown("Image", ".spec.image"),
            Shown("Node", ".spec.nodeID"),
            Shown("DiskUUID", ".spec.diskUUID"),
            Shown("DiskPath", ".spec.diskPath"),
        ),
    ),
    Kind(
        "Node",
        "nodes",
        "lhn",
        schemas_nodes.NODE,
        (
            Shown("Ready", ".status.conditions[?(@.type=='Ready')].status"),
            Shown("AllowScheduling", ".spec.allowScheduling", "boolean"),
            Shown("Schedulable", ".status.conditions[?(@.type=='Schedulable')].status"),
        ),
    ),
    Kind(
        "Volume",
        "volumes",
        "lhv",
        schemas_volumes.VOLUME,
        (
            Shown("Data Engine", ".spec.dataEngine", since="1.6"),
            Shown("State", ".status.state"),
            Shown("Robustness", ".status.robustness"),
            Shown("Scheduled", ".status.conditions[?(@.type=='Schedulable')].status"),
            Shown("Size", ".spec.size"),
            Shown("Node", ".status.currentNodeID"),
        ),
    ),
    Kind(
        "Replica",
        "replicas",
        "lhr",
        schemas_volumes.REPLICA,
        (*_INSTANCE_COLUMNS, Shown("Disk", ".spec.diskID"), *_IMAGE_COLUMNS),
    ),
    Kind(
        "Engine",
        "engines",
        "lhe",
        schemas_volumes.ENGINE,
        (*_INSTANCE_COLUMNS, *_IMAGE_COLUMNS),
    ),
    Kind(
        "Setting",
        "settings",
        "lhs",
        schemas_images.SETTING,
        (
            Shown("Value", ".value"),
            Shown("Applied", ".status.applied", "boolean", since="1.7"),
        ),
    ),
    Kind(
        "InstanceManager",
        "instancemanagers",
        "lhim",
        schemas_nodes.INSTANCE_MANAGER,
        (
            Shown("Data Engine", ".spec.dataEngine", since="1.6"),
            Shown("State", ".status.currentState"),
            Shown("Type", ".spec.type"),
            Shown("Node", ".spec.nodeID"),
        ),
    ),
    Kind(
        "EngineImage",
        "engineimages",
        "lhei",
        schemas_nodes.ENGINE_IMAGE,
        (
            Shown("Incompatible", ".status.incompatible", "boolean", since="1.6"),
            Shown("State", ".status.state"),
            Shown("Image", ".spec.image"),
            Shown("RefCount", ".status.refCount", "integer"),
            Shown("BuildDate", ".status.buildDate", "date"),
        ),
    ),
    Kind("VolumeAttachment", "volumeattachments", "lhva", schemas_volumes.ATTACHMENT),
)


def columns_of(kind: Kind, profile: Profile) -> tuple[Column, ...]:
    """The printer columns of a kind in one release, Age last."""
    shown = [c for c in kind.columns if release_of(c.since) <= profile.version]
    columns = [Column(c.name, c.path, c.type, c.description, priority=c.priority) for c in shown]
    return (*columns, Column("Age", ".metadata.creationTimestamp", "date"))


def resource_of(kind: Kind, profile: Profile) -> Resource:
    """One kind as it is served in one release."""
    return Resource(
        group=GROUP,
        version=VERSION,
        plural=kind.plural,
        kind=kind.kind,
        singular=kind.kind.lower(),
        short_names=(kind.short,),
        schema=render(kind.schema, profile.version),
        printer_columns=columns_of(kind, profile),
    )


def resources_of(profile: Profile) -> tuple[Resource, ...]:
    """All kinds of a release."""
    return tuple(resource_of(kind, profile) for kind in KINDS)
