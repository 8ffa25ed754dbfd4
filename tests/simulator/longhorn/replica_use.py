# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which replicas use which copies: the one thing the image side asks of the volume side (F§9.1)."""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.objects import Object
from tests.simulator.store import Store


def replicas_of(store: Store, image: str) -> list[Object]:
    """Replicas whose volume is made from an image."""
    found = store.list(names.REPLICAS, names.NAMESPACE)
    return [replica for replica in found if replica["spec"].get("backingImage") == image]


def uses(store: Store, image: str) -> bool:
    """Whether any replica uses an image."""
    return bool(replicas_of(store, image))


def disks_in_use(store: Store, image: str) -> set[str]:
    """Disks with a replica of an image, in any state."""
    return {replica["spec"].get("diskID", "") for replica in replicas_of(store, image)} - {""}
