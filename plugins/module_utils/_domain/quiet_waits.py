# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits that Longhorn explains nowhere: no event, no condition, only a copy that does not come.

From 1.10 each creation of a backing image manager's pod opens a window of 1, 2, 4 ... 64, 120 s in
which no further pod is made; the row goes on over another image, a drain or an edited map, and
starts again after 240 s (longhorn-manager controller/backing_image_manager_controller.go and
controller/utils.go, v1.12.1).
"""

from __future__ import annotations

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import Cluster, Copy
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.schema import Version

HOLDS_BACK = Version(1, 10)
LONGEST_SECONDS = 120
_MOVING = frozenset({"ready", "in-progress", "ready-for-transfer", "failed"})


def held_back(cluster: Cluster, copy: Copy) -> str:
    """Why this copy stands still although nothing says so; "" where there is nothing to say."""
    if copy.state in _MOVING:
        return ""
    managers = [m for m in cluster.managers_of_disk.get(copy.disk, ()) if not m.meta.deleting]
    if any(manager.running for manager in managers):
        return ""
    if not managers:
        return "Longhorn has not made its manager yet"
    state = managers[0].state or "new"
    if state == "unknown":
        return "its manager cannot be reached"
    if cluster.schema.version < HOLDS_BACK or state == "starting":
        return f"its manager is {state}"
    return (
        f"its manager is {state}; Longhorn starts it again within {LONGEST_SECONDS} s (a back-off "
        "that it shows nowhere)"
    )
