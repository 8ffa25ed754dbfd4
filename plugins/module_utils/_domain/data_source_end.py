# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data sources that are being deleted before their first file was done.

Such a one ends in the state failed-and-cleanup, and only a running manager that has the image
brings it there, after it has cleaned up behind the first file. A manager passes over an image that
is gone, and an image that is being deleted gets no new manager (longhorn-manager
controller/backing_image_data_source_controller.go syncBackingImageDataSource,
backing_image_manager_controller.go prepareBackingImageFiles, backing_image_controller.go
syncBackingImage; v1.5.5 to v1.12.1). So neither time nor the return of a node ends a data source
whose image is gone: only taking its finalizer away does. No bytes that anybody can use are lost by
that: its pod is ended with the deletion, and no image has the file.
"""

from __future__ import annotations

import shlex

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    DataSource,
    Manager,
)

CLEANED = "failed-and-cleanup"


def in_the_making(cluster: Cluster, source: DataSource) -> bool:
    """Whether a first file is being made that somebody could lose."""
    return not source.file_transferred and not left_over(cluster, source)


def left_over(cluster: Cluster, source: DataSource) -> bool:
    """Whether nothing but the data source is left of a deleted image. The images must have been
    read before the data sources, or with them.
    """
    ending = source.meta.deleting and not source.file_transferred
    return ending and source.name not in cluster.images


def ends_by_itself(cluster: Cluster, source: DataSource) -> bool:
    """Whether Longhorn finishes the deletion of this one without anybody's help."""
    if source.state == CLEANED:
        return True
    image = cluster.images.get(source.name)
    if image is None:
        return False
    found = managers(cluster, source)
    # An image that stays gets a new manager on every disk of its map.
    return any(manager.running for manager in found) or not (found or image.meta.deleting)


def managers(cluster: Cluster, source: DataSource) -> tuple[Manager, ...]:
    """Managers that are to hold the image of this data source."""
    return tuple(
        manager
        for _name, manager in sorted(cluster.managers.items())
        if source.name in manager.images and not manager.meta.deleting
    )


def take_away(cluster: Cluster, source: DataSource) -> str:
    """The command that ends it; for a person, we never do that."""
    return command(cluster.namespace, source.name)


def command(namespace: str, name: str) -> str:
    """The same for one by its name."""
    patch = '[{"op": "remove", "path": "/metadata/finalizers"}]'
    return (
        f"kubectl -n {shlex.quote(namespace)} patch backingimagedatasources.longhorn.io "
        f"{shlex.quote(name)} --type=json -p {shlex.quote(patch)}"
    )


def told(cluster: Cluster, source: DataSource) -> tuple[str, str]:
    """Why a data source that does not end by itself stays, and what to do about it."""
    if left_over(cluster, source):
        return (
            "its image is deleted, only its data source stays: no manager of Longhorn cleans up "
            "for an image that is gone; nobody can lose anything by it",
            f"end it by hand, before an image of this name is made anew: "
            f"{take_away(cluster, source)}",
        )
    found = managers(cluster, source)
    waits = "its data source is being deleted and waits for a manager to clean up its first file"
    if not found:
        return (
            f"{waits}, but Longhorn makes none for an image that is being deleted",
            f"end it by hand: {take_away(cluster, source)}",
        )
    places = ", ".join(f"{m.node} ({m.state or 'not started'})" for m in found)
    nodes = ", ".join(dict.fromkeys(manager.node for manager in found))
    return (
        f"{waits}: none runs, on {places}",
        f"see that {nodes} is Ready and its backing image manager runs; then it ends by itself",
    )


def of_gone_image(cluster: Cluster, name: str) -> str:
    """A sentence for somebody who asks for an image that is gone, "" where no data source of it
    stays.
    """
    source = cluster.data_sources.get(name)
    if source is None or not left_over(cluster, source):
        return ""
    if ends_by_itself(cluster, source):
        return f"Image {name} is deleted; its data source goes by itself."
    why, remedy = told(cluster, source)
    return f"There is no image {name} any more: {why}. What to do: {remedy}"
