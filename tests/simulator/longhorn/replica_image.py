# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the image file that a replica is built on exists on its disk."""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, name_of


def image_file_there(world: World, replica: Object) -> bool:
    """True where the file exists, or the replica needs none."""
    spec = replica["spec"]
    if not spec.get("backingImage"):
        return True
    image = world.store.find(names.IMAGES, names.NAMESPACE, spec["backingImage"])
    disk = world.workers.disk(spec["nodeID"], spec["diskPath"])
    if image is None or disk is None:
        return disk is not None
    uuid = str((image.get("status") or {}).get("uuid") or "")
    return (disk.image_dir(name_of(image), uuid) / "backing").exists()
