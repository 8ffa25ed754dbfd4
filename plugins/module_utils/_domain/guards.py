# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May this key leave the placement map? The last check before each removal.

Longhorn's own guard exists only from 1.8.2 and 1.9.1 (longhorn-manager
controller/backing_image_controller.go); a replica whose image file goes dies within 4 to 10 s on
every version. So ours holds everywhere, and it looks at objects that were listed *after* the
image whose resourceVersion the removal will test.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import proven
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Image,
    Replica,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason against removing a key; `rule` is a fixed word, `text` is for a person."""

    rule: str
    text: str


def users_of_copy(cluster: Cluster, image: str, disk: str) -> tuple[Replica, ...]:
    """Replicas that use this copy, in any state: failed, stopped and not yet started ones count."""
    return tuple(
        replica for replica in cluster.replicas_of_image.get(image, ()) if replica.disk == disk
    )


def against_removal(
    cluster: Cluster,
    image: Image,
    disk: str,
    *,
    maintenance: Collection[str] = (),
    keep: int = 1,
) -> tuple[Refusal, ...]:
    """All reasons against taking the key of `disk` out of the image's map; () when it may go.

    keep: how many proven copies must remain outside `maintenance`, at least 1 whatever is given.
    """
    found: list[Refusal] = []
    users = users_of_copy(cluster, image.name, disk)
    if users:
        named = ", ".join(replica.name for replica in users)
        found.append(Refusal("replica_uses_it", f"replica {named} uses this copy"))
    others = [c for c in proven.proven(cluster, image, maintenance) if c.disk != disk]
    needed = max(1, keep)
    if len(others) < needed:
        found.append(
            Refusal(
                "too_few_proven",
                f"only {len(others)} of {needed} proven copies would remain elsewhere",
            )
        )
    source = cluster.data_sources.get(image.name)
    if source is None or not source.file_transferred:
        found.append(Refusal("first_file", "its first file is still being prepared"))
    found += _readers(cluster, image, disk)
    place = cluster.disks.get(disk)
    if place and place.allow_scheduling and cluster.nodes[place.node].allow_scheduling:
        found.append(Refusal("disk_open", f"disk {place.label} is still open for new replicas"))
    return tuple(found)


def _readers(cluster: Cluster, image: Image, disk: str) -> list[Refusal]:
    found: list[Refusal] = []
    for manager in cluster.managers_of_disk.get(disk, ()):
        file = manager.files.get(image.name)
        if file is not None and file.sending > 0:
            found.append(Refusal("being_read", f"{file.sending} transfers read this copy now"))
    for source in cluster.data_sources.values():
        cloned = source.source_type == "clone" and not source.file_transferred
        if cloned and source.parameters.get("backing-image") == image.name:
            found.append(Refusal("being_cloned", f"image {source.name} is being cloned from it"))
    return found
