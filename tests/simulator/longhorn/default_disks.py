# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that a label of the node asks for: made whenever the node has none.

Only with create-default-disk-labeled-nodes, and only for label value `true` (the default path).
Source: longhorn-manager controller/kubernetes_node_controller.go syncDefaultDisks.
"""

from __future__ import annotations

from tests.simulator.longhorn import names
from tests.simulator.longhorn.seed import disk_spec
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object, labels_of, name_of

LABEL = "node.longhorn.io/create-default-disk"
SETTING = "create-default-disk-labeled-nodes"


def put_in(world: World, mine: Object, core: Object) -> None:
    """Give a labelled node its disk, once the status has forgotten the ones that it had (before,
    every write is refused).
    """
    if mine["spec"].get("disks") or mine["status"].get("diskStatus"):
        return
    if labels_of(core).get(LABEL) != "true" or not world.setting_bool(SETTING):
        return
    path = world.setting("default-data-path")
    folder = world.workers[name_of(mine)].add_disk(path)
    config = folder.config()
    name = config.name if config is not None else f"default-disk-{name_of(mine)}"
    entries = {name: disk_spec(world.profile, path, folder.capacity)}
    world.store.mutate(
        names.NODES,
        names.NAMESPACE,
        name_of(mine),
        lambda node: node["spec"].update(disks=entries),
    )
