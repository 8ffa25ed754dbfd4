# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No copy is left, for all that the API tells over a window."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import setting
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    Cluster,
    Copy,
    Manager,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import room
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.units import count
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    DOWNLOAD,
    SeenCopy,
    Sight,
    Standing,
    progressed,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.verdict import (
    LIKELY,
    Verdict,
    copy_evidence,
    places,
    remedy,
)

RECOVERS_ITSELF = "all_failed_will_recover_itself"
NEEDS_RECOVERY = "all_failed_needs_recovery"
UNKNOWN_GONE = "unknown_gone"
# A manager that has started shows none of its files for 1 s; then they are ready (measured).
RESTART_SECONDS = 5.0
NAMES = (NEEDS_RECOVERY, UNKNOWN_GONE, RECOVERS_ITSELF)


def judge(window: Sequence[Sight]) -> Verdict | None:
    """No copy is proven and none makes progress at any moment of the window, every disk can be
    believed (or is gone for good), and the data source considers its work done.
    """
    sight = window[-1]
    if sight.first_file_pending or not sight.was_ready_once:
        return None
    if any(s.exists or s.may_exist for s in window) or progressed(window):
        return None
    if not sight.copies and sight.source_type == DOWNLOAD:
        return None
    settled = all(s.having(Standing.LOST, Standing.GONE) == s.copies for s in window)
    if not settled and sight.seconds - window[0].seconds < RESTART_SECONDS:
        return None
    heals, why = heals_itself(sight)
    heals = heals and settled
    gone = sight.having(Standing.GONE)
    name = UNKNOWN_GONE if gone else RECOVERS_ITSELF if heals else NEEDS_RECOVERY
    return Verdict(
        name,
        f"no copy is left ({places(sight.copies)}){_gone_text(gone)}{waiting_text(sight)}; {why}",
        f"wait for it, or do not wait: {remedy(sight)}" if heals else remedy(sight),
        copy_evidence(sight, sight.copies),
        confidence="certain" if settled else LIKELY,
        recoverable=sight.can_download,
        heals_itself=heals,
    )


def _gone_text(gone: Sequence[SeenCopy]) -> str:
    return f"; {places(gone)} is gone for good: no node has it any more" if gone else ""


def heals_itself(sight: Sight) -> tuple[bool, str]:
    """Whether Longhorn will fetch it again by itself: type download, all entries `failed`, and from
    1.7 a free disk outside the map (controller/backing_image_controller.go
    handleBackingImageDataSource, datastore GetReadyNodeDiskForBackingImage).
    """
    if sight.source_type != DOWNLOAD:
        return False, "Longhorn cannot fetch this type again"
    if any(seen.copy.state != "failed" for seen in sight.copies) or entries_kept(sight):
        return False, "Longhorn does not act before every entry reads failed"
    wait = setting.number(sight.cluster.settings, "backing-image-recovery-wait-interval", 300)
    text = f"Longhorn fetches it again by itself {wait} to {wait + 30} s after the last change"
    if has_disk(sight):
        return True, text
    outside = " outside of the map" if sight.cluster.schema.replenishes else ""
    return False, f"Longhorn will not heal it: it can use no disk{outside}"


def has_disk(sight: Sight) -> bool:
    """Whether Longhorn finds a disk for a new first file: from 1.7 on one outside of the map
    (longhorn-manager datastore/longhorn.go GetReadyNodeDiskForBackingImage, v1.7.4 to v1.12.1, and
    GetRandomReadyNodeDisk, v1.5.5 to v1.6.4).
    """
    listed = {seen.copy.disk for seen in sight.copies}
    found = room.open_disks(sight.cluster, sight.image)
    return any(disk.uuid not in listed or not sight.cluster.schema.replenishes for disk in found)


def entries_kept(sight: Sight) -> tuple[Copy, ...]:
    """Entries outside of the map, not failed, that nobody takes away now: their manager does not
    run. As long as they stand, Longhorn does not begin by itself (longhorn-manager
    controller/backing_image_controller.go handleBackingImageDataSource, all versions).
    """
    cluster = sight.cluster
    return tuple(
        copy
        for copy in sight.image.copies.values()
        if copy.reported
        and not copy.in_map
        and copy.state != "failed"
        and (managers := cluster.managers_of_disk.get(copy.disk, ()))
        and not any(_answers(cluster, manager) for manager in managers)
    )


def _answers(cluster: Cluster, manager: Manager) -> bool:
    node = cluster.nodes.get(manager.node)
    return manager.running and node is not None and node.ready


def waiting_text(sight: Sight) -> str:
    """Which volumes and replicas wait for the image, for a sentence."""
    volumes = sight.cluster.volumes_of_image.get(sight.image.name, ())
    replicas = sight.cluster.replicas_of_image.get(sight.image.name, ())
    if not volumes:
        return ""
    return f"; {count(len(volumes), 'volume')} ({count(len(replicas), 'replica')}) need it"
